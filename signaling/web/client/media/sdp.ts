// What browsers offer no other way to say of SDP.

// Opus at a constant bit rate: the size of a packet must not tell what is said (RFC 7587 section 7, RFC 6562). A
// browser encodes as the description of the other side asks, so this is applied to the answer before it is set, and to
// the offer before it is sent.
export function requestConstantBitRate(sdp: string): string {
  const wanted: [string, string][] = [['cbr', '1'], ['useinbandfec', '1']];
  const payloads = [...sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000/gim)].map((match) => match[1]);
  return payloads.reduce<string>((text, payload) => withParameters(text, payload ?? '', wanted), sdp);
}

function withParameters(sdp: string, payload: string, wanted: [string, string][]): string {
  const line = new RegExp(`^(a=fmtp:${payload} )([^\\r\\n]*)`, 'gm');
  if (!line.test(sdp)) {
    const text = wanted.map(([name, value]) => `${name}=${value}`).join(';');
    return sdp.replace(new RegExp(`^(a=rtpmap:${payload} [^\\r\\n]*)(\\r?\\n)`, 'gm'), `$1$2a=fmtp:${payload} ${text}$2`);
  }
  return sdp.replace(line, (_, head: string, parameters: string) => {
    const rest = parameters.split(';').map((part) => part.trim())
      .filter((part) => part && !wanted.some(([name]) => part.startsWith(`${name}=`)));
    return head + [...rest, ...wanted.map(([name, value]) => `${name}=${value}`)].join(';');
  });
}

// Lost packets of sound are asked for again (RFC 4585, section 6.2.1): Chromium does it where the answer says so, and never offers it.
export function offerSoundRepeats(sdp: string): string {
  return sdp.replace(/^a=rtpmap:(\d+) opus\/48000[^\r\n]*(\r?\n)/gim, (line, payload: string, end: string) =>
    sdp.includes(`a=rtcp-fb:${payload} nack`) ? line : `${line}a=rtcp-fb:${payload} nack${end}`);
}

// Chromium offers the Dependency Descriptor and then does not write it for plain VP8; who has agreed on it reads pictures from
// nowhere else. So it is not offered.
export function removeDependencyDescriptor(sdp: string): string {
  return sdp.replace(/^a=extmap:[^\r\n]*dependency-descriptor[^\r\n]*\r?\n/gm, '');
}

const offeredCodecs: Record<'audio' | 'video', string[]> = {
  audio: ['audio/opus'],
  video: ['video/vp8', 'video/rtx'],
};

// Codecs for setCodecPreferences: matching what nobody speaks costs the server most of the time of an offer.
export function codecsFor(kind: 'audio' | 'video'): RTCRtpCodec[] {
  const all = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  return all.filter((codec) => offeredCodecs[kind].includes(codec.mimeType.toLowerCase()));
}
