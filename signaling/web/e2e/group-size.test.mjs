// A group grows to sixteen, seen by one Chromium, and shrinks.
import { test } from 'node:test';
import { grow, start } from './support/group.mjs';
import * as inPage from './support/in-page.mjs';
import { launch, Person } from './support/person.mjs';

test('a group grows', { timeout: 240_000 }, async (t) => {
  const { daemon, guests, link } = await start(t);
  const browser = await launch();
  t.after(() => browser.close());
  const lind = await Person.open(browser, 'Dr. Lind', link, inPage.watchPeople);
  await grow(t, [2, 5, 10, 16, 5], lind, daemon, guests, (count) => lind.shot(`grow-${count}-desktop`));
});
