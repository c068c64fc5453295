// A session of four is recorded with everyone's consent, one takes it back in between, and the files of it play.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import { alcove, startDaemon } from './support/daemon.mjs';
import { launch, Person } from './support/person.mjs';
import { about, beeps, complaints, flashAndBeep, median, offset, times } from './support/recorded.mjs';
import { stages } from './support/stage.mjs';
import { pause, until } from './support/wait.mjs';

const passcode = 'quiet-alcove';
const tolerance = 0.1; // seconds, and as much more as this machine is late with everything
// Sound and picture of a browser that has time. One that shares two processors with three others draws and encodes late, and says
// nothing of it; what the recorder itself adds is held to 5 ms where senders are known to the millisecond (cmd/alcove, TestSoundAndPictureLineUp).
const lipSync = 0.08;
const lipSyncBusy = 0.4;

// chimes counts, inside the page, what sounds without being sent: the tones of the page itself.
function chimes() {
  const connect = AudioNode.prototype.connect;
  window.__chimes = 0;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (this instanceof GainNode && target instanceof AudioDestinationNode) window.__chimes += 1;
    return connect.call(this, target, ...rest);
  };
}

async function begin(t) {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-recording-'));
  const daemon = await startDaemon(['dev', '--admin', '127.0.0.1:9091', '--data', join(folder, 'data')]);
  const browser = await launch();
  let ended;
  t.after(async () => {
    await browser.close();
    if (!ended) await daemon.stop();
    rmSync(folder, { recursive: true });
  });
  const people = [];
  const enter = async (name, role = 'participant') => {
    const person = await Person.enter(browser, name, await daemon.guarded(name, role, 'care'), flashAndBeep, chimes);
    people.push(person);
    await person.join();
    return person;
  };
  return { folder, daemon, people, enter, end: async () => { ended = await daemon.stop(); return ended; } };
}

const state = (person) => person.find('recording').getAttribute('data-state');
// When the server told this person of each state of the recording, in seconds of its clock.
const turns = (person) => person.frames.filter(({ sent, frame }) => !sent && frame.type === 'room.updated')
  .map(({ frame }) => ({ at: frame.ts / 1000, recording: frame.data.recording }))
  .filter(({ recording }, i, all) => recording !== all[i - 1]?.recording);
const heard = (person) => person.page.evaluate(() => window.__chimes);

test('four are recorded, one withdraws in between, and it plays', { timeout: 300_000 }, async (t) => {
  const { folder, daemon, people, enter, end } = await begin(t);
  const data = (name) => join(folder, 'data', name);
  let lind, mara, jonas, sofia, late;
  const delay = monitorEventLoopDelay({ resolution: 10 });
  const all = async (recording) => {
    for (const person of people) await until(`${person.name} sees ${recording}`, async () => await state(person) === recording);
  };
  await stages(t, { people, daemon: () => daemon }, [
    ['four come in', async () => {
      lind = await enter('Dr. Lind', 'host');
      await lind.sees('session');
      for (const name of ['Mara', 'Jonas', 'Sofia']) {
        const person = await enter(name);
        await person.sees('agree');
        await person.find('agree').click();
        await until('the agreement is made', () => person.heard('self.updated').at(-1)?.needs.includes('agreement') === false);
        await person.find('passcode').fill(passcode);
        await person.find('passcode-enter').click();
        await until('the therapist can mark', async () => await lind.find('verify-waiter').count() === 1);
        await lind.find('verify-waiter').click();
        await until('nothing is missing', () => lind.heard('waiting.updated').at(-1)?.waiter.needs.length === 0);
        await lind.find('admit').click();
        await person.sees('session');
      }
      [, mara, jonas, sofia] = people;
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
      delay.enable();
      await sofia.find('consent-yes').click();
      await all('on');
    }],
    ['everyone sees it and hears it', async () => {
      for (const person of people) {
        await person.sees('recording-banner');
        await until(`${person.name} hears the tones`, async () => await heard(person) === 2);
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
      for (const person of people) await until('the tones of the end', async () => await heard(person) === 4);
      await until('the recorder is gone', async () => await lind.find('recorder').count() === 0);
      assert.ok(!JSON.stringify(jonas.heard('self.updated')).includes('withdrawn'), 'Jonas was told who it was');
      await pause(2000);
      await mara.find('answer-again').click();
      await mara.find('consent-yes').click();
      await all('on');
      await pause(4000);
      await lind.find('record').click();
      await all('off');
      delay.disable();
      late = median((await Promise.all(people.map((person) => person.page.evaluate(() => window.__late)))).flat());
      await mara.sees('withdraw'); // her yes stands, so it can be taken back
      await mara.shot('recording-2-off');
    }],
    ['the files play, line up, and hold nothing else', async () => {
      const told = turns(mara).slice(-4);
      assert.deepEqual(told.map(({ recording }) => recording), ['on', 'paused', 'on', 'off']);
      const [on, paused, again, off] = told.map(({ at }) => at - told[0].at);
      assert.deepEqual(await end(), { code: 0, signal: null });
      const keys = ['--identity', data('recording.identity'), '--erasure-keys', data('erasure.keys'), '--erasure-key', data('erasure.key')];
      alcove('recording', 'verify', '--dir', data('recordings'), ...keys);
      alcove('recording', 'export', '--dir', data('recordings'), ...keys, '--out', join(folder, 'out'));
      const files = readdirSync(join(folder, 'out')).map((name) => join(folder, 'out', name));
      assert.equal(files.length, 4);
      const slack = tolerance + Math.max(0, delay.percentile(99) / 1e9 - 0.02) + Math.max(0, late);
      const lips = [];
      for (const file of files) {
        const { seconds, codecs } = about(file);
        const { pairs, median: after } = offset(file);
        console.log(`${seconds} s of ${off - on} s (±${slack}), sound ${Math.round((after + late) * 1000)} ms after the picture (${pairs} pairs)`);
        assert.deepEqual(codecs, ['opus', 'vp8']);
        assert.ok(Math.abs(seconds - (off - on)) <= slack, `${seconds} s instead of ${off - on}`);
        assert.equal(complaints(file), '');
        for (const kind of ['a', 'v']) {
          const all = times(file, kind);
          assert.ok(all.every((at, i) => i === 0 || at >= all[i - 1]), `the times of ${kind} go back`);
          const between = all.filter((at) => at > paused + slack && at < again - slack);
          assert.deepEqual(between, [], `something of ${kind} between ${paused} and ${again}`);
        }
        assert.ok(pairs >= 5 && Math.abs(after + late) <= lipSyncBusy, `sound comes ${after + late} s after the picture, in ${pairs} pairs`);
        lips.push(Math.abs(after + late));
        // Seconds are seconds, across the gap too.
        const [first, ...rest] = beeps(file).filter((at) => at > 0.2 && (at < paused - 0.3 || at > again + 0.3));
        const drift = Math.max(...rest.map((at) => Math.abs(at - first - Math.round(at - first))));
        assert.ok(rest.length >= 5 && drift < slack / 2, `beeps are ${drift} s off`);
      }
      assert.ok(Math.min(...lips) <= lipSync + slack - tolerance, `sound and picture are at least ${Math.min(...lips)} s apart`);
    }],
  ]);
});
