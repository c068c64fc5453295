// Which counters of a KID were opened. Frames may come out of order by less than the window; what is older is refused (as RFC 3711,
// section 3.3.2, does for packets).

// So many frames are 20 s of sound or 40 s of pictures: far more than any reordering, in 128 bytes.
export const windowCounters = 1_024;

export class ReplayWindow {
  readonly #seen = new Uint32Array(windowCounters / 32);
  #highest: number;

  // Counters up to and including `after` are refused.
  constructor(after = -1) {
    this.#highest = after;
    if (after >= 0) this.#seen.fill(0xffff_ffff);
  }

  get highest(): number {
    return this.#highest;
  }

  has(counter: number): boolean {
    if (counter > this.#highest) return false;
    return counter <= this.#highest - windowCounters || (this.#seen[this.#word(counter)]! & this.#bit(counter)) !== 0;
  }

  // Returns false if the counter was there already.
  mark(counter: number): boolean {
    if (this.has(counter)) return false;
    if (counter - this.#highest >= windowCounters) this.#seen.fill(0);
    else for (let skipped = this.#highest + 1; skipped <= counter; skipped += 1) this.#seen[this.#word(skipped)]! &= ~this.#bit(skipped);
    this.#highest = Math.max(this.#highest, counter);
    this.#seen[this.#word(counter)]! |= this.#bit(counter);
    return true;
  }

  #word(counter: number): number {
    return (counter % windowCounters) >>> 5;
  }

  #bit(counter: number): number {
    return 1 << (counter & 31);
  }
}
