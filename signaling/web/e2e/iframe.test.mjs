// The page in a frame of another site, in a browser that blocks storage there: reading sessionStorage throws.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { alcove, encryptionFlags, startDaemon } from './support/daemon.mjs';
import { launch, launchWithProfile, out, Person } from './support/person.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

// Browsers trust both without TLS, and take them for two sites.
const portal = 'http://127.0.0.1:8090';
const config = `
listen: 127.0.0.1:8080
frame_ancestors: ["${portal}"]
auth: {issuer: https://id.clinic.example, audience: alcove, jwks_file: keys/jwks.json, person_key_file: keys/person.key}
store: {key_file: keys/store.key}
audit: {key_file: keys/audit.key}
media: {listen: 127.0.0.1}
`;

// The clinic's portal: a page of its own with the session in a frame.
function startPortal(link) {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><title>Portal</title><iframe title="Session" src="${link}" allow="camera; microphone; autoplay"
      style="inline-size: 100%; block-size: 95vh; border: 0"></iframe>`);
  });
  return new Promise((ready) => server.listen(8090, '127.0.0.1', () => ready(server)));
}

// What Chromium's settings say of cookies, and whether a frame of another site may then keep nothing.
const browsers = [
  ['cookies of other sites blocked', { cookie_controls_mode: 1, block_third_party_cookies: true }, true],
  ['all cookies blocked', { default_content_setting_values: { cookies: 2 } }, true],
  ['cookies allowed', { cookie_controls_mode: 0, block_third_party_cookies: false }, false],
];

test('in a frame of another site', { timeout: 150_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-frame-'));
  const file = join(folder, 'alcove.yaml');
  writeFileSync(file, config);
  alcove('keygen', '--out', join(folder, 'keys'));
  const link = (sub, name, role) => alcove('token', '--key', join(folder, 'keys/signing.jwk'), '--config', file, ...encryptionFlags(join(folder, 'keys')), '--room', 'tuesday',
    '--sub', sub, '--name', name, '--role', role, '--url', 'http://localhost:8080/').trim();
  const daemon = await startDaemon(['serve', '--config', file]);
  const host = await launch();
  t.after(async () => {
    await host.close();
    await daemon.stop();
    rmSync(folder, { recursive: true });
  });
  const people = [];
  const lind = await Person.open(host, 'Dr. Lind', link('lind', 'Dr. Lind', 'host'));
  people.push(lind);
  await lind.join();
  await lind.sees('session');

  await steps(t, { people, daemon: () => daemon }, browsers.map(([name, settings, throws], i) => [name, async () => {
    const profile = join(folder, `profile-${i}`);
    mkdirSync(join(profile, 'Default'), { recursive: true });
    writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify({ profile: settings }));
    const server = await startPortal(link(`mara-${i}`, 'Mara', 'participant'));
    const context = await launchWithProfile(profile);
    const page = await context.newPage();
    const [faults, lines] = [[], []];
    try {
      page.on('console', (line) => lines.push(line.text()));
      page.on('pageerror', (error) => faults.push(String(error)));
      page.on('dialog', (dialog) => dialog.accept());
      await page.goto(portal);
      const frame = await until('the frame is there', () => page.frames().find((one) => one.url().startsWith('http://localhost:8080')));
      const find = (testid) => frame.locator(`[data-testid="${testid}"]`);
      const sees = (testid) => find(testid).first().waitFor({ state: 'visible', timeout: 10_000 });
      await sees('name-input');
      const keeps = await frame.evaluate(() => { try { sessionStorage.setItem('try', '1'); return true; } catch { return false; } });
      assert.equal(keeps, !throws, 'the browser is not as this stage wants it');
      await find('name-continue').click();
      await sees('join-button');
      if (throws) await sees('reload-warning');
      else assert.equal(await find('reload-warning').count(), 0);
      await page.screenshot({ path: `${out}frame-${i + 1}-check.png` });
      await find('join-button').click();
      await sees('waiting-room');
      await until('somebody waits', async () => await lind.find('admit').count() === 1);
      await lind.find('admit').click();
      await sees('session');
      // Seen and heard, as anybody: sound and picture go both ways.
      const mara = await until('Mara is in the roster', () => lind.received('roster').concat(lind.received('participant.joined').map(({ participant }) => ({ participants: [participant] })))
        .flatMap(({ participants }) => participants).findLast(({ displayName }) => displayName === 'Mara'));
      await lind.receives([{ name: 'Mara', id: mara.id }]);
      await until('Mara sees the therapist', () => frame.locator('video.guarded[data-shown]').count().then((count) => count === 1));
      await page.screenshot({ path: `${out}frame-${i + 1}-session.png` });
      await frame.evaluate(() => location.reload());
      if (throws) {
        await sees('ending-card');
        assert.equal(await find('ending-card').getAttribute('data-code'), 'no_link');
      } else await sees('session');
      assert.deepEqual(faults, []);
    } catch (error) {
      await page.screenshot({ path: `${out}failed-frame-${i + 1}.png` });
      throw new Error(`${error.message}\n${lines.join('\n')}`, { cause: error });
    } finally {
      await context.close();
      await new Promise((closed) => server.close(closed));
    }
  }]));
});
