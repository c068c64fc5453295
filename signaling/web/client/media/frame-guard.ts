// A video slot is reassigned without a new track, so an element would go on showing the last frame of the previous participant. The guard
// allows a frame only while the newest one is known to come from the source that the slot map names (CSRC, RFC 3550 section 5.1). Old
// sources stay listed for ten seconds, so only the newest entry counts, and only if it is newer than all that were listed at the
// reassignment.

export interface Contribution {
  source: number;
  timestamp: number;
  rtpTimestamp?: number;
}

export class FrameGuard {
  #expected: number | undefined;
  #since = -Infinity;
  #matches = 0;

  // The slot was reassigned, or emptied. `sources` is what the receiver lists now.
  expect(csrc: number | undefined, sources: readonly Contribution[]): void {
    if (csrc === this.#expected) return;
    this.#expected = csrc;
    this.#since = newest(sources)?.timestamp ?? -Infinity;
    this.#matches = 0;
  }

  // Called for each presented frame, with its RTP timestamp where the browser reports it. Returns whether the frame may be shown.
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
