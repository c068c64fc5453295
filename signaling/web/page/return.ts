// What a reload needs besides the seat: the own name, which devices were on, and how far one had come. Gone with the tab.

import { loadSeat } from '../client';

const key = 'alcove.return';

export interface Return {
  name: string;
  microphone: boolean;
  camera: boolean;
  asked: boolean; // for both devices; else what stands above was nobody's choice
  ready: boolean; // the device check is over
  link: string; // jti of the link that this seat was taken with
}

export function keepReturn(state: Return): void {
  sessionStorage.setItem(key, JSON.stringify(state));
}

// Nothing without a seat to return to.
export function loadReturn(): Return | undefined {
  if (!loadSeat(sessionStorage)) return undefined;
  try {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? '{}') as Partial<Record<keyof Return, unknown>>;
    return {
      name: String(kept.name ?? ''), microphone: kept.microphone === true, camera: kept.camera === true,
      asked: kept.asked !== false, ready: kept.ready !== false, link: String(kept.link ?? ''),
    };
  } catch {
    return { name: '', microphone: false, camera: false, asked: true, ready: true, link: '' };
  }
}
