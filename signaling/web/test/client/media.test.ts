import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { adjustEncodings, encodingsOf, encodingCountFor } from '../../client/media/encodings';
import { RequestError } from '../../client/errors';
import { FrameGuard } from '../../client/media/frame-guard';
import { Health, type Expected, type StatsSample, type Received, type Sent } from '../../client/media/health';
import { Media } from '../../client/media/media';
import { badSamples, disconnectedAfterMs, connectMs, finalRefusals, pathIntervalMs, pathSilentMs, restartGraceMs, soundBits, statsIntervalMs, thinSoundBits, thinUplinkBits, thinUplinkSamples, undecodedSamples, wideUplinkBits, wideUplinkSamples, offerAttempts, offerLaterMs, offerRetryMs, relayedMs, sendAllMs } from '../../client/params';
import type { MediaReady } from '../../client/wire/protocol';
import { PathWatch } from '../../client/media/path';
import { Route } from '../../client/media/route';
import { offerSoundRepeats, requestConstantBitRate, removeDependencyDescriptor } from '../../client/media/sdp';
import type { Session } from '../../client/session';
import { visibilityChanged, VisibilityWatcher, type VisibleTiles } from '../../page/media/visibility';
import { FakeFrames } from '../support/frames';
import { fakePeers, type FakePeer } from '../support/peer';

test('a slot shows nothing before the first picture of its new owner', () => {
  const gate = new FrameGuard();
  gate.expect(7, []);
  assert.equal(gate.observe([], 1), false);
  assert.equal(gate.observe([{ source: 7, timestamp: 10, rtpTimestamp: 900 }], 900), true);
  // Changes hands: the old source is still listed, and still the newest.
  gate.expect(8, [{ source: 7, timestamp: 10 }]);
  assert.equal(gate.observe([{ source: 7, timestamp: 10 }], 900), false);
  // The list is one frame ahead of the screen: the picture shown may still be the old one.
  const listed = [{ source: 7, timestamp: 10 }, { source: 8, timestamp: 20, rtpTimestamp: 4000 }];
  assert.equal(gate.observe(listed, 900), false);
  assert.equal(gate.observe(listed, 4000), true);
  // The next owner's picture overtakes the map: hidden until the map says so.
  assert.equal(gate.observe([...listed, { source: 9, timestamp: 30, rtpTimestamp: 5000 }], 5000), false);
});

test('the same owner after a pause needs a new picture', () => {
  const gate = new FrameGuard();
  const old = [{ source: 7, timestamp: 10, rtpTimestamp: 900 }];
  gate.expect(7, []);
  assert.equal(gate.observe(old, 900), true);
  gate.expect(undefined, old);
  assert.equal(gate.observe(old, 900), false);
  gate.expect(7, old);
  assert.equal(gate.observe(old, 900), false);
  assert.equal(gate.observe([{ source: 7, timestamp: 11, rtpTimestamp: 950 }], 950), true);
});

test('without frame times two pictures in a row decide', () => {
  const gate = new FrameGuard();
  gate.expect(7, []);
  assert.equal(gate.observe([{ source: 7, timestamp: 10 }]), false);
  assert.equal(gate.observe([{ source: 7, timestamp: 12 }]), true);
});

test('Opus is asked for at a constant bit rate with error correction, nothing else is touched', () => {
  const sdp = 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=0\r\n'
    + 'm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n';
  const munged = requestConstantBitRate(sdp);
  assert.equal(munged, sdp.replace('minptime=10;useinbandfec=0', 'minptime=10;cbr=1;useinbandfec=1'));
  assert.equal(requestConstantBitRate(munged), munged);
  assert.match(requestConstantBitRate('a=rtpmap:109 opus/48000/2\r\n'), /a=fmtp:109 cbr=1;useinbandfec=1\r\n/);
});

const told = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 100 }, { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 300 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 900 },
];

test('repeats of sound are offered once for each payload type, those of pictures are left alone', () => {
  const sdp = (more: string): string => `a=rtpmap:111 opus/48000/2\r\n${more}a=rtpmap:96 VP8/90000\r\na=rtpmap:63 opus/48000/2\r\n`;
  const offered = offerSoundRepeats(sdp(''));
  assert.equal(offered, 'a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:63 opus/48000/2\r\na=rtcp-fb:63 nack\r\n');
  assert.equal(offerSoundRepeats(offered), offered);
});

test('the camera is sent as the server says, and what nobody watches is paused', () => {
  assert.deepEqual(encodingsOf('camera', { encodings: { camera: told } }), told);
  const sent = told.map(({ rid }) => ({ rid, active: true }));
  assert.deepEqual(adjustEncodings(sent, told, undefined), told.map((one) => ({ ...one, active: true })));
  assert.deepEqual(adjustEncodings(sent, told, ['q']).map(({ rid, active }) => [rid, active]), [['q', true], ['h', false], ['f', false]]);
  assert.deepEqual(adjustEncodings(sent, told, []).map(({ active }) => active), [false, false, false]);
});

test('of a small picture the best encoding is all of it', () => {
  const sizes: [number, number, number][] = [
    [1280, 720, 3], [960, 540, 3], [540, 960, 3], [640, 480, 2], [480, 640, 2], [640, 360, 2], [480, 270, 2], [320, 240, 1], [320, 180, 1], [0, 0, 3],
  ];
  for (const [width, height, count] of sizes) {
    const fit = encodingCountFor(3, { width, height });
    assert.equal(fit, count, `${width} x ${height}`);
    const sent = adjustEncodings(told.map(({ rid }) => ({ rid, active: true })), told, undefined, fit);
    assert.deepEqual(sent.map(({ active }) => active), [true, fit > 1, fit > 2]);
    const best = sent[fit - 1];
    assert.deepEqual([best?.scaleResolutionDownBy, best?.maxBitrate], [1, 900], 'all of the picture, with the limits for it');
    assert.deepEqual(sent.map(({ rid }) => rid), ['q', 'h', 'f']);
  }
  const wanted = (fit: number, ...rids: string[]) => adjustEncodings(told.map(({ rid }) => ({ rid })), told, rids, fit).flatMap(({ rid, active }) => (active ? [rid] : []));
  assert.deepEqual([wanted(2, 'f'), wanted(2, 'q', 'f'), wanted(2, 'h'), wanted(1, 'h', 'f'), wanted(1), wanted(2, 'x')], [['h'], ['q', 'h'], ['h'], ['q'], [], []]);
  assert.deepEqual([encodingCountFor(3), encodingCountFor(3, {}), encodingCountFor(1, { width: 320, height: 240 })], [3, 3, 1]);
});

test('one encoding has no name, and is never paused', () => {
  const screen = [{ maxBitrate: 1500, maxFramerate: 15 }];
  assert.deepEqual(adjustEncodings([{ active: true }], screen, []), [{ maxBitrate: 1500, maxFramerate: 15, active: true }]);
  assert.deepEqual(encodingsOf('microphone', {}), [{}]);
  assert.equal(encodingsOf('camera', { encodings: { camera: [] } }).length, 1);
});

test('a view is told when it changed by more than a tenth, or hides, or shows', () => {
  const sight = (entries: Record<string, [number, number] | null>): VisibleTiles => new Map(Object.entries(entries)
    .map(([id, size]) => [id, size && { width: size[0], height: size[1] }]));
  const before = sight({ a: [640, 360], b: null });
  assert.equal(visibilityChanged(before, sight({ a: [640, 360], b: null })), false);
  assert.equal(visibilityChanged(before, sight({ a: [650, 390], b: null })), false);
  assert.equal(visibilityChanged(before, sight({ a: [640, 400], b: null })), true);
  assert.equal(visibilityChanged(before, sight({ a: [500, 360], b: null })), true);
  assert.equal(visibilityChanged(before, sight({ a: null, b: null })), true);
  assert.equal(visibilityChanged(before, sight({ a: [640, 360], b: [10, 10] })), true);
  assert.equal(visibilityChanged(before, sight({ a: [640, 360] })), true);
});

test('a view that came too soon is told again, as it is then', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  class Observer {
    observe(): void {}
    unobserve(): void {}
  }
  Object.assign(globalThis, { ResizeObserver: Observer, IntersectionObserver: Observer, document: new EventTarget(), devicePixelRatio: 1 });
  const told: string[] = [];
  const answers: (boolean | number)[] = [2_500, 1_500, true, false];
  const watcher = new VisibilityWatcher(async (sight) => {
    told.push([...sight.keys()].join());
    return answers.shift() ?? true;
  });
  const pass = async (ms: number): Promise<void> => {
    t.mock.timers.tick(ms);
    for (let i = 0; i < 10; i += 1) await Promise.resolve();
  };
  watcher.setSlots(['a']);
  await pass(300);
  await pass(2_499);
  assert.deepEqual(told, ['a']);
  await pass(1);
  assert.deepEqual(told.splice(0), ['a', 'a']);
  watcher.setSlots(['a', 'b']);
  await pass(300);
  await pass(60_000);
  assert.deepEqual(told.splice(0), ['a,b'], 'the newest, and once');
  watcher.setSlots(['b']);
  await pass(60_000);
  assert.deepEqual(told.splice(0), ['b'], 'what is refused for another reason waits for the next change');
});

test('the Dependency Descriptor is not offered, all else stays', () => {
  const line = (id: number, uri: string): string => `a=extmap:${id} ${uri}\r\n`;
  const descriptor = line(12, 'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension');
  const mid = line(4, 'urn:ietf:params:rtp-hdrext:sdes:mid');
  assert.equal(removeDependencyDescriptor(`m=video 9\r\n${descriptor}${mid}m=video 9\r\n${mid}${descriptor}`), `m=video 9\r\n${mid}m=video 9\r\n${mid}`);
});

test('the relay is tried beside the direct path, and alone where that came to nothing', () => {
  const servers = [{ urls: ['turns:video.example.org:443?transport=tcp'], username: 'u', credential: 'c' }];
  const route = new Route();
  assert.deepEqual([route.configuration(servers), route.timeoutMs(servers)], [{ iceServers: servers }, connectMs]);
  route.toggle();
  assert.deepEqual([route.configuration(servers), route.timeoutMs(servers)], [{ iceServers: servers, iceTransportPolicy: 'relay' }, relayedMs]);
  assert.deepEqual([route.configuration([]), route.timeoutMs([])], [{}, undefined], 'no relay, no other way');
  route.toggle();
  assert.deepEqual([route.configuration(servers), route.timeoutMs(servers)], [{ iceServers: servers }, connectMs]);
});

test('a path through which nothing comes is told once, and again when something came', () => {
  const watch = new PathWatch();
  const looks = (count: number, bytes: number, from: number) => Array.from({ length: count }, (_, i) => watch.observe(from + i * pathIntervalMs, bytes));
  const count = 1 + pathSilentMs / pathIntervalMs;
  assert.deepEqual(looks(2 * count, 7, 0).flatMap((dead, i) => dead ? [i + 1] : []), [count]);
  assert.deepEqual(looks(count, 8, 60_000).filter(Boolean).length, 1);
});

// A browser's connection that is connected as soon as an offer is answered, a server that refuses the next offers, and time.
function refusing(t: TestContext, { supported = true } = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { made, show } = fakePeers();
  const encryption = new FakeFrames({ supported });
  const server = { refusals: 0, code: 'unavailable', offers: [] as number[] };
  const heard = new Map<string, (data: unknown) => void>();
  const session = {
    state: 'admitted',
    role: 'participant',
    participantId: 'me',
    probes: 0,
    probe: () => void (session.probes += 1),
    roster: [{ id: 'me', publications: [{ source: 'microphone', muted: false }] }],
    frames: encryption.frames,
    on: (type: string, handler: (data: unknown) => void) => (heard.set(type, handler), () => heard.delete(type)),
    request: async (_: string, { generation }: { generation: number }) => {
      server.offers.push(generation);
      if (server.refusals-- > 0) throw new RequestError({ code: server.code, message: '', retryable: server.code === 'unavailable' });
      return { sdp: '', slots: [{ mid: '0', kind: 'audio', index: 0 }] };
    },
  };
  const media = new Media(session as unknown as Session);
  const welcome = (e2ee: 'off' | 'required') => heard.get('welcome')?.({ policy: { e2ee } });
  const states: string[] = [];
  media.on('state', (state) => states.push(state));
  const settle = async () => { for (let i = 0; i < 50; i += 1) await Promise.resolve(); };
  const ready = (pairs: number, generation = 0) => {
    heard.get('mediaReady')?.({ generation, slots: { pairs, screens: 0 }, iceServers: relay, encodings: { camera: told } } as unknown as MediaReady);
    return settle();
  };
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms);
    await settle();
  };
  return { media, welcome, encryption, server, session, made, states, ready, pass, settle, heard, show };
}
const relay = [{ urls: ['turn:video.example.org:443?transport=tcp'], username: 'u', credential: 'c' }];

test('whose offers are refused is told, and comes in later by the same way', async (t) => {
  const { server, made, states, ready, pass } = refusing(t);
  server.refusals = offerAttempts;
  await ready(1);
  for (let attempt = 1; attempt <= offerAttempts; attempt += 1) await pass(offerRetryMs * attempt);
  assert.equal(server.offers.length, offerAttempts);
  assert.equal(states.at(-1), 'failed');
  await pass(offerLaterMs);
  assert.equal(states.at(-1), 'connected');
  assert.deepEqual(made.map(({ configuration }) => configuration.iceTransportPolicy), made.map(() => undefined), 'the direct path was given up');
});

test('a connection that works outlives a refused offer', async (t) => {
  const { server, made, states, ready, pass } = refusing(t);
  await ready(1);
  assert.deepEqual([made.length, states.at(-1)], [1, 'connected']);
  server.refusals = 1;
  await ready(2, 1);
  await pass(offerRetryMs);
  assert.deepEqual([made.length, server.offers], [1, [1, 1, 1]]);
  assert.equal(states.at(-1), 'connected');
});

test('the next offer comes later although the connection that works has its troubles meanwhile', async (t) => {
  const { server, made, states, ready, pass } = refusing(t);
  await ready(1);
  server.refusals = offerAttempts;
  await ready(2, 1);
  for (let attempt = 1; attempt <= offerAttempts; attempt += 1) await pass(offerRetryMs * attempt);
  assert.deepEqual([server.offers.length, made.length, states.at(-1)], [1 + offerAttempts, 1, 'connected']);
  for (const state of ['disconnected', 'connected']) {
    made[0]!.connectionState = state;
    made[0]!.onconnectionstatechange?.();
  }
  await pass(offerLaterMs);
  assert.deepEqual([server.offers.length, states.at(-1)], [2 + offerAttempts, 'connected']);
});

const lost = (peer: FakePeer, state = 'disconnected'): void => {
  peer.connectionState = state;
  peer.onconnectionstatechange?.();
};

for (const state of ['disconnected', 'failed']) {
  test(`a connection that is ${state} restarts ICE, and is replaced if that does not help`, async (t) => {
    const { server, made, states, ready, pass, settle } = refusing(t);
    await ready(1);
    lost(made[0]!, state);
    await settle();
    assert.deepEqual([made.length, made[0]!.restarts, server.offers, states.at(-1)], [1, 1, [1, 1], 'connected'], 'the same connection');
    await pass(restartGraceMs);
    assert.equal(made.length, 1);
    made[0]!.comesBack = false;
    lost(made[0]!, state);
    await settle();
    assert.deepEqual([made.length, made[0]!.restarts, server.offers], [1, 2, [1, 1, 1]]);
    lost(made[0]!, state);
    await pass(restartGraceMs);
    assert.deepEqual([made.length, server.offers.at(-1), states.at(-1)], [2, 2, 'connected']);
  });
}

test('a restart that the server refuses for now is offered again, and one that it takes not at all makes a new connection', async (t) => {
  const { server, made, ready, pass, settle } = refusing(t);
  await ready(1);
  server.refusals = 1;
  lost(made[0]!);
  await settle();
  await pass(offerRetryMs);
  assert.deepEqual([made.length, made[0]!.restarts, server.offers], [1, 2, [1, 1, 1]]);
  [server.refusals, server.code] = [1, 'stale_generation'];
  lost(made[0]!);
  await settle();
  assert.deepEqual([made.length, server.offers.at(-1)], [2, 2]);
});

test('during a black-out of signaling and media the connection stays, and ICE restarts when signaling is back', async (t) => {
  const { server, made, heard, ready, pass, settle, welcome } = refusing(t);
  await ready(1);
  heard.get('link')?.('lost');
  lost(made[0]!);
  await pass(10 * restartGraceMs);
  lost(made[0]!, 'failed');
  await pass(10 * restartGraceMs);
  assert.deepEqual([made.length, made[0]!.restarts, server.offers], [1, 0, [1]]);
  heard.get('link')?.('open');
  welcome('off');
  await ready(1, 1);
  await settle();
  assert.deepEqual([made.length, made[0]!.restarts, server.offers], [1, 1, [1, 1]]);
});

test('an offer that signaling lost is made again with the restart that it had', async (t) => {
  const { server, made, heard, ready, settle, welcome } = refusing(t);
  await ready(1);
  [server.refusals, server.code] = [1, 'closed'];
  lost(made[0]!);
  await settle();
  heard.get('link')?.('lost');
  heard.get('link')?.('open');
  welcome('off');
  await ready(1, 1);
  await settle();
  assert.deepEqual([made.length, made[0]!.restarts, server.offers], [1, 2, [1, 1, 1]]);
});

test('another network restarts ICE although the browser notices nothing', async (t) => {
  const { server, made, heard, ready, settle } = refusing(t);
  await ready(1);
  heard.get('networkChanged')?.(null);
  await settle();
  assert.deepEqual([made.length, made[0]!.restarts, server.offers], [1, 1, [1, 1]]);
  heard.get('networkChanged')?.(null);
  await settle();
  assert.equal(made[0]!.restarts, 2, 'and again');
});

test('a path that carries nothing restarts ICE and asks whether the server is there, before the browser calls it lost', async (t) => {
  t.mock.method(performance, 'now', () => now);
  let [now, bytes] = [0, 0];
  const { made, session, ready, pass, show } = refusing(t);
  await ready(1);
  const go = async (ms: number, perLook: number) => {
    for (let passed = 0; passed < ms; passed += pathIntervalMs) {
      [now, bytes] = [now + pathIntervalMs, bytes + perLook];
      show([{ id: 'pair', type: 'candidate-pair', bytesReceived: bytes }]);
      await pass(pathIntervalMs);
    }
  };
  await go(10_000, 100);
  assert.deepEqual([made[0]!.restarts, session.probes], [0, 0]);
  await go(pathSilentMs + pathIntervalMs, 0);
  assert.deepEqual([made[0]!.restarts, session.probes], [1, 1]);
  await go(10_000, 0);
  assert.deepEqual([made.length, made[0]!.restarts], [1, 1], 'once');
  made[0]!.getTransceivers()[0]!.receiver.sources.push({ source: 1, timestamp: 1, rtpTimestamp: 1 });
  await go(pathIntervalMs, 0);
  await go(pathSilentMs + pathIntervalMs, 0);
  assert.equal(made[0]!.restarts, 2, 'again after somebody was heard');
});

test('who is sent out makes no connection', async (t) => {
  const { session, made, ready } = refusing(t);
  session.state = 'waiting';
  await ready(1);
  assert.equal(made.length, 0);
});

test('a browser that speaks no codec of the server is told once, and offers nothing more', async (t) => {
  const { media, server, made, ready, pass } = refusing(t);
  const refused: string[] = [];
  media.on('refused', (code) => refused.push(code));
  [server.refusals, server.code] = [Infinity, 'codec_unsupported'];
  await ready(1);
  await pass(60_000);
  await ready(2);
  await pass(60_000);
  assert.deepEqual([refused, server.offers.length, made.length, made[0]?.connectionState], [['codec_unsupported'], 1, 1, 'closed']);
});

test('what the server does not take of a new connection either is told, and offered again when a server answers anew', async (t) => {
  for (const code of ['sdp_invalid', 'track_limit', 'bad_request']) {
    await t.test(code, async (t) => {
      const { media, server, made, states, ready, pass, welcome } = refusing(t);
      const refused: string[] = [];
      media.on('refused', (code) => refused.push(code));
      [server.refusals, server.code] = [Infinity, code];
      await ready(1);
      for (let i = 0; i < 60; i += 1) await pass(1_000);
      assert.deepEqual([refused, server.offers.length, made.at(-1)?.connectionState], [[code], finalRefusals, 'closed']);
      await ready(2);
      await pass(60_000);
      assert.equal(server.offers.length, finalRefusals, 'more slots make it no better');
      server.refusals = 0;
      welcome('off');
      await ready(2);
      assert.deepEqual([server.offers.length, states.at(-1), refused.length], [finalRefusals + 1, 'connected', 1]);
    });
  }
});

test('whose connection the server gives no keys for what it is makes no other', async (t) => {
  const { media, server, made, ready, pass, heard } = refusing(t);
  const refused: string[] = [];
  media.on('refused', (code) => refused.push(code));
  await ready(1);
  const failed = (participantId: string, code: string): unknown => heard.get('mediaFailed')?.({ participantId, code });
  made[0]!.connectionState = 'connecting';
  failed('another', 'srtp_profile');
  failed('me', 'timeout');
  failed('me', 'closed');
  await pass(1_000);
  assert.deepEqual([refused, made[0]!.connectionState], [[], 'connecting']);
  failed('me', 'srtp_profile');
  for (let i = 0; i < 60; i += 1) await pass(1_000);
  await ready(2);
  assert.deepEqual([refused, server.offers.length, made.length, made[0]!.connectionState], [['srtp_profile'], 1, 1, 'closed']);
});

test('another camera, or a device that was turned, is sent as it is then', async (t) => {
  const { media, made, ready, pass, settle, heard } = refusing(t);
  const camera = (width: number, height: number) => ({ getSettings: () => ({ width, height }) }) as unknown as MediaStreamTrack;
  const sent = () => made[0]?.senders[1]?.parameters.encodings.flatMap(({ rid, active, scaleResolutionDownBy }) => (active ? [`${rid}/${scaleResolutionDownBy}`] : []));
  await media.setTrack('camera', camera(640, 480));
  await ready(1);
  assert.deepEqual(sent(), ['q/2', 'h/1']);
  heard.get('encodingsWanted')?.({ source: 'camera', rids: ['f'] });
  await settle();
  assert.deepEqual(sent(), ['h/1']);
  await media.setTrack('camera', camera(320, 240));
  await settle();
  assert.deepEqual(sent(), ['q/1']);
  await media.setTrack('camera', camera(1280, 720));
  await settle();
  assert.deepEqual(sent(), ['q/4', 'h/2', 'f/1'], 'the server learns what there is now');
  await pass(sendAllMs);
  assert.deepEqual(sent(), ['f/1']);
  const turned = { width: 640, height: 480 };
  await media.setTrack('camera', { getSettings: () => turned } as unknown as MediaStreamTrack);
  await settle();
  turned.height = 240;
  turned.width = 320;
  media.refit('camera');
  await settle();
  assert.deepEqual(sent(), ['q/1']);
});

test('an answer that the browser throws at, and an offer that is refused for good, make a new connection at once', async (t) => {
  const { server, made, states, ready } = refusing(t);
  await ready(1);
  made[0]!.throws = true;
  await ready(2, 1);
  assert.deepEqual([made.length, made[0]!.connectionState, states.at(-1)], [2, 'closed', 'connected'], 'without any time that passes');
  [server.refusals, server.code] = [1, 'sdp_invalid'];
  await ready(3, 2);
  assert.deepEqual([made.length, server.offers, states.at(-1)], [3, [1, 1, 2, 2, 3], 'connected']);
});

test('a browser that throws at every answer is not asked without end', async (t) => {
  const { server, states, ready, pass, made } = refusing(t);
  await ready(1);
  Object.assign(globalThis, { RTCPeerConnection: class extends (globalThis as unknown as { RTCPeerConnection: new (c: object) => object }).RTCPeerConnection {
    throws = true;
  } });
  made[0]!.throws = true;
  await ready(2, 1);
  for (let attempt = 1; attempt <= offerAttempts; attempt += 1) await pass(offerRetryMs * attempt);
  assert.equal(server.offers.length, 1 + offerAttempts);
  assert.equal(states.at(-1), 'failed');
  await pass(offerLaterMs);
  assert.equal(server.offers.length, 2 + offerAttempts);
});

const looked = (received: Partial<Received> | undefined, sent?: Partial<Sent>): StatsSample => ({
  received: new Map(received ? [['0', { packets: 0, frames: 0, remoteSent: -1, ...received }]] : []),
  sent: new Map(sent ? [['9', { captured: -1, packets: 0, limited: false, reportAt: 0, ...sent }]] : []),
});
const slot = (kind: 'audio' | 'video', mid: string | undefined = '0'): Expected => ({ slots: [{ kind, mid }], sources: [] });
const mine: Expected = { slots: [], sources: [{ source: 'camera', mid: '9' }] };

test('media that should flow and does not is found, in both directions', () => {
  const faults: [string, Expected, (i: number) => StatsSample, string | undefined][] = [
    ['all is well', slot('video'), (i) => looked({ packets: 9 * i, frames: i, remoteSent: 9 * i }), undefined],
    ['nobody sends', slot('audio'), () => looked({ packets: 5, remoteSent: 5 }), undefined],
    ['nothing came yet', slot('audio'), () => looked(undefined), undefined],
    ['sent and lost', slot('audio'), (i) => looked({ packets: 5, remoteSent: 50 * i }), 'not received 0'],
    ['a slot that the connection lacks', { slots: [{ kind: 'video', mid: undefined }], sources: [] }, () => looked(undefined), 'no slot for video'],
    ['a picture that cannot be read', slot('video'), (i) => looked({ packets: 9 * i, frames: 3 }), 'undecoded 0'],
    ['sound has no pictures', slot('audio'), (i) => looked({ packets: 9 * i }), undefined],
    ['own picture well', mine, (i) => looked(undefined, { captured: i, packets: i, reportAt: i }), undefined],
    ['own camera gives none', mine, () => looked(undefined, { captured: 7, packets: 7, reportAt: 7 }), undefined],
    ['made and not sent', mine, (i) => looked(undefined, { captured: i, packets: 7, reportAt: i }), 'not sent camera'],
    ['held back for a narrow path', mine, (i) => looked(undefined, { captured: i, packets: 7, limited: true, reportAt: i }), undefined],
    ['sent and not reported', mine, (i) => looked(undefined, { captured: i, packets: i, reportAt: 7 }), 'not reported camera'],
    ['sent by a browser that tells of no device', mine, (i) => looked(undefined, { packets: i, reportAt: i }), undefined],
  ];
  for (const [name, expected, look, want] of faults) {
    const health = new Health();
    const found = Array.from({ length: undecodedSamples + 2 }, (_, i) => health.observe(look(i + 1), expected));
    assert.equal(found.at(-1), want, name);
    assert.equal(health.healthy, want === undefined, name);
    if (want) assert.ok(found.slice(0, badSamples - 1).every((fault) => fault === undefined), `${name}: too soon`);
  }
});

test('what heals meanwhile is no fault', () => {
  const health = new Health();
  for (let i = 1; i < 20; i += 1) assert.equal(health.observe(looked({ packets: Math.floor(i / 3), remoteSent: i }), slot('audio')), undefined);
});

test('a path that is cut is left to ICE for some seconds, which then restarts', () => {
  const health = new Health();
  const found = Array.from({ length: 2 + disconnectedAfterMs / statsIntervalMs }, (_, i) => // two samples make one comparison
    health.observe(looked(undefined, { captured: i, packets: i, reportAt: 7 }), mine));
  assert.equal(found.pop(), 'not reported camera');
  assert.ok(found.every((fault) => fault === undefined));
});

test('a connection through which nothing comes is made anew, and the next of them later', async (t) => {
  const { made, heard, ready, pass, show } = refusing(t);
  await ready(1);
  heard.get('slotMap')?.([{ kind: 'audio', index: 0, publicationId: 'p', participantId: 'other', csrc: 7 }]);
  let told = 0;
  const look = async () => {
    told += 50;
    show([{ id: 'r', type: 'remote-outbound-rtp', packetsSent: told, timestamp: told }, { id: 'i', type: 'inbound-rtp', mid: '0', remoteId: 'r', packetsReceived: 3 }]);
    await pass(statsIntervalMs);
  };
  for (let i = 0; i <= badSamples + 1; i += 1) await look();
  assert.equal(made.length, 2);
  for (let i = 0; i <= badSamples + 1; i += 1) await look();
  assert.equal(made.length, 2, 'a network that carries nothing is not loaded with connections');
});

test('over a thin way up sound takes less, and as much as before when it is wide again', async (t) => {
  const { media, made, ready, pass, show } = refusing(t);
  const told: boolean[] = [];
  media.on('thinUplink', (thin) => told.push(thin));
  await ready(1);
  const bitrate = () => (made[0]!.senders[0]!.parameters.encodings[0] as { maxBitrate?: number }).maxBitrate;
  const looks = async (count: number, availableOutgoingBitrate: number) => {
    show([{ id: 'p', type: 'candidate-pair', nominated: true, availableOutgoingBitrate }, { id: 'o', type: 'candidate-pair', nominated: false, availableOutgoingBitrate: 1e9 }]);
    for (let i = 0; i < count; i += 1) await pass(statsIntervalMs);
  };
  await looks(thinUplinkSamples - 1, thinUplinkBits - 1);
  await looks(1, thinUplinkBits + 1);
  assert.deepEqual([bitrate(), told], [soundBits, []], 'an estimate that dips');
  await looks(thinUplinkSamples, thinUplinkBits - 1);
  assert.deepEqual([bitrate(), told], [thinSoundBits, [true]]);
  await looks(20, wideUplinkBits - 1);
  assert.deepEqual([bitrate(), told], [thinSoundBits, [true]], 'not wide enough yet');
  await looks(wideUplinkSamples, wideUplinkBits + 1);
  assert.deepEqual([bitrate(), told], [soundBits, [true, false]]);
  await looks(thinUplinkSamples, thinUplinkBits - 1);
  media.close();
  assert.deepEqual(told, [true, false, true, false], 'the next connection begins as wide');
});

test('in an encrypted room every line has its transform before it is negotiated, later slots too', async (t) => {
  const { welcome, encryption, made, ready, settle } = refusing(t);
  welcome('required');
  await ready(1);
  assert.equal(made.length, 0, 'without a frames worker nothing is offered');
  encryption.start();
  await settle();
  await ready(3, 1);
  assert.equal(made.length, 1);
  const { lines } = made[0]!;
  assert.deepEqual(lines.map(({ kind }) => kind), ['audio', 'video', 'video', 'audio', 'video', 'audio', 'video', 'audio', 'video']);
  for (const { negotiated, transform } of lines) assert.equal(negotiated, transform);
  assert.ok(lines.every(({ transform }) => transform !== undefined));
  assert.deepEqual(encryption.transforms.map(({ options }) => options), [
    ...[0, 1, 4].map((stream) => ({ direction: 'send', stream })),
    ...['audio', 'video', 'audio', 'video', 'audio', 'video'].map((kind) => ({ direction: 'receive', kind })),
  ]);
});

test('a room that is not encrypted has no transforms', async (t) => {
  const { welcome, encryption, made, ready } = refusing(t);
  welcome('off');
  await ready(1);
  assert.deepEqual([made.length, encryption.transforms.length], [1, 0]);
  assert.ok(made[0]!.lines.every(({ transform }) => transform === undefined));
});

test('a frames worker that dies takes the connection with it, and another one brings another connection', async (t) => {
  const { welcome, encryption, server, made, states, ready, settle } = refusing(t);
  welcome('required');
  encryption.start();
  await ready(1);
  encryption.worker.crash();
  assert.deepEqual([made[0]!.connectionState, states.at(-1)], ['closed', 'closed'], 'closed at once');
  encryption.time.advance(0);
  await settle();
  assert.deepEqual([made.length, server.offers, states.at(-1)], [2, [1, 2], 'connected']);
  assert.ok(made[1]!.lines.every(({ transform }) => (transform as { worker: unknown }).worker === encryption.worker));
  assert.equal(encryption.workers.length, 2);
});

test('encryption that begins with a connection in place replaces it', async (t) => {
  const { encryption, made, ready, settle } = refusing(t);
  await ready(1);
  encryption.start();
  await settle();
  assert.deepEqual(made.map(({ connectionState }) => connectionState), ['closed', 'connected']);
  assert.ok(made[1]!.lines.every(({ transform }) => transform !== undefined));
});

test('a browser without transforms is told so, and sends nothing', async (t) => {
  const { media, welcome, encryption, made, ready } = refusing(t, { supported: false });
  const refused: string[] = [];
  media.on('refused', (code) => refused.push(code));
  welcome('required');
  encryption.start();
  await ready(1);
  assert.deepEqual([made.length, refused], [0, ['e2ee_unsupported']]);
});
