// Four people consent to a recording, one withdraws in between, and the exported files play.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { about, beeps, complaints, median, offset, times } from './support/recording-files.mjs';
import { begin, fall, hears, rise, tolerance, turns } from './support/recording.mjs';
import { steps } from './support/steps.mjs';
import { pause, until } from './support/wait.mjs';

test('four are recorded, one withdraws in between, and it plays', { timeout: 300_000 }, async (t) => {
  const { data, daemon, people, enter, admitted, all, exported } = await begin(t);
  let lind, mara, jonas, sofia, late;
  await steps(t, { people, daemon: () => daemon }, [
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
      const told = mara.received('participant.joined').map(({ participant }) => participant);
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
      assert.ok(!JSON.stringify(jonas.received('self.updated')).includes('withdrawn'), 'Jonas was told who it was');
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
        assert.ok(pairs >= 5, `${pairs} flashes with their beep`); // how near they are says how busy this machine is
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
