// A session that is encrypted end to end, in real browsers: late join, reload, remove and leave. Whoever is taken out of the keys opens
// nothing more, though the server goes on sending.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { decoded, everyone, inOneGroup, numbers, status } from './support/encryption.mjs';
import { steps } from './support/steps.mjs';
import { pause, until } from './support/wait.mjs';

test('a group under its own keys', { timeout: 150_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  let lind, mara, jonas;
  const admitAll = async (...waiting) => {
    await until(`${waiting.length} wait`, async () => await lind.find('admit').count() === waiting.length);
    await lind.find('admit').first().click();
    await Promise.all(waiting.map((person) => person.sees('session')));
  };
  await steps(t, { people, daemon: () => daemon }, [
    ['a host alone makes the group', async () => {
      lind = await enter('Dr. Lind', await daemon.encryptedLink('lind', 'Dr. Lind', 'host'));
      await lind.join();
      await lind.sees('session');
      await inOneGroup([lind]);
    }],
    ['who waits hears nothing of it, and is added on admission', async () => {
      mara = await enter('Mara', await daemon.encryptedLink('mara', 'Mara'));
      await mara.join();
      await mara.sees('waiting-room');
      await until('the key package is there', () => mara.answers('e2ee.key').length > 0);
      assert.deepEqual(mara.frames.filter(({ sent, frame }) => !sent && frame.type?.startsWith('e2ee.')), []);
      assert.deepEqual(mara.answers('e2ee.key')[0].data, {});
      await admitAll(mara);
      await inOneGroup([lind, mara]);
      await everyone([lind, mara]);
      assert.deepEqual(await Promise.all([lind, mara].map(async (person) => (await status(person)).proved)), [true, true]);
    }],
    ['who comes late is added', async () => {
      jonas = await enter('Jonas', await daemon.encryptedLink('jonas', 'Jonas'));
      await jonas.join();
      await admitAll(jonas);
      await inOneGroup([lind, mara, jonas]);
      await everyone([lind, mara, jonas]);
    }],
    ['a reload is a new leaf, by one commit', async () => {
      const before = numbers(lind).at(-1);
      await mara.page.reload();
      await mara.sees('session');
      await until('she is added anew', () => numbers(lind).at(-1) === before + 1);
      await inOneGroup([lind, mara, jonas]);
      await everyone([lind, mara, jonas]);
    }],
    ['who is taken out of the keys opens nothing more, though all is still sent', async () => {
      const before = numbers(mara).at(-1);
      await lind.page.evaluate((id) => window.__alcove.session.e2ee.exclude(id), jonas.id);
      await until('the others have other keys', async () => numbers(mara).at(-1) > before && (await status(mara)).members === 2);
      await pause(2_500); // the old keys open for 2 s more what was sent before
      const first = await decoded(jonas);
      await pause(2_000);
      const last = await decoded(jonas);
      assert.ok(last.packets > first.packets + 50, `nothing is sent any more: ${last.packets - first.packets}`);
      assert.equal(last.frames, first.frames);
      assert.equal((await status(jonas)).state, 'outside');
      // As after a removal that the server refused: the host is asked.
      await lind.page.evaluate((id) => window.__alcove.session.e2ee.include(id), jonas.id);
      await lind.find('let-in').click();
      await inOneGroup([lind, mara, jonas]);
      await everyone([lind, mara, jonas]);
    }],
    ['a removal commits first', async () => {
      const row = lind.page.locator(`[data-testid="person"][data-participant="${jonas.id}"]`);
      await row.getByTestId('more').click();
      await row.getByTestId('remove').click();
      await lind.sees('confirm');
      await lind.find('confirm').click();
      await jonas.sees('ending-card');
      const sent = lind.frames.filter(({ sent }) => sent).map(({ frame }) => frame.type);
      assert.ok(sent.lastIndexOf('e2ee.commit') < sent.indexOf('mod.remove'), 'the server was asked before the commit');
      await inOneGroup([lind, mara]);
      await everyone([lind, mara]);
    }],
    ['a leave commits, too', async () => {
      await mara.find('leave').click();
      await mara.find('confirm').click();
      await inOneGroup([lind]);
    }],
  ]);
});
