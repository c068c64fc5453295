// How far the server's clock is ahead of this one, from the times on its events. A frame that waited on its way, as in a laptop that
// slept, shows an older time, never a newer one: of all that came the largest difference is the nearest to the truth.
//
// A clock that was set is the exception, and a sleep looks like it: the wall clock runs away from the monotonic one. What comes next may
// still be from before. An answered ping that was sent after it was noticed proves that what follows is new; then the measuring begins anew.

import { clockStepMs } from './params';

export class ServerClock {
  #aheadMs = 0;
  #anew = true; // the next event counts, whatever came before
  #basis: number | undefined; // of the wall clock over the monotonic one
  #answers = 0; // to pings, until what comes is known to be new again; 0 while nothing is doubted

  get aheadMs(): number {
    return this.#aheadMs;
  }

  // A new connection: all that comes was sent just now.
  greeted(wall: number, monotonic: number): void {
    this.#basis = wall - monotonic;
    this.#answers = 0;
    this.#anew = true;
  }

  // An event says that it was `ts` at the server, in milliseconds since 1970.
  heard(ts: number, wall: number, monotonic: number): void {
    // The first answer that follows may be to a ping from before, the second is not.
    if (this.#ranAway(wall, monotonic)) this.#answers = 2;
    this.#aheadMs = this.#anew ? ts - wall : Math.max(this.#aheadMs, ts - wall);
    this.#anew = false;
  }

  // A ping was answered; the next is sent after this.
  answered(wall: number, monotonic: number): void {
    if (this.#ranAway(wall, monotonic)) this.#answers = 1;
    else if (this.#answers > 0 && --this.#answers === 0) this.#anew = true;
  }

  #ranAway(wall: number, monotonic: number): boolean {
    const before = this.#basis;
    this.#basis = wall - monotonic;
    return before !== undefined && Math.abs(this.#basis - before) > clockStepMs;
  }
}
