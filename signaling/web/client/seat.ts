// The seat is what a reload or a lost connection comes back with: the session's id and its present secret. Nothing
// else is kept; the token never is.

import type { Storage } from './env';
import { object, text, type Of } from './shape';

const key = 'alcove.seat';
const shape = object({ sessionId: text, secret: text });
export type Seat = Of<typeof shape>;

export function loadSeat(storage: Storage): Seat | undefined {
  try {
    const raw = storage.getItem(key);
    return raw === null ? undefined : shape(JSON.parse(raw), 'seat');
  } catch {
    // Unreadable or foreign: as good as none.
    return undefined;
  }
}

export function saveSeat(storage: Storage, seat: Seat): void {
  storage.setItem(key, JSON.stringify(seat));
}

export function dropSeat(storage: Storage): void {
  storage.removeItem(key);
}
