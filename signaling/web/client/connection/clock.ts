// Estimates how far the server's clock is ahead of the local one, from the timestamps of events. A delayed frame carries an older time,
// never a newer one, so the largest difference seen is the best estimate.
//
// The exception is a local clock that was stepped, which a sleeping device resembles: wall and monotonic clock drift apart. Frames that
// arrive then may still be old. A pong to a ping sent after the step proves that later frames are current, and measuring restarts.

import { clockStepMs } from '../params';

export class ServerClock {
  #aheadMs = 0;
  #remeasure = true; // the next event replaces the estimate
  #offset: number | undefined; // wall clock minus monotonic clock
  #pongsUntilTrusted = 0; // after a step; 0 while frames are trusted

  get aheadMs(): number {
    return this.#aheadMs;
  }

  // A new connection: its frames are current.
  onConnected(wall: number, monotonic: number): void {
    this.#offset = wall - monotonic;
    this.#pongsUntilTrusted = 0;
    this.#remeasure = true;
  }

  // An event carries the server's time, in milliseconds since 1970.
  onEvent(ts: number, wall: number, monotonic: number): void {
    // The first pong may answer a ping from before the step, the second does not.
    if (this.#stepped(wall, monotonic)) this.#pongsUntilTrusted = 2;
    this.#aheadMs = this.#remeasure ? ts - wall : Math.max(this.#aheadMs, ts - wall);
    this.#remeasure = false;
  }

  // A pong arrived; the next ping is sent after this.
  onPong(wall: number, monotonic: number): void {
    if (this.#stepped(wall, monotonic)) this.#pongsUntilTrusted = 1;
    else if (this.#pongsUntilTrusted > 0 && --this.#pongsUntilTrusted === 0) this.#remeasure = true;
  }

  #stepped(wall: number, monotonic: number): boolean {
    const before = this.#offset;
    this.#offset = wall - monotonic;
    return before !== undefined && Math.abs(this.#offset - before) > clockStepMs;
  }
}
