// The panel of hosts: what each control asks of the server, and what they are told.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openHost, person, room, self, waiter } from '../support/page';

const host = self({ displayName: 'Dr. Lind', role: 'host' });

test('each control asks for one thing', async (t) => {
  const page = await openHost(t, {}, { policy: { name: 'care', recording: 'everyone', scopes: ['recording.audio', 'recording.video'] } });
  await page.receive('room.updated', room({ endsAt: Date.now() + 50 * 60_000, endsFor: 'limit' }));
  await page.click('more');
  const participantId = 'jonas';
  const acts: [string, string, object][] = [
    ['lock-toggle', 'room.lock', {}],
    ['record', 'recording.start', { scopes: ['recording.audio', 'recording.video'] }],
    ['remind', 'agreement.remind', {}],
    ['extend', 'room.extend', { minutes: 15 }],
    ['mute', 'mod.mute', { participantId, source: 'microphone' }],
    ['grant-microphone', 'mod.grant', { participantId, grant: 'microphone', granted: false }],
    ['grant-camera', 'mod.grant', { participantId, grant: 'camera', granted: false }],
    ['grant-screen', 'mod.grant', { participantId, grant: 'screen', granted: true }],
    ['verify', 'mod.verify', { participantId, verified: true }],
    ['set-role', 'mod.setRole', { participantId, role: 'cohost' }],
    ['send-back', 'mod.sendBack', { participantId }],
  ];
  for (const [control, type, data] of acts) {
    await page.click(control);
    assert.deepEqual([page.requests(), page.sent(type).at(-1)], [[type], data], control);
  }
});

test('what is on asks for the opposite', async (t) => {
  const page = await openHost(t, {}, { policy: { name: 'care', recording: 'everyone', scopes: ['recording.audio'] } });
  await page.receive('room.updated', room({ locked: true, recording: 'on' }));
  await page.receive('roster', { participants: [host, person('jonas', 'Jonas', { verified: true, taken: ['camera'], grants: ['screen'], publications: [] })] });
  await page.click('more');
  const participantId = 'jonas';
  const acts: [string, string, object][] = [
    ['lock-toggle', 'room.unlock', {}], ['record', 'recording.stop', {}], ['verify', 'mod.verify', { participantId, verified: false }],
    ['grant-camera', 'mod.grant', { participantId, grant: 'camera', granted: true }], ['grant-screen', 'mod.grant', { participantId, grant: 'screen', granted: false }],
  ];
  for (const [control, type, data] of acts) {
    await page.click(control);
    assert.deepEqual([page.requests(), page.sent(type).at(-1)], [[type], data], control);
  }
  assert.ok(!page.shows('mute'));
  await page.press('Ask to unmute');
  assert.deepEqual(page.sent('mod.askUnmute'), [{ participantId, source: 'microphone' }]);
});

test('removing and ending ask first, and a no does nothing', async (t) => {
  const page = await openHost(t);
  await page.click('more');
  await page.click('remove');
  assert.match(page.text, /Remove Jonas\?.*leaves at once and cannot come back to this session/);
  await page.press('Keep in the group');
  assert.deepEqual(page.requests(), []);
  await page.click('remove');
  await page.fill(page.query('dialog textarea')[0]!, ' Until next week. ');
  await page.click('confirm');
  assert.deepEqual(page.sent('mod.remove'), [{ participantId: 'jonas', message: 'Until next week.' }]);
  await page.click('end-for-all');
  assert.match(page.text, /Everyone leaves at once, also those who wait\./);
  await page.closeDialog();
  assert.deepEqual(page.sent('room.end'), []);
  await page.click('end-for-all');
  await page.click('confirm');
  assert.deepEqual(page.sent('room.end'), [{}]);
});

test('what the server refuses is said in words, and goes with the next success of the same act', async (t) => {
  const page = await openHost(t);
  const said: [string, string][] = [
    ['verification_required', 'first mark who this is'], ['agreement_required', 'the agreement is not signed'], ['passcode_wrong', 'the passcode is missing'],
    ['mfa_required', 'second factor'], ['invalid_state', 'not possible right now'], ['of_a_later_version', 'That did not work. Please try again.'],
  ];
  for (const [code, words] of said) {
    page.refuse('waiting.admit', code);
    await page.click('admit');
    assert.ok(page.query('.banner')[0]?.textContent?.includes(words), code);
  }
  page.accept('waiting.admit', { admitted: ['theo'], refused: [] });
  await page.click('admit');
  assert.equal(page.query('.banner').length, 0);
});

test('a call for help is an alert, opens the panel, and outlasts being sent back', async (t) => {
  const page = await openHost(t);
  await page.click('people-toggle');
  await page.receive('participant.updated', { participant: person('jonas', 'Jonas', { helpRaised: true }) });
  await page.receive('help.raised', { participantId: 'jonas' });
  assert.ok(page.store.panel.value);
  assert.equal(page.find('help-alert').getAttribute('role'), 'alert');
  assert.match(page.textOf('help-alert'), /Jonas asks for help.*Only therapists see this/);
  await page.click('help-side-room');
  await page.click('confirm');
  assert.deepEqual(page.sent('mod.sideRoom'), [{ participantId: 'jonas' }]);
  await page.click('people-toggle');
  assert.equal(page.query('.banners [data-testid="help-alert"]').length, 1);
  await page.receive('participant.left', { participantId: 'jonas', reason: 'sent_back' });
  await page.receive('waiting.added', { waiter: waiter('jonas', 'Jonas', { helpRaised: true }) });
  assert.match(page.textOf('help-alert'), /In the waiting room\. Only therapists see this/);
  assert.ok(!page.shows('help-side-room'));
  await page.click('help-done');
  assert.deepEqual(page.sent('help.clear'), [{ participantId: 'jonas' }]);
});

test('who asks to share a screen is allowed, or not now', async (t) => {
  const page = await openHost(t);
  const ask = () => page.receive('permission.asked', { participantId: 'jonas', permission: 'screen' });
  await ask();
  await ask();
  assert.equal(page.query('.alert').length, 1);
  await page.press('Not now');
  assert.equal(page.query('.alert').length, 0);
  await ask();
  await page.press('Allow');
  assert.deepEqual(page.sent('mod.grant'), [{ participantId: 'jonas', grant: 'screen', granted: true }]);
});

test('who was taken out may be allowed back', async (t) => {
  const page = await openHost(t);
  await page.receive('barred.list', { barred: [{ participantId: 'x', displayName: 'Xenia' }] });
  assert.match(page.text, /Taken out ?1 ?Xenia/);
  await page.click('lift');
  assert.deepEqual(page.sent('mod.lift'), [{ participantId: 'x' }]);
});

test('hosts write to one who waits', async (t) => {
  const page = await openHost(t);
  await page.press('Message Theo');
  await page.fill(page.query('dialog textarea')[0]!, 'One minute.');
  page.query('dialog form')[0]!.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
  await page.settle();
  assert.deepEqual(page.sent('waiting.message'), [{ participantId: 'theo', text: 'One minute.' }]);
  await page.receive('waiting.message', { from: 'host', participantId: 'theo', text: 'One minute.' });
  await page.receive('waiting.message', { from: 'waiting', participantId: 'theo', text: 'Fine.' });
  assert.match(page.textOf('waiter'), /Therapist: One minute\. ?Theo: Fine\./);
  await page.pass(1_200);
  assert.match(page.announced, /Theo wrote to you\./);
});

test('arrivals and departures are one announcement, by name', async (t) => {
  const page = await openHost(t);
  await page.pass(1_200);
  await page.receive('participant.joined', { participant: person('ada', 'Ada') });
  await page.receive('participant.joined', { participant: person('rec', '', { role: 'recorder' }) });
  await page.receive('participant.updated', { participant: person('ada', 'Ada', { handRaised: true }) });
  await page.receive('participant.left', { participantId: 'jonas', reason: 'left' });
  await page.receive('waiting.added', { waiter: waiter('noor', 'Noor') });
  await page.receive('room.updated', room({ locked: true }));
  await page.pass(1_199);
  assert.doesNotMatch(page.announced, /Ada/);
  await page.pass(1);
  assert.equal(page.announced, 'Ada joined. Ada raised a hand. Jonas left. Noor is waiting. The session is locked.');
  assert.ok(page.shows('recorder'));
  assert.equal(page.all('person').length, 2, 'the recorder is counted as a person');
});

test('hosts read of a source that sends too much, and of one without a safe connection', async (t) => {
  const page = await openHost(t);
  const banner = () => page.query('.banner').map((one) => one.textContent).join();
  await page.receive('quality', { participantId: 'jonas', source: 'camera', reason: 'rate', withheld: false });
  assert.match(banner(), /Jonas’s camera sends more than it may\. Part of it is left out\./);
  await page.receive('quality', { participantId: 'me', source: 'microphone', reason: 'rate', withheld: true });
  assert.match(banner(), /Your microphone sent far more than it may and was muted\. It can be turned on again\./);
  await page.receive('media.failed', { participantId: 'jonas', code: 'timeout' });
  assert.match(banner(), /Your microphone/, 'one that took too long comes again by itself');
  await page.receive('media.failed', { participantId: 'jonas', code: 'dtls' });
  assert.match(banner(), /Jonas is not connected: that browser cannot make a connection that is safe enough\./);
  await page.receive('quality', { participantId: 'jonas', source: 'microphone', reason: 'rate', withheld: true, taken: true });
  assert.match(banner(), /Jonas’s microphone sent far more than it may again and was taken away\. You can give it back\./);
  for (const [code, words] of [['srtp_profile', 'cannot protect them as this server asks for'], ['fingerprint', 'Something between this browser and the server'], ['later', 'does not take what it offers \\(later\\)']] as const) {
    await page.receive('media.failed', { participantId: 'me', code });
    assert.match(page.textOf('media-refused'), new RegExp(words));
  }
});

test('rows say who a person is and what they do', async (t) => {
  const page = await openHost(t, {}, { policy: { name: 'care', recording: 'never', scopes: [], verify: true } });
  await page.receive('roster', { participants: [
    host, person('co', 'Dr. Ito', { role: 'cohost' }), person('o', 'Olga', { role: 'observer', publications: [] }), person('g', 'Gil', { publications: [] }),
    person('v', 'Vera', { verified: true, away: true }),
  ] });
  const rows = page.all('person').map((row) => row.textContent ?? '');
  for (const [i, words] of [/You, Therapist/, /Co-therapist/, /Observer.*Muted/, /Getting ready.*Not verified/, /identity verified.*Side room/].entries()) assert.match(rows[i] ?? '', words);
  assert.equal(page.all('more').length, 4);
});

test('hosts see on tile and row whose encryption is weaker, and who has no safe connection and why', async (t) => {
  const page = await openHost(t);
  const tile = () => page.all('tile').find(({ dataset }) => dataset.participant === 'jonas')!;
  const row = () => page.all('person').find(({ dataset }) => dataset.participant === 'jonas')!;
  const marks = () => page.query('.tile .encryption, .person .encryption').length;
  const tell = (more: object) => page.receive('participant.updated', { participant: person('jonas', 'Jonas', more) });
  assert.equal(marks(), 0);
  const told: [object, string, string][] = [
    [{ aes128: true }, 'Weaker encryption (AES-128)', 'shield-weak'],
    [{ mediaFailed: 'timeout' }, 'No safe connection: it took too long', 'link'],
    [{ mediaFailed: 'closed' }, 'No safe connection: the browser ended it', 'link'],
    ...['srtp_profile', 'cipher_suite', 'dtls_version'].map((mediaFailed): [object, string, string] =>
      [{ mediaFailed, publications: [] }, 'No safe connection: the browser cannot encrypt as this server asks for', 'link']),
    [{ mediaFailed: 'fingerprint' }, 'No safe connection: something on the way changed it', 'link'],
    [{ mediaFailed: 'other' }, 'No safe connection: for an unknown reason (other)', 'link'],
    [{ mediaFailed: 'later' }, 'No safe connection: for an unknown reason (later)', 'link'],
  ];
  for (const [more, words, icon] of told) {
    await tell(more);
    assert.equal(marks(), 2, words);
    const mark = tile().querySelector('.encryption')!;
    assert.equal(mark.textContent, words);
    assert.ok(mark.closest('[aria-hidden="true"]'), 'it is read twice');
    assert.ok(tile().querySelector('.plate .sr:last-child')?.textContent?.includes(words), `not read out: ${words}`);
    const line = row().querySelector('.encryption')!;
    assert.equal(line.textContent?.trim(), words);
    assert.equal(line.closest('[aria-hidden]'), null);
    for (const one of [mark, line]) assert.equal(one.parentElement?.querySelector('use')?.getAttribute('href'), `#${icon}`);
    assert.doesNotMatch(page.text, /Getting ready/, 'one without keys does not come by itself');
  }
  await tell({});
  assert.equal(marks(), 0);
});

test('one who is no host any more sees no marks of encryption', async (t) => {
  const page = await openHost(t);
  await page.receive('roster', { participants: [host, person('jonas', 'Jonas', { aes128: true }), person('ada', 'Ada', { mediaFailed: 'closed' })] });
  assert.equal(page.query('.tile .encryption').length, 2);
  await page.receive('access.changed', { state: 'admitted', permissions: ['publish.microphone', 'publish.camera'] });
  assert.equal(page.query('.tile .encryption').length, 0);
  assert.doesNotMatch(page.text, /AES-128|safe connection/);
});
