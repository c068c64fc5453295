// Many people who are let in at once are one group after a few commits. ALCOVE_STORM=29 lets in as many as a room holds, which needs a machine
// that carries thirty pages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { inOneGroup, numbers } from './support/encryption.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const count = Number(process.env.ALCOVE_STORM ?? 7);

// Runs in the page: when its offer was asked for, and when it was in a group of so many.
function watchGroup() {
  const group = { ready: undefined, member: {} };
  Object.defineProperty(window, '__group', { value: group });
  const begin = setInterval(() => {
    const session = window.__alcove?.session;
    if (!session) return;
    clearInterval(begin);
    session.on('mediaReady', () => { group.ready ??= Date.now(); });
    session.on('e2eeStatus', ({ state, members }) => {
      if (state === 'member') group.member[members] ??= Date.now();
    });
  }, 5);
}

test(`${count} people who are let in at once`, { timeout: 600_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  let lind;
  await steps(t, { people, daemon: () => daemon }, [
    ['all wait', async () => {
      lind = await enter('Dr. Lind', await daemon.encryptedLink('lind', 'Dr. Lind', 'host'), watchGroup);
      await lind.join();
      await inOneGroup([lind]);
      for (let n = 1; n <= count; n++) {
        const person = await enter(`P${n}`, await daemon.encryptedLink(`p${n}`, `P${n}`, 'observer'), watchGroup);
        await person.join();
        await person.sees('waiting-room', 60_000);
      }
      await until('all key packages are there', () => people.slice(1).every((person) => person.answers('e2ee.key').length > 0), 60_000);
    }],
    ['they are one group after a few commits', async () => {
      const before = numbers(lind).at(-1);
      await lind.find('admit-all').click();
      await inOneGroup(people, 120_000);
      const commits = numbers(lind).at(-1) - before;
      const times = await Promise.all(people.slice(1).map(({ page }) => page.evaluate((all) => window.__group.member[all] - window.__group.ready, count + 1)));
      t.diagnostic(`${count} joins: ${commits} commits, the last was in the whole group ${Math.max(...times)} ms after media could begin`);
      assert.ok(commits <= 4, `${commits} commits`);
      await people[1].receives([lind], 60_000);
    }],
  ]);
});
