import assert from 'node:assert/strict';
import test from 'node:test';
import { bestText, helpCallsOf, faultWords, paragraphs, refusalWords } from '../../page/state/self-state';
import { RequestError } from '../../client/errors';

const text = (id: string, locale: string): Parameters<typeof bestText>[0][number] => ({
  id, version: '1', locale, text: `${id} ${locale}`, textHash: `${id}-${locale}`,
});

test('a text is shown in the language of the person, else in the first of the clinic', () => {
  const texts = [text('rules', 'en'), text('rules', 'de-AT'), text('more', 'fr')];
  assert.equal(bestText(texts, ['de-DE', 'en'])?.locale, 'de-AT');
  assert.equal(bestText(texts, ['en-GB'])?.locale, 'en');
  assert.equal(bestText(texts, ['tr'])?.locale, 'en');
  assert.equal(bestText(texts, ['fr'])?.id, 'rules', 'one text after the other');
  assert.equal(bestText([], ['en']), undefined);
});

test('a text is shown whole: nothing of it is lost to headings and paragraphs', () => {
  assert.deepEqual(paragraphs('# One\nfirst line\nsecond line\n\nmore\n\n## Two\nlast'), [
    { heading: true, words: 'One' }, { heading: false, words: 'first line\nsecond line' }, { heading: false, words: 'more' },
    { heading: true, words: 'Two' }, { heading: false, words: 'last' },
  ]);
  assert.deepEqual(paragraphs('plain'), [{ heading: false, words: 'plain' }]);
});

test('a refusal is said in words, never by its code', () => {
  for (const code of ['agreement_required', 'verification_required', 'mfa_required', 'internal']) {
    const said = refusalWords(new RequestError({ code, message: 'for developers', retryable: false }));
    assert.ok(said.endsWith('.') && !said.includes('_') && !said.includes('developers'), said);
  }
});

test('why a recording ended is said in words, also a reason of a later version', () => {
  for (const reason of ['disk_full', 'disk_slow', 'write_failed', 'seal_failed', 'store_failed', 'of a later version']) {
    assert.match(faultWords(reason), /^(there|the|it) [a-z ]+$/);
  }
});

test('a call for help is seen in the group and in the waiting room', () => {
  const person = { displayName: 'Mara', role: 'participant' as const, connected: true, handRaised: false, verified: true, away: false, grants: [], taken: [], publications: [] };
  const waiter = { displayName: 'Jonas', since: 0, returning: true, connected: true, verified: true, needs: [] };
  const roster = [{ id: '1', helpRaised: true, ...person }, { id: '2', ...person }];
  const waiting = [{ participantId: '3', helpRaised: true, ...waiter }, { participantId: '4', ...waiter }];
  assert.deepEqual(helpCallsOf(roster, waiting), [{ id: '1', name: 'Mara', here: true }, { id: '3', name: 'Jonas', here: false }]);
});
