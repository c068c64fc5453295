// A media server that goes on to record who withdrew (loadtest/malserver): what it writes after the withdrawal nobody opens, not even the clinic.
// `make attack-e2ee` builds what is needed and runs this.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beeps, complaints, times } from '../support/recording-files.mjs';
import { begin, state, turns } from '../support/recording.mjs';
import { steps } from '../support/steps.mjs';
import { pause, until } from '../support/wait.mjs';

process.env.MALSERVER_RECORDER = '127.0.0.1:8084';
const program = [new URL('../../../../bin/alcove-malicious', import.meta.url).pathname];
const seconds = 6; // that it goes on

test('a server that records on after a withdrawal', { timeout: 240_000 }, async (t) => {
  const { daemon, people, two, all, exported, verified } = await begin(t, { program });
  let lind, mara, at;
  await steps(t, { people, daemon: () => daemon }, [
    ['two are recorded', async () => {
      [lind, mara] = await two();
      await pause(4_000);
    }],
    ['one withdraws, and the server goes on', async () => {
      assert.ok((await fetch('http://127.0.0.1:8084/?name=go-on', { method: 'POST' })).ok);
      at = Date.now() / 1000;
      await mara.find('withdraw').click();
      await mara.page.getByText('You took back your yes.').waitFor();
      await lind.receives([mara]);
      await pause(seconds * 1_000);
      assert.equal(await state(lind), 'on', 'the server stopped');
      await lind.receives([mara]);
      await lind.find('record').click();
      await all('off');
    }],
    ['nothing that it wrote of her after it opens', async () => {
      const [on] = turns(lind).slice(-2);
      assert.equal(on.recording, 'on');
      const files = await exported();
      assert.equal(files.length, 2);
      for (const ends of [(file) => beeps(file).at(-1), (file) => times(file, 'v').at(-1)]) {
        const [hers, other] = files.map(ends).sort((a, b) => a - b);
        assert.ok(hers > 1 && hers <= at - on.at + 0.5, `something of second ${hers}, taken back after ${at - on.at}`);
        assert.ok(other > hers + seconds - 2, `the other one for ${other} s`);
      }
      for (const file of files) assert.equal(complaints(file), '');
      const tracks = verified().split('\n').map((line) => /(microphone|camera) .* (\d+) frames opened, (\d+) without a released key, (\d+) forged/.exec(line)).filter(Boolean)
        .map(([, source, ...counts]) => ({ source, opened: Number(counts[0]), sealed: Number(counts[1]), forged: Number(counts[2]) }));
      for (const source of ['microphone', 'camera']) {
        const of = tracks.filter((track) => track.source === source);
        assert.equal(of.reduce((sum, { forged }) => sum + forged, 0), 0);
        const least = { microphone: 40 * seconds, camera: 5 * seconds }[source];
        assert.ok(of.some(({ sealed }) => sealed >= least), `the server wrote nothing after the withdrawal: ${JSON.stringify(of)}`);
      }
      t.diagnostic(JSON.stringify(tracks));
    }],
  ]);
});
