// Measures the way of media to the server before it counts: which ways there are (UDP, the relay over UDP, over TCP or TLS), and on the best one
// loss, round trip and bandwidth both ways. The server sends back what it gets (check.offer). What is sent is a picture of noise and silence:
// an echo is not encrypted end to end, so nobody's picture or voice goes there.

import { checkConnectMs, checkMeasureMs, checkSettleMs } from '../params';
import { codecsFor } from '../media/sdp';
import type { Session } from '../session';
import type { AnswerData } from '../wire/protocol';

export type Way = 'udp' | 'relayUdp' | 'relayTcp';
export interface Measured {
  ways: Partial<Record<Way, boolean>>; // those that were tried
  best: Way | undefined;
  roundTripMs: number;
  lossUp: number; // shares of packets
  lossDown: number;
  bitsUp: number; // a second
  bitsDown: number;
}
export type CheckSession = Pick<Session, 'request'>;

type Servers = AnswerData<'check.begin'>['iceServers'];

// The configuration of each way that this server has.
export function waysOf(servers: Servers): [Way, RTCConfiguration][] {
  const over = (matches: (url: string) => boolean): RTCConfiguration | undefined => {
    const iceServers = servers.map((server) => ({ ...server, urls: [server.urls].flat().filter(matches) })).filter(({ urls }) => urls.length > 0);
    return iceServers.length > 0 ? { iceServers, iceTransportPolicy: 'relay' } : undefined;
  };
  const [udp, tcp] = [over((url) => url.endsWith('transport=udp')), over((url) => !url.endsWith('transport=udp'))];
  return [['udp', {}], ...(udp ? [['relayUdp', udp] as [Way, RTCConfiguration]] : []), ...(tcp ? [['relayTcp', tcp] as [Way, RTCConfiguration]] : [])];
}

export async function measure(session: CheckSession): Promise<Measured> {
  const { iceServers } = await session.request('check.begin', {});
  const found: Measured = { ways: {}, best: undefined, roundTripMs: 0, lossUp: 0, lossDown: 0, bitsUp: 0, bitsDown: 0 };
  const source = noise();
  try {
    for (const [way, configuration] of waysOf(iceServers)) {
      const pc = new RTCPeerConnection({ ...configuration, bundlePolicy: 'max-bundle' });
      try {
        found.ways[way] = await connects(session, pc, source.stream);
        if (!found.ways[way] || found.best) continue;
        found.best = way;
        Object.assign(found, await measured(pc));
      } finally {
        pc.close();
      }
    }
  } finally {
    source.stop();
  }
  return found;
}

// A picture that is hard to compress, and silence.
function noise(): { stream: MediaStream; stop(): void } {
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
  const draw = canvas.getContext('2d');
  const pixels = draw?.createImageData(canvas.width, canvas.height);
  const timer = setInterval(() => {
    if (!draw || !pixels) return;
    const { data } = pixels;
    for (let i = 0; i < data.length; i += 64) data[i] = Math.random() * 256;
    for (let i = 3; i < data.length; i += 4) data[i] = 255;
    draw.putImageData(pixels, 0, 0);
  }, 40);
  const audio = new AudioContext();
  const { stream } = audio.createMediaStreamDestination();
  for (const track of canvas.captureStream(25).getTracks()) stream.addTrack(track);
  return {
    stream,
    stop() {
      clearInterval(timer);
      for (const track of stream.getTracks()) track.stop();
      void audio.close();
    },
  };
}

async function connects(session: CheckSession, pc: RTCPeerConnection, stream: MediaStream): Promise<boolean> {
  const senders = (['audio', 'video'] as const).map((kind) => {
    const track = stream.getTracks().find((one) => one.kind === kind);
    const sender = pc.addTransceiver(track ?? kind, { direction: 'sendonly', streams: [stream] });
    sender.setCodecPreferences(codecsFor(kind));
    return sender;
  });
  for (const kind of ['audio', 'video'] as const) pc.addTransceiver(kind, { direction: 'recvonly' }).setCodecPreferences(codecsFor(kind));
  await pc.setLocalDescription();
  const tracks = senders.map(({ mid }, i) => ({ mid: mid ?? '', source: i === 0 ? 'microphone' as const : 'camera' as const }));
  const { sdp } = await session.request('check.offer', { sdp: pc.localDescription?.sdp ?? '', tracks });
  await pc.setRemoteDescription({ type: 'answer', sdp });
  return new Promise((done) => {
    const timer = setTimeout(() => done(false), checkConnectMs);
    pc.onconnectionstatechange = () => {
      if (pc.connectionState !== 'connected' && pc.connectionState !== 'failed') return;
      clearTimeout(timer);
      done(pc.connectionState === 'connected');
    };
  });
}

interface Look {
  at: number;
  received: number; // packets
  lost: number;
  bytes: number;
  sent: number; // packets
  lostUp: number;
  estimate: number;
  roundTripMs: number;
}

// What the statistics of a connection sum up to (W3C webrtc-stats).
export function lookOf(stats: RTCStatsReport): Look {
  const look: Look = { at: 0, received: 0, lost: 0, bytes: 0, sent: 0, lostUp: 0, estimate: 0, roundTripMs: 0 };
  stats.forEach((report: Record<string, unknown> & { type: string; timestamp: number }) => {
    const number = (name: string): number => Number(report[name] ?? 0);
    look.at = Math.max(look.at, report.timestamp);
    if (report.type === 'inbound-rtp') {
      look.received += number('packetsReceived');
      look.lost += number('packetsLost');
      look.bytes += number('bytesReceived');
    }
    if (report.type === 'outbound-rtp') look.sent += number('packetsSent');
    if (report.type === 'remote-inbound-rtp') look.lostUp += number('packetsLost');
    if (report.type === 'candidate-pair' && report.nominated) {
      look.estimate = Math.max(look.estimate, number('availableOutgoingBitrate'));
      look.roundTripMs = Math.max(look.roundTripMs, 1000 * number('currentRoundTripTime'));
    }
  });
  return look;
}

async function measured(pc: RTCPeerConnection): Promise<Partial<Measured>> {
  const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
  await pause(checkSettleMs);
  const before = lookOf(await pc.getStats());
  await pause(checkMeasureMs);
  return between(before, lookOf(await pc.getStats()));
}

export function between(a: Look, b: Look): Partial<Measured> {
  const share = (lost: number, all: number): number => all > 0 ? Math.min(Math.max(lost / all, 0), 1) : 0;
  const seconds = Math.max(b.at - a.at, 1) / 1000;
  const bitsDown = 8 * (b.bytes - a.bytes) / seconds;
  return {
    roundTripMs: b.roundTripMs, lossUp: share(b.lostUp - a.lostUp, b.sent - a.sent), lossDown: share(b.lost - a.lost, b.lost - a.lost + b.received - a.received),
    bitsUp: b.estimate || bitsDown, bitsDown,
  };
}

// What is wrong with it, worst first; nothing if all is well.
export type Finding = 'none' | 'relayOnly' | 'lossy' | 'thinUp' | 'thinDown' | 'late';

export function findingsOf({ best, lossUp, lossDown, bitsUp, bitsDown, roundTripMs }: Measured): Finding[] {
  if (!best) return ['none'];
  const found: [boolean, Finding][] = [
    [bitsUp < 250_000, 'thinUp'], [bitsDown < 250_000, 'thinDown'], [Math.max(lossUp, lossDown) > 0.03, 'lossy'], [roundTripMs > 300, 'late'],
    [best !== 'udp', 'relayOnly'],
  ];
  return found.flatMap(([is, finding]) => is ? [finding] : []);
}
