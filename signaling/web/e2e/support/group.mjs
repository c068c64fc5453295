// A group that grows and shrinks, seen by one page: it shows everybody who is admitted, and its connection stays the same. Light clients
// fill the room.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alcove, startDaemon } from './daemon.mjs';
import { startGuests } from './guests.mjs';
import * as inPage from './in-page.mjs';
import { steps } from './steps.mjs';
import { until } from './wait.mjs';

// The interface that run.sh makes: Firefox gathers no loopback candidate beside it.
const mediaAddress = '10.99.0.1';

const shown = 3_000; // from being let in to being seen, while the page could run

const config = `
listen: 127.0.0.1:8080
auth: {issuer: https://id.example.org, audience: alcove, jwks_file: keys/jwks.json, person_key_file: keys/person.key}
store: {key_file: keys/store.key}
audit: {key_file: keys/audit.key}
media: {listen: ${mediaAddress}}
`;

// A daemon, light clients beside it, and the link of a host.
export async function start(t) {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-e2e-'));
  const file = join(folder, 'alcove.yaml');
  writeFileSync(file, config);
  alcove('keygen', '--out', join(folder, 'keys'));
  const key = join(folder, 'keys/signing.jwk');
  const daemon = await startDaemon(['serve', '--config', file], undefined, undefined, 'off') // the light clients have no keys;
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
function resizer(t, lind, daemon, guests, timed) {
  const look = () => lind.page.evaluate(inPage.people);
  let names = [];
  // What the server held back because the path to the page looked narrow to it: a machine that reads too late looks so.
  const held = async () => Number(/^alcove_media_drops_total\{reason="bandwidth"\} (\d+)$/m.exec(await daemon.metrics())?.[1] ?? 0);
  const size = async (count) => {
    const before = names.length;
    const heldBefore = await held();
    guests.setCount(count - 1);
    if (count - 1 > before) {
      await until(`${count - 1 - before} people wait`, async () => (await look()).waiting === count - 1 - before, 30_000);
      await lind.page.$eval('[data-testid="admit-all"]', (button) => button.click());
    }
    names = await guests.sending(count - 1, 30_000);
    await until(`${count} tiles, and everybody else is seen`, async () => {
      const { tiles } = await look();
      const others = tiles.filter(({ name }) => name !== 'Dr. Lind');
      const dark = others.filter((tile) => !tile.shown).map(({ name }) => name);
      if (tiles.length === count && dark.length === 0) return true;
      throw new Error(`${tiles.length} tiles, no picture of ${dark.join(', ')}; ${await lind.page.evaluate(inPage.offers)}`);
    }, 60_000);
    const { tiles, peers } = await look();
    assert.deepEqual(tiles.map(({ name }) => name).filter((name) => name !== 'Dr. Lind').sort(), names.sort());
    assert.equal(peers, 1, 'the page made another connection');
    const late = tiles.filter(({ took }) => took > shown).map(({ name, took }) => `${name} after ${took} ms`);
    const narrow = await held() - heldBefore;
    if (narrow > 0 || !timed) t.diagnostic(`${count} people: ${narrow} packets were held back for a path that looked narrow; late: ${late.join(', ') || 'nobody'}`);
    else assert.deepEqual(late, [], `seen too late in a group of ${count}`);
    return Math.max(...tiles.map(({ took }) => took));
  };
  return size;
}

// grow lets a group take each of these sizes, one after the other, seen by a host. timed: how soon each is seen is judged, too, which a
// machine that is busy with other work makes meaningless.
export async function grow(t, counts, lind, daemon, guests, shot, timed = false) {
  const size = resizer(t, lind, daemon, guests, timed);
  await steps(t, { people: [lind], daemon: () => daemon }, [
    ['the host comes first', async () => {
      await lind.join();
      await lind.sees('session');
    }],
    ...counts.map((count, i, all) => [`${i > 0 && count < all[i - 1] ? 'shrinks' : 'grows'} to ${count}`, async () => {
      // What nobody watches is paused: the next offer says so (RFC 8853, section 5.1).
      await until('the camera is paused, for nobody watches it', () => lind.page.evaluate(inPage.pauses), 20_000);
      t.diagnostic(`${count} people: the last was seen after ${await size(count)} ms`);
      await shot(count, i);
    }]),
  ]);
}
