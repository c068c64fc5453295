// Sound over lines that lose packets: what is lost is asked for again and comes in time, on both hops.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { alcove, encryptionFlags, startDaemon } from './support/daemon.mjs';
import * as inPage from './support/in-page.mjs';
import { launch, Person } from './support/person.mjs';
import { steps } from './support/steps.mjs';
import { startUdpDelay } from './support/udp-delay.mjs';
import { pause, until } from './support/wait.mjs';

const server = '10.99.0.1';
const outside = '10.99.0.3'; // what the daemon is told to be called
const config = `
listen: 127.0.0.1:8080
admin: 127.0.0.1:9091
auth: {issuer: https://id.clinic.example, audience: alcove, jwks_file: keys/jwks.json, person_key_file: keys/person.key}
store: {key_file: keys/store.key}
audit: {key_file: keys/audit.key}
media: {listen: ${server}, advertise: [${outside}]}
relay: {enabled: false}
`;

test('sound over lines that lose packets', { timeout: 180_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-e2e-'));
  const file = join(folder, 'alcove.yaml');
  writeFileSync(file, config);
  alcove('keygen', '--out', join(folder, 'keys'));
  const link = (name, role) => alcove('token', '--key', join(folder, 'keys/signing.jwk'), '--config', file, ...encryptionFlags(join(folder, 'keys')), '--room', 'tuesday',
    '--sub', name, '--name', name, '--role', role, '--url', 'http://localhost:8080/').trim();
  execFileSync('ip', ['address', 'add', `${outside}/24`, 'dev', 'alcove0']);
  const line = await startUdpDelay(outside, 50000, server, { delayMs: 20, jitterMs: 5, percent: 0 });
  const daemon = await startDaemon(['serve', '--config', file]);
  const chromium = await launch();
  t.after(async () => {
    await chromium.close();
    await daemon.stop();
    line.close();
    rmSync(folder, { recursive: true });
  });
  const people = [];
  const counted = async (metric) => Number(new RegExp(`^${metric} (\\d+)`, 'm').exec(await daemon.metrics())?.[1] ?? 0);
  const enter = async (name, role) => {
    const person = await Person.open(chromium, name, link(name, role));
    people.push(person);
    await person.join();
    return person;
  };
  let lind, mara;

  await steps(t, { people, daemon: () => daemon }, [
    ['two hear each other, with their cameras off', async () => {
      lind = await enter('Dr. Lind', 'host');
      await lind.sees('session');
      mara = await enter('Mara', 'participant');
      await until('somebody waits', async () => await lind.find('admit').count() === 1);
      await lind.find('admit').click();
      await mara.sees('session');
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
      for (const person of people) await person.find('camera-toggle').click();
      await pause(2_000); // what was sent of the pictures is repeated by then
    }],
    ...[5, 20].map((percent) => [`with ${percent} % lost either way`, async () => {
      line.lose(percent);
      await pause(8_000); // the loss is known
      const [repeated, asked] = [await counted('alcove_media_packets_resent_total'), await counted('alcove_media_nacks_total{direction="out"}')];
      const before = await Promise.all(people.map((person) => person.page.evaluate(inPage.sound)));
      await pause(20_000);
      const after = await Promise.all(people.map((person) => person.page.evaluate(inPage.sound)));
      const share = after.map(({ concealed, samples }, i) => (concealed - before[i].concealed) / (samples - before[i].samples));
      t.diagnostic(`${percent} % lost on both hops: ${share.map((one) => (100 * one).toFixed(1)).join(' and ')} % of the sound concealed`);
      assert.ok(await counted('alcove_media_packets_resent_total') > repeated, 'nothing was repeated to who asked');
      assert.ok(await counted('alcove_media_nacks_total{direction="out"}') > asked, 'nothing was asked for again');
      assert.ok(await counted('alcove_media_sound_copies_total') > 0, 'nothing left twice');
    }]),
  ]);
});
