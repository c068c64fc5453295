// Three people over 100 ms of round trip with jitter and 1 % loss, two in Chromium and one in Firefox. Then one loses the network
// for a while.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { alcove, encryptionFlags, startDaemon } from './support/daemon.mjs';
import { startUdpDelay } from './support/udp-delay.mjs';
import { FirefoxPerson, launchFirefox } from './support/firefox.mjs';
import { launch, Person } from './support/person.mjs';
import { startProxy } from './support/proxy.mjs';
import { steps } from './support/steps.mjs';
import { pause, until } from './support/wait.mjs';

const server = '10.99.0.1'; // of run.sh, as in browsers.test.mjs
const outside = '10.99.0.3'; // what the daemon is told to be called
const farPort = 8081;
const delayMs = 50;
const config = `
listen: 127.0.0.1:8080
admin: 127.0.0.1:9091
auth: {issuer: https://id.clinic.example, audience: alcove, jwks_file: keys/jwks.json, person_key_file: keys/person.key}
store: {key_file: keys/store.key}
audit: {key_file: keys/audit.key}
media: {listen: ${server}, advertise: [${outside}]}
`;

test('far away', { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-e2e-'));
  const file = join(folder, 'alcove.yaml');
  writeFileSync(file, config);
  alcove('keygen', '--out', join(folder, 'keys'));
  const link = (name, role) => alcove('token', '--key', join(folder, 'keys/signing.jwk'), '--config', file, ...encryptionFlags(join(folder, 'keys')), '--room', 'tuesday',
    '--sub', name, '--name', name, '--role', role, '--url', `http://localhost:${farPort}/`).trim();
  execFileSync('ip', ['address', 'add', `${outside}/24`, 'dev', 'alcove0']);
  const proxy = await startProxy(farPort, 8080, { delayMs });
  const far = await startUdpDelay(outside, 50000, server, { delayMs, jitterMs: 20, percent: 1 });
  const daemon = await startDaemon(['serve', '--config', file]);
  const [chromium, firefox] = await Promise.all([launch(), launchFirefox()]);
  t.after(async () => {
    await Promise.all([chromium.close(), firefox.close()]);
    await daemon.stop();
    far.close();
    proxy.close();
    rmSync(folder, { recursive: true });
  });
  const people = [];
  let lind, mara, jonas;
  const enter = async (Kind, browser, name, role = 'participant') => {
    const person = await Kind.open(browser, name, link(name, role));
    people.push(person);
    await person.join();
    return person;
  };
  const admit = async (person) => {
    await until('somebody waits', async () => await lind.find('admit').count() === 1);
    await lind.find('admit').click();
    await person.sees('session');
  };
  await steps(t, { people, daemon: () => daemon }, [
    ['three see and hear each other', async () => {
      lind = await enter(Person, chromium, 'Dr. Lind', 'host');
      await lind.sees('session');
      mara = await enter(Person, chromium, 'Mara');
      await admit(mara);
      jonas = await enter(FirefoxPerson, firefox, 'Jonas');
      await admit(jonas);
      const begin = performance.now();
      jonas.id = await until('Jonas joined', () => lind.received('participant.joined').find(({ participant }) => participant.displayName === 'Jonas')?.participant.id);
      await Promise.all([lind.receives([mara, jonas]), mara.receives([lind, jonas]), jonas.receives()]);
      t.diagnostic(`the last is seen and heard after ${Math.round(performance.now() - begin)} ms`);
    }],
    ['what is lost on the way is sent again', async () => {
      await pause(3000); // what is lost while sizes are still chosen may cost a key frame
      const [before, lost] = [await mara.frozen(), far.lost()];
      await pause(6000);
      const frozen = await mara.frozen() - before;
      t.diagnostic(`${far.lost() - lost} datagrams lost, the pictures stood still for ${frozen.toFixed(1)} s in all`);
      assert.ok(far.lost() > lost, 'nothing was lost');
      assert.ok(frozen < 3, `two pictures stood still for ${frozen} s of 6`);
    }],
    ['a cut of 6 s, and all is as before', async () => {
      await jonas.receives();
      const dropped = async () => Number((await daemon.metrics()).match(/^alcove_media_drops_total\{reason="bandwidth"\} (.*)$/m)?.[1] ?? 0);
      far.cut();
      await pause(6000);
      far.restore();
      await Promise.all([lind.receives([mara, jonas]), mara.receives([lind, jonas]), jonas.receives()]);
      await pause(3000);
      assert.equal(await dropped(), 0, 'the cut was taken for a narrow path');
      await mara.shot('far');
    }],
  ]);
});
