// How a person comes to the page: by a link, by none, by another link in the same tab, after a reload.
import assert from 'node:assert/strict';
import test from 'node:test';
import { lind, openCheck, openHost, openPage, openSession, openWaiting, self, token } from '../support/page';

const link = (claims: object): string => `#t=${token(claims)}`;

test('without a link the page says what is needed, and dials nothing', async (t) => {
  const page = await openPage(t);
  assert.equal(page.find('ending-card').dataset.code, 'no_link');
  assert.match(page.text, /Open the link from the clinic/);
  assert.throws(() => page.socket);
});

test('the token leaves the address before anything is asked of the server', async (t) => {
  const page = await openPage(t, { hash: link({ name: 'Mara', jti: 'a' }) });
  assert.equal(page.address, 'http://localhost:8080/');
  assert.equal(page.title, 'Your name – Alcove');
});

test('a name of spaces is no name', async (t) => {
  const page = await openPage(t, { hash: link({ name: 'Mara' }) });
  await page.fill('name-input', '   ');
  await page.submit('name-input');
  assert.throws(() => page.socket);
});

test('a participant gives the name, then has a place, then checks devices; nothing is offered before the button', async (t) => {
  const page = await openCheck(t);
  const [hello] = page.sent('hello');
  assert.deepEqual([hello?.displayName, typeof hello?.token, String(hello?.nonce).length], ['Mara', 'string', 24]);
  assert.equal(page.title, 'Check your camera and sound – Alcove');
  assert.deepEqual(page.devices.lights, ['audio', 'video']);
  await page.receive('access.changed', { state: 'admitted', permissions: [] });
  await page.receive('media.ready', { generation: 0, iceServers: [], slots: { pairs: 1, screens: 0 }, codecs: { audio: [], video: [] } });
  assert.match(page.textOf('let-in'), /A therapist has let you in\. The group sees your name\. Nobody sees or hears you/);
  assert.equal(page.textOf('join-button'), 'Join the group');
  assert.deepEqual([page.peers.length, page.sent('media.offer').length, page.sent('publication.set').length], [0, 0, 0]);
  await page.submit('join-button');
  assert.ok(page.shows('session'));
  assert.deepEqual([page.peers.length, page.sent('media.offer').length], [1, 1]);
});

test('a host enters by one act, after the check', async (t) => {
  const page = await openPage(t, { hash: link({ name: 'Dr. Lind', role: 'host' }) });
  assert.equal(page.textOf('join-button'), 'Enter the session');
  assert.throws(() => page.socket, 'the link is spent before the button');
  await page.fill('name-input', 'Dr. Lind');
  await page.submit('join-button');
  assert.match(page.text, /Connecting to the clinic’s server/);
  await page.welcome({ state: 'admitted', role: 'host' });
  assert.ok(page.shows('session'));
});

test('an observer is asked for no device, here or later', async (t) => {
  const page = await openCheck(t, 'observer');
  assert.equal(page.title, 'Check your sound – Alcove');
  assert.deepEqual(page.query('h2').map((h) => h.textContent), ['Speaker', 'Connection']);
  assert.doesNotMatch(page.text, /Mic\b/);
  await page.submit('join-button');
  assert.match(page.text, /Your camera and microphone are not used, here or in the group\./);
  await page.receive('access.changed', { state: 'admitted', permissions: [] });
  await page.receive('roster', { participants: [lind(), self({ role: 'observer', publications: [] })] });
  assert.ok(page.shows('session'));
  for (const id of ['mic-toggle', 'camera-toggle', 'screen-toggle', 'hand-toggle', 'help']) assert.ok(!page.shows(id), id);
  assert.deepEqual(page.devices.tracks, []);
  await page.click('devices');
  assert.deepEqual(page.query('dialog h3').map((h) => h.textContent), ['Speaker', 'Aids']);
});

test('a browser without what a session needs is told so, and spends no link', async (t) => {
  const Native = globalThis.RTCPeerConnection;
  t.after(() => Object.assign(globalThis, { RTCPeerConnection: Native }));
  Object.defineProperty(globalThis, 'RTCPeerConnection', { configurable: true, get: () => undefined, set: () => undefined });
  const page = await openPage(t, { hash: link({ name: 'Mara' }) });
  Object.defineProperty(globalThis, 'RTCPeerConnection', { configurable: true, writable: true, value: Native });
  assert.equal(page.find('ending-card').dataset.code, 'unsupported');
});

test('where the server does not say anything of the clinic the page works all the same', async (t) => {
  const page = await openPage(t, { hash: link({ name: 'Mara' }), config: null });
  assert.ok(page.shows('name-input'));
});

test('a reload resumes the seat, with the devices as they were', async (t) => {
  const kept = new Map<string, string>();
  const before = await openSession(t, { kept });
  await before.click('camera-toggle');
  const page = await openPage(t, { kept });
  await page.welcome({ state: 'admitted', resumeSecret: 'two' });
  assert.deepEqual(page.sent('hello')[0]?.resume, { sessionId: 's', secret: 'one' });
  assert.equal(page.sent('hello')[0]?.token, undefined);
  assert.ok(page.shows('session'));
  assert.deepEqual(page.devices.lights, ['audio'], 'the camera started by itself');
});

test('the same link in the same tab leads back to the seat, another one takes a new one', async (t) => {
  for (const [jti, resumes] of [['link', true], ['other', false]] as const) {
    const kept = new Map<string, string>();
    await openWaiting(t, 'participant', { kept });
    const page = await openPage(t, { kept, hash: link({ name: 'Mara', jti }) });
    assert.equal(page.shows('name-input'), !resumes);
    if (resumes) {
      page.socket.open();
      assert.ok(page.sent('hello')[0]?.resume);
    }
  }
});

test('a link pasted into the tab is opened at once, where no place would be lost by it', async (t) => {
  const page = await openPage(t);
  await page.paste(link({ name: 'Maria' }));
  assert.deepEqual([page.reloads, page.shows('confirm')], [1, false]);
});

test('who has a place is asked before a pasted link takes it', async (t) => {
  const page = await openWaiting(t);
  await page.paste(link({ jti: 'link' }));
  assert.equal(page.shows('confirm'), false, 'the link of this very place');
  await page.paste(link({ jti: 'other' }));
  assert.equal(page.address, 'http://localhost:8080/');
  assert.match(page.text, /You have a place in a waiting room\. To open the new link you give it up\./);
  await page.closeDialog();
  assert.deepEqual([page.shows('confirm'), page.reloads, page.sent('leave').length], [false, 0, 0]);
  await page.receive('access.changed', { state: 'admitted', permissions: [] });
  await page.paste(link({ jti: 'other' }));
  assert.match(page.text, /You are in a session\. To open the new link you leave it, and the others see that you left\./);
  await page.click('confirm');
  assert.deepEqual([page.sent('leave').length, page.reloads], [1, 1]);
});

test('the link to the controls is no new link', async (t) => {
  const page = await openSession(t);
  await page.paste('#controls');
  assert.deepEqual([page.shows('confirm'), page.reloads, page.address], [false, 0, 'http://localhost:8080/']);
});

test('before the seat is taken the page says in time that the link ends', async (t) => {
  const page = await openPage(t, { hash: link({ name: 'Mara', exp: 1_790_000_060 }) });
  assert.deepEqual([page.shows('link-soon'), page.shows('link-over')], [false, false]);
  await page.pass(15_000);
  assert.match(page.textOf('link-soon'), /Please press “Continue” before that/);
  await page.pass(45_000);
  assert.deepEqual([page.shows('link-soon'), page.shows('link-over')], [false, true]);
  assert.match(page.textOf('link-over'), /Ask the clinic for a new link\./);
  assert.ok(page.shows('name-continue'), 'the server decides, and forgives a little');
});

test('a portal that frames the page gives the token, and no other window does', async (t) => {
  const posted: unknown[] = [];
  const parent = { postMessage: (...words: unknown[]) => posted.push(words) };
  const page = await openPage(t, { config: { origins: ['https://portal.example'] } });
  assert.equal(page.find('ending-card').dataset.code, 'no_link', 'it is not framed');
  const framed = await openPage(t, { config: { origins: ['https://portal.example'] }, parent });
  assert.deepEqual(posted, [[{ type: 'alcove.ready' }, 'https://portal.example']]);
  const data = { type: 'alcove.token', token: token({ name: 'Mara' }) };
  await framed.dispatch('message', { origin: 'https://evil.example', source: parent, data });
  await framed.dispatch('message', { origin: 'https://portal.example', source: {}, data });
  assert.ok(!framed.shows('name-input'));
  await framed.dispatch('message', { origin: 'https://portal.example', source: parent, data });
  assert.ok(framed.shows('name-input'));
});

test('where the browser keeps nothing, the person is told before much depends on it', async (t) => {
  const page = await openCheck(t, 'participant', { kept: 'refused' });
  assert.match(page.textOf('reload-warning'), /Please do not load this page again/);
  await page.press('Close');
  assert.ok(!page.shows('reload-warning'));
});

test('the passcode of a host is asked at the door, with one link, and the devices stay as they were set', async (t) => {
  const page = await openPage(t, { hash: link({ name: 'Dr. Lind', role: 'host' }) });
  await page.fill('name-input', 'Dr. Lind');
  await page.submit('join-button');
  for (const code of ['', 'wrong', 'right']) {
    if (code) {
      await page.fill('passcode', code);
      await page.submit('passcode');
    }
    page.socket.open();
    await page.settle();
    if (code === 'right') break;
    page.socket.refuse('hello', { code: 'passcode_wrong', message: '', retryable: true });
    await page.settle();
    assert.equal(page.find('ending-card').dataset.code, 'passcode_wrong');
    assert.equal(page.text.includes('That is not the passcode'), code === 'wrong');
  }
  await page.welcome({ state: 'admitted', role: 'host' });
  const hellos = page.sent('hello');
  assert.equal(new Set(hellos.map(({ token: t1, nonce }) => `${String(t1)} ${String(nonce)}`)).size, 1);
  assert.deepEqual([...new Set(hellos.map(({ passcode }) => passcode))], [undefined, 'wrong', 'right']);
  assert.deepEqual(page.devices.lights, ['audio', 'video']);
});

test('a host who leaves keeps no name', async (t) => {
  const page = await openHost(t);
  await page.receive('barred.list', { barred: [{ participantId: 'x', displayName: 'Xenia' }] });
  await page.click('leave');
  await page.click('leave-alone');
  await page.click('confirm');
  assert.deepEqual([page.store.waiting, page.store.barred, page.store.roster].map(({ value }) => value.length), [0, 0, 0]);
  assert.doesNotMatch(page.text, /Theo|Xenia|Jonas/);
  assert.deepEqual(page.devices.lights, []);
});

const k = Buffer.alloc(32, 9).toString('base64url');

test('the secret of encryption leaves the address with the token, is sent to nobody, and lasts over a reload', async (t) => {
  const kept = new Map<string, string>();
  const page = await openPage(t, { kept, hash: `${link({ name: 'Mara', jti: 'a', e2ee: 'required' })}&k=${k}` });
  assert.equal(page.address, 'http://localhost:8080/');
  await page.fill('name-input', 'Mara');
  await page.submit('name-input');
  await page.welcome({ policy: { name: 'default', recording: 'never', scopes: [], e2ee: 'required' } });
  assert.equal(page.store.session?.identity?.k, k);
  assert.equal(page.store.session?.identity?.required, true);
  const frames = page.socket.sent.map((frame) => JSON.stringify(frame));
  assert.ok(frames.length > 0 && !frames.some((frame) => frame.includes(k)), 'k is in a frame');
  const again = await openPage(t, { kept });
  assert.equal(again.store.session?.identity?.k, k);
  assert.equal(again.store.session?.identity?.required, true);
  await again.receive('room.ended', { reason: 'ended' });
  assert.ok(![...kept.values()].some((value) => value.includes(k)), 'k outlives the seat');
});

test('a link whose end is missing is said to be damaged, and dials nothing', async (t) => {
  for (const cut of ['', k.slice(0, 20), k.slice(1)]) {
    const page = await openPage(t, { hash: `${link({ name: 'Mara', jti: 'a' })}&k=${cut}` });
    assert.equal(page.find('ending-card').dataset.code, 'link_damaged');
    assert.throws(() => page.socket);
  }
});
