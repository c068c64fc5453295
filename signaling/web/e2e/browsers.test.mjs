// A session of two browsers that have nothing in common but the standards: Chromium and Firefox ESR. It runs `alcove serve` with
// keys and tokens of its own, as a clinic would.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { alcove, startDaemon } from './support/daemon.mjs';
import { FirefoxPerson, launchFirefox } from './support/firefox.mjs';
import { launch, Person } from './support/person.mjs';
import { stages } from './support/stage.mjs';
import { until } from './support/wait.mjs';

// The interface that run.sh makes: Firefox gathers no loopback candidate beside it.
const mediaAddress = '10.99.0.1';

const config = `
listen: 127.0.0.1:8080
auth: {issuer: https://id.clinic.example, audience: alcove, jwks_file: keys/jwks.json, person_key_file: keys/person.key}
store: {key_file: keys/store.key}
audit: {key_file: keys/audit.key}
media: {listen: ${mediaAddress}}
`;

test('Chromium and Firefox', { timeout: 90_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-e2e-'));
  const file = join(folder, 'alcove.yaml');
  writeFileSync(file, config);
  alcove('keygen', '--out', join(folder, 'keys'));
  const link = (sub, name, role) => alcove('token', '--key', join(folder, 'keys/signing.jwk'), '--config', file, '--room', 'tuesday',
    '--sub', sub, '--name', name, '--role', role, '--url', 'http://localhost:8080/').trim();

  const daemon = await startDaemon(['serve', '--config', file]);
  const [chromium, firefox] = await Promise.all([launch(), launchFirefox()]);
  t.after(async () => {
    await Promise.all([chromium.close(), firefox.close()]);
    await daemon.stop();
    rmSync(folder, { recursive: true });
  });
  const people = [];
  let lind, mara;
  await stages(t, { people, daemon: () => daemon }, [
    ['a participant in Firefox waits', async () => {
      lind = await Person.enter(chromium, 'Dr. Lind', link('lind', 'Dr. Lind', 'host'));
      people.push(lind);
      await lind.join();
      await lind.sees('session');
      mara = await FirefoxPerson.enter(firefox, 'Mara', link('mara', 'Mara', 'participant'));
      people.push(mara);
      await mara.join();
      await mara.sees('waiting-room');
      assert.deepEqual(await mara.peerStates(), [], 'Mara waits, but has a PeerConnection');
      await mara.shot('firefox-1-waiting');
    }],
    ['each decodes the other', async () => {
      await until('somebody waits', async () => await lind.find('admit').count() === 1);
      await lind.find('admit').click();
      await mara.sees('session');
      const other = { name: 'Mara', id: lind.heard('roster').at(-1) && await until('Mara joined', () => lind.heard('participant.joined').at(-1)?.participant.id) };
      await Promise.all([lind.receives([other]), mara.receives()]);
      await mara.shot('firefox-2-session');
      await lind.shot('firefox-3-session-of-chromium');
    }],
    ['end for all', async () => {
      await lind.find('end-for-all').click();
      await lind.sees('confirm');
      await lind.find('confirm').click();
      await mara.sees('ending-card');
      lind.stayedHome(['localhost:8080']);
      mara.stayedHome(['localhost:8080']);
    }],
  ]);
});
