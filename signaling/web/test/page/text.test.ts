// The page's words: every language has all of them, and a person gets the right one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { transformSync } from 'esbuild';
import { openCheck, openPage, token } from '../support/page';
import { choose, directionOf, nameOf, setLanguage } from '../../page/text/language';
import { english, t as text, translator, type Message } from '../../page/text/text';

const folder = join(process.env.ALCOVE_WEB!, 'page/text');
const read = (language: string): Record<string, Message> => JSON.parse(readFileSync(join(folder, `${language}.json`), 'utf8')) as Record<string, Message>;
const others = readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'en.json').map((name) => name.replace('.json', ''));
const en = read('en');

const sentences = (message: Message): string[] => (typeof message === 'string' ? [message] : Object.values(message));
const parameters = (message: Message): string[] => [...new Set(sentences(message).flatMap((s) => [...s.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name))))].sort();

test('the catalogues are in order, and keys.ts says what they take', () => {
  const run = spawnSync(process.execPath, [join(folder, 'keys.mjs'), '--check'], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
});

test('there are German, Spanish and French', () => assert.deepEqual(['de', 'es', 'fr'].filter((language) => !others.includes(language)), []));

for (const language of ['en', ...others]) {
  test(`${language}: every message is there, takes what the English one takes, and has each plural form of the language`, () => {
    const messages = read(language);
    assert.deepEqual(Object.keys(messages).sort(), Object.keys(en).sort());
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories.toSorted();
    for (const [key, message] of Object.entries(messages)) {
      const source = en[key]!;
      assert.equal(typeof message, typeof source, key);
      if (typeof message !== 'string') assert.deepEqual(Object.keys(message).sort(), forms, key);
      assert.deepEqual(parameters(message).filter((name) => name !== 'n'), parameters(source).filter((name) => name !== 'n'), key);
      for (const sentence of sentences(message)) assert.ok(sentence === sentence.trim() && sentence !== '' && !/\{(?!\w+\})|["']/.test(sentence), `${key}: ${sentence}`);
    }
  });
}

test('no message is left in English', () => {
  // Names, and words that are the same.
  const same = new Set(readFileSync(join(process.env.ALCOVE_WEB!, 'test/page/same-words.txt'), 'utf8').split('\n').filter(Boolean));
  for (const language of others) {
    const messages = read(language);
    const left = Object.keys(en).filter((key) => JSON.stringify(messages[key]) === JSON.stringify(en[key]) && !same.has(`${language} ${key}`) && !same.has(`* ${key}`));
    assert.deepEqual(left, [], language);
  }
});

test('plural forms and numbers follow the language; a message that is missing is English', () => {
  const polish = translator({ language: 'pl', messages: { 'linkLife.soon': { one: '{n} minuta', few: '{n} minuty', many: '{n} minut', other: '{n} minuty' } } as never });
  const say = polish as unknown as (key: string, params: object) => string;
  assert.deepEqual([1, 3, 5, 22, 1000.5].map((n) => say('linkLife.soon', { n })), ['1 minuta', '3 minuty', '5 minut', '22 minuty', '1000,5 minuty']);
  assert.equal(polish('joining.title'), english.messages['joining.title']);
});

test('a language is chosen by what the person reads, not by where it is spoken', () => {
  const all = ['en', 'de', 'es', 'pt-BR'];
  assert.equal(choose(['de-AT', 'en'], all), 'de');
  assert.equal(choose(['tr', 'pt'], all), 'pt-BR');
  assert.equal(choose(['PT-br'], all), 'pt-BR');
  assert.equal(choose(['tr'], all), undefined);
  assert.deepEqual(['ar', 'he-IL', 'de'].map(directionOf), ['rtl', 'rtl', 'ltr']);
  assert.deepEqual(['de', 'es', 'fr'].map(nameOf), ['Deutsch', 'Español', 'Français']);
});

const link = (claims: object): string => `#t=${token(claims)}`;
const catalogues = Object.fromEntries(others.map((language) => [language, JSON.stringify(read(language))]));
const shown = (page: { title: string }): string => `${document.documentElement.lang} ${page.title}`;

test('the link’s language comes first, then the earlier choice, then the browser’s, then English', async (t) => {
  const choice = new Map([['alcove.language', 'es']]);
  const options = { catalogues, languages: ['fr-CA', 'en'] };
  assert.equal(shown(await openPage(t, { ...options, choice, hash: link({ locale: 'de-CH' }) })), 'de Ihr Name – Alcove');
  assert.equal(shown(await openPage(t, { ...options, choice, hash: link({ locale: 'tr' }) })), 'es Su nombre – Alcove');
  assert.equal(shown(await openPage(t, { ...options, hash: link({}) })), 'fr Votre nom – Alcove');
  assert.equal(shown(await openPage(t, { ...options, languages: ['tr'], hash: link({}) })), 'en Your name – Alcove');
});

test('a file that does not come, or is another than the build’s, leaves the page in English and working', async (t) => {
  const page = await openCheck(t, 'participant', { catalogues: { de: undefined }, languages: ['de'] });
  assert.equal(shown(page), 'en Check your camera and sound – Alcove');
  assert.equal(await setLanguage('de'), false);
  assert.equal(shown(page), 'en Check your camera and sound – Alcove');
});

test('without any words the page says so, and asks the server for nothing but itself', async (t) => {
  const page = await openPage(t, { catalogues: { en: undefined, de: undefined }, hash: link({ locale: 'de' }) });
  assert.match(page.textOf('words-missing'), /^This page did not arrive whole.*Load it again$/);
  assert.throws(() => page.socket);
  await page.press('Load it again');
  assert.equal(page.reloads, 1);
});

test('English is fetched like the others where a build has put it into a file', async (t) => {
  const page = await openPage(t, { catalogues: { en: JSON.stringify({ ...en, 'name.continue': 'Go on' }), de: undefined }, hash: link({ locale: 'de' }) });
  assert.equal(page.textOf('name-continue'), 'Go on');
});

test('another language is shown at once, and the later choice wins', async (t) => {
  const page = await openPage(t, { catalogues, hash: link({}) });
  await Promise.all([setLanguage('de'), setLanguage('fr')]);
  await page.settle();
  assert.equal(shown(page), 'fr Votre nom – Alcove');
  assert.equal(page.textOf('name-continue'), 'Continuer');
  assert.equal(text('name.continue'), 'Continuer');
});

const sources = (): string[] => {
  const folder = join(String(process.env.ALCOVE_WEB), 'page');
  return readdirSync(folder, { recursive: true }).map(String).filter((file) => /\.tsx?$/.test(file) && !file.endsWith('keys.ts')).map((name) => readFileSync(join(folder, name), 'utf8'));
};

test('keys of words are written whole: the build makes numbers of them', () => {
  for (const source of sources()) assert.doesNotMatch(source, /\bt\(`/);
});

test('every message is said somewhere', () => {
  const used = new Set(sources().flatMap((source) => [...source.matchAll(/'(\w+\.\w+)'/g)].map(([, key]) => key)));
  assert.deepEqual(Object.keys(en).filter((key) => !used.has(key)), []);
});

// What the page says in these is read or heard.
const spoken = 'aria-label|aria-description|aria-roledescription|title|placeholder|alt|label|text|yes|no|about|state|act|button';
const inElements = /(?:[^\s=]>|\/>)([^<>{}]*\p{L}{2}[^<>{}]*)(?=[<{])/gu;
const afterBraces = /\}([^<>{}]*\p{L}{2}[^<>{}]*)(?=[<{])/gu;
const inAttributes = new RegExp(`\\b(?:${spoken})=("[^"]*\\p{L}[^"]*"|\\{(?:"[^"]*\\p{L}[^"]*"|\`[^\`]*\`)\\})`, 'gu');
// A string that begins as a sentence does, or has words beside what is put into it.
const sentence = /(?<!Error\()(?:"(?:\p{Lu}\p{Ll}*[’\s.,?!][^"\n]*|\p{Lu}\p{Ll}+)"|`(?:\p{Lu}\p{Ll}+[^`]*|\$\{[^{}`]*\}[,.:?!]? \p{L}{2}[^`]*)`)/gu;
const afterElement = /^(?:;|\)|[:,][^]*(?:&&|\s\?$|;))/; // code, as after braces
const ofCode = /[;=`]|&&|\|\||\b(?:return|function)\b|\bof \w+\)|^(?:\)|,\n|,\s*\w+[:)]|:.*\s\?$|(?:catch|else|export)\b)/;
const named = new Set(['Alcove', '"Alcove"', '"Escape"', '"Enter"', '"Home"', '"End"', '"Tab"']); // the brand, and keys of the keyboard

// esbuild leaves of a source no types and few comments, and JSX as it is.
function literalText(source: string): string[] {
  const { code } = transformSync(source, { loader: 'tsx', jsx: 'preserve', charset: 'utf8' });
  const matches = (pattern: RegExp): string[] => [...code.matchAll(pattern)].map(([all, words]) => (words ?? all).trim());
  return [...matches(inElements).filter((words) => !afterElement.test(words)), ...matches(afterBraces).filter((words) => !ofCode.test(words)), ...matches(inAttributes), ...matches(sentence)]
    .filter((words) => !named.has(words));
}

test('a scan of a component finds text between elements, beside expressions, and in attributes', () => {
  for (const [literal, found] of [
    ['<p>Nobody here (yet)</p>', 1], ['<p>\n  two\n  lines\n</p>', 1], ['<p>{name} is here</p>', 1], ['<p>To <b>{name}</b></p>', 1], ['<b>{name}</b>', 0],
    ['<p>{on ? \'On air\' : \'Off\'}</p>', 2], ['<p>{`${name} is here`}</p>', 1], ['<i aria-label="mute" />', 1], ['<i title={`Mute ${name}`} />', 2], ['<i alt={\'mute\'} />', 1],
    ['<p><b>{name}</b>: asks, {on ? <i>{name}</i> : null} or not</p>', 2], ['<i class="plain slim" title={t(\'name.title\')}>{t(\'name.hint\')} · {count > 2 && <b>{count}</b>}</i>', 0],
  ] as const) assert.equal(literalText(`const X = () => ${literal};`).length, found, literal);
});

test('components hold no text: all words are in the catalogues', () => {
  const folder = join(process.env.ALCOVE_WEB!, 'page');
  const components = readdirSync(folder, { recursive: true }).map(String).filter((file) => file.endsWith('.tsx'));
  assert.ok(components.length > 30);
  assert.deepEqual(components.flatMap((file) => literalText(readFileSync(join(folder, file), 'utf8')).map((words) => `${file}: ${words}`)), []);
});

test('the page’s state holds no sentences either', () => {
  const folder = join(process.env.ALCOVE_WEB!, 'page/state');
  const files = readdirSync(folder, { recursive: true }).map(String).filter((file) => file.endsWith('.ts'));
  const found = files.flatMap((file) => [...transformSync(readFileSync(join(folder, file), 'utf8'), { loader: 'ts', charset: 'utf8' }).code.matchAll(sentence)].map(([words]) => `${file}: ${words}`));
  assert.deepEqual(found, []);
});

test('a person chooses a language, which this device remembers; one that does not come changes nothing', async (t) => {
  const choice = new Map<string, string>();
  const page = await openPage(t, { catalogues: { ...catalogues, fr: undefined }, choice, hash: link({}) });
  const select = page.find('language-choice') as HTMLSelectElement;
  assert.deepEqual([...select.options].map(({ value, lang }) => [value, lang]).sort(), ['de', 'en', 'es', 'fr'].map((tag) => [tag, tag]));
  const pick = async (value: string): Promise<void> => {
    select.value = value;
    select.dispatchEvent(new (document.defaultView as unknown as { Event: typeof Event }).Event('change', { bubbles: true }));
    await page.settle();
  };
  await pick('de');
  assert.equal(shown(page), 'de Ihr Name – Alcove');
  assert.equal(choice.get('alcove.language'), 'de');
  await pick('fr');
  assert.equal(shown(page), 'de Ihr Name – Alcove');
  assert.match(page.textOf('language'), /nicht angekommen/);
});

test('the clinic’s welcome is on the first screen, in the language of the page, and says its language', async (t) => {
  const config = { welcome: { de: 'Schön, dass Sie da sind.\nWir beginnen um 10.', en: 'Good that you are here.' } };
  const english = await openPage(t, { config, hash: link({}) });
  assert.equal(english.textOf('clinic-welcome'), 'Good that you are here.');
  const german = await openPage(t, { config, catalogues, hash: link({ locale: 'de' }) });
  assert.match(german.textOf('clinic-welcome'), /^Schön, dass Sie da sind\./);
  assert.equal(german.find('clinic-welcome').getAttribute('lang'), 'de');
  const italian = await openPage(t, { config: { welcome: { it: 'Benvenuti.' } }, hash: link({}) });
  assert.equal(italian.find('clinic-welcome').getAttribute('lang'), 'it');
  const without = await openPage(t, { hash: link({}) });
  assert.throws(() => without.find('clinic-welcome'));
});
