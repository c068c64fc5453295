// A person whose line loses packets: the group sees it, they are offered sound only, and with it no picture leaves or comes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { blockPorts } from './support/firewall.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

test('a weak line', { timeout: 180_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  let lind, mara, cut;
  t.after(() => cut?.restore());
  const level = (person, of) => person.received('lines').at(-1)?.lines.find(({ participantId }) => participantId === of.id)?.level ?? 'good';
  const mark = (person, of) => person.page.locator(`[data-participant="${of.id}"] [data-testid="line-mark"]`);
  await steps(t, { people, daemon: () => daemon }, [
    ['on good lines nothing is said', async () => {
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`);
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara', await daemon.link('mara', 'Mara'));
      await mara.join();
      await lind.sees('admit');
      await lind.find('admit').click();
      await mara.sees('session');
      await Promise.all([lind.receives([mara], 30_000), mara.receives([lind], 30_000)]);
      assert.equal(await mara.find('weak-line').count(), 0);
    }],
    ['a line that loses a third of its packets is marked, for her and for the group', async () => {
      const { ports } = await mara.media();
      assert.ok(ports.length > 0);
      cut = blockPorts(ports, 35);
      await until('the server rates her line as weak', () => level(lind, mara) === 'weak' && level(mara, mara) === 'weak', 40_000);
      await mark(lind, mara).waitFor();
      assert.match(await mark(lind, mara).textContent(), /Weak line/);
      await mara.sees('weak-line', 30_000);
      await mara.audit('weak line');
      await mara.shot('weak-line');
    }],
    ['sound only: nothing of her is seen, and she asks for no picture', async () => {
      await mara.find('sound-only').click();
      await mara.sees('sound-only-on');
      await until('her camera is off', () => lind.received('participant.updated').at(-1)?.participant.publications.some((p) => p.source === 'camera' && p.muted));
      await until('she asks for no picture', () => {
        const view = mara.sent('view.set').at(-1)?.data;
        return view && view.views.length === 0 && view.paused.length > 0;
      });
      await mara.audit('sound only');
    }],
    ['when the line is good again its mark goes, and pictures come back when she wants them', async () => {
      cut.restore();
      cut = undefined;
      await until('the server rates it as good', () => level(lind, mara) === 'good', 40_000);
      await mark(lind, mara).waitFor({ state: 'detached' });
      await mara.find('video-again').click();
      await until('she asks for pictures', () => mara.sent('view.set').at(-1)?.data.views.length > 0);
    }],
    ['ports that pass nothing any more are replaced, and the line does not stay lost', async () => {
      const { ports } = await lind.media();
      cut = blockPorts(ports);
      await until('packets are dropped', () => cut.dropped() > 50, 10_000);
      await until('she has another way', async () => (await lind.media()).ports.some((port) => !ports.includes(port)), 30_000);
      await mara.receives([lind], 40_000); // her own camera is still off
      await until('her line counts as good', () => level(mara, lind) === 'good', 40_000);
    }],
  ]);
});
