// The page's words. Every language is a file of the same keys, which language.ts loads; of en.json the build puts into the page only what is said
// when no file comes (basic.). A component or a store calls
// t(), which reads the language as a signal: what was drawn with it is drawn anew when the language changes.
//
//   en.json, de.json, … ──► npm run keys ──► keys.ts: the keys, and what each takes ──► t('help.asks', { name })
//
// A message is a sentence with {names} in it, or an object with one sentence for each plural category of the language (Unicode CLDR), chosen by n.

import { computed, signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import en from './en.json';
import type { Texts } from './keys';

export type Key = keyof Texts;
// Keys whose messages take nothing.
export type PlainKey = { [K in Key]: Texts[K] extends null ? K : never }[Key];
type Params<K extends Key> = Texts[K] extends null ? [] : [params: Texts[K]];
type RichParams<K extends Key> = { [P in keyof Texts[K]]: P extends 'n' ? number : ComponentChildren };
export type Translate = <K extends Key>(key: K, ...params: Params<K>) => string;

export type Message = string | { readonly [category in Intl.LDMLPluralRule]?: string };
export interface Catalogue {
  readonly language: string; // BCP 47
  readonly messages: { readonly [key in Key]?: Message };
}

export const english: Catalogue = { language: 'en', messages: en };
export const catalogue = signal(english);

export const t: Translate = (key, ...params) => say(catalogue.value, key, ...params);

// The words of one language, whatever the page's is.
export const translator = (from: Catalogue): Translate => (key, ...params) => say(from, key, ...params);

// A sentence with elements in it: rich('top.call', { phone: <a …/> }).
export function rich<K extends Key>(key: K, params: RichParams<K>, from: Catalogue = catalogue.value): ComponentChildren[] {
  const given = params as Record<string, ComponentChildren>;
  return sentence(from, key, given.n).split(placeholder).map((part, i) => (i % 2 ? shown(from, given[part]) : part));
}

const placeholder = /\{(\w+)\}/;

function say(from: Catalogue, key: Key, params?: object | null): string {
  const given = (params ?? {}) as Record<string, string | number>;
  return sentence(from, key, given.n).split(placeholder).map((part, i) => (i % 2 ? shown(from, given[part]) : part)).join('');
}

// Falls back to English, whose rules then count.
function sentence(from: Catalogue, key: Key, n: unknown): string {
  const message: Message = from.messages[key] ?? english.messages[key] ?? '';
  if (typeof message === 'string') return message;
  const rules = new Intl.PluralRules(from.messages[key] ? from.language : english.language);
  return message[rules.select(Number(n))] ?? message.other ?? '';
}

const shown = <T>(from: Catalogue, value: T): T | string => (typeof value === 'number' ? new Intl.NumberFormat(from.language).format(value) : value);

// The person's variety of the language, such as de-AT: for times and lists.
export const locale = computed(() => {
  const { language } = catalogue.value;
  return navigator.languages?.find((tag) => primary(tag) === primary(language)) ?? language;
});

export const primary = (tag: string): string => tag.toLowerCase().split('-')[0] ?? '';

// "Ana, Ben and Chris"
export const listOf = (items: readonly string[]): string => new Intl.ListFormat(locale.value).format(items);

// Hours and minutes.
export const clockOf = (at: number): string => new Intl.DateTimeFormat(locale.value, { hour: '2-digit', minute: '2-digit' }).format(at);

export const numberOf = (value: number, options?: Intl.NumberFormatOptions): string => new Intl.NumberFormat(locale.value, options).format(value);
