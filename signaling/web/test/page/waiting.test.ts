// The device check and the waiting room: what a person reads there, does there, and learns of the group (nothing).
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Consent } from '../../client';
import { openCheck, openWaiting } from '../support/page';

const text = (id: string, locale: string, body: string) => ({ id, version: '3', locale, text: body, textHash: `${id}-${locale}` });
const agreement = [text('rules', 'en', '# Rules\nWhat is said here stays here.'), text('rules', 'de', '# Regeln\nAlles bleibt hier.')];
const consent = (scope: Consent['scope'], decision?: Consent['decision']): Consent =>
  ({ scope, purpose: 'Supervision', texts: [text(scope, 'en', `About ${scope}`)], ...(decision ? { decision } : {}) });

test('the waiting room says that nobody sees or hears, and knows nobody', async (t) => {
  const page = await openWaiting(t);
  assert.equal(page.title, 'Waiting room – Alcove');
  assert.match(page.text, /You are in the waiting room A therapist decides|You are in the waiting roomA therapist decides/);
  assert.match(page.text, /Who can see or hear me\? ?Nobody/);
  assert.match(page.text, /Your microphone and your camera start on, as set here\./);
  assert.match(page.text, /The session is not recorded\./);
  assert.match(page.text, /Call the clinic: \+49 30 1234/);
  assert.equal(page.focused, 'h1');
  await page.click('mic-toggle');
  assert.match(page.text, /Your microphone starts off and your camera starts on/);
  assert.deepEqual([page.peers, page.sent('publication.set')], [[], []]);
});

test('who is sent back reads it, with the words of the therapist', async (t) => {
  const page = await openWaiting(t);
  await page.receive('access.changed', { state: 'admitted', permissions: [] });
  await page.receive('access.changed', { state: 'waiting', reason: 'sent_back', message: 'One minute.', permissions: [] });
  assert.match(page.text, /You are back in the waiting room.*They wrote: “One minute\.”/);
});

test('the agreement comes first, in the language of the person, and closing it is a no', async (t) => {
  const page = await openWaiting(t, 'participant', { languages: ['de-AT'] }, { needs: ['agreement'], agreement });
  assert.match(page.text, /Our confidentiality agreement.*Version 3/);
  assert.deepEqual([page.query('dialog h3')[0]?.textContent, page.focused], ['Regeln', 'h2']);
  assert.equal(page.query('dialog .actions.equal button').length, 2);
  assert.deepEqual(page.query('.steps li').map((li) => li.textContent), ['Name, done', 'Check, done', 'Agreement', 'Waiting room']);
  await page.closeDialog();
  assert.deepEqual(page.sent('agreement.acknowledge'), []);
  assert.match(page.textOf('todo'), /You have not agreed to the confidentiality agreement\./);
  await page.click('read-agreement');
  await page.click('agree');
  assert.deepEqual(page.sent('agreement.acknowledge'), [{ textHash: 'rules-de' }]);
  await page.receive('self.updated', { needs: ['verification'], agreement: [], consents: [], helpRaised: false });
  assert.equal(page.query('dialog').length, 0);
  assert.equal(page.textOf('todo'), 'Before you can be let inA therapist checks who you are. You do not need to do anything.');
});

test('a text that changed is asked again', async (t) => {
  const page = await openWaiting(t, 'participant', {}, { needs: ['agreement'], agreement });
  await page.click('disagree');
  assert.equal(page.query('dialog').length, 0);
  await page.receive('self.updated', { needs: ['agreement'], agreement: [text('rules', 'en', 'New.')].map((one) => ({ ...one, textHash: 'new' })), consents: [], helpRaised: false });
  assert.ok(page.shows('agree'));
});

test('the passcode, wrong, too often, and right', async (t) => {
  const page = await openWaiting(t, 'participant', {}, { needs: ['passcode', 'mfa'] });
  assert.match(page.textOf('todo'), /second factor.*Passcode of the session.*The clinic gave it to you, apart from the link\./);
  const enter = async (code: string): Promise<string> => {
    await page.fill('passcode', code);
    await page.submit('passcode');
    return page.textOf('todo');
  };
  page.refuse('passcode.enter', 'passcode_wrong');
  assert.match(await enter(' guess '), /That is not the passcode\. Please look again, or ask the clinic\./);
  assert.deepEqual(page.sent('passcode.enter'), [{ code: 'guess' }]);
  page.refuse('passcode.enter', 'rate_limited', { retryAfterMs: 4_100 });
  assert.match(await enter('guess'), /Too many attempts\. Please wait 5 seconds, then try again\./);
  page.refuse('passcode.enter', 'rate_limited', { retryAfterMs: 900 });
  assert.match(await enter('guess'), /Please wait one second/);
  page.accept('passcode.enter');
  await enter('quiet-alcove');
  await page.receive('self.updated', { needs: [], agreement: [], consents: [], helpRaised: false });
  await page.pass(1_200);
  assert.equal(page.announced, 'The passcode is right.');
  assert.ok(!page.shows('todo'));
});

test('messages go both ways, in the check too', async (t) => {
  const page = await openCheck(t);
  await page.receive('waiting.message', { from: 'host', participantId: 'me', text: 'One minute, please.' });
  assert.match(page.text, /A therapist, only to you.*One minute, please\./);
  await page.press('Write back');
  await page.fill(page.query('dialog textarea')[0]!, 'Thank you.');
  page.query('dialog form')[0]!.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
  await page.settle();
  assert.deepEqual(page.sent('waiting.message'), [{ text: 'Thank you.' }]);
  assert.ok(page.shows('join-button'), 'to write is not to go on');
});

test('who was sent back may take back a yes, and reads that the server knows', async (t) => {
  const page = await openWaiting(t, 'participant', {}, { consents: [consent('recording.audio', 'granted')] });
  assert.match(page.text, /You said yes to a recording\. Here nothing of you is recorded\./);
  await page.click('withdraw');
  assert.deepEqual(page.sent('consent.withdraw'), [{}]);
  assert.match(page.text, /You took back your yes\. Nothing more of you is recorded\./);
});

test('leaving ends it for good, and lights are out before the server answers', async (t) => {
  const page = await openCheck(t);
  page.leaveOpen('leave');
  await page.click('leave');
  assert.deepEqual(page.devices.lights, []);
  assert.ok(!page.shows('ending-card'));
  await page.pass(2_000);
  assert.equal(page.find('ending-card').dataset.code, 'left');
});

test('what the browser still asks for is not shown as on', async (t) => {
  const page = await openCheck(t, 'observer');
  const { microphone } = page.store;
  let allow = (): void => undefined;
  const { getUserMedia } = page.devices;
  page.devices.getUserMedia = (wanted) => new Promise((done) => { allow = () => done(getUserMedia(wanted)); });
  page.store.role.value = 'participant';
  void microphone.turnOn();
  await page.settle();
  assert.equal(page.textOf('mic-toggle'), 'Mic off. Turn on');
  assert.match(page.text, /Waiting for it/);
  allow();
  await page.settle();
  assert.equal(page.textOf('mic-toggle'), 'Mic on. Turn off');
  assert.match(page.text, /Working/);
});

test('what is wrong with a device is said in words, and is no obstacle before the session', async (t) => {
  const reasons = { NotAllowedError: 'may not use', NotFoundError: 'was found', NotReadableError: 'did not start', Odd: 'did not start' };
  for (const [name, said] of Object.entries(reasons)) {
    const page = await openWaiting(t);
    page.devices.refuses = { audio: name, video: name };
    for (const id of ['mic-toggle', 'camera-toggle']) {
      await page.click(id);
      await page.click(id);
    }
    assert.deepEqual(page.devices.lights, []);
    for (const kind of ['microphone', 'camera']) {
      const banner = page.textOf(`${kind}-trouble`);
      assert.ok(banner.startsWith(`Your ${kind} is off.`) && banner.includes(said), banner);
    }
    assert.equal(page.query('.banners[role="status"] .banner').length, 2);
    await page.press('Close');
    assert.equal(page.query('.banner').length, 1);
  }
  const page = await openCheck(t);
  page.devices.refuses = { video: 'NotAllowedError' };
  await page.click('camera-toggle');
  await page.click('camera-toggle');
  assert.match(page.text, /Allow it beside the address of this page, then turn Camera on\. You can also join without a picture\./);
});
