// The drill: a session under the unit's restrictions, in a network without an outside; SIGTERM with a drain, another start, and
// everybody is back in the seat they had, with nothing lost from the audit log.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { confine, watchEgress } from './support/sandbox.mjs';
import { alcove, encryption, encryptionFlags, startDaemon } from './support/daemon.mjs';
import { launch, Person } from './support/person.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const backMs = 5_000; // from a daemon that serves again to everyone in their seat, seen and heard

const config = (folder, state) => `
listen: 127.0.0.1:8080
control: ${state}/alcove.sock
drain_wait: 8s
auth: {issuer: https://id.clinic.example, audience: alcove, jwks_file: ${folder}/keys/jwks.json, person_key_file: person.key}
store: {dir: ${state}/store, key_file: store.key}
audit: {dir: ${state}/audit, key_file: audit.key}
files: {dir: ${state}/files}
media: {listen: 127.0.0.1}
recording:
  dir: ${state}/recordings
  recipients_file: recipients.txt
  erasure_keys_file: ${state}/erasure/keys
  erasure_key_file: ${state}/erasure/key
  erasure_copy: ${state}/second/keys
policies:
  default:
    recording:
      mode: each
      consents: [{scope: recording.audio, purpose: Supervision, texts: [{id: audio, version: "1", locale: en, file: audio.txt}]}]
`;

test('restart', { timeout: 170_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-drill-'));
  const state = join(folder, 'state');
  for (const name of ['', 'erasure', 'second']) mkdirSync(join(state, name));
  alcove('keygen', '--out', join(folder, 'keys'));
  execFileSync('chmod', ['755', join(folder, 'keys')]);
  const file = join(folder, 'alcove.yaml');
  writeFileSync(file, config(folder, state));
  const key = (name) => join(folder, 'keys', name);
  // The clinic's own pair, which this demo makes, opens recordings.
  const clinic = (name) => join(folder, 'clinic', name);
  await (await startDaemon(['dev', '--data', clinic('')])).stop();
  writeFileSync(join(folder, 'audio.txt'), 'The sound of this session is kept for 30 days, encrypted.');
  const limits = confine(folder, state, [file, key('person.key'), key('store.key'), key('audit.key'),
    clinic('recipients.txt'), join(folder, 'audio.txt')]);
  const serving = join(limits.credentials, 'alcove.yaml');
  const recipients = encryption === 'required' ? ['--recipients', clinic('recipients.txt')] : [];
  const link = (sub, name, role = 'participant') => alcove('token', '--key', key('signing.jwk'), '--config', serving, ...encryptionFlags(join(folder, 'keys')), ...recipients, '--room', 'tuesday',
    '--sub', sub, '--name', name, '--role', role, '--url', 'http://localhost:8080/').trim();
  const start = () => startDaemon(['serve', '--config', serving], undefined, limits.start);
  const entries = () => readFileSync(join(state, 'audit', 'entries'), 'utf8');

  const egress = watchEgress(limits.user);
  let daemon = await start();
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    await daemon.stop();
    rmSync(folder, { recursive: true });
  });
  const people = [];
  const enter = async (sub, name, role) => {
    const person = await Person.open(browser, name, link(sub, name, role));
    people.push(person);
    await person.join();
    return person;
  };
  let lind, mara, jonas, theo, before;
  const everyone = (ms) => Promise.all([lind, mara, jonas].map((p) => p.receives([lind, mara, jonas].filter((other) => other !== p), ms)));

  await steps(t, { people, daemon: () => daemon }, [
    ['a session, locked, with one who waits and one who was removed', async () => {
      lind = await enter('lind', 'Dr. Lind', 'host');
      await lind.sees('session');
      [mara, jonas, theo] = [await enter('mara', 'Mara'), await enter('jonas', 'Jonas'), await enter('theo', 'Theo')];
      await until('three wait', async () => await lind.find('admit').count() === 3);
      await lind.find('admit-all').click();
      await until('all are in', () => lind.received('participant.joined').length === 3);
      const row = lind.page.locator(`[data-testid="person"][data-participant="${theo.id}"]`);
      await row.locator('[data-testid="more"]').click();
      await row.locator('[data-testid="remove"]').click();
      await lind.sees('confirm');
      await lind.find('confirm').click();
      await theo.sees('ending-card');
      await everyone();
      await lind.find('lock-toggle').click();
      await until('it is locked', () => mara.received('room.updated').at(-1)?.locked);
    }],

    ['one consents, and is recorded', async () => {
      await lind.find('record').click();
      await mara.find('consent-yes').click();
      await until('it records', async () => /^alcove_recording_tracks 1$/m.test(await daemon.metrics()));
      await until('it is on the disk', async () => Number(/^alcove_recording_bytes_total (\S+)$/m.exec(await daemon.metrics())?.[1]) > 10_000);
    }],

    ['SIGTERM: people are told, the exit code is 0', async () => {
      before = { seats: [lind, mara, jonas].map((p) => p.id), hellos: [lind, mara, jonas].map((p) => p.answers('hello').length), audit: entries() };
      const gone = daemon.stop();
      await until('readyz says so', async () => {
        const ready = await fetch('http://127.0.0.1:9091/readyz');
        return ready.status === 503 && (await ready.text()).trim() === 'draining';
      });
      await mara.sees('restarting');
      const { ts, data } = mara.frames.findLast(({ sent, frame }) => !sent && frame.type === 'server.draining').frame;
      assert.ok(data.stopsAt - ts > 7_000 && data.stopsAt - ts <= 8_000, `stops after ${data.stopsAt - ts} ms`);
      await mara.audit('the server restarts');
      await mara.shot('restart-1-told');
      assert.deepEqual(await gone, { code: 0, signal: null });
      copyFileSync(join(state, 'audit', 'checkpoints'), join(folder, 'checkpoint'));
    }],

    ['the recording is complete', () => {
      const said = alcove('recording', 'verify', '--dir', join(state, 'recordings'), '--identity', clinic('recording.identity'),
        '--erasure-keys', join(state, 'erasure', 'keys'), '--erasure-key', join(state, 'erasure', 'key'));
      assert.match(said, /^complete .*microphone/m, said);
      assert.doesNotMatch(said, /^incomplete/m, said);
    }],

    ['everybody is back in their seat, seen and heard, within 5 s of the start', async () => {
      await mara.sees('banner');
      daemon = await start();
      const from = performance.now();
      await Promise.all([lind, mara, jonas].map((p, i) => until(`${p.name} resumes`, () => {
        const answers = p.answers('hello');
        return answers.length > before.hellos[i] && answers.at(-1).ok;
      }, backMs)));
      assert.deepEqual([lind, mara, jonas].map((p) => p.id), before.seats, 'other seats');
      for (const p of [lind, mara, jonas]) assert.equal(p.welcome.state, 'admitted', `${p.name} has to be admitted again`);
      await until('the slots are told', () => [lind, mara, jonas].every((p) => Object.keys(p.linesOf(p === lind ? mara : lind)).length > 0), backMs);
      await everyone(backMs);
      const took = Math.round(performance.now() - from);
      console.log(`back after ${took} ms`);
      assert.ok(took < backMs, `it took ${took} ms`);
      assert.ok(mara.received('room.updated').at(-1).locked, 'the lock is gone');
      assert.equal(lind.received('barred.list').at(-1).barred.length, 1, 'the bar is gone');
      assert.equal(mara.received('room.updated').at(-1).recording, 'off', 'it records again, and nobody asked for it');
      assert.equal(await mara.find('restarting').count(), 0, 'the notice stays');
    }],

    ['nothing is lost from the audit log', async () => {
      assert.ok(entries().startsWith(before.audit), 'the log was written anew');
      for (const act of ['seat.admitted', 'room.locked', 'person.barred', 'seat.resumed']) {
        assert.ok(entries().includes(`"act":"${act}"`), `no ${act} in the log`);
      }
      const said = alcove('audit', 'verify', '--key', key('audit.pub'), '--checkpoint', join(folder, 'checkpoint'), join(state, 'audit'));
      assert.match(said, /proven/);
    }],

    ['nothing passed that was not allowed, and nothing left the machine', async () => {
      const counts = await (await fetch('http://127.0.0.1:9091/metrics')).text();
      for (const what of ['admission', 'consent']) assert.match(counts, new RegExp(`^alcove_${what}_violations_total 0$`, 'm'));
      const links = JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })).map(({ ifname }) => ifname);
      assert.deepEqual(links.sort(), ['alcove0', 'alcove1', 'lo'], 'this network has an outside');
      const { inside, outside } = egress();
      assert.ok(inside > 1000, 'the daemon sent nothing: the test looks at nobody');
      if (limits.user !== process.getuid()) assert.equal(outside, 0, 'the daemon sent packets elsewhere');
      else console.log('NOT looked at: egress of the daemon alone, for it has no user of its own here');
      for (const person of people) person.assertSameOrigin(['localhost:8080']);
    }],

    ['end for all', async () => {
      await lind.find('end-for-all').click();
      await lind.sees('confirm');
      await lind.find('confirm').click();
      for (const person of [lind, mara, jonas]) await person.sees('ending-card');
    }],
  ]);
});
