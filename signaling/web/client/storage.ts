// The only access to sessionStorage and localStorage. Where the browser refuses (blocked cookies, a third-party frame, a private window, a full disk),
// reading the property itself may throw. Memory then takes over, and a reload finds nothing.

import type { Storage } from './env';

const probe = 'alcove.probe';

export class TabStorage implements Storage {
  readonly #memory = new Map<string, string>();
  readonly #failed: () => void;
  #backing: Storage | undefined;

  // open names the storage of the browser. failed is called when it refuses later, from inside the call that it refused.
  constructor(open: () => Storage | null | undefined = () => sessionStorage, failed: () => void = () => undefined) {
    this.#failed = failed;
    try {
      const kept = open() ?? undefined;
      kept?.setItem(probe, probe);
      kept?.removeItem(probe);
      this.#backing = kept;
    } catch {
      // As good as none.
    }
  }

  // Whether values survive a reload.
  get persistent(): boolean {
    return this.#backing !== undefined;
  }

  getItem(key: string): string | null {
    return this.#memory.get(key) ?? this.#try((kept) => kept.getItem(key)) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#memory.set(key, value);
    this.#try((kept) => kept.setItem(key, value));
  }

  removeItem(key: string): void {
    this.#memory.delete(key);
    this.#try((kept) => kept.removeItem(key));
  }

  #try<T>(act: (kept: Storage) => T): T | undefined {
    const kept = this.#backing;
    if (!kept) return undefined;
    try {
      return act(kept);
    } catch {
      this.#disable(kept);
      return undefined;
    }
  }

  // What stands there is of an older state: a secret that was used.
  #disable(kept: Storage): void {
    this.#backing = undefined;
    for (const key of this.#memory.keys()) {
      try {
        kept.removeItem(key);
      } catch {
        // It may only be read now.
      }
    }
    this.#failed();
  }
}

// What a person chose for this device: how the page behaves, nothing of a session. Where the browser keeps nothing, a choice lasts as long as
// the page.
export const deviceStorage = (): Storage => new TabStorage(() => localStorage);
