// What a reload needs besides the seat: the own name and which devices were on. Gone with the tab.

import { loadSeat } from '../client';

const key = 'alcove.return';

export interface Return {
  name: string;
  microphone: boolean;
  camera: boolean;
}

export function keepReturn(state: Return): void {
  sessionStorage.setItem(key, JSON.stringify(state));
}

// Nothing without a seat to return to.
export function loadReturn(): Return | undefined {
  if (!loadSeat(sessionStorage)) return undefined;
  try {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? '{}') as Partial<Record<keyof Return, unknown>>;
    return { name: String(kept.name ?? ''), microphone: kept.microphone === true, camera: kept.camera === true };
  } catch {
    return { name: '', microphone: false, camera: false };
  }
}
