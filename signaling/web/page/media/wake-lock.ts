// The screen stays on while somebody is in the session (W3C Screen Wake Lock): a phone that locks would cut them off. The browser drops the lock with
// each time that the page is hidden.

interface Lock extends EventTarget {
  readonly released: boolean;
  release(): Promise<void>;
}

export class WakeLock {
  #wanted = false;
  #asking = false;
  #lock: Lock | undefined;

  constructor() {
    document.addEventListener('visibilitychange', () => void this.#ask());
  }

  get held(): boolean {
    return this.#lock !== undefined && !this.#lock.released;
  }

  set(wanted: boolean): void {
    this.#wanted = wanted;
    if (wanted) return void this.#ask();
    void this.#lock?.release().catch(() => undefined);
    this.#lock = undefined;
  }

  // A battery that is low, or a frame without permission, refuses; the session goes on.
  async #ask(): Promise<void> {
    const { wakeLock } = navigator as { wakeLock?: { request(type: 'screen'): Promise<Lock> } };
    if (!wakeLock || !this.#wanted || this.#asking || this.held || document.hidden) return;
    this.#asking = true;
    const lock = await wakeLock.request('screen').catch(() => undefined);
    this.#asking = false;
    if (!lock) return;
    if (this.#wanted) this.#lock = lock;
    else void lock.release().catch(() => undefined);
  }
}
