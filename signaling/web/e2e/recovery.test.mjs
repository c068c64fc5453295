// Recovery during a session: from a lost network, a reloaded page and a failed connection.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockPorts } from './support/firewall.mjs';
import { startDemo } from './support/demo.mjs';
import * as inPage from './support/in-page.mjs';
import { startProxy } from './support/proxy.mjs';
import { steps } from './support/steps.mjs';
import { pause, until } from './support/wait.mjs';

const cutMs = 10_000; // two pings of signaling, and what ICE needs to notice
const farPort = 8081; // where one participant reaches the daemon, through a proxy

test('what breaks comes back', { timeout: 240_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  const proxy = await startProxy(farPort, 8080);
  t.after(() => proxy.close());
  const everyone = () => Promise.all(people.map((p) => p.receives(people.filter((other) => other !== p), 45_000)));
  let lind, mara, jonas;

  await steps(t, { people, daemon: () => daemon }, [
    ['a group of three, one of them behind a proxy', async () => {
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`, inPage.watchPeople);
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara', await daemon.link('mara', 'Mara'));
      jonas = await enter('Jonas', await daemon.link('jonas', 'Jonas', `http://localhost:${farPort}`));
      await Promise.all([mara.join(), jonas.join()]);
      await until('two wait', async () => await lind.find('admit').count() === 2);
      await lind.find('admit-all').click();
      await Promise.all([mara.sees('session'), jonas.sees('session')]);
      await everyone();
    }],

    ['a network cut of 10 s: the seat resumes', async () => {
      const seat = jonas.id;
      const { ports } = await jonas.media();
      assert.ok(ports.length > 0, 'no port carries the media');
      const cut = blockPorts(ports);
      proxy.freeze();
      try {
        const before = (await mara.media()).inbound[mara.linesOf(jonas).video].frames;
        await pause(cutMs);
        assert.ok(cut.dropped() > 0, 'nothing was cut');
        const line = mara.linesOf(jonas).video;
        const after = line ? (await mara.media()).inbound[line].frames : before;
        assert.ok(after - before < 60, 'media flowed through the cut');
        await jonas.sees('banner');
        await jonas.shot('6-cut');
      } finally {
        cut.restore();
        proxy.thaw();
      }
      await until('Jonas resumes', () => jonas.sent('hello').at(-1).data.resume && jonas.answers('hello').length > 1 && jonas.answers('hello').at(-1).ok, 20_000);
      assert.equal(jonas.id, seat, 'another seat');
      await jonas.sees('session');
      await everyone();
    }],

    ['who is muted while words do not get through is so when they are back', async () => {
      const muted = () => lind.received('participant.updated').findLast(({ participant }) => participant.id === jonas.id)
        ?.participant.publications.find(({ source }) => source === 'microphone').muted;
      const row = lind.page.locator(`[data-testid="person"][data-participant="${jonas.id}"]`);
      proxy.freeze();
      try {
        await row.getByTestId('mute').click();
        await until('the others see it', () => muted() === true);
      } finally {
        proxy.thaw();
      }
      await jonas.page.getByText('A therapist turned your microphone off. You can turn it on again.').waitFor();
      assert.equal(muted(), true);
      await jonas.find('mic-toggle').click();
      await until('his own hand turns it on', () => muted() === false);
      await lind.receives([jonas]);
    }],

    ['a reload resumes', async () => {
      const seat = mara.id;
      const hellos = mara.answers('hello').length;
      await mara.page.reload();
      await until('Mara resumes', () => mara.answers('hello').length > hellos && mara.answers('hello').at(-1).ok);
      assert.ok(mara.sent('hello').at(-1).data.resume, 'Mara came by a token');
      assert.equal(mara.id, seat, 'another seat');
      await mara.sees('session');
      await everyone();
      await mara.shot('7-reloaded');
    }],

    ['a connection at whose answer the browser throws is made anew', async () => {
      const before = (await lind.peerStates()).length;
      await lind.page.evaluate(() => { window.__throw = { setRemoteDescription: 1 }; });
      const two = [await enter('Ada', await daemon.link('ada', 'Ada')), await enter('Theo', await daemon.link('theo', 'Theo'))];
      await Promise.all(two.map((person) => person.join()));
      await until('two wait', async () => await lind.find('admit').count() === 2);
      await lind.find('admit-all').click();
      await Promise.all(two.map((person) => person.sees('session')));
      await until('another connection stands', async () => {
        const states = await lind.peerStates();
        return states.length === before + 1 && states.at(-2) === 'closed' && states.at(-1) === 'connected';
      }, 30_000);
      await lind.receives([mara, jonas, ...two], 45_000);
    }],
  ]);
});
