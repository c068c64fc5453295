// The shield, the code, and the words for broken encryption, from the session's status alone.
import assert from 'node:assert/strict';
import test from 'node:test';
import { unencrypted, type EncryptionStatus } from '../../client';
import { shieldOf } from '../../page/state/encryption';
import { openHost, openPage, openSession, openWaiting, person, token, type Page } from '../support/page';

const code = '12345 67890 11111 22222 33333 44444';
const member = (more: Partial<EncryptionStatus> = {}): EncryptionStatus =>
  ({ ...unencrypted, mode: 'required', state: 'member', level: 'link', proved: true, code, members: 3, ...more });
const byCode = (more: Partial<EncryptionStatus> = {}): EncryptionStatus => member({ level: 'code', proved: false, ...more });

async function show(page: Page, status: EncryptionStatus): Promise<void> {
  page.store.encryption.status.value = status;
  await page.settle();
}

// What the page asks of the encryption.
function asked(page: Page): string[] {
  const { encryption } = page.store;
  const all: string[] = [];
  encryption.compare = (result) => void all.push(result);
  encryption.letIn = (people) => void all.push(`let in ${people.map(({ id, name }) => `${id}: ${name}`).join(', ')}`);
  encryption.renew = () => void all.push('renew');
  return all;
}

test('the shield is closed only for what is proved, and red for what only a tampering server or a broken client sends', () => {
  const cases: [Partial<EncryptionStatus>, string][] = [
    [{}, 'closed'], [{ level: 'code', proved: true }, 'closed'], [{ proved: false }, 'open'], [{ level: 'code', proved: false }, 'open'],
    [{ state: 'preparing' }, 'preparing'], [{ state: 'outside', proved: true }, 'preparing'], [{ state: 'broken' }, 'broken'],
    [{ problem: 'tampered' }, 'broken'], [{ problem: 'impostor' }, 'broken'], [{ problem: 'frames' }, 'broken'],
    [{ problem: 'unsupported', state: 'preparing' }, 'broken'], [{ problem: 'mode' }, 'broken'],
    [{ problem: 'replaced' }, 'closed'], [{ problem: 'worker_lost', state: 'outside' }, 'preparing'], [{ problem: 'worker_lost' }, 'preparing'],
    [{ mode: 'off', state: 'off' }, 'none'],
  ];
  for (const [more, shield] of cases) assert.equal(shieldOf(member(more)), shield, JSON.stringify(more));
});

test('a session without end-to-end encryption shows no shield and no promise', async (t) => {
  const page = await openSession(t);
  for (const id of ['shield', 'encryption-section', 'encryption-promise']) assert.ok(!page.shows(id), id);
  assert.ok(!(await openWaiting(t)).shows('encryption-promise'));
});

test('who waits is told what the server cannot do, and what they still trust', async (t) => {
  const page = await openWaiting(t);
  await show(page, { ...unencrypted, mode: 'required', state: 'preparing' });
  assert.match(page.textOf('encryption-promise'), /The video server cannot hear you\. You trust your clinic’s page\.$/);
});

test('with proved links the shield is closed, and says so in one sentence with the code behind it', async (t) => {
  const page = await openSession(t);
  await show(page, member());
  assert.equal(page.textOf('shield'), 'Encrypted');
  assert.ok(!page.shows('code-compare'));
  await page.click('shield');
  assert.match(page.textOf('encryption-dialog'), /The video server cannot hear you\. You trust your clinic’s page\./);
  assert.match(page.textOf('encryption-dialog'), /The links from the clinic prove who is here/);
  assert.deepEqual(page.query('[data-testid="code"] li').map((li) => li.textContent), code.split(' ').map((group) => group + [...group].join(' ')));
  await page.press('Close');
  assert.ok(!page.shows('encryption-dialog'));
});

test('without links people compare the code: asked for once, answered locally', async (t) => {
  const page = await openSession(t);
  const acts = asked(page);
  await show(page, byCode());
  assert.equal(page.textOf('shield'), 'Compare the code');
  assert.match(page.textOf('code-compare'), /Compare the code of this session\./);
  page.requests();
  await page.press('Compare');
  assert.match(page.textOf('encryption-dialog'), /A therapist reads these digits aloud/);
  await page.click('code-same');
  assert.deepEqual(acts, ['same']);
  assert.ok(!page.shows('encryption-dialog'));
  await show(page, byCode({ proved: true }));
  assert.equal(page.textOf('shield'), 'Encrypted');
  await page.pass(1_300);
  assert.match(page.announced, /Only this group can see and hear you/);
  await page.click('shield');
  assert.match(page.textOf('encryption-dialog'), /You have compared the code/);
  assert.deepEqual(page.requests(), [], 'the answer is sent to nobody');
});

test('a code that is not the same turns the shield red, with what to do', async (t) => {
  const page = await openSession(t);
  const acts = asked(page);
  await show(page, byCode());
  await page.click('shield');
  await page.click('code-different');
  assert.deepEqual(acts, ['different']);
  await show(page, byCode({ problem: 'impostor' }));
  assert.match(page.textOf('encryption-dialog'), /could not prove .*Say nothing confidential .*Tell a therapist\. .*call the clinic/);
  assert.ok(!page.shows('renew-encryption'), 'a participant cannot renew');
});

test('who wants to compare later is asked again when the code changes', async (t) => {
  const page = await openSession(t);
  await show(page, byCode());
  await page.press('Later');
  assert.ok(!page.shows('code-compare'));
  assert.equal(page.textOf('shield'), 'Compare the code');
  await show(page, byCode({ code: code.replace('12345', '99999'), codeChanged: true }));
  assert.match(page.textOf('code-changed'), /The code of this session has changed\./);
});

test('a renewed encryption of proved links is a notice, not an alarm', async (t) => {
  const page = await openSession(t);
  await show(page, member({ problem: 'replaced', code: code.replace('1', '9') }));
  assert.equal(page.find('shield').dataset.state, 'closed');
  assert.match(page.textOf('code-changed'), /The encryption was renewed\. A therapist’s link proves it/);
  await page.press('Close');
  assert.ok(!page.shows('code-changed'));
});

test('what is wrong is said to everyone at once, in words', async (t) => {
  const page = await openSession(t);
  for (const [problem, words] of [
    ['tampered', /was tampered with/], ['impostor', /could not prove to be who they should be/], ['frames', /It was not shown and not played/],
    ['unsupported', /This browser cannot encrypt/],
  ] as const) {
    await show(page, member({ problem }));
    assert.match(page.textOf('encryption-broken'), words);
    assert.equal(page.find('encryption-broken').getAttribute('role'), 'alert');
    assert.equal(page.textOf('shield'), 'Encryption is broken');
  }
  await show(page, member({ state: 'outside', problem: 'worker_lost' }));
  assert.match(page.text, /The part of this page that encrypts has stopped\. It starts again by itself/);
});

test('a device that stays outside of the group is told so, not at once', async (t) => {
  const page = await openSession(t);
  await show(page, member({ state: 'outside', code: null, members: 0 }));
  assert.equal(page.textOf('shield'), 'Encryption starts');
  assert.ok(!page.shows('encryption-outside'));
  await page.pass(3_100);
  assert.match(page.textOf('encryption-outside'), /nobody sees or hears you, and you see and hear nobody/);
});

test('a host has the code in the panel, renews the encryption, and sees whose keys were refused', async (t) => {
  const page = await openHost(t);
  const acts = asked(page);
  await show(page, byCode({ unproved: ['jonas', 'gone'] }));
  const section = page.textOf('encryption-section');
  assert.match(section, /12345/);
  assert.match(section, /Cannot prove who they are, and see and hear nobody: Jonas, Somebody\. They need a new link/);
  await page.click('shield');
  assert.match(page.textOf('encryption-dialog'), /Read these digits aloud/);
  await page.press('Close');
  await page.click('renew-encryption');
  assert.deepEqual(acts, [], 'it is asked first');
  await page.click('confirm');
  assert.deepEqual(acts, ['renew']);
  assert.match(page.text, /The encryption is being renewed/);
});

test('a host finds the renewal where something is broken', async (t) => {
  const page = await openHost(t);
  const acts = asked(page);
  await show(page, member({ state: 'broken', problem: 'tampered' }));
  await page.press('What to do');
  const [button] = page.query('[data-testid="encryption-dialog"] [data-testid="renew-encryption"]');
  assert.ok(button);
  await page.click(button);
  await page.click('confirm');
  assert.deepEqual(acts, ['renew']);
  assert.ok(!page.shows('encryption-dialog'));
});

test('hosts are asked about people whom this device did not see admitted, wherever they look', async (t) => {
  const page = await openHost(t);
  const acts = asked(page);
  await page.receive('participant.joined', { participant: person('mara', 'Mara', { verifiedName: 'Mara Vogel' }) });
  await show(page, member({ unadmitted: ['jonas', 'mara', 'gone'] }));
  const alert = page.find('unadmitted');
  assert.equal(alert.getAttribute('role'), 'alert');
  assert.match(page.textOf('unadmitted'), /2 people are in the session whom this device did not see admitted: Jonas, Mara \(on file: Mara Vogel\)\..*they see and hear nobody here/);
  assert.equal(page.textOf('shield'), 'Encrypted', 'the group is as safe as before');
  for (const button of alert.querySelectorAll('button')) assert.ok(button.textContent && button.tabIndex >= 0);
  await page.click('let-in');
  assert.deepEqual(acts, ['let in jonas: , mara: Mara Vogel']);
  assert.equal(page.focused, 'h2', 'the keyboard is at the list of people');
  await show(page, member({ unadmitted: ['jonas'] }));
  assert.match(page.textOf('unadmitted'), /1 person is in the session .*: Jonas\./);
  page.requests();
  await page.click('unadmitted-back');
  assert.deepEqual(page.sent('mod.sendBack'), [{ participantId: 'jonas' }]);
  // On a phone the panel is closed.
  await page.click('people-toggle');
  assert.equal(page.query('.banners [data-testid="unadmitted"]').length, 1);
  await show(page, member());
  assert.ok(!page.shows('unadmitted'));
});

test('who was made co-therapist in the room is told that others give the keys', async (t) => {
  const page = await openHost(t);
  await show(page, member({ adds: true }));
  assert.ok(!page.shows('link-of-participant'));
  await show(page, member({ adds: false }));
  assert.match(page.textOf('link-of-participant'), /Your link is that of a participant/);
  await show(page, { ...unencrypted });
  assert.ok(!page.shows('link-of-participant'));
});

test('a participant is asked about nobody', async (t) => {
  const page = await openSession(t);
  await show(page, member({ unadmitted: ['jonas'] }));
  assert.ok(!page.shows('unadmitted'));
});

test('a browser that cannot encrypt is told so before the link is spent, if the link promises it', async (t) => {
  const page = await openPage(t, { transforms: false, hash: `#t=${token({ name: 'Mara', e2ee: 'required' })}` });
  assert.equal(page.find('ending-card').dataset.code, 'e2ee_unsupported');
  assert.throws(() => page.socket);
  assert.ok((await openPage(t, { transforms: false, hash: `#t=${token({ name: 'Mara' })}` })).shows('name-input'));
});

test('a server that does not keep the promise of the link, or wants what this page cannot, is named in words', async (t) => {
  const page = await openSession(t);
  for (const [ending, words] of [
    ['e2ee_off', /Your link promises that the video server cannot hear you/], ['e2ee_required', /this page is too old for that/],
  ] as const) {
    page.store.ending.value = { code: ending };
    page.store.screen.value = 'ended';
    await page.settle();
    assert.equal(page.find('ending-card').dataset.code, ending);
    assert.match(page.text, words);
  }
});

test('the session tells the page that its room is encrypted, and the page forgets it with the session', async (t) => {
  const page = await openWaiting(t, 'participant', {}, { policy: { name: 'default', recording: 'never', scopes: [], e2ee: 'required' } });
  assert.ok(page.shows('encryption-promise'));
  assert.equal(page.store.encryption.shield.value, 'preparing');
  await page.receive('room.ended', { reason: 'ended' });
  assert.equal(page.store.encryption.shield.value, 'none');
});
