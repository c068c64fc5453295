// A group session from token to picture: a therapist and three participants, each in a Chromium context of their own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutPorts } from './support/cut.mjs';
import { startDemo } from './support/demo.mjs';
import { converse } from './support/inside.mjs';
import { startProxy } from './support/proxy.mjs';
import { stages } from './support/stage.mjs';
import { pause, until } from './support/wait.mjs';

const cutMs = 10_000;
const removeMs = 1_000; // within which a removed person's media must end
const farPort = 8081; // where one participant reaches the daemon, through a proxy

// What may reach somebody who waits: their own welcome, their own state, and the beat of the connection.
const welcomeFields = ['sessionId', 'resumeSecret', 'participantId', 'state', 'role', 'permissions', 'pingMs', 'resumeMs', 'waitingResumeMs', 'policy',
  'needs', 'agreement', 'consents', 'helpRaised'];
const waitingPermissions = [];

async function knowsNothing(person) {
  const allowed = new Set([...person.answers('hello'), ...person.answers('ping')]);
  const heard = person.frames.filter((f) => !f.sent).map((f) => f.frame);
  assert.ok(heard.length > 0, `${person.name} heard nothing at all: the test looks at nothing`);
  for (const frame of heard) {
    if (allowed.has(frame)) continue;
    assert.equal(frame.type, 'access.changed', `${person.name} heard ${JSON.stringify(frame)}`);
    assert.equal(frame.data.state, 'waiting');
  }
  for (const { data } of person.answers('hello')) {
    assert.deepEqual(Object.keys(data).filter((k) => !welcomeFields.includes(k)), []);
    assert.equal(data.state, 'waiting');
    assert.deepEqual(data.permissions, waitingPermissions);
  }
  assert.deepEqual(await person.peerStates(), [], `${person.name} waits, but has a PeerConnection`);
}

test('a group session', { timeout: 170_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  const proxy = await startProxy(farPort, 8080);
  t.after(() => proxy.close());
  let lind, mara, jonas, theo, theoAgain;

  await stages(t, { people, daemon: () => daemon }, [
    ['nothing reaches those who wait', async () => {
      // Mara is early: that changes nothing.
      mara = await enter('Mara', await daemon.link('mara', 'Mara'));
      await mara.sees('name-input');
      await mara.audit('name');
      await mara.shot('0-name');
      await mara.named();
      await mara.sees('join-button');
      await until('the camera is on', async () => await mara.find('camera-toggle').getAttribute('aria-pressed') === 'true');
      await mara.audit('device check');
      await mara.shot('1-device-check');
      await mara.join();
      await mara.sees('waiting-room');
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`);
      await lind.join();
      await lind.sees('session');
      jonas = await enter('Jonas', await daemon.link('jonas', 'Jonas', `http://localhost:${farPort}`));
      theo = await enter('Theo', await daemon.link('theo', 'Theo'));
      await Promise.all([jonas.join(), theo.join()]);
      await until('the therapist sees three who wait', async () => await lind.find('admit').count() === 3);
      for (const person of [mara, jonas, theo]) {
        await person.sees('waiting-room');
        await knowsNothing(person);
      }
      await mara.audit('waiting room');
      await mara.shot('2-waiting');
      await lind.audit('session of the therapist, with people waiting');
      await lind.shot('3-host-admits');
    }],

    ['one is admitted, the others still know nothing', async () => {
      await lind.find('admit').first().click();
      await mara.sees('session');
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
      await knowsNothing(jonas);
      await knowsNothing(theo);
    }],

    ['everyone decodes everyone', async () => {
      await lind.find('admit-all').click();
      await Promise.all([jonas.sees('session'), theo.sees('session')]);
      await everyone([lind, mara, jonas, theo]);
      await until('four tiles', async () => await mara.find('tile').count() === 4);
      const lines = Object.keys((await lind.media()).outbound).map((line) => line.at(-1));
      assert.deepEqual(['q', 'h', 'f'].filter((rid) => !lines.includes(rid)), [], 'encodings of the camera are missing');
      await mara.audit('session');
      await mara.shot('session');
      await lind.shot('4-session-host');
    }],

    ['what nobody can see in full is not sent in full', async () => {
      const others = [mara, jonas, theo];
      const size = others[0].page.viewportSize();
      await Promise.all(others.map((p) => p.page.setViewportSize({ width: 640, height: 400 })));
      await until('the tiles are told', () => others.every((p) => {
        const views = p.said('view.set').at(-1)?.data.views ?? [];
        return views.length === 3 && views.every(({ height }) => height < 200);
      }));
      await until('the largest is not wanted', () => lind.heard('encodings.wanted').at(-1)?.rids.includes('f') === false);
      const frames = async () => Object.entries((await lind.media()).outbound).find(([line]) => line.endsWith('f'))[1].frames;
      await until('it is not sent', async () => {
        const before = await frames();
        await pause(500);
        return await frames() === before;
      });
      await mara.receives([lind]);
      await Promise.all(others.map((p) => p.page.setViewportSize(size)));
    }],

    ['a locked room refuses a fifth', async () => {
      await lind.find('lock-toggle').click();
      await until('everybody is told', () => [lind, mara, jonas, theo].every((p) => p.heard('room.updated').at(-1)?.locked));
      const noor = await enter('Noor', await daemon.link('noor', 'Noor'));
      await noor.named();
      await noor.sees('ending-card');
      assert.equal(await noor.find('ending-card').getAttribute('data-code'), 'room_locked');
      assert.deepEqual(noor.heard('roster'), []);
      assert.deepEqual(await noor.peerStates(), []);
      await noor.audit('ending card');
      await noor.shot('5-locked');
      await noor.context.close();
      people.splice(people.indexOf(noor), 1);
    }],

    ['a network cut of 10 s: the seat resumes', async () => {
      const seat = jonas.id;
      const { ports } = await jonas.media();
      assert.ok(ports.length > 0, 'no port carries the media');
      const cut = cutPorts(ports);
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
        cut.mend();
        proxy.thaw();
      }
      await until('Jonas resumes', () => jonas.said('hello').at(-1).data.resume && jonas.answers('hello').length > 1 && jonas.answers('hello').at(-1).ok, 20_000);
      assert.equal(jonas.id, seat, 'another seat');
      await jonas.sees('session');
      await everyone([lind, mara, jonas, theo]);
    }],

    ['who is muted while words do not get through is so when they are back', async () => {
      const muted = () => lind.heard('participant.updated').findLast(({ participant }) => participant.id === jonas.id)
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
      assert.ok(mara.said('hello').at(-1).data.resume, 'Mara came by a token');
      assert.equal(mara.id, seat, 'another seat');
      await mara.sees('session');
      await everyone([lind, mara, jonas, theo]);
      await mara.shot('7-reloaded');
    }],

    ['with a fresh token back into the locked room, by the hand of the therapist', async () => {
      theoAgain = await enter('Theo', await daemon.link('theo', 'Theo'));
      await theoAgain.join();
      await theoAgain.sees('waiting-room');
      await knowsNothing(theoAgain);
      await until('marked as returning', () => lind.heard('waiting.added').at(-1)?.waiter.returning);
      await lind.shot('8-returning');
      await lind.find('admit').first().click();
      await theoAgain.sees('session');
      await theo.sees('ending-card');
      assert.equal(await theo.find('ending-card').getAttribute('data-code'), 'replaced');
      await everyone([lind, mara, jonas, theoAgain]);
    }],

    ['remove ends media within 1 s, token and resume secret are dead', async () => {
      const others = [lind, mara, jonas];
      const lines = others.map((p) => Object.values(p.linesOf(theoAgain)));
      const packets = async () => (await Promise.all(others.map((p) => p.media())))
        .map(({ inbound }, i) => lines[i].reduce((sum, mid) => sum + (inbound[mid]?.packets ?? 0), 0));
      await askToRemove(lind, theoAgain);
      await lind.audit('confirmation');
      await lind.shot('9-confirm');
      let last = await packets();
      assert.ok(last.every((n) => n > 0), `media of Theo before: ${last}`);
      await lind.find('confirm').click();
      const start = performance.now();
      let moved = 0;
      while (performance.now() - start < 3 * removeMs) {
        const at = performance.now() - start;
        const now = await packets();
        if (now.some((n, i) => n > last[i])) moved = at;
        last = now;
        await pause(50);
      }
      assert.ok(moved < removeMs, `media of the removed still came after ${Math.round(moved)} ms`);
      await theoAgain.sees('ending-card');
      assert.equal(await theoAgain.find('ending-card').getAttribute('data-code'), 'removed');
      assert.ok((await theoAgain.peerStates()).every((s) => s === 'closed'), 'a PeerConnection is left');
      await theoAgain.shot('10-removed');

      const client = { name: 'e2e', version: '1' };
      const say = (data) => theoAgain.page.evaluate(converse, { id: '1', type: 'hello', data: { ...data, client } });
      const { sessionId } = theoAgain.welcome;
      const { token } = theoAgain.said('hello')[0].data;
      for (const [what, data, code] of [
        ['the secret', { resume: { sessionId, secret: theoAgain.welcome.resumeSecret } }, 'resume_expired'],
        ['the token', { token }, 'invalid_token'],
        ['a fresh token', { token: await daemon.token('theo', 'Theo') }, 'barred'],
      ]) {
        const { answer, code: close } = await say(data);
        assert.equal(answer?.ok, false, `${what} of the removed was accepted`);
        assert.equal(answer.error.code, code, what);
        assert.ok(close >= 4400, `${what}: closed with ${close}`);
      }
    }],

    ['end for all', async () => {
      await lind.find('end-for-all').click();
      await lind.sees('confirm');
      await lind.find('confirm').click();
      for (const person of [lind, mara, jonas]) {
        await person.sees('ending-card');
        assert.ok((await person.peerStates()).every((s) => s === 'closed'), `${person.name} keeps a PeerConnection`);
      }
      await mara.audit('the session ended');
      await mara.shot('11-ended');
    }],

    ['nobody asked a third party', () => {
      for (const person of people) person.stayedHome(['localhost:8080', `localhost:${farPort}`]);
    }],
  ]);
});

async function everyone(people) {
  await Promise.all(people.map((p) => p.receives(people.filter((other) => other !== p))));
}

// Opens the dialog that removes somebody.
async function askToRemove(host, person) {
  const row = host.page.locator(`[data-testid="person"][data-participant="${person.id}"]`);
  await row.locator('[data-testid="more"]').click();
  await row.locator('[data-testid="remove"]').click();
  await host.sees('confirm');
}
