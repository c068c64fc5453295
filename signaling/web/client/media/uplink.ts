// Whether the way up is so thin that sound has to take less of it: the browser keeps an estimate of it by the server's feedback, and takes
// from the pictures first, but sound at its constant rate would fill what is left.

import { thinUplinkBits, thinUplinkSamples, wideUplinkBits, wideUplinkSamples } from '../params';

export class Uplink {
  #thin = false;
  #count = 0; // of samples in a row that say otherwise

  get thin(): boolean {
    return this.#thin;
  }

  // Takes the browser's estimate in bit/s, undefined where there is none, and reports whether the answer changed.
  observe(estimate: number | undefined): boolean {
    const otherwise = estimate !== undefined && (this.#thin ? estimate > wideUplinkBits : estimate < thinUplinkBits);
    this.#count = otherwise ? this.#count + 1 : 0;
    if (this.#count < (this.#thin ? wideUplinkSamples : thinUplinkSamples)) return false;
    [this.#thin, this.#count] = [!this.#thin, 0];
    return true;
  }
}

// The browser's estimate of the way up, in bit/s.
export function uplinkEstimate(stats: RTCStatsReport): number | undefined {
  let best: number | undefined;
  stats.forEach((report: { type: string; nominated?: boolean; availableOutgoingBitrate?: number }) => {
    const bits = report.type === 'candidate-pair' && report.nominated ? report.availableOutgoingBitrate : undefined;
    if (bits !== undefined && bits > 0) best = Math.max(best ?? 0, bits);
  });
  return best;
}
