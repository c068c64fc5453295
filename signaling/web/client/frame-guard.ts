// A video slot changes hands without a new track: the element would go on showing the last picture of the person
// before. The gate is open only while the newest picture is known to come from the source the slot map names
// (CSRC, RFC 3550 section 5.1). Old sources stay listed for ten seconds, so only the newest entry counts, and only if
// it is newer than everything that was there when the slot changed hands.

export interface Contribution {
  source: number;
  timestamp: number;
  rtpTimestamp?: number;
}

export class FrameGuard {
  #expected: number | undefined;
  #since = -Infinity;
  #matches = 0;

  // A slot got a new owner, or none. `sources` is what the receiver lists at this moment.
  expect(csrc: number | undefined, sources: readonly Contribution[]): void {
    if (csrc === this.#expected) return;
    this.#expected = csrc;
    this.#since = newest(sources)?.timestamp ?? -Infinity;
    this.#matches = 0;
  }

  // Called for each presented frame; `frameRtpTimestamp` is its own time where the browser tells it. Returns whether
  // the picture may be seen.
  observe(sources: readonly Contribution[], frameRtpTimestamp?: number): boolean {
    const last = newest(sources);
    if (!last || last.source !== this.#expected || last.timestamp <= this.#since) {
      this.#matches = 0;
      return false;
    }
    // The list may run one frame ahead of the screen: either this very frame is the one listed, or wait for the next.
    const same = frameRtpTimestamp !== undefined && last.rtpTimestamp === frameRtpTimestamp;
    this.#matches += same ? 2 : 1;
    return this.#matches >= 2;
  }
}

function newest(sources: readonly Contribution[]): Contribution | undefined {
  return sources.reduce<Contribution | undefined>(
    (best, source) => (best && best.timestamp >= source.timestamp ? best : source), undefined,
  );
}
