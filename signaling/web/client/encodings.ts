// What a source is sent as: one encoding, or the several of a simulcast (RFC 8853), of which only those that somebody
// watches are sent.

import { camera, screen } from './params';
import type { Encoding, MediaReady, Source } from './protocol';

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

type Sent = Encoding & { active?: boolean };

// The parameters of a sender brought up to what the server said: limits by RID, and which are wanted. Firefox takes the limits
// of sendEncodings only after the first negotiation, so all are set again. Without a word all are wanted; a source of one
// encoding is muted, not paused.
export function adjusted(sent: readonly Sent[], told: readonly Encoding[], wanted: readonly string[] | undefined): Sent[] {
  return sent.map((one, i) => {
    const limits = told.find(({ rid }) => rid !== undefined && rid === one.rid) ?? (sent.length === 1 ? told[0] : told[i]);
    const active = sent.length === 1 || wanted === undefined || wanted.includes(one.rid ?? '');
    return { ...one, ...limits, active };
  });
}
