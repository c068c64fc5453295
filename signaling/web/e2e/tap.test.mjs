// A tap on the server: two people talk, a beep and a flash each second, write to each other, and are recorded, while somebody reads the daemon's whole memory again
// and again, and afterwards its disk, its log and its metrics. Under end-to-end encryption nothing of the media is there, nor a key. Without it
// the same search finds the media, so it can find it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { alcove, encryptionFlags, startDaemon } from './support/daemon.mjs';
import { launch, Person } from './support/person.mjs';
import { beeps, complaints, flashAndBeep } from './support/recording-files.mjs';
import { steps } from './support/steps.mjs';
import { filesIn, formsOf, memoryOf, Search, textForms, wordsOf } from './support/tap.mjs';
import { pause, until } from './support/wait.mjs';

const looks = 4;
const scopes = ['audio', 'video'];
const word = 'Quittenmarmelade'; // that one writes to the other
const config = (state, mode) => `
listen: 127.0.0.1:8080
admin: 127.0.0.1:9091
auth: {issuer: https://id.clinic.example, audience: alcove, jwks_file: keys/jwks.json, person_key_file: keys/person.key}
store: {dir: ${state}/store, key_file: keys/store.key}
audit: {dir: ${state}/audit, key_file: keys/audit.key}
files: {dir: ${state}/files}
media: {listen: 127.0.0.1}
recording:
  dir: ${state}/recordings
  recipients_file: clinic/recipients.txt
  erasure_keys_file: ${state}/erasure/keys
  erasure_key_file: ${state}/erasure/key
  erasure_copy: ${state}/second/keys
policies:
  default:${mode === 'required' ? '\n    chat: all' : ''}
    recording:
      mode: everyone
      consents:
${scopes.map((scope) => `        - {scope: recording.${scope}, purpose: Supervision, texts: [{id: ${scope}, version: "1", locale: en, file: ${scope}.txt}]}`).join('\n')}
`;

// Inside a worker: notes each base key that it gives to the frames worker.
function noteBaseKeys() {
  const { postMessage } = MessagePort.prototype;
  globalThis.baseKeys = [];
  MessagePort.prototype.postMessage = function post(message, ...rest) {
    if (message?.type === 'keys') globalThis.baseKeys.push([...new Uint8Array(message.baseKey)]);
    return postMessage.call(this, message, ...rest);
  };
}

for (const mode of ['required', 'off']) {
  test(`a tap on the server, encryption ${mode}`, { timeout: 240_000 }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'alcove-tap-'));
    const state = join(folder, 'state');
    for (const name of ['', 'erasure', 'second']) mkdirSync(join(state, name));
    alcove('keygen', '--out', join(folder, 'keys'));
    const clinic = (name) => join(folder, 'clinic', name);
    await (await startDaemon(['dev', '--data', clinic('')])).stop(); // makes the clinic's own pair, which opens recordings
    for (const scope of scopes) writeFileSync(join(folder, `${scope}.txt`), `We keep the ${scope} of this session, encrypted.`);
    const file = join(folder, 'alcove.yaml');
    writeFileSync(file, config(state, mode));
    const daemon = await startDaemon(['serve', '--config', file], undefined, undefined, mode);
    const browser = await launch();
    let stopped;
    t.after(async () => {
      await browser.close();
      if (!stopped) await daemon.stop();
      rmSync(folder, { recursive: true });
    });
    const workers = [];
    const secrets = []; // k of each link, as bytes
    const people = [];
    const enter = async (sub, name, role) => {
      const link = alcove('token', '--key', join(folder, 'keys/signing.jwk'), '--config', file, ...encryptionFlags(join(folder, 'keys'), mode),
        '--recipients', clinic('recipients.txt'), '--room', 'tuesday', '--sub', sub, '--name', name, '--role', role, '--url', 'http://localhost:8080/').trim();
      const k = /&k=([\w-]+)/.exec(link)?.[1];
      assert.equal(k !== undefined, mode === 'required');
      if (k) secrets.push(Buffer.from(k, 'base64url'));
      const person = await Person.open(browser, name, 'about:blank', flashAndBeep);
      people.push(person);
      // Each worker: the page loads them under SRI, so their files cannot be changed, and their addresses do not tell which is which.
      person.page.on('worker', (worker) => workers.push(worker.evaluate(noteBaseKeys).then(() => worker)));
      await person.page.goto(link);
      await person.join();
      return person;
    };
    const dumps = [];
    let metrics = '';
    let baseKeys = [];
    await steps(t, { people, daemon: () => daemon }, [
      ['two people are recorded', async () => {
        const lind = await enter('lind', 'Dr. Lind', 'host');
        await lind.sees('session');
        const mara = await enter('mara', 'Mara', 'participant');
        await until('she waits', async () => await lind.find('admit').count() === 1);
        await lind.find('admit').click();
        await mara.sees('session');
        await Promise.all([mara.receives([lind], 30_000), lind.receives([mara], 30_000)]);
        if (mode === 'required') {
          for (const person of people) await person.find('papers-toggle').click();
          await mara.find('chat-text').fill(`I made ${word} again.`);
          await mara.find('chat-send').click();
          await lind.page.locator('[data-testid="chat-message"]', { hasText: word }).waitFor();
          for (const person of people) await person.find('papers-close').click();
        }
        await lind.find('record').click();
        for (const person of people) await person.find('consent-yes').click();
        for (const person of people) await until(`${person.name} is recorded`, async () => await person.find('recording').getAttribute('data-state') === 'on');
      }],
      ['somebody reads the memory', async () => {
        for (let look = 0; look < looks; look++) {
          await pause(2_000);
          dumps.push(memoryOf(daemon.pid));
        }
        metrics = await (await fetch('http://127.0.0.1:9091/metrics')).text();
        for (const worker of await Promise.all(workers)) baseKeys.push(...await worker.evaluate(() => globalThis.baseKeys ?? []).catch(() => []));
        baseKeys = baseKeys.map((bytes) => Buffer.from(bytes));
        if (mode === 'required') assert.ok(baseKeys.length >= 2 && baseKeys.every((key) => key.length === 32), `${baseKeys.length} base keys of ${workers.length} workers`);
        await people[0].find('record').click();
        await until('it is off', async () => await people[0].find('recording').getAttribute('data-state') === 'off');
        stopped = await daemon.stop();
      }],
      ['and finds no media and no key', async () => {
        const keys = ['--identity', clinic('recording.identity'), '--erasure-keys', join(state, 'erasure/keys'), '--erasure-key', join(state, 'erasure/key')];
        alcove('recording', 'export', '--dir', join(state, 'recordings'), ...keys, '--out', join(folder, 'out'));
        const files = readdirSync(join(folder, 'out')).map((name) => join(folder, 'out', name));
        assert.equal(files.length, 2);
        for (const one of files) {
          assert.equal(complaints(one), '');
          assert.ok(beeps(one).length >= 4, 'the beep is in the recording');
        }
        // What was said and shown, as the encoders made it: the clinic opened it.
        const media = (kind) => files.flatMap((one) => wordsOf(execFileSync('ffmpeg', ['-v', 'error', '-i', one, '-map', `0:${kind}`, '-c', 'copy', '-f', 'data', '-'], { maxBuffer: 1 << 28 })));
        const disk = filesIn(state);
        for (const kind of ['a', 'v']) {
          const words = media(kind);
          assert.ok(words.length > 200, `${words.length} words of ${kind}`);
          const [search, inMemory, onDisk] = [new Search(words), new Set(), new Set()];
          for (const dump of dumps) search.in(dump, inMemory);
          search.in(disk, onDisk);
          console.log(`${mode}, ${kind}: of ${words.length} words ${inMemory.size} in memory (${dumps.map(({ length }) => length >> 20)} MiB), ${onDisk.size} on disk`);
          if (mode === 'off') assert.ok(inMemory.size > 20, `the search finds only ${inMemory.size} words of media in clear`);
          else assert.equal(inMemory.size, 0, `media in memory: ${kind}`);
          assert.equal(onDisk.size, 0, `media on the disk: ${kind}`);
        }
        // What is written nobody could export. That such a search finds text shows the name of who wrote it, which the server knows.
        const forms = textForms(word);
        assert.ok(textForms('Dr. Lind').some((form) => dumps.some((dump) => dump.includes(form))), 'the search finds no text');
        for (const bytes of [...dumps, disk]) assert.ok(!forms.some((form) => bytes.includes(form)), 'a word of the chat is on the server');
        const told = Buffer.from(daemon.log() + metrics);
        assert.ok(told.length > 1_000 && disk.length > 10_000);
        for (const [name, list] of [['k', secrets], ['base key', baseKeys]]) {
          for (const form of list.flatMap(formsOf)) {
            for (const dump of dumps) assert.ok(!dump.includes(form), `${name} in memory`);
            assert.ok(!disk.includes(form), `${name} on the disk or in the audit log`);
            assert.ok(!told.includes(form), `${name} in the log or the metrics`);
          }
        }
        console.log(`${mode}: ${secrets.length} secrets of links and ${baseKeys.length} base keys looked for`);
      }],
    ]);
  });
}
