// The seat resumes a session after a reload or a lost connection: the session id and its current secret, and beside it what the link said of
// encryption (e2ee/link.ts) and whom a host let in (e2ee/admissions.ts). Nothing else is stored; the token never is.

import { dropAdmissions } from '../e2ee/admissions';
import { dropIdentity } from '../e2ee/link';
import type { Storage } from '../env';
import { object, text, type Of } from '../wire/shape';

const key = 'alcove.seat';
const shape = object({ sessionId: text, secret: text });
type Seat = Of<typeof shape>;

export function loadSeat(storage: Storage): Seat | undefined {
  try {
    const raw = storage.getItem(key);
    return raw === null ? undefined : shape(JSON.parse(raw), 'seat');
  } catch {
    // Unreadable or not ours: no seat.
    return undefined;
  }
}

export function saveSeat(storage: Storage, seat: Seat): void {
  storage.setItem(key, JSON.stringify(seat));
}

export function dropSeat(storage: Storage): void {
  storage.removeItem(key);
  dropIdentity(storage);
  dropAdmissions(storage);
}
