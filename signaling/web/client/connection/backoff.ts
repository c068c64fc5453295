// Exponential backoff with full jitter in the upper half: after a restart of the daemon a whole group must not come
// back in the same millisecond, and nobody should wait much longer than the others.

import { backoffFirstMs, backoffMaxMs, backoffRestartMs } from '../params';

export class Backoff {
  #attempt = 0;
  #max = backoffMaxMs;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  // Milliseconds to wait before the next attempt.
  next(): number {
    const ceiling = Math.min(this.#max, backoffFirstMs * 2 ** this.#attempt);
    this.#attempt += 1;
    return ceiling / 2 + (ceiling / 2) * this.#random();
  }

  // The server said that it restarts: it is back within seconds, and nobody shall wait much longer than that.
  restarting(): void {
    this.#max = backoffRestartMs;
  }

  reset(): void {
    this.#attempt = 0;
    this.#max = backoffMaxMs;
  }
}
