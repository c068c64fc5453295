// The session as a participant sees it: what is on, what is said, what is asked, and what happens to the devices.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Consent } from '../../client';
import { lind, openHost, openSession, permissionsOf, person, room, self, FakeTrack, type Page } from '../support/page';

const minute = 60_000;
const consent = (scope: Consent['scope'], decision?: Consent['decision']): Consent => ({
  scope, purpose: 'Supervision', texts: [{ id: scope, version: '1', locale: 'en', text: `About ${scope}`, textHash: scope }], ...(decision ? { decision } : {}),
});
const state = (more: object = {}) => ({ needs: [], agreement: [], consents: [] as Consent[], helpRaised: false, ...more });
const banners = (page: Page): string => page.query('.banner').map((banner) => banner.textContent).join(' | ');

test('the header says the name, the lock, the recording and the time', async (t) => {
  const page = await openSession(t);
  const header = () => page.query('.head')[0]?.textContent?.replaceAll(/\s+/g, ' ') ?? '';
  assert.match(header(), /Tuesday *Not locked *Not recording/);
  await page.receive('room.updated', room({ locked: true, recording: 'paused', endsAt: Date.now() + 50 * minute, endsFor: 'limit' }));
  assert.match(header(), /Locked *Recording paused *50 min left/);
  await page.pass(41 * minute);
  assert.match(page.textOf('time-left'), /^9 min left$/);
  assert.equal(page.query('[data-testid="time-left"] .warn').length, 1);
  await page.receive('room.updated', room({ endsAt: Date.now() + minute, endsFor: 'idle' }));
  assert.ok(!page.shows('time-left'), 'the end of an idle room is no limit of the session');
});

test('the end is warned of, and only who may can move it', async (t) => {
  for (const [open, may] of [[openSession, false], [openHost, true]] as const) {
    const page = await open(t);
    await page.receive('room.updated', room({ endsAt: Date.now() + 5 * minute, endsFor: 'limit' }));
    await page.receive('room.warning', { minutes: 5 });
    assert.match(page.textOf('warning'), /The session ends in 5 minutes\./);
    assert.equal(page.shows('extend-banner'), may);
    await page.receive('room.warning', { minutes: 1 });
    assert.match(page.textOf('warning'), /one minute/);
    await page.receive('room.updated', room({ endsAt: Date.now() + 20 * minute, endsFor: 'limit' }));
    assert.ok(!page.shows('warning'));
  }
});

test('who is alone, and whom no therapist is with, is told when it ends', async (t) => {
  const page = await openSession(t);
  await page.receive('room.updated', room({ endsAt: Date.now() + 6 * minute, endsFor: 'idle' }));
  assert.ok(!page.shows('alone'));
  await page.pass(minute + 10_000);
  assert.match(page.textOf('alone'), /If nobody comes, the session ends in 5 min\./);
  await page.receive('room.updated', room({ hostAbsent: true, endsAt: Date.now() + 3 * minute, endsFor: 'absent' }));
  assert.match(page.textOf('absent'), /No therapist is here right now\. Nobody new can enter\. If nobody comes back, the session ends in 3 minutes\..*Call the clinic: \+49 30 1234/);
});

test('a recording is seen, said and heard, when it begins and when it ends', async (t) => {
  const page = await openSession(t, {}, { policy: { name: 'care', recording: 'everyone', scopes: ['recording.audio'] } });
  await page.pass(1_200);
  const steps: [string, string, string, number[]][] = [
    ['asking', 'Not recording, asking everyone', '', []],
    ['starting', 'Recording is starting', 'Recording is starting.', [523.25, 783.99]],
    ['on', 'Recording', 'Recording has begun.', [523.25, 783.99]],
    ['paused', 'Recording paused', 'Recording is paused.', [523.25, 783.99, 783.99, 523.25]],
    ['off', 'Not recording', '', [523.25, 783.99, 783.99, 523.25]],
  ];
  for (const [recording, shown, said, notes] of steps) {
    await page.receive('room.updated', room({ recording }));
    assert.deepEqual([page.textOf('recording'), page.find('recording').dataset.state, page.shows('recording-banner'), page.notes], [shown, recording, ['starting', 'on'].includes(recording), notes]);
    await page.pass(1_200);
    if (said) assert.equal(page.announced, said);
  }
  await page.receive('room.updated', room({ recording: 'of a later version' }));
  assert.equal(page.textOf('recording'), 'Recording', 'what is unknown is taken for a recording');
});

test('why a recording failed is said until somebody has read it', async (t) => {
  const page = await openSession(t);
  await page.receive('recording.failed', { reason: 'disk_full' });
  assert.match(page.textOf('recording-fault'), /Recording has stopped: there is no space left for it\./);
  assert.equal(page.find('recording-fault').getAttribute('role'), 'alert');
  await page.press('Close');
  assert.ok(!page.shows('recording-fault'));
});

test('consent is asked with its terms; closing is no answer; a no is answered anew only by the own hand', async (t) => {
  const page = await openSession(t, {}, { policy: { name: 'care', recording: 'everyone', scopes: ['recording.audio', 'recording.video'] } });
  await page.receive('room.updated', room({ recording: 'asking' }));
  await page.receive('self.updated', state({ consents: [consent('recording.audio'), consent('recording.video')] }));
  const dialog = page.query('dialog')[0]?.textContent ?? '';
  for (const words of ['Supervision', 'Picture and sound of this session', 'Only if everyone says yes. One no is enough', 'About recording.audio', 'About recording.video', 'are not told how you answered']) assert.ok(dialog.includes(words), words);
  assert.deepEqual(page.query('dialog .actions.equal button').map((b) => [b.className, b.textContent]), [['btn', 'No, do not record'], ['btn', 'Yes, record']]);
  await page.closeDialog();
  assert.deepEqual(page.sent('consent.respond'), []);
  assert.match(banners(page), /You have not answered whether the session may be recorded\. That counts as no\./);
  await page.click('consent-answer');
  await page.click('consent-no');
  assert.deepEqual(page.sent('consent.respond'), ['audio', 'video'].map((kind) => ({ scope: `recording.${kind}`, textHash: `recording.${kind}`, decision: 'refused' })));
  await page.receive('self.updated', state({ consents: [consent('recording.audio', 'refused'), consent('recording.video', 'refused')] }));
  assert.equal(page.query('dialog').length, 0);
  await page.click('answer-again');
  await page.click('consent-yes');
  assert.equal(page.sent('consent.respond').at(-1)?.decision, 'granted');
});

test('each is recorded alone where the rules say so', async (t) => {
  const page = await openSession(t, {}, { policy: { name: 'each', recording: 'each', scopes: ['recording.audio'] } });
  await page.receive('self.updated', state({ consents: [consent('recording.audio')] }));
  assert.match(page.query('dialog')[0]?.textContent ?? '', /Sound, no picture of this session.*Only those who say yes are recorded.*Recording of you then stops at once/);
  await page.closeDialog();
  await page.receive('room.updated', room({ recording: 'on' }));
  assert.match(page.textOf('recording-banner'), /You are not recorded\./);
  await page.receive('self.updated', state({ consents: [consent('recording.audio', 'granted')] }));
  assert.match(page.textOf('recording-banner'), /You said yes, so you are recorded\./);
});

test('a yes that is taken back while the server is silent turns everything off until it knows', async (t) => {
  const page = await openSession(t);
  await page.receive('room.updated', room({ recording: 'on' }));
  await page.receive('self.updated', state({ consents: [consent('recording.audio', 'granted')] }));
  page.leaveOpen('consent.withdraw');
  await page.click('withdraw');
  assert.deepEqual([page.devices.tracks.map(({ enabled }) => enabled), page.shows('withdrawing')], [[false, true], false]);
  await page.pass(2_000);
  assert.match(page.textOf('withdrawing'), /could not be told yet/);
  assert.deepEqual(page.devices.lights, []);
  for (const id of ['withdraw', 'recording-banner']) assert.ok(!page.shows(id), id);
  page.accept('consent.withdraw');
  await page.drop();
  assert.match(page.textOf('banner'), /Connection lost/);
  await page.pass(500);
  await page.welcome({ state: 'admitted', permissions: permissionsOf.participant });
  assert.deepEqual(page.sent('consent.withdraw').length, 2);
  assert.match(banners(page), /You took back your yes\..*You can turn your camera and microphone on again\./);
  assert.ok(!page.shows('withdrawing'));
});

test('a lost connection says that the place is kept, for as long as it is', async (t) => {
  const page = await openSession(t);
  await page.drop();
  assert.match(page.textOf('banner'), /Your place is kept for one minute\./);
  const dials = () => page.sent('hello').length;
  await page.press('Try now');
  page.socket.open();
  assert.equal(dials(), 2);
  await page.pass(minute);
  assert.match(page.textOf('banner'), /Your place may not be kept any longer\. We go on trying\./);
});

test('a restart of the server is said, when it is near and when it is not after all', async (t) => {
  const page = await openSession(t);
  await page.pass(1_200);
  await page.receive('server.draining', { draining: true, stopsAt: Date.now() + 300_000 });
  assert.match(page.textOf('restarting'), /Your place is kept: you come back by yourself/);
  await page.pass(1_200);
  assert.match(page.announced, /The server restarts within 5 minutes\./);
  await page.receive('server.draining', { draining: false });
  assert.ok(!page.shows('restarting'));
  await page.receive('server.draining', { draining: true, stopsAt: Date.now() + 8_000 });
  await page.pass(1_200);
  assert.match(page.announced, /in a moment/);
  await page.drop(4503);
  assert.ok(page.shows('banner') && !page.shows('restarting'));
});

test('what a host mutes is released here, and only the own hand turns it on again', async (t) => {
  const page = await openSession(t);
  for (const [source, light] of [['microphone', 'audio'], ['camera', 'video']] as const) {
    const muted = self({ publications: self().publications.map((one) => ({ ...one, muted: one.source === source })) });
    await page.receive('participant.updated', { participant: muted });
    assert.ok(banners(page).includes(`A therapist turned your ${source} off. You can turn it on again.`));
    assert.ok(!page.devices.lights.includes(light));
    await page.receive('participant.updated', { participant: self() });
    assert.ok(!page.devices.lights.includes(light), 'it started by itself');
  }
});

test('a mute that this page asked for itself is not taken for one of a host', async (t) => {
  const page = await openSession(t);
  page.leaveOpen('publication.set');
  await page.click('mic-toggle');
  await page.click('mic-toggle');
  await page.receive('participant.updated', { participant: self({ publications: self().publications.map((one) => ({ ...one, muted: one.source === 'microphone' })) }) });
  assert.ok(page.devices.lights.includes('audio'));
  assert.equal(banners(page), '');
});

test('what a host takes has no control until it is given back, and then stays off', async (t) => {
  const page = await openSession(t);
  const allow = (permissions: string[]) => page.receive('access.changed', { state: 'admitted', permissions });
  await allow(permissionsOf.participant.filter((one) => one !== 'publish.camera'));
  assert.match(banners(page), /A therapist took your camera away for now\. It can be given back\./);
  assert.deepEqual([page.shows('camera-toggle'), page.devices.lights], [false, ['audio']]);
  await allow(permissionsOf.participant);
  assert.match(banners(page), /A therapist lets you use your camera\. Turn on what you like\./);
  assert.deepEqual([page.shows('camera-toggle'), page.devices.lights], [true, ['audio']]);
  await allow(['hand.raise']);
  assert.match(banners(page), /took your microphone and camera away for now\. It can be given back\./);
});

test('a wish to unmute is answered by the person, and is gone with being sent back', async (t) => {
  const page = await openSession(t);
  const wish = 'A therapist asks you to turn on your microphone.';
  await page.receive('unmute.asked', { source: 'microphone' });
  assert.ok(!page.text.includes(wish), 'it is on');
  await page.click('mic-toggle');
  assert.ok(page.text.includes(wish));
  await page.press('Keep it off');
  assert.deepEqual([page.text.includes(wish), page.devices.lights], [false, ['video']]);
  await page.receive('unmute.asked', { source: 'microphone' });
  await page.press('Turn it on');
  assert.deepEqual(page.devices.lights, ['video', 'audio']);
  await page.click('mic-toggle');
  await page.receive('unmute.asked', { source: 'microphone' });
  await page.receive('access.changed', { state: 'waiting', reason: 'sent_back', permissions: [] });
  await page.receive('access.changed', { state: 'admitted', permissions: permissionsOf.participant });
  assert.ok(!page.text.includes(wish));
});

test('what was announced of the group is gone with it', async (t) => {
  const page = await openSession(t);
  await page.receive('participant.updated', { participant: person('jonas', 'Jonas', { handRaised: true }) });
  await page.pass(1_200);
  assert.match(page.announced, /Jonas raised a hand\./);
  await page.receive('participant.left', { participantId: 'jonas', reason: 'left' });
  await page.receive('access.changed', { state: 'waiting', reason: 'sent_back', permissions: [] });
  await page.pass(1_200);
  assert.equal(page.announced, '');
});

test('a hand is raised and lowered, help is asked for, and a refusal is said', async (t) => {
  const page = await openSession(t);
  await page.click('hand-toggle');
  await page.receive('participant.updated', { participant: self({ handRaised: true }) });
  await page.click('hand-toggle');
  assert.deepEqual(page.sent('hand.set'), [{ raised: true }, { raised: false }]);
  assert.match(page.textOf('help'), /Only therapists see it/);
  await page.click('help');
  await page.pass(1_200);
  assert.equal(page.announced, 'The therapists know that you ask for help. Nobody else in the group sees it.');
  await page.receive('self.updated', state({ helpRaised: true }));
  assert.match(page.textOf('help'), /Therapists know/);
});

test('in a side room the two are all there is', async (t) => {
  const page = await openSession(t);
  assert.equal(page.all('tile').length, 3);
  await page.receive('self.updated', state({ sideRoom: 'lind' }));
  assert.match(page.textOf('side-room'), /You are in a side room with Dr\. Lind\./);
  assert.deepEqual(page.all('tile').map(({ dataset }) => dataset.name), ['Dr. Lind', 'Mara']);
  await page.click('side-room-leave');
  assert.deepEqual(page.sent('sideRoom.leave'), [{}]);
});

test('the agreement is shown again without a question', async (t) => {
  const page = await openSession(t);
  await page.receive('agreement.reminder', { texts: [{ id: 'rules', version: '1', locale: 'en', text: 'Stays here.', textHash: 'h' }] });
  assert.match(page.query('dialog')[0]?.textContent ?? '', /What we agreed.*Stays here\./);
  await page.click('reminder-close');
  assert.deepEqual([page.query('dialog').length, page.sent('agreement.acknowledge')], [0, []]);
});

test('who may not share a screen asks, and one that is picked too late is shown to nobody', async (t) => {
  const page = await openSession(t);
  assert.equal(page.textOf('screen-toggle'), 'Ask to share. A therapist decides');
  await page.click('screen-toggle');
  assert.deepEqual(page.sent('permission.ask'), [{ permission: 'screen' }]);
  assert.match(banners(page), /You asked to share your screen\./);
  const may = (yes: boolean) => page.receive('access.changed', { state: 'admitted', permissions: [...permissionsOf.participant, ...(yes ? ['publish.screen'] : [])] });
  for (const late of [true, false]) {
    await may(true);
    let pick = (_: FakeTrack | null): void => undefined;
    page.devices.picked = new Promise((picked) => { pick = picked; });
    await page.click('screen-toggle');
    if (late) await may(false);
    const track = new FakeTrack('video', 'screen');
    pick(track);
    await page.settle();
    assert.deepEqual([track.readyState, page.store.localMedia.screen.value !== null], late ? ['ended', false] : ['live', true]);
  }
  assert.equal(page.textOf('screen-toggle'), 'Sharing. Stop');
  await may(false);
  assert.equal(page.store.localMedia.screen.value, null, 'a grant that was taken back ends the sharing');
});

test('a device that is unplugged, or that another program has, is said, and muted for the group', async (t) => {
  const page = await openSession(t);
  const [microphone, camera] = page.devices.tracks;
  microphone?.end();
  await page.settle();
  assert.match(page.textOf('microphone-trouble'), /Your microphone is off\..*It may have come unplugged/);
  assert.deepEqual(page.sent('publication.set').at(-1), { source: 'microphone', muted: true });
  assert.equal(page.textOf('mic-toggle'), 'Mic off. Turn on');
  camera!.muted = true;
  camera?.onmute?.();
  await page.pass(500);
  assert.match(page.textOf('camera-interrupted'), /Your camera has stopped for now\..*Others see that it is off\. It comes back by itself\./);
  assert.deepEqual(page.sent('publication.set').at(-1), { source: 'camera', muted: true });
  camera!.muted = false;
  camera?.onunmute?.();
  await page.pass(1_200);
  assert.ok(!page.shows('camera-interrupted'));
  assert.match(page.announced, /Your camera works again\./);
});

test('devices are changed in a dialog; what is off stays off; a speaker that is gone is said', async (t) => {
  const page = await openSession(t);
  await page.click('mic-toggle');
  await page.click('devices');
  const asked = page.devices.tracks.length;
  await page.choose('Microphone', 'audio-2');
  assert.equal(page.devices.tracks.length, asked, 'the light went on');
  await page.choose('Camera', 'video-2');
  assert.deepEqual(page.devices.tracks.filter(({ readyState }) => readyState === 'live').map(({ id }) => id), ['video-2']);
  await page.choose('Speaker', 'audio-2');
  page.devices.enumerateDevices = async () => [{ kind: 'audiooutput', deviceId: 'audio-1', label: 'one' }];
  page.devices.change();
  await page.settle();
  assert.match(page.textOf('devices-dialog'), /Your speaker is not there any more\./);
  assert.match(page.textOf('speaker-trouble'), /People near you may hear the group\./);
  await page.click('devices-close');
  assert.ok(!page.shows('devices-dialog'));
});

test('a browser that speaks no codec of the server is told once, with its devices off', async (t) => {
  const page = await openSession(t);
  page.refuse('media.offer', 'codec_unsupported');
  await page.receive('media.ready', { generation: 0, iceServers: [], slots: { pairs: 1, screens: 0 }, codecs: { audio: [], video: [] } });
  assert.match(page.textOf('media-refused'), /It lacks VP8 or Opus/);
  assert.deepEqual(page.devices.lights, []);
});

test('leaving asks first, and says what it means', async (t) => {
  const page = await openSession(t);
  await page.click('leave');
  assert.match(page.text, /The others see that you left\./);
  await page.press('Stay');
  assert.equal(page.sent('leave').length, 0);
  await page.receive('self.updated', state({ consents: [consent('recording.audio', 'granted')] }));
  await page.click('leave');
  await page.click('confirm');
  assert.equal(page.find('ending-card').dataset.code, 'left');
  assert.match(page.textOf('left-yes'), /ask the clinic to delete what was recorded of you/);
});

test('the tile of a host says so; who is away has none, and is named below the group', async (t) => {
  const page = await openSession(t);
  await page.receive('roster', { participants: [lind({ connected: false }), self(), person('jonas', 'Jonas', { away: true })] });
  const [first, ...others] = page.all('tile').map(({ textContent }) => textContent ?? '');
  assert.match(first ?? '', /Reconnecting.*Dr\. Lind, Therapist, reconnecting/);
  assert.equal(others.length, 1);
  assert.match(page.textOf('aside'), /JonasAway/);
});
