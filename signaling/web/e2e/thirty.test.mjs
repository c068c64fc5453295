// A group grows to thirty, seen by Chromium and by Firefox ESR, with failures on the way.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { FirefoxPerson, launchFirefox } from './support/firefox.mjs';
import { grow, start } from './support/group.mjs';
import * as inPage from './support/in-page.mjs';
import { launch, Person } from './support/person.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const sizes = [2, 5, 10, 16, 30]; // people in all, the one who looks included
const counts = [...sizes, 16, 5, 2, 10];

test('a group grows to thirty, in Chromium', { timeout: 300_000 }, async (t) => {
  const { daemon, guests, link } = await start(t);
  const browser = await launch();
  t.after(() => browser.close());
  const lind = await Person.open(browser, 'Dr. Lind', link, inPage.watchPeople);
  await grow(t, counts, lind, daemon, guests, async (count, i) => {
    if (i >= sizes.length) return;
    await lind.shot(`grow-${count}-desktop`);
    await lind.page.setViewportSize({ width: 390, height: 844 });
    await lind.shot(`grow-${count}-phone`);
    await lind.page.setViewportSize({ width: 1280, height: 800 });
  }, true);
});

test('a group grows to thirty, in Firefox', { timeout: 300_000 }, async (t) => {
  const { daemon, guests, link } = await start(t);
  const browser = await launchFirefox();
  t.after(() => browser.close());
  const lind = await FirefoxPerson.open(browser, 'Dr. Lind', link, inPage.watchPeople);
  await grow(t, counts, lind, daemon, guests, async (count) => count === 30 && lind.shot('grow-30-firefox'), true);
});

// What goes wrong on the way, in Chromium: the page makes another connection by itself.
test('a connection that is of no use any more is made anew', { timeout: 120_000 }, async (t) => {
  const { daemon, guests, link } = await start(t);
  const browser = await launch();
  t.after(() => browser.close());
  const lind = await Person.open(browser, 'Dr. Lind', link, inPage.watchPeople);
  const peers = () => lind.page.evaluate(inPage.peerStates);
  const seen = async (count) => {
    const names = await guests.sending(count, 30_000);
    await until('everybody else is seen', async () => {
      const { tiles } = await lind.page.evaluate(inPage.people);
      return tiles.filter(({ name, shown }) => names.includes(name) && shown).length === count;
    }, 60_000);
  };
  const admit = async (count) => {
    guests.setCount(count);
    await until('they wait', async () => (await lind.page.evaluate(inPage.people)).waiting > 0, 30_000);
    await until('and all of them', async () => {
      const { tiles, waiting } = await lind.page.evaluate(inPage.people);
      return tiles.length - 1 + waiting === count;
    }, 30_000);
    await lind.find('admit-all').click();
  };
  await steps(t, { people: [lind], daemon: () => daemon }, [
    ['a group of three', async () => {
      await lind.join();
      await lind.sees('session');
      await admit(2);
      await seen(2);
      assert.equal((await peers()).length, 1);
    }],
    ['the browser throws at an answer', async () => {
      await lind.page.evaluate(() => (window.__throw = { setRemoteDescription: 1 }));
      await admit(5);
      await seen(5);
      const states = await peers();
      assert.deepEqual([states.length, states[0]], [2, 'closed']);
      const [refused, renewed] = await lind.page.evaluate(() => {
        const at = window.__offers.findIndex(({ error }) => error);
        return window.__offers.slice(at, at + 2).map(({ at }) => at);
      });
      assert.ok(renewed - refused < 2_000, `another offer after ${renewed - refused} ms`);
    }],
    ['media stays away while the connection stands', async () => {
      // RTP and RTCP to the page are lost, STUN and DTLS are not (RFC 7983).
      const { ports } = await lind.media();
      const nft = (...words) => execFileSync('nft', words);
      nft('add', 'table', 'inet', 'alcove_grow');
      nft('add', 'chain', 'inet', 'alcove_grow', 'in', '{ type filter hook input priority 0 ; }');
      nft('add', 'rule', 'inet', 'alcove_grow', 'in', `udp dport { ${ports.join(', ')} } @th,64,2 2 drop`);
      await until('the page makes another connection', async () => (await peers()).length === 3, 40_000);
      nft('delete', 'table', 'inet', 'alcove_grow');
      await until('through which all are seen', async () => {
        const { tiles } = await lind.page.evaluate(inPage.people);
        return tiles.filter(({ shown }) => shown).length === 5 && (await peers()).at(-1) === 'connected';
      }, 30_000);
      const { inbound } = await lind.media();
      await until('and new pictures come', async () => Object.entries((await lind.media()).inbound)
        .filter(([mid, { kind, frames }]) => kind === 'video' && frames > (inbound[mid]?.frames ?? 0)).length === 5, 20_000);
    }],
  ]);
});
