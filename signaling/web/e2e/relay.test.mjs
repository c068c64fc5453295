// A network that blocks UDP: Chromium and Firefox connect through the TURN relay on the page's port.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { alcove, encryptionFlags, startDaemon } from './support/daemon.mjs';
import { FirefoxPerson, launchFirefox } from './support/firefox.mjs';
import * as inPage from './support/in-page.mjs';
import { launch, Person } from './support/person.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

// What browsers are told: an address to which no datagram comes through. The daemon does not have it itself, as behind a router.
const mediaAddress = '203.0.113.7';

const config = `
listen: 127.0.0.1:8080
auth: {issuer: https://id.clinic.example, audience: alcove, jwks_file: keys/jwks.json, person_key_file: keys/person.key}
store: {key_file: keys/store.key}
audit: {key_file: keys/audit.key}
media: {listen: 0.0.0.0, advertise: [${mediaAddress}]}
`;

test('a network without UDP', { timeout: 150_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-e2e-'));
  const file = join(folder, 'alcove.yaml');
  writeFileSync(file, config);
  alcove('keygen', '--out', join(folder, 'keys'));
  const link = (name, role) => alcove('token', '--key', join(folder, 'keys/signing.jwk'), '--config', file, ...encryptionFlags(join(folder, 'keys')), '--room', 'tuesday',
    '--sub', name, '--name', name, '--role', role, '--url', 'http://localhost:8080/').trim();
  // What leaves for there is lost without a word.
  execFileSync('ip', ['neigh', 'replace', '10.99.0.2', 'lladdr', '02:00:00:00:00:02', 'dev', 'alcove0']);
  const daemon = await startDaemon(['serve', '--config', file]);
  const [chromium, firefox] = await Promise.all([launch(), launchFirefox()]);
  t.after(async () => {
    await Promise.all([chromium.close(), firefox.close()]);
    await daemon.stop();
    rmSync(folder, { recursive: true });
  });
  const people = [];
  const counted = async (metric) => Number(new RegExp(`^${metric} (\\d+)`, 'm').exec(await daemon.metrics())?.[1] ?? 0);
  // Lets in the one who waits.
  const admit = async (person) => {
    await until('the therapist sees who waits', async () => await lind.find('admit').count() === 1);
    await lind.find('admit').click();
    await person.sees('session');
  };
  // Media flows by TCP to the relay, and from there to the media port. That sees it by the inner address, so browsers may call their
  // candidate reflexive, too.
  const isRelayed = async (person) => {
    const { local, remote } = await person.page.evaluate(inPage.selectedPair);
    assert.ok(['relay', 'prflx'].includes(local?.candidateType), `${person.name}: ${JSON.stringify(local)}`);
    assert.deepEqual([local.relayProtocol, remote?.address], ['tcp', mediaAddress], `${person.name}: ${JSON.stringify(local)}`);
  };
  let lind, mara, theo;

  await steps(t, { people, daemon: () => daemon }, [
    ['who waits is told of no relay', async () => {
      people.push(lind = await Person.open(chromium, 'Dr. Lind', link('Dr. Lind', 'host')));
      await lind.join();
      await lind.sees('session');
      people.push(mara = await Person.open(chromium, 'Mara', link('Mara', 'participant')));
      await mara.join();
      await mara.sees('waiting-room');
      assert.ok(mara.welcome);
      assert.deepEqual(mara.frames.filter(({ frame }) => /iceServers|turn:/.test(JSON.stringify(frame))), []);
    }],
    ['two in Chromium decode each other through the relay', async () => {
      await admit(mara);
      await Promise.all([mara.receives([lind], 30_000), lind.receives([mara], 30_000)]);
      await Promise.all([isRelayed(lind), isRelayed(mara)]);
      const [a, b] = people.map((person) => person.received('media.ready').at(-1).iceServers[0]);
      assert.deepEqual(a.urls, ['turn:localhost:8080?transport=tcp']);
      assert.notEqual(a.username, b.username);
      assert.equal(mara.sent('media.offer').length, 1, 'the relay is tried beside the direct path');
    }],
    ['Firefox, too', async () => {
      people.push(theo = await FirefoxPerson.open(firefox, 'Theo', link('Theo', 'participant')));
      await theo.join();
      await theo.sees('waiting-room');
      await admit(theo);
      await theo.receives(60_000); // it gives a first connection through the relay up at times, after 15 s; the page tries on
      const id = lind.received('participant.joined').at(-1).participant.id;
      await lind.receives([{ name: 'Theo', id }], 30_000);
      await isRelayed(theo);
    }],
    ['for who is removed the relay ends', async () => {
      const before = await counted('alcove_relay_allocations');
      const row = lind.page.locator(`[data-testid="person"][data-participant="${mara.id}"]`);
      await row.locator('[data-testid="more"]').click();
      await row.locator('[data-testid="remove"]').click();
      await lind.sees('confirm');
      await lind.find('confirm').click();
      await mara.sees('ending-card');
      await until('her allocations are gone', async () => await counted('alcove_relay_allocations') < before);
      assert.equal(await counted('alcove_relay_refused_total{reason="destination"}'), 0);
    }],
  ]);
});
