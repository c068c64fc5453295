// Detects media that should flow and does not, in both directions. Connection states do not show it: ICE and DTLS can be fine while one
// m-line carries nothing. Two samples of the connection's statistics are compared (W3C webrtc-stats).
//
//   in:  a slot map names a slot that this connection does not have · the server says that it sent, and nothing came · packets come, and
//        no picture of them
//   out: a device makes sound or pictures, and nothing is sent · it is sent, and the server reports nothing of it

import { badSamples, undecodedSamples, unreportedSamples } from '../params';
import type { SlotKind, Source } from '../wire/protocol';

export interface StatsSample {
  received: ReadonlyMap<string, Received>; // by MID
  sent: ReadonlyMap<string, Sent>; // by MID
}
export interface Received {
  packets: number;
  frames: number; // decoded
  remoteSent: number; // packets sent by the server's report, -1 if unknown
}
export interface Sent {
  captured: number; // frames or seconds from the device, -1 if unknown
  packets: number;
  limited: boolean; // by bandwidth or CPU (qualityLimitationReason)
  reportAt: number; // when the server last reported on it
}
export interface Expected {
  slots: readonly { kind: SlotKind; mid: string | undefined }[]; // by the slot map
  sources: readonly { source: Source; mid: string }[]; // own, that are on and wanted
}

// Follows one connection.
export class Health {
  #last: StatsSample | undefined;
  #bad = new Map<string, number>(); // consecutive samples, by fault

  // Starts over: the device slept, or nothing could be judged.
  reset(): void {
    this.#last = undefined;
    this.#bad.clear();
  }

  // Returns a fault that has lasted so long that only a new connection helps.
  observe(look: StatsSample, expected: Expected): string | undefined {
    const last = this.#last;
    this.#last = look;
    const wrong = new Set(expected.slots.filter(({ mid }) => mid === undefined).map(({ kind }) => `no slot for ${kind}`));
    if (last) {
      for (const fault of inbound(last, look, expected)) wrong.add(fault);
      for (const fault of outbound(last, look, expected)) wrong.add(fault);
    }
    this.#bad = new Map([...wrong].map((fault) => [fault, (this.#bad.get(fault) ?? 0) + 1]));
    return [...this.#bad].find(([fault, looks]) => looks >= samplesFor(fault))?.[0];
  }

  get healthy(): boolean {
    return this.#last !== undefined && this.#bad.size === 0;
  }
}

function samplesFor(fault: string): number {
  if (fault.startsWith('undecoded')) return undecodedSamples;
  return fault.startsWith('not reported') ? unreportedSamples : badSamples;
}

function* inbound(last: StatsSample, look: StatsSample, { slots }: Expected): Generator<string> {
  for (const { kind, mid } of slots) {
    const [before, now] = [last.received.get(mid ?? ''), look.received.get(mid ?? '')];
    if (!before || !now) continue;
    const came = now.packets - before.packets;
    if (came <= 0 && before.remoteSent >= 0 && now.remoteSent > before.remoteSent) yield `not received ${mid}`;
    if (came > 0 && kind !== 'audio' && now.frames <= before.frames) yield `undecoded ${mid}`;
  }
}

function* outbound(last: StatsSample, look: StatsSample, { sources }: Expected): Generator<string> {
  for (const { source, mid } of sources) {
    const [before, now] = [last.sent.get(mid), look.sent.get(mid)];
    if (!before || !now) continue;
    const left = now.packets - before.packets;
    if (left <= 0 && !now.limited && before.captured >= 0 && now.captured > before.captured) yield `not sent ${source}`;
    if (left > 0 && now.reportAt <= before.reportAt) yield `not reported ${source}`;
  }
}

type Report = Record<string, unknown> & { id: string; type: string; timestamp: number };

export function sampleOf(stats: RTCStatsReport): StatsSample {
  const all = new Map<string, Report>();
  stats.forEach((report: Report) => all.set(report.id, report));
  const number = (report: Report | undefined, name: string): number | undefined =>
    typeof report?.[name] === 'number' ? report[name] : undefined;
  const other = (report: Report, name: string): Report | undefined => all.get(String(report[name] ?? ''));
  const received = new Map<string, Received>();
  const sent = new Map<string, Sent>();
  for (const report of all.values()) {
    const mid = String(report.mid ?? '');
    if (report.type === 'inbound-rtp') {
      const remote = other(report, 'remoteId');
      received.set(mid, {
        packets: number(report, 'packetsReceived') ?? 0, frames: number(report, 'framesDecoded') ?? 0,
        remoteSent: number(remote, 'packetsSent') ?? -1,
      });
    }
    if (report.type === 'outbound-rtp') {
      const device = other(report, 'mediaSourceId');
      const before = sent.get(mid) ?? { captured: -1, packets: 0, limited: false, reportAt: 0 }; // of another encoding
      sent.set(mid, {
        captured: Math.max(before.captured, number(device, 'frames') ?? number(device, 'totalSamplesDuration') ?? -1),
        packets: before.packets + (number(report, 'packetsSent') ?? 0),
        limited: before.limited || ['bandwidth', 'cpu'].includes(String(report.qualityLimitationReason)),
        reportAt: Math.max(before.reportAt, other(report, 'remoteId')?.timestamp ?? 0),
      });
    }
  }
  return { received, sent };
}
