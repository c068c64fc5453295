// How far the server's clock is ahead of this one, from the times on its events. A frame that waited on its way, as in a laptop that
// slept, shows an older time, never a newer one: of all that came the largest difference is the nearest to the truth.
//
// A clock that was set is the exception, and a sleep looks like it: the wall clock runs away from the monotonic one. What comes next may
// still be from before. An answered ping that was sent after it was noticed proves that what follows is new; then the measuring begins anew.

import { clockStepMs } from './params';

export class ServerClock {
  #aheadMs = 0;
  #remeasure = true; // the next event counts, whatever came before
  #offset: number | undefined; // of the wall clock over the monotonic one
  #pongsUntilTrusted = 0; // to pings, until what comes is known to be new again; 0 while nothing is doubted

  get aheadMs(): number {
    return this.#aheadMs;
  }

  // A new connection: all that comes was sent just now.
  onConnected(wall: number, monotonic: number): void {
    this.#offset = wall - monotonic;
    this.#pongsUntilTrusted = 0;
    this.#remeasure = true;
  }

  // An event says that it was `ts` at the server, in milliseconds since 1970.
  onEvent(ts: number, wall: number, monotonic: number): void {
    // The first answer that follows may be to a ping from before, the second is not.
    if (this.#stepped(wall, monotonic)) this.#pongsUntilTrusted = 2;
    this.#aheadMs = this.#remeasure ? ts - wall : Math.max(this.#aheadMs, ts - wall);
    this.#remeasure = false;
  }

  // A ping was answered; the next is sent after this.
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
