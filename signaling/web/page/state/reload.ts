// What a reload needs besides the seat: the name, chosen and running devices, and progress. It ends with the tab.

import { loadSeat, type Storage } from '../../client';

const key = 'alcove.return';

// The browser's own numbers of devices, "" for none.
export interface ChosenDevices {
  microphone: string;
  camera: string;
  speaker: string;
}
export interface ReloadState {
  name: string;
  microphone: boolean;
  camera: boolean;
  chosen: ChosenDevices;
  asked: boolean; // for both devices; else what stands above was nobody's choice
  ready: boolean; // the device check is over
  link: string; // jti of the link that this seat was taken with
  withdrawing: boolean; // a yes was taken back, and the server does not know
}

export function saveReloadState(storage: Storage, state: ReloadState): void {
  storage.setItem(key, JSON.stringify(state));
}

// Nothing without a seat to return to.
export function loadReloadState(storage: Storage): ReloadState | undefined {
  if (!loadSeat(storage)) return undefined;
  try {
    const kept = JSON.parse(storage.getItem(key) ?? '{}') as Partial<Record<keyof ReloadState, unknown>>;
    return {
      name: String(kept.name ?? ''), microphone: kept.microphone === true, camera: kept.camera === true, chosen: chosenOf(kept.chosen),
      asked: kept.asked !== false, ready: kept.ready !== false, link: String(kept.link ?? ''),
      withdrawing: kept.withdrawing === true,
    };
  } catch {
    return { name: '', microphone: false, camera: false, chosen: chosenOf({}), asked: true, ready: true, link: '', withdrawing: false };
  }
}

function chosenOf(kept: unknown): ChosenDevices {
  const { microphone, camera, speaker } = (kept ?? {}) as Partial<Record<keyof ChosenDevices, unknown>>;
  return { microphone: String(microphone ?? ''), camera: String(camera ?? ''), speaker: String(speaker ?? '') };
}
