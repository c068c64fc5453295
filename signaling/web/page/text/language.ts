// The language of the page: which ones there are, which one a person gets, and how its words are loaded. The link's claim `locale` comes first,
// then what the person chose on this device earlier, then the browser's languages, then English.

import { signal } from '@preact/signals';
import { fetchChecked } from '../../client';
import { deviceStorage } from '../../client/storage';
import { catalogue, english, primary, t, translator, type Catalogue, type Translate } from './text';

const storageKey = 'alcove.language';
const rightToLeft = new Set(['ar', 'dv', 'fa', 'he', 'ku', 'ps', 'sd', 'ug', 'ur', 'yi']);

// The languages that index.html names with the hash of their file, English first.
//   <meta name="text-de" content="/assets/de-….json" data-integrity="sha384-…">
export function languages(): string[] {
  const named = [...document.querySelectorAll<HTMLMetaElement>('meta[name^="text-"]')].map(({ name }) => name.slice('text-'.length));
  return [...new Set([english.language, ...named])];
}

// Returns the first of the available languages that one of the wanted ones means: de-AT is content with de, and pt with pt-BR.
export function choose(wanted: readonly string[], available: readonly string[]): string | undefined {
  for (const tag of wanted) {
    const found = available.find((other) => other.toLowerCase() === tag.toLowerCase()) ?? available.find((other) => primary(other) === primary(tag));
    if (found) return found;
  }
  return undefined;
}

// A text that a clinic wrote for some languages: in the page's language, else in one that the person may read, else the first. lang: of the text,
// for the element that holds it.
export function localized(texts: Readonly<Record<string, string>>): { lang: string; text: string } | undefined {
  const all = Object.keys(texts);
  const lang = choose([...wanted(), english.language], all) ?? all[0];
  return lang === undefined ? undefined : { lang, text: texts[lang] ?? '' };
}

const loadTimeoutMs = 5_000; // the page waits for it, and other words are better than none
let asked = ''; // by the link, or by the person since

// Every language that the person may be content with, the best first.
export const wanted = (): string[] => [asked, chosen(), ...(navigator.languages ?? []), catalogue.value.language].filter(Boolean);

// The build leaves of en.json only what is said when no file comes. Where nothing is built it is whole.
const loaded = new Map<string, Promise<Catalogue>>();

export function load(language: string): Promise<Catalogue> {
  const builtIn = language === english.language && !document.querySelector(`meta[name="text-${language}"]`);
  const under = builtIn ? Promise.resolve(english) : loaded.get(language) ?? fetchChecked(`text-${language}`, { signal: AbortSignal.timeout(loadTimeoutMs) }).then((response) => response.json())
    .then((messages: Catalogue['messages']) => ({ language, messages }));
  loaded.set(language, under);
  under.catch(() => loaded.delete(language)); // the network's fault, perhaps: the next call tries again
  return under;
}

// For tests, which open one page after the other.
export function forgetLanguages(): void {
  asked = '';
  loaded.clear();
  beside.value = new Map();
  show(english);
}

export const switching = signal(false);
let round = 0;

// Resolves to whether the words came. If not, the page keeps those it has.
export async function setLanguage(language: string): Promise<boolean> {
  const mine = ++round;
  switching.value = true;
  try {
    const found = await load(language);
    if (mine === round) show(found);
    return true;
  } catch {
    return false;
  } finally {
    if (mine === round) switching.value = false;
  }
}

function show(found: Catalogue): void {
  catalogue.value = found;
  Object.assign(document.documentElement, { lang: found.language, dir: directionOf(found.language) });
}

const beside = signal<ReadonlyMap<string, Catalogue>>(new Map());

// The words of another language than the page's, for a question about a text that is written in it. Until they are here, those of the page.
export function wordsIn(tag: string): { lang: string; say: Translate } {
  const language = choose([tag], languages());
  const own = { lang: catalogue.value.language, say: t };
  if (!language || language === own.lang) return own;
  const found = beside.value.get(language);
  if (found) return { lang: language, say: translator(found) };
  void load(language).then((words) => (beside.value = new Map(beside.value).set(language, words)), () => undefined);
  return own;
}

// Before the first screen. English is shown if the file of another language does not come, or is not the one that was built.
export async function startLanguage(claimed: string): Promise<boolean> {
  asked = claimed;
  const language = choose(wanted(), languages()) ?? english.language;
  return await setLanguage(language) || setLanguage(english.language);
}

// By the person: remembered on this device.
export function chooseLanguage(language: string): Promise<boolean> {
  asked = language;
  deviceStorage().setItem(storageKey, language);
  return setLanguage(language);
}

const chosen = (): string => deviceStorage().getItem(storageKey) ?? '';

export const directionOf = (language: string): 'ltr' | 'rtl' => (rightToLeft.has(primary(language)) ? 'rtl' : 'ltr');

// The language's name in itself, as one finds it who reads no other: "Deutsch".
export function nameOf(language: string): string {
  const name = new Intl.DisplayNames([language], { type: 'language' }).of(language) ?? language;
  return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
}
