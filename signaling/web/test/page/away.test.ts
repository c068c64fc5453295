// Side rooms and leaving: what the group is told when no therapist is with it, and what the last therapist decides.
import assert from 'node:assert/strict';
import test from 'node:test';
import { lind, openHost, openSession, person, room, self } from '../support/page';

const minute = 60_000;
const host = self({ displayName: 'Dr. Lind', role: 'host' });
const state = (more: object) => ({ needs: [], agreement: [], consents: [], helpRaised: false, ...more });
const emergency = { config: { emergency: { en: 'In danger, dial 112.' } } };

test('the group is told that the therapist is away for a moment, with the words of the therapist and of the clinic', async (t) => {
  const page = await openSession(t, emergency);
  assert.ok(!page.shows('absent'));
  await page.receive('participant.updated', { participant: lind({ away: true, awayMessage: 'Back at ten.' }) });
  await page.receive('room.updated', room({ hostAbsent: true, endsAt: Date.now() + 5 * minute, endsFor: 'absent' }));
  assert.match(page.textOf('absent'), /The therapist is away for a moment\. If nobody comes back, the session ends in 5 minutes\..*They left a word: “Back at ten\.”.*In danger, dial 112\..*\+49 30 1234/);
  await page.receive('participant.updated', { participant: lind() });
  await page.receive('room.updated', room());
  assert.ok(!page.shows('absent'));
});

test('with another therapist in the group it is said, and is no emergency', async (t) => {
  const page = await openSession(t, emergency);
  await page.receive('participant.joined', { participant: person('co', 'Dr. Ito', { role: 'cohost' }) });
  await page.receive('participant.updated', { participant: lind({ away: true }) });
  assert.match(page.textOf('absent'), /^A therapist is away for a moment\.\s*$/);
});

test('opening a side room takes a word for the group, and says when the group is left alone', async (t) => {
  const page = await openHost(t);
  await page.receive('participant.joined', { participant: person('ada', 'Ada') });
  await page.click('more');
  await page.click('side-room-open');
  assert.match(page.query('dialog')[0]?.textContent ?? '', /Side room with Jonas\?.*No other therapist is with the group meanwhile\./);
  await page.fill('side-room-word', ' Back at ten. ');
  await page.click('confirm');
  assert.deepEqual(page.sent('mod.sideRoom'), [{ participantId: 'jonas', message: 'Back at ten.' }]);
  await page.receive('self.updated', state({ sideRoom: 'jonas' }));
  await page.receive('room.updated', room({ endsAt: Date.now() + 4 * minute, endsFor: 'absent' }));
  assert.match(page.textOf('group-alone'), /The session ends for all in 4 minutes, unless you go back\./);
});

test('two alone need no word for anybody', async (t) => {
  const page = await openHost(t);
  await page.click('more');
  await page.click('side-room-open');
  assert.ok(!page.shows('side-room-word'));
  await page.click('confirm');
  assert.deepEqual(page.sent('mod.sideRoom'), [{ participantId: 'jonas' }]);
});

const grace = (hostGraceMs: number) => ({ policy: { name: 'care', recording: 'never', scopes: [], hostGraceMs } });

test('the last therapist ends, hands over, or leaves the group alone for a while', async (t) => {
  let page = await openHost(t, {}, grace(12 * minute));
  await page.click('leave');
  assert.match(page.text, /You are the last therapist here/);
  await page.click('confirm');
  assert.deepEqual(page.sent('room.end'), [{}]);

  page = await openHost(t, {}, grace(12 * minute));
  await page.click('leave');
  await page.click('leave-hand');
  await page.click('confirm');
  assert.deepEqual([page.sent('mod.setRole'), page.sent('leave')], [[{ participantId: 'jonas', role: 'cohost' }], [{}]]);

  page = await openHost(t, {}, grace(12 * minute));
  await page.click('leave');
  await page.click('leave-alone');
  assert.deepEqual([...page.find('leave-minutes').querySelectorAll('option')].map(({ textContent }) => textContent), ['5 minutes', '10 minutes', '12 minutes']);
  const select = page.find('leave-minutes') as HTMLSelectElement;
  select.value = '5';
  select.dispatchEvent(new Event('change', { bubbles: true }));
  await page.settle();
  await page.click('confirm');
  assert.deepEqual(page.sent('leave'), [{ aloneMinutes: 5 }]);
});

test('a hand-over that is refused leaves nobody alone', async (t) => {
  const page = await openHost(t);
  page.refuse('mod.setRole', 'mfa_required');
  await page.click('leave');
  await page.click('leave-hand');
  await page.click('confirm');
  assert.deepEqual(page.sent('leave'), []);
  assert.match(page.query('.banners')[0]?.textContent ?? '', /second factor/);
});

test('a therapist who is not the last just leaves; a co-therapist who is cannot end or hand over', async (t) => {
  const page = await openHost(t);
  await page.receive('roster', { participants: [host, person('jonas', 'Jonas'), person('co', 'Dr. Ito', { role: 'cohost' })] });
  await page.click('leave');
  assert.match(page.text, /Another therapist stays with the group\./);
  await page.press('Stay');
  await page.receive('roster', { participants: [host, person('jonas', 'Jonas')] });
  await page.receive('access.changed', { state: 'admitted', permissions: page.store.permissions.value.filter((one) => one !== 'room.end' && one !== 'participant.role') });
  await page.click('leave');
  assert.deepEqual([page.shows('leave-end'), page.shows('leave-hand'), page.shows('leave-alone')], [false, false, true]);
});
