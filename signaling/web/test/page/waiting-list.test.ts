// The hosts' list of who waits: verifying and admitting in one act, denying with time to undo, and people of the same name.
import assert from 'node:assert/strict';
import test from 'node:test';
import { labelsOf } from '../../page/state/labels';
import { openHost, person, self, waiter } from '../support/page';

const host = self({ displayName: 'Dr. Lind', role: 'host' });
const verifying = { policy: { name: 'care', recording: 'never', scopes: [], verify: true } };

test('hosts see who waits, what is still missing, and who closed the page', async (t) => {
  const page = await openHost(t);
  await page.receive('waiting.updated', { waiter: waiter('theo', 'Theo', { verifiedName: 'Theodor', returning: true, connected: false, needs: ['passcode', 'verification', 'later'] }) });
  assert.match(page.textOf('waiter'), /Theo.*On file: Theodor.*Still missing: the passcode, your confirmation of who this is, later.*Was here earlier.*The page is closed/);
  assert.ok(!page.shows('admit-all'), 'nobody is there to be admitted');
  assert.match(page.text, /Whose page is closed is not let in by “Admit all”\./);
  await page.pass(60_000);
  assert.match(page.textOf('waiter'), /1 min/);
  await page.receive('waiting.removed', { participantId: 'theo' });
  assert.match(page.text, /Nobody is waiting\./);
});

test('who has to be verified is verified and admitted in one act; where nobody asks, nothing of it is shown', async (t) => {
  const page = await openHost(t, {}, verifying);
  await page.receive('waiting.updated', { waiter: waiter('theo', 'Theo', { needs: ['verification'] }) });
  assert.equal(page.textOf('admit'), 'Verify and admit');
  await page.click('admit');
  assert.deepEqual(page.sent('waiting.admit'), [{ participantIds: ['theo'], verify: true }]);
  assert.match(page.textOf('person') + page.all('person')[1]?.textContent, /Not verified/);
  await page.receive('waiting.updated', { waiter: waiter('theo', 'Theo', { verified: true }) });
  assert.equal(page.textOf('admit'), 'Admit');
  await page.click('admit');
  assert.deepEqual(page.sent('waiting.admit').at(-1), { participantIds: ['theo'] });

  const plain = await openHost(t);
  assert.ok(!plain.shows('verify-waiter'));
  assert.doesNotMatch(plain.text, /Not verified/);
});

test('denying asks once, takes words, and can be undone for ten seconds', async (t) => {
  const page = await openHost(t);
  await page.click('deny');
  await page.fill('deny-word', ' Until next week. ');
  await page.click('confirm');
  assert.deepEqual(page.requests(), []);
  assert.match(page.textOf('denied'), /Theo is denied in a moment\. ?Undo/);
  await page.pass(9_000);
  await page.click('undo-deny');
  await page.pass(20_000);
  assert.deepEqual([page.requests(), page.shows('waiter')], [[], true]);
  await page.click('deny');
  await page.fill('deny-word', 'Until next week.');
  await page.click('confirm');
  await page.pass(10_000);
  assert.deepEqual(page.sent('waiting.deny'), [{ participantId: 'theo', message: 'Until next week.' }]);
  await page.receive('waiting.removed', { participantId: 'theo' });
  await page.pass(20_000);
  assert.equal(page.sent('waiting.deny').length, 1);
});

test('who is being denied is not admitted with all others, and a host who leaves is done deciding', async (t) => {
  const page = await openHost(t);
  await page.receive('waiting.added', { waiter: waiter('noor', 'Noor') });
  await page.click('admit-all');
  await page.click('deny');
  await page.click('confirm');
  await page.click('admit-all');
  assert.deepEqual(page.sent('waiting.admit'), [{ participantIds: '*' }, { participantIds: ['noor'] }]);
  void page.store.leave();
  await page.settle();
  assert.deepEqual(page.requests().filter((type) => type !== 'publication.set').slice(-2), ['waiting.deny', 'leave']);
});

test('people of one name are told apart by the name on file, or by a number', async (t) => {
  const page = await openHost(t);
  await page.receive('roster', { participants: [host, person('a', 'Mara', { verifiedName: 'Mara Hoffmann' }), person('b', 'Jonas')] });
  await page.receive('waiting.list', { waiting: [waiter('c', 'mara', { verifiedName: 'Mara Klein', helpRaised: true }), waiter('d', 'Jonas')] });
  const rows = page.all('person').map((row) => row.querySelector('.name')?.textContent);
  assert.deepEqual(rows.slice(1), ['Mara (Mara Hoffmann)', 'Jonas (1)']);
  assert.deepEqual(page.all('waiter').map((row) => row.querySelector('.name')?.textContent), ['mara (Mara Klein)', 'Jonas (2)']);
  assert.match(page.textOf('help-alert'), /mara \(Mara Klein\) asks for help/);
});

test('labels', () => {
  const of = (...people: [string, string?][]): string[] =>
    [...labelsOf(people.map(([displayName, verifiedName], i) => ({ id: String(i), displayName, verifiedName }))).values()];
  assert.deepEqual(of(['Mara', 'A'], ['Theo', 'B']), []);
  assert.deepEqual(of(['Mara', 'A'], ['Mara', 'A']), ['Mara (1)', 'Mara (2)']);
  assert.deepEqual(of(['Mara', 'A'], ['Mara']), ['Mara (1)', 'Mara (2)']);
});
