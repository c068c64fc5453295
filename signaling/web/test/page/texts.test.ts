import assert from 'node:assert/strict';
import test from 'node:test';
import { bestText, paragraphs } from '../../page/state/texts';

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
