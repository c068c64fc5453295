// What a person chose for this device, beyond the tab: how the page behaves, never who somebody is or where they were.

import { signal, type Signal } from '@preact/signals';
import { deviceStorage } from '../../client/storage';

const storageKey = 'alcove.preferences';

const defaults = {
  soundOnly: false,
  shortcuts: true,
  noiseSuppression: true,
  mutedReminder: false, // keeps the microphone open for this page alone
  blur: false,
};
export type Preference = keyof typeof defaults;

export class Preferences {
  readonly #signals = new Map<Preference, Signal<boolean>>();

  constructor() {
    const kept = read();
    for (const name of Object.keys(defaults) as Preference[]) this.#signals.set(name, signal(kept[name] ?? defaults[name]));
  }

  get(name: Preference): boolean {
    return this.#signals.get(name)!.value;
  }

  set(name: Preference, on: boolean): void {
    this.#signals.get(name)!.value = on;
    deviceStorage().setItem(storageKey, JSON.stringify(Object.fromEntries([...this.#signals].map(([key, { value }]) => [key, value]))));
  }
}

function read(): Partial<Record<Preference, boolean>> {
  try {
    const kept = JSON.parse(deviceStorage().getItem(storageKey) ?? '{}') as Record<string, unknown>;
    return Object.fromEntries(Object.entries(kept).filter(([name, on]) => name in defaults && typeof on === 'boolean'));
  } catch {
    return {};
  }
}
