// Texts that a clinic wrote: which language a person gets, and their form on the page.

import type { AgreedText } from '../../client';

// Returns the text in the person's language, else in the clinic's first one.
export function bestText(texts: readonly AgreedText[], languages: readonly string[]): AgreedText | undefined {
  const [first] = texts;
  const same = texts.filter(({ id }) => id === first?.id);
  const main = (tag: string): string => tag.toLowerCase().split('-')[0] ?? '';
  for (const wanted of languages) {
    const fits = same.find(({ locale }) => locale.toLowerCase() === wanted.toLowerCase())
      ?? same.find(({ locale }) => main(locale) === main(wanted));
    if (fits) return fits;
  }
  return first;
}

// Splits a text at blank lines. A line that begins with # is a heading.
export function paragraphs(text: string): { heading: boolean; words: string }[] {
  return text.split(/\n\s*\n/).flatMap((part) => part.split(/\n(?=#)|(?<=^#[^\n]*)\n/)).map((part) => part.trim()).filter(Boolean)
    .map((part) => (part.startsWith('#') ? { heading: true, words: part.replace(/^#+\s*/, '') } : { heading: false, words: part }));
}
