// The shield and the code, in a session whose links prove nothing: by keyboard, on a phone, and before axe.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { inOneGroup, status } from './support/encryption.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

test('the code is compared', { timeout: 120_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  let lind, mara;
  const shield = (person) => person.find('shield').getAttribute('data-state');
  await steps(t, { people, daemon: () => daemon }, [
    ['both are asked to compare', async () => {
      lind = await enter('Dr. Lind', await daemon.encryptedLink('lind', 'Dr. Lind', 'host', 'code'));
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara', await daemon.encryptedLink('mara', 'Mara', 'participant', 'code'));
      await mara.join();
      await lind.sees('admit');
      await lind.find('admit').click();
      await mara.sees('session');
      await inOneGroup([lind, mara]);
      for (const person of [lind, mara]) {
        assert.equal(await shield(person), 'open');
        await person.sees('code-compare');
      }
      await lind.audit('host, code not compared');
    }],
    ['by keyboard, on a phone, the code of both is the same', async () => {
      await mara.page.setViewportSize({ width: 360, height: 640 });
      await mara.tabTo('shield');
      await mara.page.keyboard.press('Enter');
      await mara.sees('encryption-dialog');
      await mara.audit('code on a phone');
      await mara.shot('shield-phone');
      const wide = await mara.page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 360, `the page is ${wide} wide`);
      assert.equal(await mara.find('code').innerText(), await lind.find('code').first().innerText());
      await mara.tabTo('code-same');
      await mara.page.keyboard.press('Enter');
      await until('her shield is closed', async () => await shield(mara) === 'closed');
      assert.equal((await status(mara)).proved, true);
      assert.equal(await shield(lind), 'open', 'the answer left her device');
    }],
    ['renewed, the code is another one, and is to be compared again', async () => {
      const before = (await status(mara)).code;
      await lind.find('renew-encryption').click();
      await lind.find('confirm').click();
      await mara.sees('code-changed');
      assert.equal(await shield(mara), 'open');
      assert.notEqual((await status(mara)).code, before);
      await mara.page.setViewportSize({ width: 1280, height: 800 });
      await mara.audit('code changed');
    }],
  ]);
});
