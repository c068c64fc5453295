// The gallery from two people to thirty: who sits where, pages, who speaks, who is kept large, and what the server is told is seen of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start } from './support/group.mjs';
import * as inPage from './support/in-page.mjs';
import { launch, Person } from './support/person.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const looks = [['desktop', 1280, 800], ['phone', 390, 844], ['small', 360, 640]];
const laptop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

test('a gallery of two to thirty', { timeout: 300_000 }, async (t) => {
  const { daemon, guests, link } = await start(t);
  const browser = await launch();
  t.after(() => browser.close());
  const lind = await Person.open(browser, 'Dr. Lind', link, inPage.watchPeople);
  const tiles = () => lind.page.evaluate(() => [...document.querySelectorAll('.crowd [data-testid="tile"]')].map((tile) => {
    const { width, height } = tile.getBoundingClientRect();
    return { id: tile.dataset.participant, width, height };
  }));
  const count = (n) => until(`${n} tiles`, async () => (await tiles()).length === n, 20_000);
  // What the page last asked the server for.
  const asked = () => {
    const { views, paused } = lind.sent('view.set').at(-1).data;
    return { views: views.length, paused: paused.length, highest: Math.max(...views.map(({ height }) => height)) };
  };
  const grow = async (to) => {
    const before = (await lind.page.evaluate(inPage.people)).tiles.length;
    guests.setCount(to - 1);
    await until('they wait', async () => (await lind.page.evaluate(inPage.people)).waiting >= to - before, 60_000);
    await lind.page.$eval('[data-testid="admit-all"]', (button) => button.click());
    await guests.sending(to - 1, 60_000);
  };
  const shots = async (name) => {
    for (const [where, width, height] of looks) {
      await lind.page.setViewportSize({ width, height });
      for (const colorScheme of ['light', 'dark']) {
        await lind.page.emulateMedia({ colorScheme });
        await lind.page.waitForTimeout(400);
        await lind.shot(`gallery-${name}-${where}-${colorScheme}`);
        await lind.audit(`gallery ${name} ${where} ${colorScheme}`);
      }
    }
    await lind.page.emulateMedia({ colorScheme: 'light' });
    await lind.page.setViewportSize(laptop);
  };
  const view = async (...acts) => {
    await lind.find('view').click();
    for (const act of acts) await lind.find(act).click();
    await lind.find('view-close').click();
  };

  await steps(t, { people: [lind], daemon: () => daemon }, [
    ['two and eight', async () => {
      await lind.join();
      await lind.sees('session');
      await grow(2);
      await count(2);
      await lind.find('people-toggle').click();
      await shots('2');
      await lind.find('people-toggle').click();
      await grow(8);
      await lind.find('people-toggle').click();
      await count(8);
      await shots('8');
      await lind.find('people-toggle').click();
    }],
    ['thirty', async () => {
      await grow(30);
      await count(30);
      await shots('30-panel');
      await lind.find('people-toggle').click();
      await count(30);
      await shots('30');
    }],
  ]);
});
