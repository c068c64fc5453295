// Messages and papers of an encrypted session, in real browsers: they reach whom they are for, nobody else and nothing on the server's disk or wire
// holds a word of them, uploads go on after a lost connection, and what is timed opens at the end.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from './support/daemon.mjs';
import { launch, Person } from './support/person.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const word = 'marzipan'; // in every message, name, note and content
const sheet = Buffer.from(`A worksheet about ${word}.\n`.repeat(30_000)); // five pieces

// Every file below a folder, and what it holds.
function* filesBelow(folder) {
  for (const name of readdirSync(folder, { recursive: true }).map(String)) {
    const path = join(folder, name);
    if (statSync(path).isFile()) yield [path, readFileSync(path)];
  }
}

test('messages and papers', { timeout: 240_000 }, async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'alcove-papers-'));
  const daemon = await startDaemon(['dev', '--data', data, '--admin', '127.0.0.1:9091']);
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    await daemon.stop();
    rmSync(data, { recursive: true });
  });
  const people = [];
  const enter = async (name, role) => {
    const person = await Person.open(browser, name, await daemon.encryptedLink(name, name, role));
    people.push(person);
    await person.join();
    return person;
  };
  const messages = (person) => person.page.locator('[data-testid="chat-message"] .said').allTextContents();
  const open = async (person) => {
    if (!await person.find('papers-panel').isVisible()) await person.find('papers-toggle').click();
    await person.sees('papers-panel');
  };
  const say = async (person, text, to) => {
    await open(person);
    if (to) await person.find('chat-to').selectOption({ label: to });
    await person.find('chat-text').fill(text);
    await person.find('chat-send').click();
  };
  const sendPaper = async (person, name, { to, when = 'now', content = sheet } = {}) => {
    await person.find('paper-file').setInputFiles({ name, mimeType: 'text/plain', buffer: content });
    if (to) {
      await person.find('paper-chosen').check();
      await person.page.getByLabel(to, { exact: true }).check();
    }
    await person.find('paper-when').selectOption(when);
    await person.page.getByLabel('A note, if you like').fill(`a note about ${word}`);
    await person.find('paper-send').click();
  };
  const paper = (person, name) => person.page.locator('[data-testid="paper"]', { hasText: name });
  const withState = (person, name, state) => until(`${person.name} has ${name} as ${state}`, async () => await paper(person, name).getAttribute('data-state') === state, 30_000);
  let lind, mara, jonas, theo;

  await steps(t, { people, daemon: () => daemon }, [
    ['three people in one group', async () => {
      lind = await enter('Dr. Lind', 'host');
      await lind.sees('session');
      [mara, jonas] = await Promise.all([enter('Mara'), enter('Jonas')]);
      await until('two wait', async () => await lind.find('admit').count() === 2);
      await lind.find('admit-all').click();
      await Promise.all([mara.sees('session'), jonas.sees('session')]);
      await Promise.all([lind, mara, jonas].map((person) => person.receives([lind, mara, jonas].filter((other) => other !== person), 30_000)));
    }],
    ['a message to all is marked as new, and read', async () => {
      await say(lind, `Good morning, ${word}`, 'Everyone');
      await until('Mara sees that something is new', async () => (await mara.find('papers-toggle').textContent()).includes('1'));
      await open(mara);
      await until('Mara reads it', async () => (await messages(mara)).includes(`Good morning, ${word}`));
      assert.ok(!(await mara.find('papers-toggle').textContent()).includes('1'));
      await lind.audit('messages of a therapist');
      await mara.audit('messages of a participant');
    }],
    ['a message to one reaches that one', async () => {
      await say(lind, `Only for Mara: ${word}`, 'Mara');
      await until('Mara reads it', async () => (await messages(mara)).includes(`Only for Mara: ${word}`), 30_000);
      await say(mara, `For the therapists: ${word}`, 'The therapists');
      await until('Dr. Lind reads it', async () => (await messages(lind)).includes(`For the therapists: ${word}`), 30_000);
      await open(jonas);
      assert.deepEqual(await messages(jonas), [`Good morning, ${word}`]);
    }],
    ['a paper for all arrives, and goes on after a lost connection', async () => {
      let cuts = 0;
      await lind.page.route('**/v1/files/*', (route) => (route.request().method() === 'PATCH' && ++cuts === 2 ? route.abort('connectionfailed') : route.continue()));
      await lind.find('paper-new').click();
      await lind.audit('sending a paper');
      await lind.shot('papers-send');
      await sendPaper(lind, `${word}-all.txt`);
      await withState(lind, `${word}-all.txt`, 'sent');
      assert.ok(cuts >= 3, `${cuts} pieces were sent`);
      await Promise.all([mara, jonas].map((person) => withState(person, `${word}-all.txt`, 'ready')));
      await paper(jonas, `${word}-all.txt`).getByTestId('paper-open').click();
      await until('Jonas reads it', async () => (await jonas.page.locator('.paper-shown').textContent()).startsWith(`A worksheet about ${word}`));
      await jonas.audit('a paper that is open');
      await jonas.page.keyboard.press('Escape');
    }],
    ['a paper for Mara after the session waits, and nobody else hears of it', async () => {
      await lind.find('paper-new').click();
      await sendPaper(lind, `${word}-later.txt`, { to: 'Mara', when: 'end' });
      await withState(lind, `${word}-later.txt`, 'sent');
      await until('Mara knows that something waits', async () => await mara.page.locator('[data-testid="paper"][data-state="waiting"]').count() === 1);
      assert.equal(await jonas.find('paper').count(), 1);
      await lind.shot('papers-host');
      await mara.shot('papers-participant');
    }],
    ['replacing and withdrawing', async () => {
      await paper(lind, `${word}-all.txt`).getByTestId('paper-replace').click();
      await sendPaper(lind, `${word}-second.txt`, { content: Buffer.from(`shorter, ${word}`), to: 'Jonas' });
      await withState(jonas, `${word}-second.txt`, 'ready');
      await until('the first one is gone', async () => await paper(jonas, `${word}-all.txt`).count() === 0);
      await paper(lind, `${word}-second.txt`).getByTestId('paper-withdraw').click();
      await lind.find('confirm').click();
      await until('it is withdrawn', async () => await jonas.find('paper').count() === 0);
    }],
    ['a journal goes to the clinic alone', async () => {
      await mara.find('clinic-new').click();
      await mara.find('clinic-text').fill(`Dear clinic, ${word}`);
      await mara.audit('writing to the clinic');
      await mara.shot('papers-clinic');
      await mara.find('clinic-send').click();
      await mara.sees('clinic-done', 30_000);
      await mara.find('clinic-done').click();
    }],
    ['who comes late sees nothing from before', async () => {
      theo = await enter('Theo');
      await lind.find('people-toggle').click();
      await lind.find('admit').first().click();
      await theo.sees('session');
      await theo.receives([lind], 30_000);
      await open(theo);
      await theo.sees('papers-empty');
      assert.deepEqual([await messages(theo), await theo.find('paper').count()], [[], 0]);
    }],
    ['on a phone the panel is the screen, and the keyboard closes it', async () => {
      await mara.page.setViewportSize({ width: 360, height: 640 });
      await mara.shot('papers-phone');
      await mara.audit('messages on a phone');
      const [wide, inside] = await mara.page.evaluate(() => [document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]);
      assert.ok(wide <= inside, `${wide} wide in ${inside}`);
      for (const id of ['chat-send', 'papers-close']) {
        const box = await mara.find(id).boundingBox();
        assert.ok(box.y >= 0 && box.y + box.height <= 640, `${id} is at ${box.y}`);
      }
      await mara.tabTo('papers-close');
      await mara.page.keyboard.press('Enter');
      await until('closed', async () => !await mara.find('papers-panel').isVisible());
      assert.equal(await mara.page.evaluate(() => document.activeElement?.getAttribute('data-testid')), 'papers-toggle');
      await mara.shot('papers-phone-closed');
    }],
    ['nothing of it is on the disk or on the wire', () => {
      let files = 0;
      for (const [path, bytes] of filesBelow(data)) {
        files += 1;
        assert.ok(!bytes.includes(word) && !bytes.includes(Buffer.from(word, 'utf16le')), `${path} holds the word`);
        assert.ok(!path.includes(word) && !/mara|lind|jonas/i.test(path), `${path} is named after somebody`);
      }
      assert.ok(files > 5, 'the tap looks at nothing');
      assert.ok([...filesBelow(join(data, 'files'))].length > 0, 'no file is kept');
      for (const person of people) {
        for (const { frame } of person.frames) assert.ok(!JSON.stringify(frame).includes(word), `a frame of ${person.name}: ${frame.type}`);
        assert.ok(person.requests.every((url) => !url.includes(word) && !url.includes('?')), `a path of ${person.name}`);
      }
      assert.ok(!daemon.log().includes(word));
    }],
    ['at the end Mara opens what waited for it, on the last screen', async () => {
      await lind.find('end-for-all').click();
      await lind.find('confirm').click();
      await mara.sees('ending-card');
      await mara.sees('received', 20_000);
      await withState(mara, `${word}-later.txt`, 'ready');
      await mara.audit('the last screen');
      await mara.shot('papers-end');
      const saving = mara.page.waitForEvent('download');
      await paper(mara, `${word}-later.txt`).getByTestId('paper-save').click();
      const saved = await saving;
      assert.equal(saved.suggestedFilename(), `${word}-later.txt`);
      assert.ok(readFileSync(await saved.path()).equals(sheet));
      await jonas.sees('ending-card');
      assert.equal(await jonas.find('received').count(), 0);
    }],
  ]);
});
