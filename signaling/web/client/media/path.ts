// Finds out that a path is dead before the browser says so, which takes it five to eight seconds. The server sends feedback every 50 ms to
// who sends media, and reports every second to everybody, so a connection through which nothing comes has no path.

import { pathSilentMs } from '../params';

export class PathWatch {
  #bytes = -1;
  #since = 0;
  #told = false;

  // Starts over: another connection, or the device slept.
  reset(): void {
    [this.#bytes, this.#told] = [-1, false];
  }

  // Takes how much the connection has received by now, and reports, once, that nothing came for too long.
  observe(now: number, bytes: number): boolean {
    if (bytes !== this.#bytes) {
      [this.#bytes, this.#since, this.#told] = [bytes, now, false];
      return false;
    }
    if (this.#told || now - this.#since < pathSilentMs) return false;
    this.#told = true;
    return true;
  }
}

// What the paths of a connection have received, in bytes.
export function receivedBytes(stats: RTCStatsReport): number {
  let sum = 0;
  stats.forEach((report: { type: string; bytesReceived?: number }) => {
    if (report.type === 'candidate-pair') sum += report.bytesReceived ?? 0;
  });
  return sum;
}
