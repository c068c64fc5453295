// Frames sealed end to end between Chromium and Firefox ESR, first over a good line, then over one that loses every eighth packet.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { startDaemon } from './support/daemon.mjs';
import { FirefoxPerson, launchFirefox } from './support/firefox.mjs';
import { launch, Person } from './support/person.mjs';
import { refused, refusedDuring, watchFrames } from './support/sealed.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

// The interface that run.sh makes: Firefox gathers no loopback candidate beside it.
const mediaAddress = '10.99.0.1';
const lossPercent = 12; // each way

const nft = (...args) => execFileSync('nft', args, { encoding: 'utf8' });

// All UDP in the tests' own network is media. Dropped where it arrives: at the output the sender would see an error.
function lose() {
  nft('add table inet alcove_loss');
  nft('add chain inet alcove_loss lose { type filter hook input priority 0 ; }');
  nft(`add rule inet alcove_loss lose udp length > 60 numgen random mod 100 < ${lossPercent} counter drop`);
  return {
    dropped: () => Number(/packets (\d+)/.exec(nft('list table inet alcove_loss'))[1]),
    restore: () => nft('delete table inet alcove_loss'),
  };
}

test('sealed between Chromium and Firefox', { timeout: 180_000 }, async (t) => {
  const daemon = await startDaemon(['dev', '--admin', '127.0.0.1:9091', '--media-listen', mediaAddress], undefined, undefined, 'required');
  const [chromium, firefox] = await Promise.all([launch(), launchFirefox()]);
  t.after(async () => {
    await Promise.all([chromium.close(), firefox.close()]);
    await daemon.stop();
  });
  const people = [];
  let lind, mara, other;
  await steps(t, { people, daemon: () => daemon }, [
    ['each decodes the other', async () => {
      lind = await Person.open(chromium, 'Dr. Lind', `${daemon.origin}/dev/host`, watchFrames);
      mara = await FirefoxPerson.open(firefox, 'Mara', await daemon.link('mara', 'Mara'), watchFrames);
      people.push(lind, mara);
      await lind.join();
      await lind.sees('session');
      await mara.join();
      await until('somebody waits', async () => await lind.find('admit').count() === 1);
      await lind.find('admit').click();
      await mara.sees('session');
      other = { name: 'Mara', id: await until('Mara joined', () => lind.received('participant.joined').at(-1)?.participant.id) };
      await Promise.all([lind.receives([other], 30_000), mara.receives(30_000)]);
      for (const person of people) {
        const all = await refused(person);
        const opened = await person.page.evaluate(() => Object.keys(window.__keys.opened));
        assert.ok(opened.length >= 2, `${person.name} opened ${opened.length} sources`);
        for (const name of ['plain', 'forged', 'no_csrc', 'unsealable']) assert.equal(all[name], undefined, `${person.name} refused ${JSON.stringify(all)}`);
      }
    }],
    ['over a line that loses packets nothing is forged, and picture and sound go on', async () => {
      const loss = lose();
      let more;
      try {
        more = await refusedDuring(people, async () => {
          await until('many are lost', () => loss.dropped() > 200, 60_000);
          for (let i = 0; i < 3; i += 1) await Promise.all([lind.receives([other], 40_000), mara.receives(40_000)]);
        });
        t.diagnostic(`${loss.dropped()} packets lost; refused ${JSON.stringify(more)}`);
      } finally {
        loss.restore();
      }
      for (const all of Object.values(more)) {
        // Browsers hand frames over twice; those of one's own from before the first key are reported late.
        const { replay: _, no_key: __, ...rest } = all;
        assert.deepEqual(rest, {});
      }
      await Promise.all([lind.receives([other], 30_000), mara.receives(30_000)]);
    }],
  ]);
});
