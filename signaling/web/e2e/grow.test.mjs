// A group grows to thirty, in one page of Chromium and in one of Firefox ESR: everybody who is let in is seen, and the connection stays
// the one it was. Light clients fill the room.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { alcove, startDaemon } from './support/daemon.mjs';
import { FirefoxPerson, launchFirefox } from './support/firefox.mjs';
import { startGuests } from './support/guests.mjs';
import * as inside from './support/inside.mjs';
import { launch, Person } from './support/person.mjs';
import { stages } from './support/stage.mjs';
import { until } from './support/wait.mjs';

// The interface that run.sh makes: Firefox gathers no loopback candidate beside it.
const mediaAddress = '10.99.0.1';
const sizes = [2, 5, 10, 16, 30]; // people in all, the one who looks included
const shown = 3_000; // from being let in to being seen, while the page could run

const config = `
listen: 127.0.0.1:8080
auth: {issuer: https://id.example.org, audience: alcove, jwks_file: keys/jwks.json, person_key_file: keys/person.key}
store: {key_file: keys/store.key}
audit: {key_file: keys/audit.key}
media: {listen: ${mediaAddress}}
`;

async function start(t) {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-e2e-'));
  const file = join(folder, 'alcove.yaml');
  writeFileSync(file, config);
  alcove('keygen', '--out', join(folder, 'keys'));
  const key = join(folder, 'keys/signing.jwk');
  const daemon = await startDaemon(['serve', '--config', file]);
  const guests = startGuests(['--server', 'http://127.0.0.1:8080', '--signing-key', key, '--room', 'tuesday', '--local', mediaAddress]);
  t.after(async () => {
    await guests.stop();
    await daemon.stop();
    rmSync(folder, { recursive: true });
  });
  const link = alcove('token', '--key', key, '--config', file, '--room', 'tuesday',
    '--sub', 'lind', '--name', 'Dr. Lind', '--role', 'host', '--url', 'http://localhost:8080/').trim();
  return { daemon, guests, link };
}

// Growing and shrinking, seen by a host.
function growing(t, lind, daemon, guests) {
  const look = () => lind.page.evaluate(inside.people);
  let names = [];
  // What the server held back because the path to the page looked narrow to it: a machine that reads too late looks so.
  const held = async () => Number(/^alcove_media_drops_total\{reason="bandwidth"\} (\d+)$/m.exec(await daemon.metrics())?.[1] ?? 0);
  const size = async (count) => {
    const before = names.length;
    const heldBefore = await held();
    guests.become(count - 1);
    if (count - 1 > before) {
      await until(`${count - 1 - before} people wait`, async () => (await look()).waiting === count - 1 - before, 30_000);
      await lind.page.$eval('[data-testid="admit-all"]', (button) => button.click());
    }
    names = await guests.arrived(count - 1, 30_000);
    await until(`${count} tiles, and everybody else is seen`, async () => {
      const { tiles } = await look();
      const others = tiles.filter(({ name }) => name !== 'Dr. Lind');
      const dark = others.filter((tile) => !tile.shown).map(({ name }) => name);
      if (tiles.length === count && dark.length === 0) return true;
      throw new Error(`${tiles.length} tiles, no picture of ${dark.join(', ')}; ${await lind.page.evaluate(inside.offers)}`);
    }, 60_000);
    const { tiles, peers } = await look();
    assert.deepEqual(tiles.map(({ name }) => name).filter((name) => name !== 'Dr. Lind').sort(), names.sort());
    assert.equal(peers, 1, 'the page made another connection');
    const late = tiles.filter(({ took }) => took > shown).map(({ name, took }) => `${name} after ${took} ms`);
    const narrow = await held() - heldBefore;
    if (narrow > 0) t.diagnostic(`${count} people: the path looked narrow, ${narrow} packets were held back; late: ${late.join(', ') || 'nobody'}`);
    else assert.deepEqual(late, [], `seen too late in a group of ${count}`);
    return Math.max(...tiles.map(({ took }) => took));
  };
  return size;
}

async function grow(t, lind, daemon, guests, shot) {
  const size = growing(t, lind, daemon, guests);
  await stages(t, { people: [lind], daemon: () => daemon }, [
    ['the host comes first', async () => {
      await lind.join();
      await lind.sees('session');
    }],
    ...[...sizes, 16, 5, 2, 10].map((count, i, all) => [`${i > 0 && count < all[i - 1] ? 'shrinks' : 'grows'} to ${count}`, async () => {
      // What nobody watches is paused: the next offer says so (RFC 8853, section 5.1).
      await until('the camera is paused, for nobody watches it', () => lind.page.evaluate(inside.pauses), 20_000);
      t.diagnostic(`${count} people: the last was seen after ${await size(count)} ms`);
      await shot(count, i);
    }]),
  ]);
}

test('a group grows to thirty, in Chromium', { timeout: 300_000 }, async (t) => {
  const { daemon, guests, link } = await start(t);
  const browser = await launch();
  t.after(() => browser.close());
  const lind = await Person.enter(browser, 'Dr. Lind', link, inside.watchPeople);
  await grow(t, lind, daemon, guests, async (count, i) => {
    if (i >= sizes.length) return;
    await lind.shot(`grow-${count}-desktop`);
    await lind.page.setViewportSize({ width: 390, height: 844 });
    await lind.shot(`grow-${count}-phone`);
    await lind.page.setViewportSize({ width: 1280, height: 800 });
  });
});

test('a group grows to thirty, in Firefox', { timeout: 300_000 }, async (t) => {
  const { daemon, guests, link } = await start(t);
  const browser = await launchFirefox();
  t.after(() => browser.close());
  const lind = await FirefoxPerson.enter(browser, 'Dr. Lind', link, inside.watchPeople);
  await grow(t, lind, daemon, guests, async (count) => count === 30 && lind.shot('grow-30-firefox'));
});

// What goes wrong on the way, in Chromium: the page makes another connection by itself.
test('a connection that is of no use any more is made anew', { timeout: 120_000 }, async (t) => {
  const { daemon, guests, link } = await start(t);
  const browser = await launch();
  t.after(() => browser.close());
  const lind = await Person.enter(browser, 'Dr. Lind', link, inside.watchPeople);
  const peers = () => lind.page.evaluate(inside.peerStates);
  const seen = async (count) => {
    const names = await guests.arrived(count, 30_000);
    await until('everybody else is seen', async () => {
      const { tiles } = await lind.page.evaluate(inside.people);
      return tiles.filter(({ name, shown }) => names.includes(name) && shown).length === count;
    }, 60_000);
  };
  const admit = async (count) => {
    guests.become(count);
    await until('they wait', async () => (await lind.page.evaluate(inside.people)).waiting > 0, 30_000);
    await until('and all of them', async () => {
      const { tiles, waiting } = await lind.page.evaluate(inside.people);
      return tiles.length - 1 + waiting === count;
    }, 30_000);
    await lind.find('admit-all').click();
  };
  await stages(t, { people: [lind], daemon: () => daemon }, [
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
        const { tiles } = await lind.page.evaluate(inside.people);
        return tiles.filter(({ shown }) => shown).length === 5 && (await peers()).at(-1) === 'connected';
      }, 30_000);
      const { inbound } = await lind.media();
      await until('and new pictures come', async () => Object.entries((await lind.media()).inbound)
        .filter(([mid, { kind, frames }]) => kind === 'video' && frames > (inbound[mid]?.frames ?? 0)).length === 5, 20_000);
    }],
  ]);
});
