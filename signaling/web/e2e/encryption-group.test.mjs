// What an encrypted group goes through: a second host, a side room, a cut, workers that die, the only host's reload, a new group, and a
// restart of the daemon.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from './support/daemon.mjs';
import { everyone, inOneGroup, numbers, status } from './support/encryption.mjs';
import { launch, Person } from './support/person.mjs';
import { startProxy } from './support/proxy.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const farPort = 8081;

test('an encrypted group over a long session', { timeout: 300_000 }, async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'alcove-encrypted-'));
  const start = () => startDaemon(['dev', '--admin', '127.0.0.1:9091', '--data', data]);
  let daemon = await start();
  const browser = await launch();
  const proxy = await startProxy(farPort, 8080);
  t.after(async () => {
    await browser.close();
    proxy.close();
    await daemon.stop();
    rmSync(data, { recursive: true });
  });
  const people = [];
  const enter = async (name, link) => {
    const person = await Person.open(browser, name, link);
    people.push(person);
    await person.join();
    return person;
  };
  let lind, mara, jonas, weiss;
  await steps(t, { people, daemon: () => daemon }, [
    ['a group of three', async () => {
      lind = await enter('Dr. Lind', await daemon.encryptedLink('lind', 'Dr. Lind', 'host'));
      await lind.sees('session');
      mara = await enter('Mara', await daemon.encryptedLink('mara', 'Mara'));
      jonas = await enter('Jonas', (await daemon.encryptedLink('jonas', 'Jonas')).replace('8080', farPort));
      await until('two wait', async () => await lind.find('admit').count() === 2);
      await lind.find('admit-all').click();
      await Promise.all([mara.sees('session'), jonas.sees('session')]);
      await inOneGroup([lind, mara, jonas]);
      await everyone([lind, mara, jonas]);
    }],
    ['a second host is added, and the code is another one for everybody', async () => {
      const { code } = await status(mara);
      weiss = await enter('Dr. Weiss', await daemon.encryptedLink('weiss', 'Dr. Weiss', 'host'));
      await weiss.sees('session');
      await inOneGroup([lind, mara, jonas, weiss]);
      await everyone([lind, mara, jonas, weiss]);
      assert.notEqual((await status(mara)).code, code);
    }],
    ['a side room has keys of its own', async () => {
      const before = numbers(lind).at(-1);
      await lind.page.evaluate((participantId) => window.__alcove.session.request('mod.sideRoom', { participantId }), mara.id);
      await until('its group has both', () => numbers(lind).at(-1) >= before + 2);
      assert.equal(lind.received('e2ee.entry').at(-2).sideRoom, true);
      await lind.receives([mara]);
      await mara.receives([lind]);
      await jonas.receives([weiss]);
      await lind.page.evaluate(() => window.__alcove.session.request('sideRoom.leave', {}));
      await everyone([lind, mara, jonas, weiss]);
      await inOneGroup([lind, mara, jonas, weiss]);
    }],
    ['who is cut reads what was missed, and stays', async () => {
      proxy.freeze();
      const hellos = jonas.answers('hello').length;
      const before = numbers(lind).at(-1);
      try {
        await weiss.page.reload();
        await until('a commit that Jonas does not hear', () => numbers(lind).at(-1) > before);
        await until('his page notices', async () => await jonas.find('banner').count() > 0, 20_000);
      } finally {
        proxy.thaw();
      }
      await until('Jonas resumes', () => jonas.answers('hello').length > hellos && jonas.answers('hello').at(-1).ok, 20_000);
      await inOneGroup([lind, mara, jonas, weiss]);
      await everyone([lind, mara, jonas, weiss], 45_000);
      assert.ok(jonas.sent('e2ee.sync').length > 0, 'nothing was asked for');
    }],
    ['a keys worker that dies is replaced', async () => {
      // By name: its file is run from a copy that was compared with its hash.
      const keysWorkers = async () => {
        const named = await Promise.all(mara.page.workers().map(async (worker) => [worker, await worker.evaluate(() => globalThis.name).catch(() => '')]));
        return named.filter(([, name]) => name.startsWith('keys')).map(([worker]) => worker);
      };
      const [keys] = await keysWorkers();
      await keys.evaluate(() => { setTimeout(() => { throw new Error('as a test wishes'); }); });
      await until('another one', async () => (await keysWorkers()).some((worker) => worker !== keys), 10_000);
      await inOneGroup([lind, mara, jonas, weiss]);
      await everyone([lind, mara, jonas, weiss]);
    }],
    ['the second host leaves, the only one reloads: the group is made anew', async () => {
      await weiss.find('leave').click();
      await weiss.find('confirm').click();
      await inOneGroup([lind, mara, jonas]);
      const { group } = lind.received('e2ee.entry').at(-1);
      await lind.page.reload();
      await lind.sees('session');
      await until('another group', () => lind.received('e2ee.entry').at(-1).group !== group);
      await inOneGroup([lind, mara, jonas]);
      await everyone([lind, mara, jonas]);
    }],
    ['a host renews the encryption', async () => {
      const { group } = lind.received('e2ee.entry').at(-1);
      await lind.page.evaluate(() => window.__alcove.session.e2ee.renew());
      await until('another group', () => lind.received('e2ee.entry').at(-1).group !== group);
      await inOneGroup([lind, mara, jonas]);
      await everyone([lind, mara, jonas]);
    }],
    ['the last host goes: the group goes on, and closes behind who leaves', async () => {
      const before = numbers(mara).at(-1);
      await lind.find('leave').click();
      await lind.find('leave-alone').click();
      await lind.find('confirm').click();
      await until('the host is out of the keys', () => numbers(mara).at(-1) > before);
      await everyone([mara, jonas]);
      lind = await enter('Dr. Lind', await daemon.encryptedLink('lind', 'Dr. Lind', 'host'));
      await lind.sees('session');
      // This device did not see them admitted, and nobody else who hosts did.
      await lind.sees('unadmitted');
      assert.match(await lind.find('unadmitted').textContent(), /2 people are in the session whom this device did not see admitted/);
      await lind.find('let-in').click();
      await inOneGroup([lind, mara, jonas]);
      await everyone([lind, mara, jonas]);
    }],
    ['the daemon restarts: everybody keeps the group and its number', async () => {
      const before = numbers(lind).at(-1);
      await daemon.stop();
      daemon = await start();
      await until('all are back', async () => (await Promise.all([lind, mara, jonas].map(status))).every(({ state }) => state === 'member'), 30_000);
      await everyone([lind, mara, jonas], 45_000);
      assert.equal(lind.received('e2ee.state').at(-1).number, before);
      await jonas.page.reload();
      await until('a commit after it', () => numbers(lind).at(-1) === before + 1, 20_000);
      await inOneGroup([lind, mara, jonas]);
      await everyone([lind, mara, jonas], 45_000);
    }],
  ]);
});
