// A session of four is recorded with everyone's consent, one takes it back in between, and the files of it play. And one changes
// devices while two are recorded, and one takes a yes back while the server cannot be told.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { alcove, startDaemon } from './support/daemon.mjs';
import { launch, Person } from './support/person.mjs';
import { startProxy } from './support/proxy.mjs';
import { about, beeps, complaints, flashAndBeep, flashes, median, offset, sizes, times } from './support/recorded.mjs';
import { stages } from './support/stage.mjs';
import { pause, until } from './support/wait.mjs';

const passcode = 'quiet-alcove';
const farPort = 8081; // where one participant reaches the daemon, through a proxy
// Browsers that share two processors capture and send late, by some hundred milliseconds, and say nothing of it. So this finds what is
// lost or out of place for a viewer; to 5 ms it is held where senders are known (cmd/alcove, TestSoundAndPictureLineUp, and sfu/record).
const tolerance = 0.5; // seconds
const lipSync = 0.4;

// chimes notes, inside the page, what is played without being heard by others: the notes of the page itself, in Hz.
function chimes() {
  const { start } = AudioScheduledSourceNode.prototype;
  window.__chimes = [];
  AudioScheduledSourceNode.prototype.start = function begin(...at) {
    if (this.frequency.value !== 1000) window.__chimes.push(Math.round(this.frequency.value));
    return start.apply(this, at);
  };
}
const rise = [523, 784];
const fall = [784, 523];

async function begin(t, options) {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-recording-'));
  const data = (name) => join(folder, 'data', name);
  const daemon = await startDaemon(['dev', '--admin', '127.0.0.1:9091', '--data', data('')]);
  const browser = await launch(options);
  let ended;
  t.after(async () => {
    await browser.close();
    if (!ended) await daemon.stop();
    rmSync(folder, { recursive: true });
  });
  const people = [];
  const enter = async (name, role = 'participant', from = daemon.origin) => {
    const link = await daemon.guarded(name, role, 'care');
    const person = await Person.enter(browser, name, link.replace(daemon.origin, from), flashAndBeep, chimes);
    people.push(person);
    await person.join();
    return person;
  };
  // Whom a host lets in has done all that is asked before.
  const admitted = async (name, host, from) => {
    const person = await enter(name, 'participant', from);
    await person.sees('agree');
    await person.find('agree').click();
    await until('the agreement is made', () => person.heard('self.updated').at(-1)?.needs.includes('agreement') === false);
    await person.find('passcode').fill(passcode);
    await person.find('passcode-enter').click();
    await until('the therapist can mark', async () => await host.find('verify-waiter').count() === 1);
    await host.find('verify-waiter').click();
    await until('nothing is missing', () => host.heard('waiting.updated').at(-1)?.waiter.needs.length === 0);
    await host.find('admit').click();
    await person.sees('session');
    return person;
  };
  // Ends the daemon, and gives the files of what it recorded.
  const exported = async () => {
    ended = await daemon.stop();
    assert.deepEqual(ended, { code: 0, signal: null });
    const keys = ['--identity', data('recording.identity'), '--erasure-keys', data('erasure.keys'), '--erasure-key', data('erasure.key')];
    alcove('recording', 'verify', '--dir', data('recordings'), ...keys);
    alcove('recording', 'export', '--dir', data('recordings'), ...keys, '--out', join(folder, 'out'));
    return readdirSync(join(folder, 'out')).map((name) => join(folder, 'out', name));
  };
  const all = async (recording) => {
    for (const person of people) await until(`${person.name} sees ${recording}`, async () => await state(person) === recording);
  };
  // A therapist and one more, whose recording has begun.
  const two = async (from) => {
    const lind = await enter('Dr. Lind', 'host');
    await lind.sees('session');
    const mara = await admitted('Mara', lind, from);
    await Promise.all([mara.receives([lind]), lind.receives([mara])]);
    await lind.find('record').click();
    for (const person of people) await person.find('consent-yes').click();
    await all('on');
    return [lind, mara];
  };
  return { data, daemon, people, enter, admitted, two, all, exported };
}

const state = (person) => person.find('recording').getAttribute('data-state');
// When the server told this person of each state of the recording, in seconds of its clock. What is recorded begins when it starts.
const turns = (person) => person.frames.filter(({ sent, frame }) => !sent && frame.type === 'room.updated')
  .map(({ frame }) => ({ at: frame.ts / 1000, recording: frame.data.recording === 'starting' ? 'on' : frame.data.recording }))
  .filter(({ recording }, i, all) => recording !== all[i - 1]?.recording);
const hears = (person, notes) => until(`${person.name} hears ${notes}`, async () => `${await person.page.evaluate(() => window.__chimes)}` === `${notes}`);

test('four are recorded, one withdraws in between, and it plays', { timeout: 300_000 }, async (t) => {
  const { data, daemon, people, enter, admitted, all, exported } = await begin(t);
  let lind, mara, jonas, sofia, late;
  await stages(t, { people, daemon: () => daemon }, [
    ['four come in', async () => {
      lind = await enter('Dr. Lind', 'host');
      await lind.sees('session');
      mara = await admitted('Mara', lind);
      jonas = await admitted('Jonas', lind);
      sofia = await admitted('Sofia', lind);
      await Promise.all(people.map((person) => person.receives(people.filter((other) => other !== person), 30_000)));
      await all('off');
    }],
    ['nothing is written before everyone said yes', async () => {
      await lind.find('record').click();
      for (const person of [lind, mara, jonas]) {
        await person.find('consent-yes').click();
        await until('told', () => person.answers('consent.respond').length === 2);
      }
      await all('asking');
      assert.deepEqual(readdirSync(data('recordings')), []);
      assert.equal(await lind.find('recorder').count(), 0);
      await sofia.find('consent-yes').click();
      await all('on');
    }],
    ['everyone sees it and hears it', async () => {
      for (const person of people) {
        await person.sees('recording-banner');
        await hears(person, rise);
      }
      await lind.sees('recorder');
      assert.equal(await mara.find('tile').count(), 4, 'the recorder is shown as a person');
      const told = mara.heard('participant.joined').map(({ participant }) => participant);
      assert.deepEqual(told.filter(({ role }) => role === 'recorder').map(({ id, displayName }) => [id, displayName]), [['recorder', '']]);
      await mara.audit('while it records');
      await mara.shot('recording-1-on');
      await pause(5000);
    }],
    ['one yes taken back stops it for all, and yes again goes on', async () => {
      await mara.find('withdraw').click();
      await all('paused');
      for (const person of people) await hears(person, [...rise, ...fall]);
      await until('the recorder is gone', async () => await lind.find('recorder').count() === 0);
      assert.ok(!JSON.stringify(jonas.heard('self.updated')).includes('withdrawn'), 'Jonas was told who it was');
      await pause(2000);
      await mara.find('answer-again').click();
      await mara.find('consent-yes').click();
      await all('on');
      await pause(5000);
      await lind.find('record').click();
      await all('off');
      late = median((await Promise.all(people.map((person) => person.page.evaluate(() => window.__late)))).flat());
      await mara.sees('withdraw'); // her yes stands, so it can be taken back
      await mara.shot('recording-2-off');
    }],
    ['the files play, line up, and hold nothing else', async () => {
      const told = turns(mara).slice(-4);
      assert.deepEqual(told.map(({ recording }) => recording), ['on', 'paused', 'on', 'off']);
      const [on, paused, again, off] = told.map(({ at }) => at - told[0].at);
      const files = await exported();
      assert.equal(files.length, 4);
      for (const file of files) {
        const { seconds, codecs } = about(file);
        const { pairs, median: after } = offset(file);
        console.log(`${seconds} s of ${off - on} s, sound ${Math.round((after + late) * 1000)} ms after the picture (${pairs} pairs)`);
        assert.deepEqual(codecs, ['opus', 'vp8']);
        assert.ok(Math.abs(seconds - (off - on)) <= tolerance, `${seconds} s instead of ${off - on}`);
        assert.equal(complaints(file), '');
        for (const kind of ['a', 'v']) {
          const all = times(file, kind);
          assert.ok(all.every((at, i) => i === 0 || at >= all[i - 1]), `the times of ${kind} go back`);
          const between = all.filter((at) => at > paused + tolerance && at < again - tolerance);
          assert.deepEqual(between, [], `something of ${kind} between ${paused} and ${again}`);
        }
        assert.ok(pairs >= 5 && Math.abs(after + late) <= lipSync, `sound comes ${after + late} s after the picture, in ${pairs} pairs`);
        // Seconds are seconds, before the gap and after it.
        const sounds = beeps(file).filter((at) => at > 0.2);
        for (const part of [sounds.filter((at) => at < paused - 0.3), sounds.filter((at) => at > again + 0.3)]) {
          const seconds = part.slice(1).map((at, i) => at - part[i]);
          assert.ok(seconds.length >= 2 && Math.abs(median(seconds) - 1) < 0.1, `a beep each ${seconds} s`);
        }
      }
    }],
  ]);
});

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
  await stages(t, { people, daemon: () => daemon }, [
    ['two are recorded', async () => {
      [lind, mara] = await two();
      await pause(4000);
    }],
    ['one changes both, and nobody is told', async () => {
      const told = () => [mara.said('media.offer'), mara.said('publication.set'), lind.heard('participant.updated')].map(({ length }) => length);
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
      assert.ok(pairs >= 6 && Math.abs(after) <= lipSync, `sound comes ${after} s after the picture, in ${pairs} pairs`);
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
  await stages(t, { people, daemon: () => daemon }, [
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
      assert.equal(mara.said('consent.withdraw').length, 2);
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
