// The aids on the page: switches, keys, the reminder, help with a blocked device, the speaker that comes and goes, the screen that stays on.
import assert from 'node:assert/strict';
import test from 'node:test';
import { browserKind } from '../../page/media/browser';
import { openSession as open, openWaiting, permissionsOf, type Page } from '../support/page';

// Ends with its test: keys and devices are the window's, and the page of another test would hear them, too.
async function openSession(t: Parameters<typeof open>[0], options: Parameters<typeof open>[1] = {}): Promise<Page> {
  const page = await open(t, options);
  const { store } = page;
  t.after(() => (store.screen.value = 'ended'));
  return page;
}

async function key(page: Page, key: string, type: 'keydown' | 'keyup' = 'keydown', more: object = {}): Promise<void> {
  const KeyboardEvent = document.defaultView!.KeyboardEvent as unknown as new (type: string, init: object) => KeyboardEvent;
  (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent(type, { key, code: '', bubbles: true, cancelable: true, ...more }));
  await page.settle();
}

test('M, V and H act, and say what they did; Space speaks while it is held', async (t) => {
  const page = await openSession(t);
  const { microphone, camera } = page.store;
  await key(page, 'm');
  assert.equal(microphone.on.value, false);
  await page.pass(1_300);
  assert.match(page.textOf('announcer'), /Microphone off\./);
  await key(page, 'v');
  assert.equal(camera.on.value, false);
  await key(page, 'h');
  assert.deepEqual(page.sent('hand.set').at(-1), { raised: true });
  await key(page, ' ');
  await key(page, ' ', 'keydown', { repeat: true });
  assert.equal(microphone.live.value, true);
  await key(page, ' ', 'keyup');
  assert.equal(microphone.live.value, false);
  await key(page, 'm');
  await key(page, ' ');
  await key(page, ' ', 'keyup');
  assert.equal(microphone.live.value, true, 'a microphone that is on stays on');
});

test('a microphone that Space opened closes when the window loses the focus', async (t) => {
  const page = await openSession(t);
  await key(page, 'm');
  await key(page, ' ');
  assert.equal(page.store.microphone.live.value, true);
  await page.dispatch('blur');
  assert.equal(page.store.microphone.live.value, false);
});

test('what a host took away no key gives back', async (t) => {
  const page = await openSession(t);
  await page.receive('access.changed', { state: 'admitted', permissions: permissionsOf.participant.filter((one) => one !== 'publish.microphone') });
  assert.equal(page.store.microphone.on.value, false);
  await key(page, 'm');
  await key(page, ' ');
  assert.equal(page.store.microphone.on.value, false);
});

test('the keys are listed by ?, and can be switched off', async (t) => {
  const choice = new Map<string, string>();
  const page = await openSession(t, { choice });
  await key(page, '?');
  await page.settle();
  assert.match(page.textOf('keys'), /M.*Microphone.*V.*Camera.*H.*hand.*Space.*Hold to speak.*\?/s);
  await key(page, 'm');
  assert.equal(page.store.microphone.on.value, true, 'a dialog is open');
  page.find('keys-switch').click();
  page.find('keys-close').click();
  await page.settle();
  await key(page, 'm');
  assert.equal(page.store.microphone.on.value, true);
  assert.equal(JSON.parse(choice.get('alcove.preferences')!).shortcuts, false);
});

test('whoever speaks while muted is told, if they want that; nothing of it is sent', async (t) => {
  const page = await openSession(t);
  await key(page, 'm');
  await page.pass(3_000);
  assert.deepEqual(page.devices.lights, ['video'], 'a microphone that is off is released');
  const { AnalyserNode } = globalThis as unknown as { AnalyserNode: { prototype: { getFloatTimeDomainData(samples: Float32Array): void } } };
  const silent = AnalyserNode.prototype.getFloatTimeDomainData;
  AnalyserNode.prototype.getFloatTimeDomainData = (samples) => void samples.fill(0.3);
  t.after(() => (AnalyserNode.prototype.getFloatTimeDomainData = silent));
  const set = page.sent('publication.set').length;
  page.store.preferences.set('mutedReminder', true);
  await page.settle();
  await page.pass(3_000);
  assert.match(page.textOf('muted-reminder'), /You are muted\. You seem to be speaking, and nobody hears you\./);
  assert.equal(page.sent('publication.set').length, set, 'the group was told something');
  await page.click('reminder-on');
  await page.settle();
  assert.ok(!page.shows('muted-reminder'));
  assert.equal(page.store.microphone.live.value, true);
  assert.equal(page.devices.lights.filter((kind) => kind === 'audio').length, 1, 'the listener keeps the microphone');
});

test('a listener that the browser gives no audio context leaves no microphone open', async (t) => {
  const page = await openSession(t);
  page.store.microphone.turnOff();
  await page.settle();
  await page.pass(3_000);
  const { AudioContext } = globalThis;
  Object.assign(globalThis, { AudioContext: class { constructor() { throw new Error('too many contexts'); } } });
  t.after(() => Object.assign(globalThis, { AudioContext }));
  const before = page.devices.tracks.length;
  page.store.preferences.set('mutedReminder', true);
  await page.settle();
  await page.pass(3_000);
  assert.equal(page.devices.tracks.length, before + 1);
  assert.deepEqual(page.devices.lights, ['video']);
});

test('without noise suppression the microphone is opened anew', async (t) => {
  const page = await openSession(t);
  const asked: unknown[] = [];
  const { getUserMedia } = page.devices;
  page.devices.getUserMedia = async (wanted) => {
    asked.push((wanted as { audio?: { noiseSuppression?: boolean } }).audio?.noiseSuppression);
    return getUserMedia(wanted);
  };
  page.store.preferences.set('noiseSuppression', false);
  await page.settle();
  assert.deepEqual(asked, [false]);
  assert.equal(page.devices.lights.filter((kind) => kind === 'audio').length, 1);
});

test('a blocked device has steps for this browser, and is tried again', async (t) => {
  const page = await openWaiting(t);
  page.devices.refuses.audio = 'NotAllowedError';
  page.store.microphone.turnOff();
  await page.store.microphone.turnOn();
  await page.click('devices');
  await page.click('how-microphone');
  await page.settle();
  assert.equal(page.query('[data-testid="blocked-steps"] li').length, 3);
  assert.match(page.textOf('blocked-steps'), /Switch on Camera and Microphone/);
  page.devices.refuses.audio = undefined as never;
  delete page.devices.refuses.audio;
  await page.click('blocked-again');
  await page.settle();
  assert.equal(page.store.microphone.live.value, true);
});

test('browsers are told apart as far as their steps differ', () => {
  const mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)';
  for (const [userAgent, touch, kind] of [
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36', 0, 'chromium'],
    ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0', 0, 'chromium'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 0, 'firefox'],
    [`${mac} Version/19.0 Safari/605.1.15`, 0, 'safari'], [`${mac} Version/19.0 Safari/605.1.15`, 5, 'ios'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/150.0 Mobile/15E148 Safari/604.1', 5, 'ios'],
    ['Mozilla/5.0 (Android 16; Mobile; rv:153.0) Gecko/153.0 Firefox/153.0', 5, 'android'], ['', 0, 'chromium'],
  ] as const) assert.equal(browserKind({ userAgent, maxTouchPoints: touch }, false), kind, userAgent);
  assert.equal(browserKind({ userAgent: '' }, true), 'frame');
});

test('sound follows a speaker that is unplugged, and returns to it, with words', async (t) => {
  const page = await openSession(t);
  const outputs = (...list: [string, string][]) => {
    page.devices.enumerateDevices = async () => list.map(([deviceId, label]) => ({ kind: 'audiooutput', deviceId, label }));
    page.devices.change();
    return page.settle();
  };
  const { speaker } = page.store;
  await outputs(['default', 'Default - Desk'], ['desk', 'Desk'], ['phones', 'Headphones']);
  speaker.choose('phones');
  assert.deepEqual([speaker.name.value, speaker.unplugged.value], ['Headphones', false]);
  await outputs(['default', 'Default - Desk'], ['desk', 'Desk']);
  assert.deepEqual([speaker.chosen.value, speaker.name.value, speaker.unplugged.value], ['', 'Desk', true]);
  await outputs(['default', 'Default - Desk'], ['desk', 'Desk'], ['phones', 'Headphones']);
  assert.deepEqual([speaker.chosen.value, speaker.name.value, speaker.unplugged.value], ['phones', 'Headphones', false]);
  assert.match(page.text, /Your speaker is there again: sound comes from Headphones\./);
});

test('a speaker that the system changed by itself is said, too', async (t) => {
  const page = await openSession(t);
  const outputs = (label: string) => {
    page.devices.enumerateDevices = async () => [{ kind: 'audiooutput', deviceId: 'default', label }];
    page.devices.change();
    return page.settle();
  };
  await outputs('Default - Headphones');
  assert.equal(page.store.speaker.unplugged.value, false);
  await outputs('Default - Desk');
  assert.deepEqual([page.store.speaker.unplugged.value, page.store.speaker.name.value], [true, 'Desk']);
});
