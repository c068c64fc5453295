// Changes during a recording: another device, and a consent that is withdrawn while the server is unreachable.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProxy } from './support/proxy.mjs';
import { beeps, complaints, flashes, offset, sizes, times } from './support/recording-files.mjs';
import { begin, farPort, state, turns } from './support/recording.mjs';
import { steps } from './support/steps.mjs';
import { pause, until } from './support/wait.mjs';

test('one who changes devices is recorded all along', { timeout: 120_000 }, async (t) => {
  const { daemon, people, two, all, exported } = await begin(t, { cameras: 2 });
  let lind, mara;
  const sending = () => mara.page.evaluate(() => window.__alcove.connection.getSenders().map(({ track }) => track?.getSettings().deviceId));
  const changes = async (label) => {
    const list = mara.page.locator('dialog[open]').getByRole('combobox', { name: label, exact: true });
    const last = await list.locator('option').last().getAttribute('value');
    await list.selectOption(last);
    await until(`the other ${label} is sent`, async () => (await sending()).includes(last));
  };
  await steps(t, { people, daemon: () => daemon }, [
    ['two are recorded', async () => {
      [lind, mara] = await two();
      await pause(4000);
    }],
    ['one changes both, and nobody is told', async () => {
      const told = () => [mara.sent('media.offer'), mara.sent('publication.set'), lind.received('participant.updated')].map(({ length }) => length);
      const before = told();
      await mara.find('devices').click();
      await mara.sees('devices-dialog');
      await changes('Microphone');
      await changes('Camera');
      await mara.find('devices-close').click();
      await pause(5000);
      assert.deepEqual(told(), before);
      await lind.find('record').click();
      await all('off');
    }],
    ['what came before and after is in one file, without a gap', async () => {
      const files = await exported();
      assert.equal(files.length, 2);
      const changed = files.find((file) => sizes(file).at(-1) === '320x180'); // of a camera of 640 x 360 the largest is left out
      assert.ok(changed, `the pictures are of ${files.map(sizes).join(' and ')}`);
      assert.equal(complaints(changed), '');
      for (const [kind, longest] of [['a', 0.3], ['v', 1]]) {
        const gaps = times(changed, kind).map((at, i, every) => at - (every[i - 1] ?? at));
        assert.ok(Math.max(...gaps) <= longest, `${Math.max(...gaps)} s without ${kind}`);
      }
      // The other devices beep and flash half a second later.
      for (const seen of [beeps(changed), flashes(changed)]) {
        const late = seen.map((at) => (at - seen[0] + 0.25) % 1 - 0.25);
        const [before, after] = [0, 0.5].map((phase) => late.filter((by) => Math.abs(by - phase) < 0.2).length);
        assert.ok(before >= 3 && after >= 3 && before + after >= late.length - 1, `they come late by ${late}`);
        assert.deepEqual(late.map((by) => by > 0.25), late.map((by) => by > 0.25).sort(), 'the first ones came back');
      }
      const { pairs, median: after } = offset(changed);
      assert.ok(pairs >= 6, `${pairs} flashes with their beep`);
      t.diagnostic(`sound comes ${after} s after the picture`);
    }],
  ]);
});

test('a yes taken back while the server cannot be told', { timeout: 120_000 }, async (t) => {
  const { daemon, people, two, all, exported } = await begin(t);
  const proxy = await startProxy(farPort, 8080);
  t.after(() => proxy.close());
  let lind, mara, line, at;
  const came = async () => (await lind.media()).inbound[line.audio].packets + (await lind.media()).inbound[line.video].packets;
  const nothingComes = async () => {
    const before = await came();
    await pause(300);
    return await came() === before;
  };
  const lights = () => mara.page.evaluate(() => ['camera', 'microphone'].filter((kind) => window.__alcove.store[kind].track.value));
  await steps(t, { people, daemon: () => daemon }, [
    ['two are recorded, and go on to be while words do not get through', async () => {
      [lind, mara] = await two(`http://localhost:${farPort}`);
      line = lind.linesOf(mara);
      proxy.freeze();
      await lind.receives([mara]);
      await pause(2000);
    }],
    ['nothing is sent any more, at once', async () => {
      at = Date.now() / 1000;
      await mara.find('withdraw').click();
      assert.ok(await mara.page.evaluate(() => window.__alcove.connection.getSenders().every(({ track }) => !track?.enabled)), 'something is sent');
      await until('nothing comes', nothingComes);
      assert.equal(await state(lind), 'on', 'the server knows: the test looks at nothing');
      await mara.sees('withdrawing');
      assert.deepEqual(await lights(), []);
      for (const id of ['withdraw', 'recording-banner']) assert.equal(await mara.find(id).count(), 0, id);
      await mara.audit('a yes taken back that nobody knows of');
      await mara.shot('recording-3-withdrawing');
    }],
    ['nor when a device is turned on', async () => {
      await mara.find('camera-toggle').click();
      await until('the camera is on', async () => (await lights()).join() === 'camera');
      assert.ok(await nothingComes(), 'the picture is sent');
      assert.equal(await state(lind), 'on');
    }],
    ['a reload, and it is the first word', async () => {
      // This page comes back no more, the next one does.
      await mara.page.evaluate(() => { WebSocket.prototype.send = () => undefined; });
      proxy.thaw();
      const before = mara.frames.length;
      await mara.page.reload();
      await all('paused');
      const [hello, first] = mara.frames.slice(before).filter(({ sent }) => sent).map(({ frame }) => frame);
      assert.ok(hello.data.resume, 'another seat');
      assert.equal(first.type, 'consent.withdraw');
      await until('she knows', async () => await mara.page.getByText('You took back your yes.').count() === 1);
      assert.equal(await mara.find('withdrawing').count(), 0);
      assert.equal(mara.sent('consent.withdraw').length, 2);
    }],
    ['then she is seen and heard again', async () => {
      await mara.find('mic-toggle').click();
      await until('both are on', async () => (await lights()).length === 2);
      await lind.receives([mara]);
    }],
    ['nothing of what came after is in the files', async () => {
      const [on] = turns(lind).slice(-2);
      assert.equal(on.recording, 'on');
      await lind.find('record').click();
      await all('off');
      const files = await exported();
      assert.equal(files.length, 2);
      for (const ends of [(file) => beeps(file).at(-1), (file) => times(file, 'v').at(-1)]) {
        const [hers, other] = files.map(ends).sort((a, b) => a - b);
        assert.ok(hers > 1 && hers <= at - on.at + 0.5, `something of second ${hers}, taken back after ${at - on.at}`);
        assert.ok(other > hers + 1, `the other one for ${other} s`);
      }
    }],
  ]);
});
