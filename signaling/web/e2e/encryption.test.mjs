// A session that is encrypted end to end, in real browsers: two people in one group, who hear and see each other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

test('two people in one group', { timeout: 120_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  let lind, mara;
  await steps(t, { people, daemon: () => daemon }, [
    ['a host alone makes the group', async () => {
      lind = await enter('Dr. Lind', await daemon.encryptedLink('lind', 'Dr. Lind', 'host'));
      await lind.join();
      await lind.sees('session');
      await until('the group is made', () => lind.received('e2ee.entry').length > 0);
    }],
    ['who is admitted is added, and both decode each other', async () => {
      mara = await enter('Mara', await daemon.encryptedLink('mara', 'Mara'));
      await mara.join();
      await mara.sees('waiting-room');
      assert.deepEqual(mara.frames.filter(({ sent, frame }) => !sent && frame.type?.startsWith('e2ee.')), []);
      await lind.find('admit').first().click();
      await mara.sees('session');
      await Promise.all([lind.receives([mara]), mara.receives([lind])]);
    }],
  ]);
});
