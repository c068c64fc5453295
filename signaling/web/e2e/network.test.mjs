// An installation with default media settings, several interfaces and HTTPS, and people behind NAT. Then one changes the network, and
// another network blocks UDP.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { alcove, encryptionFlags, startDaemon } from './support/daemon.mjs';
import * as inPage from './support/in-page.mjs';
import { startHomes, within } from './support/network.mjs';
import { launch, Person } from './support/person.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const server = '203.0.113.10';
const config = `
listen: ":443"
tls: {cert_file: fullchain.pem, key_file: privkey.pem}
auth: {issuer: https://id.clinic.example, audience: alcove, jwks_file: keys/jwks.json, person_key_file: keys/person.key}
store: {key_file: keys/store.key}
audit: {key_file: keys/audit.key}
`;

// A certificate that signs itself, and what makes a browser take it.
function certificate(folder) {
  const [cert, key] = ['fullchain.pem', 'privkey.pem'].map((name) => join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=clinic', '-addext', `subjectAltName=IP:${server}`, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  const spki = new X509Certificate(readFileSync(cert)).publicKey.export({ type: 'spki', format: 'der' });
  return `--ignore-certificate-errors-spki-list=${createHash('sha256').update(spki).digest('base64')}`;
}

test('networks as people have them', { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-e2e-'));
  const file = join(folder, 'alcove.yaml');
  writeFileSync(file, config);
  alcove('keygen', '--out', join(folder, 'keys'));
  const trust = certificate(folder);
  const link = (name, role) => alcove('token', '--key', join(folder, 'keys/signing.jwk'), '--config', file, ...encryptionFlags(join(folder, 'keys')), '--room', 'tuesday',
    '--sub', name, '--name', name, '--role', role, '--url', `https://${server}/`).trim();
  const network = await startHomes(2, server);
  let daemon;
  let browsers = [];
  t.after(async () => { // also when one of them does not start: the processes of the homes would never end
    await Promise.all(browsers.map((browser) => browser.close()));
    await daemon?.stop();
    network.close();
    rmSync(folder, { recursive: true });
  });
  daemon = await startDaemon(['serve', '--config', file], `https://${server}`);
  browsers = await Promise.all(network.homes.map((home) =>
    launch({ executablePath: within(folder, home, '/usr/bin/chromium'), args: [trust] })));
  const people = [];
  const admitted = async (name) => {
    const person = await Person.open(browsers[1], name, link(name, 'participant'));
    people.push(person);
    await person.join();
    await until('the therapist sees who waits', async () => await lind.find('admit').count() === 1);
    await lind.find('admit').click();
    await person.sees('session');
    return person;
  };
  const local = async (person) => (await person.page.evaluate(inPage.selectedPair)).local;
  // When the person last said it, in milliseconds.
  const lastSaid = (person, type) => person.frames.findLast(({ sent, frame }) => sent && frame.type === type).at;
  const peers = async () => (await mara.page.evaluate(inPage.peerStates)).length; // made by Mara
  // Mara receives again; how long that took is told, not asserted: the machine may be busy.
  const comesBack = async (after, at) => {
    await until('media is back', async () => await mara.page.evaluate(inPage.gap, at) > 0, 40_000);
    t.diagnostic(`${after}: nothing came for ${await mara.page.evaluate(inPage.gap, at)} ms`);
  };
  let lind, mara, theo;

  await steps(t, { people, daemon: () => daemon }, [
    ['two at home decode each other by UDP', async () => {
      people.push(lind = await Person.open(browsers[0], 'Dr. Lind', link('Dr. Lind', 'host')));
      await lind.join();
      await lind.sees('session');
      mara = await admitted('Mara');
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
      for (const person of people) {
        const { protocol, relayProtocol } = await local(person);
        assert.deepEqual([protocol, relayProtocol], ['udp', undefined], person.name);
      }
    }],
    ['who waits measures the connection by an echo', async () => {
      const robin = await Person.open(browsers[1], 'Robin', link('Robin', 'participant'));
      people.push(robin);
      await robin.fillName();
      await robin.sees('measure', 20_000);
      await robin.find('measure').click();
      await until('it is measured', async () => await robin.page.locator('[data-finding]').count() > 0, 45_000);
      t.diagnostic(`Robin is told: ${await robin.find('measured').innerText()}`);
      assert.equal(await robin.page.locator('[data-finding="none"]').count(), 0, 'no way was found');
      assert.equal(await robin.page.locator('[data-finding="relayOnly"]').count(), 0, 'UDP was not found');
      await robin.find('leave').click(); // or the therapist would see two who wait
      await robin.sees('ending-card');
      await robin.context.close();
      people.pop();
    }],
    ['where UDP stops to pass, ICE restarts and finds the relay, and UDP again', async () => {
      const [made, ufrag] = [await peers(), await mara.page.evaluate(inPage.localUfrag)];
      await mara.page.evaluate(inPage.watchGaps);
      const [unblock, at] = [network.blockUDP(2), Date.now()];
      await comesBack('UDP is blocked', at);
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
      assert.equal((await local(mara)).relayProtocol, 'tls');
      assert.equal(await peers(), made, 'the connection was replaced');
      assert.notEqual(await mara.page.evaluate(inPage.localUfrag), ufrag, 'ICE was not restarted');
      unblock();
    }],
    ['after a black-out of ten seconds media comes by the same connection', async () => {
      const made = await peers();
      const unblock = network.blackOut(2);
      await new Promise((done) => setTimeout(done, 10_000));
      const at = Date.now();
      unblock();
      await comesBack('the black-out is over', at);
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
      assert.equal(await peers(), made, 'the connection was replaced');
    }],
    ['who changes the network keeps the seat and the connection', async () => {
      const [{ id }, made] = [mara, await peers()];
      const pings = mara.sent('ping').length;
      await until('a ping', () => mara.sent('ping').length > pings); // the next one is five seconds away: media breaks first
      const hellos = mara.sent('hello').length;
      const at = Date.now();
      network.move(2);
      await until('another hello', () => mara.sent('hello').length > hellos, 20_000);
      await comesBack('another network', at);
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
      assert.equal(mara.id, id);
      assert.equal(await peers(), made, 'the connection was replaced');
      const wait = lastSaid(mara, 'media.offer') - lastSaid(mara, 'hello');
      assert.ok(wait > 0 && wait < 2_000, `${wait} ms`);
    }],
    ['where UDP is blocked, TLS on the port of the page carries it, also in mid-session', async () => {
      network.blockUDP(2);
      theo = await admitted('Theo');
      await Promise.all([mara.receives([lind], 30_000), theo.receives([lind], 30_000), lind.receives([mara, theo], 30_000)]);
      for (const person of [mara, theo]) {
        assert.equal((await local(person)).relayProtocol, 'tls', person.name);
        assert.deepEqual(person.received('media.ready').at(-1).iceServers[0].urls, [`turns:${server}:443?transport=tcp`]);
      }
      assert.equal((await local(lind)).relayProtocol, undefined);
    }],
  ]);
});
