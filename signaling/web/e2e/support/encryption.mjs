// What the pages of an encrypted session know of its group.
import { until } from './wait.mjs';

export const status = (person) => person.page.evaluate(() => window.__alcove.session?.e2ee.status);

// The numbers of all entries that this page was told.
export const numbers = (person) => person.received('e2ee.entry').map(({ number }) => number);

// Everybody is a member of one group of so many, and of none is anything wrong.
export async function inOneGroup(people, ms = 20_000) {
  await until(`${people.length} people in one group`, async () => {
    const all = await Promise.all(people.map(status));
    const codes = new Set(all.map(({ code }) => code));
    if (codes.size === 1 && all.every(({ state, members, problem }) => state === 'member' && members === people.length && problem === null)) return true;
    throw new Error(people.map(({ name }, i) => `${name}: ${JSON.stringify(all[i])}`).join('\n'));
  }, ms);
}

export const everyone = (people, ms = 20_000) => Promise.all(people.map((p) => p.receives(people.filter((other) => other !== p), ms)));

// What this page decoded of all others so far.
export async function decoded(person) {
  const lines = Object.values((await person.media()).inbound);
  return {
    packets: lines.reduce((sum, { packets }) => sum + packets, 0),
    frames: lines.reduce((sum, { frames }) => sum + frames, 0),
  };
}
