// What a source is sent as: one encoding, or the several of a simulcast (RFC 8853), of which only those that somebody
// watches are sent.

import { camera, screen, simulcastPixels } from '../params';
import type { Encoding, MediaReady, Source } from '../wire/protocol';

// Where a server says nothing.
const defaults: Record<Source, readonly Encoding[]> = {
  microphone: [{}],
  camera: [{ maxBitrate: camera.maxBitrate, maxFramerate: camera.frameRate }],
  screen: [{ maxBitrate: screen.maxBitrate, maxFramerate: screen.frameRate }],
};

export function encodingsOf(source: Source, ready: Pick<MediaReady, 'encodings'>): Encoding[] {
  const told = ready.encodings?.[source];
  return [...(told && told.length > 0 ? told : defaults[source])];
}

// What a track gives, in pixels; nothing where a browser does not say.
interface Size {
  width?: number;
  height?: number;
}

// How many encodings of a simulcast are made of a picture of this size. Chromium makes fewer of a small one, and leaves out the largest:
// of 640 x 480 it would send nothing above 320 x 240. So a small picture has fewer here, of which the best is always all of it.
export function encodingCountFor(count: number, { width = 0, height = 0 }: Size = {}): number {
  const pixels = width * height;
  if (pixels === 0) return count;
  return Math.min(count, 1 + simulcastPixels.filter((least) => pixels >= least).length);
}

type Sent = Encoding & { active?: boolean };

// The parameters of a sender brought up to what the server said: limits by RID, and which are wanted. Firefox takes the limits
// of sendEncodings only after the first negotiation, so all are set again. Without a word all are wanted; a source of one
// encoding is muted, not paused.
//
// Of a small picture the first `fit` are sent, with the scales and limits of the best ones, and in place of one that is not made the
// best one is.
export function adjustEncodings(sent: readonly Sent[], told: readonly Encoding[], wanted: readonly string[] | undefined, fit = sent.length): Sent[] {
  const best = Math.min(fit, sent.length) - 1;
  const limits = sent.map(({ rid }, i) => told.find((one) => one.rid !== undefined && one.rid === rid) ?? told[sent.length === 1 ? 0 : i]);
  const rank = (rid: string): number => Math.min(best, sent.findIndex((one) => one.rid === rid));
  const ranks = wanted?.map(rank);
  return sent.map((one, i) => {
    const { rid: _, ...limit } = limits[Math.min(i + sent.length - 1 - best, sent.length - 1)] ?? {};
    const active = sent.length === 1 || (i <= best && (ranks === undefined || ranks.includes(i)));
    return { ...one, ...limit, active };
  });
}
