import assert from 'node:assert/strict';
import test from 'node:test';
import { signal } from '@preact/signals';
import { RequestError, type Media, type Session, type Source } from '../../client';
import { interruptedMs } from '../../page/media/devices';
import { LocalMedia } from '../../page/media/local-media';

// What a browser has, as far as it is asked for here.
class Element {
  setSinkId(): void {}
}
Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { mediaDevices: { addEventListener: () => undefined } } });
Object.defineProperty(globalThis, 'HTMLMediaElement', { configurable: true, value: Element });

const page = Object.assign(new EventTarget(), { hidden: false });
Object.assign(globalThis, { document: page });

const track = (id: string): MediaStreamTrack => ({ id, enabled: true, stop: () => undefined }) as unknown as MediaStreamTrack;

// One with a microphone, and what is sent of each source.
function begin() {
  const sent: Partial<Record<Source, string>> = {};
  const media = { setTrack: async (source: Source, now: MediaStreamTrack | null) => void (sent[source] = now?.enabled ? now.id : '-'), refit: () => undefined } as unknown as Media;
  const seat = { ready: signal(true), session: undefined as Session | undefined, media: undefined as Media | undefined, withheld: signal(false) };
  const own = new LocalMedia(seat);
  return { own, seat, media, sent };
}

test('what is withheld is not sent, whenever it was turned on', () => {
  const { own, seat, media, sent } = begin();
  own.microphone.track.value = track('before');
  seat.media = media;
  own.sendAll();
  own.camera.track.value = track('after');
  assert.deepEqual(sent, { microphone: 'before', camera: 'after', screen: '-' });
  seat.withheld.value = true;
  assert.deepEqual(sent, { microphone: '-', camera: '-', screen: '-' });
  own.microphone.track.value = track('another');
  own.screen.value = track('shared');
  own.sendAll();
  assert.deepEqual(sent, { microphone: '-', camera: '-', screen: '-' });
  seat.withheld.value = false;
  assert.deepEqual(sent, { microphone: 'another', camera: 'after', screen: 'shared' });
});

test('a picture is dark from the moment on in which it is withheld, until the browser has let go of it', async () => {
  const { own, seat } = begin();
  const letGo: (() => void)[] = [];
  seat.media = { setTrack: () => new Promise<void>((done) => letGo.push(done)), refit: () => undefined } as unknown as Media;
  const [voice, picture] = [track('microphone'), track('camera')];
  own.microphone.track.value = voice;
  own.camera.track.value = picture;
  seat.withheld.value = true;
  assert.deepEqual([voice.enabled, picture.enabled], [false, false]);
  for (const done of letGo) done();
  await new Promise((done) => setImmediate(done));
  assert.deepEqual([voice.enabled, picture.enabled], [false, true]);
});

test('a screen that is picked after all was turned off is shown to nobody', async () => {
  const { own, seat } = begin();
  seat.session = { state: 'admitted', may: () => true, request: async () => ({}) } as unknown as Session;
  let pick = (_: unknown): void => undefined;
  Object.assign(navigator.mediaDevices, { getDisplayMedia: () => new Promise((picked) => (pick = picked)) });
  let stopped = 0;
  const stream = { getVideoTracks: () => [{ stop: () => (stopped += 1) }] };
  for (const wanted of [false, true]) {
    const picking = own.pickScreen();
    if (!wanted) own.allOff();
    pick(stream);
    await picking;
    assert.equal(own.screen.value !== null, wanted);
  }
  assert.equal(stopped, 1);
});

test('what the server knows is on is not told again: a host may have muted it since', async () => {
  const { own, seat } = begin();
  const said: string[] = [];
  let fails = false;
  const request = async (_: string, { source, muted }: { source: Source; muted: boolean }): Promise<void> => {
    said.push(`${source} ${muted ? 'off' : 'on'}`);
    if (fails) throw new Error('closed');
  };
  seat.session = { state: 'admitted', may: () => true, request } as unknown as Session;
  const told = async (act: () => void): Promise<string> => {
    act();
    await new Promise((done) => setImmediate(done));
    return said.splice(0).join();
  };
  const turnOn = (): void => void (own.microphone.track.value = track('a'));
  const comeBack = (): void => own.publishAll();
  assert.equal(await told(turnOn), 'microphone on');
  assert.equal(await told(comeBack), 'camera off');
  assert.equal(await told(() => own.microphone.turnOff()), 'microphone off');
  assert.equal(await told(comeBack), 'microphone off,camera off');
  fails = true;
  assert.equal(await told(turnOn), 'microphone on');
  fails = false;
  assert.equal(await told(comeBack), 'microphone on,camera off', 'it did not come through');
  assert.equal(await told(comeBack), 'camera off');
  own.sendAll();
  assert.equal(await told(comeBack), 'microphone on,camera off', 'another session knows nothing');
});

test('what was refused for its pace is said again after the pause, if it is still so', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { own, seat } = begin();
  const said: string[] = [];
  const refusals: RequestError[] = [];
  const refuse = (code: string, ...pauses: (number | undefined)[]): unknown => pauses.map((retryAfterMs) => refusals.push(new RequestError({ code, message: '', retryable: true, retryAfterMs })));
  const request = async (_: string, { source, muted }: { source: Source; muted: boolean }): Promise<void> => {
    said.push(`${source} ${muted ? 'off' : 'on'}`);
    const refusal = refusals.shift();
    if (refusal) throw refusal;
  };
  seat.session = { state: 'admitted', may: () => true, request } as unknown as Session;
  const pass = async (ms: number): Promise<string> => {
    t.mock.timers.tick(ms);
    await new Promise((done) => setImmediate(done));
    return said.splice(0).join();
  };
  refuse('rate_limited', 2_500, undefined);
  own.microphone.track.value = track('a');
  assert.deepEqual([await pass(0), await pass(2_499), own.isSetting('microphone')], ['microphone on', '', true]);
  assert.equal(await pass(1), 'microphone on');
  assert.equal(await pass(1_000), 'microphone on');
  assert.deepEqual([await pass(60_000), own.isSetting('microphone')], ['', false]);
  refuse('rate_limited', 2_000, 2_000);
  own.microphone.turnOff();
  own.microphone.track.value = track('b');
  assert.equal(await pass(0), 'microphone off,microphone on');
  assert.equal(await pass(2_000), 'microphone on', 'what is newer took its place');
  refuse('rate_limited', 2_000);
  own.microphone.turnOff();
  await pass(0);
  seat.session = { ...seat.session } as Session;
  assert.equal(await pass(60_000), '', 'that session is over');
  refuse('forbidden', 2_000);
  own.microphone.track.value = track('c');
  await pass(0);
  assert.equal(await pass(60_000), '', 'what is forbidden stays so');
});

test('what gives nothing for a while is off for the group, and comes back by itself', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { own, seat } = begin();
  const said: string[] = [];
  const request = async (_: string, { source, muted }: { source: Source; muted: boolean }): Promise<void> => void said.push(`${source} ${muted ? 'off' : 'on'}`);
  seat.session = { state: 'admitted', may: () => true, request } as unknown as Session;
  const camera = Object.assign(track('c'), { muted: false, readyState: 'live', getSettings: () => ({}), stop: () => undefined }) as unknown as {
    muted: boolean; readyState: string; onmute(): void; onunmute(): void;
  };
  let opened = 0;
  const getUserMedia = async () => ({ getTracks: () => [(opened += 1) && camera] });
  Object.assign(navigator.mediaDevices, { getUserMedia, enumerateDevices: async () => [] });
  await own.camera.turnOn();
  assert.deepEqual(said.splice(0), ['camera on']);
  camera.muted = true;
  camera.onmute();
  t.mock.timers.tick(interruptedMs - 1);
  assert.equal(own.camera.interrupted.value, false, 'a change of devices is nobody\'s concern');
  t.mock.timers.tick(1);
  assert.deepEqual([own.camera.interrupted.value, own.camera.on.value, said.splice(0)], [true, true, ['camera off']]);
  camera.muted = false;
  camera.onunmute();
  assert.deepEqual([own.camera.interrupted.value, said.splice(0)], [false, ['camera on']]);
  // A page that was not seen may not have been told.
  camera.muted = true;
  page.dispatchEvent(new Event('visibilitychange'));
  t.mock.timers.tick(interruptedMs);
  assert.deepEqual(said.splice(0), ['camera off']);
  camera.muted = false;
  page.dispatchEvent(new Event('visibilitychange'));
  assert.deepEqual(said.splice(0), ['camera on']);
  camera.readyState = 'ended'; // without a word
  page.dispatchEvent(new Event('visibilitychange'));
  await new Promise((done) => setImmediate(done));
  assert.equal(opened, 2);
  camera.muted = true;
  camera.onmute();
  own.camera.turnOff();
  t.mock.timers.tick(interruptedMs);
  assert.deepEqual([own.camera.interrupted.value, own.camera.on.value, said.splice(0)], [false, false, ['camera off']]);
});

test('one that is interrupted from the start is known, and another takes its place', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { own } = begin();
  const give = (muted: boolean) => Object.assign(track('c'), { muted, getSettings: () => ({}) });
  const tracks = [give(true), give(false)];
  Object.assign(navigator.mediaDevices, { getUserMedia: async () => ({ getTracks: () => [tracks.shift()] }), enumerateDevices: async () => [] });
  await own.microphone.turnOn();
  t.mock.timers.tick(interruptedMs);
  assert.deepEqual([own.microphone.interrupted.value, own.microphone.sending.value], [true, false]);
  await own.microphone.turnOn();
  t.mock.timers.tick(interruptedMs);
  assert.deepEqual([own.microphone.interrupted.value, own.microphone.sending.value], [false, true]);
});
