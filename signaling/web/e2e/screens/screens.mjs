// Pictures of every state of the page, in each size, scheme and language, in out/screens; and a sheet with one of each. Run by `make screens`.
// Words narrow the states: run.sh --screens waiting chat. SCREENS_LANGUAGES=en,de narrows the languages, SCREENS_PARTS=before,group,endings the parts.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inPageCamera } from '../support/faces.mjs';
import { startDaemon } from '../support/daemon.mjs';
import { launch, out, Person } from '../support/person.mjs';
import { pause, until } from '../support/wait.mjs';
import { sheet } from './sheet.mjs';

const sizes = { laptop: [1280, 800], phone: [390, 844], small: [360, 640] };
const schemes = ['light', 'dark'];
const languages = (process.env.SCREENS_LANGUAGES ?? 'en,de,es,fr').split(',');
const wanted = process.argv.slice(2);
const folder = join(out, 'screens');
const taken = []; // { state, size, scheme, language, file }

mkdirSync(folder, { recursive: true });
const daemon = await startDaemon(['dev', '--admin', '127.0.0.1:9091']);
const browser = await launch();
const rooms = {}; // people by name, by room

// One with a drawn face, in their language.
async function come(name, role, { room = 'demo', policy, language = 'en', voice = false } = {}) {
  const url = role === 'link' ? policy : `${daemon.origin}${await link(name, role, room, policy)}`;
  const person = await Person.open(browser, name, url, inPageCamera(name), inLanguage(language));
  if (voice) await person.page.evaluate(() => { window.__voice = true; });
  (rooms[room] ??= {})[name] = person;
  return person;
}

// What the browser says it speaks; what a person chose in the page before is nobody's here.
const inLanguage = (language) => ({ content: `Object.defineProperty(navigator, 'languages', { value: ['${language}', 'en'] }); Object.defineProperty(navigator, 'language', { value: '${language}' });` });

async function link(name, role, room, policy) {
  const query = new URLSearchParams({ sub: name, name, role, room, level: 'link', ...(policy ? { policy } : {}) });
  const response = await fetch(`http://127.0.0.1:8080/dev/link?${query}`);
  if (!response.ok) throw new Error(`no link: ${response.status}`);
  return (await response.text()).trim();
}

async function leave(room) {
  for (const person of Object.values(rooms[room] ?? {})) await person.context.close();
  delete rooms[room];
}

// Takes the state as it stands on somebody's page, in each size and scheme.
async function take(state, person, language) {
  if (wanted.length > 0 && !wanted.some((word) => state.includes(word))) return;
  for (const [size, [width, height]] of Object.entries(sizes)) {
    await person.page.setViewportSize({ width, height });
    for (const scheme of schemes) {
      await person.page.emulateMedia({ colorScheme: scheme });
      await pause(180); // tiles find their place, pictures their size
      const file = join(folder, `${state}-${size}-${scheme}-${language}.png`);
      await person.page.screenshot({ path: file });
      taken.push({ state, size, scheme, language, file });
      // What is wider than the window is cut, and nobody can reach it.
      const wide = await person.page.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);
      if (wide > 0) console.log(`${state}-${size}-${scheme}-${language}: ${wide} px too wide`);
    }
  }
  await person.page.setViewportSize({ width: 1280, height: 800 });
  await person.page.emulateMedia({ colorScheme: 'light' });
}

const click = (person, testid) => person.find(testid).first().click();
const faces = (person, count) => until(`${person.name} sees ${count} faces`, async () => await person.page.locator('[data-testid="tile"][data-state="live"]').count() >= count, 30_000);

async function beforeTheSession(language) {
  const room = `before-${language}`;
  const lind = await come('Dr. Lind', 'host', { room, policy: 'care', language });
  await lind.sees('join-button');
  await take('check-therapist', lind, language);
  await lind.join();
  await lind.sees('session');
  await take('alone-therapist', lind, language);
  const mara = await come('Mara', 'participant', { room, policy: 'care', language });
  await mara.sees('name-input');
  await take('name', mara, language);
  await mara.fillName();
  await mara.sees('join-button');
  await until('the preview is there', () => mara.page.locator('video.picture').count());
  await pause(600);
  await take('check', mara, language);
  await click(mara, 'join-button');
  await mara.sees('agree');
  await take('agreement', mara, language);
  await mara.page.keyboard.press('Escape');
  await mara.sees('todo');
  await take('waiting-to-do', mara, language);
  await click(mara, 'read-agreement');
  await click(mara, 'agree');
  await until('it is known', () => mara.received('self.updated').at(-1)?.needs.includes('agreement') === false);
  await mara.find('passcode').fill('quiet-alcove');
  await mara.page.keyboard.press('Enter');
  await until('the passcode is right', async () => await mara.find('passcode').count() === 0);
  await take('waiting', mara, language);
  await lind.sees('verify-waiter');
  await take('one-waits', lind, language);
  await click(lind, 'verify-waiter');
  await until('nothing is missing', () => lind.received('waiting.updated').at(-1)?.waiter.needs.length === 0);
  await click(lind, 'admit');
  await mara.sees('session');
  await Promise.all([faces(mara, 2), faces(lind, 2)]);
  await click(lind, 'record');
  await mara.sees('consent-yes');
  await take('consent', mara, language);
  await Promise.all([click(mara, 'consent-yes'), lind.sees('consent-yes').then(() => click(lind, 'consent-yes'))]);
  await until('it records', async () => await mara.find('recording').getAttribute('data-state') === 'on');
  await take('recording', mara, language);
  await leave(room);
}

async function group(language) {
  const room = `tuesday-evening-${language}`;
  const lind = await come('Dr. Lind', 'host', { room, policy: 'encrypted', language });
  await lind.join();
  await lind.sees('session');
  const people = [];
  for (const name of ['Mara', 'Jonas', 'Amira', 'Theo', 'Priya']) {
    const person = await come(name, 'participant', { room, policy: 'encrypted', language });
    await person.join();
    await until(`${name} waits`, async () => await lind.find('admit').count() > 0);
    await click(lind, 'admit');
    await person.sees('session', 20_000);
    people.push(person);
  }
  const [mara, jonas, amira, theo] = people;
  await Promise.all([faces(mara, 6), faces(lind, 6)]);
  await click(theo, 'camera-toggle');
  await click(amira, 'hand-toggle');
  await click(jonas, 'mic-toggle');
  await amira.page.evaluate(() => { window.__voice = true; });
  await until('Amira speaks', () => mara.received('speakers').at(-1)?.participantIds.includes(amira.id), 15_000);
  await pause(500);
  await take('group', mara, language);
  await take('group-therapist', lind, language);
  if (language === languages[0]) {
    await mara.page.setViewportSize({ width: 1280, height: 720 });
    await pause(400);
    await mara.page.screenshot({ path: join(out, 'session.png') });
    await mara.page.setViewportSize({ width: 1280, height: 800 });
  }
  const view = async (name) => {
    await click(mara, 'view');
    await click(mara, `view-${name}`);
    await click(mara, 'view-close');
    await pause(500);
  };
  await view('speaker');
  await take('speaker-view', mara, language);
  await view('gallery');
  await extras(mara, lind, language);
  const noor = await come('Noor', 'participant', { room, policy: 'encrypted', language });
  await noor.join();
  await click(mara, 'help');
  await lind.sees('help-alert');
  await take('help-therapist', lind, language);
  await take('help-called', mara, language);
  await click(mara, 'leave');
  await mara.sees('confirm');
  await take('leave', mara, language);
  await click(mara, 'confirm');
  await mara.sees('ending-card');
  await take('left', mara, language);
  await leave(room);
}

// The parts of a session that open beside the group.
async function extras(mara, lind, language) {
  await click(mara, 'devices');
  await mara.sees('devices-dialog');
  await take('devices', mara, language);
  await click(mara, 'devices-close');
  await mara.page.keyboard.press('?');
  await mara.sees('keys');
  await take('keys', mara, language);
  await click(mara, 'keys-close');
  await mara.page.evaluate(() => { // as the server would tell it
    const { session, store } = window.__alcove;
    session.emit('lines', [{ participantId: store.selfId.value, level: 'weak' }, { participantId: store.roster.value[2].id, level: 'weak' }]);
  });
  await mara.sees('weak-line', 15_000);
  await take('weak-line', mara, language);
  await click(mara, 'keep-video');
  await mara.page.evaluate(() => window.__alcove.session.emit('lines', []));
  await click(mara, 'papers-toggle');
  await mara.sees('papers-panel');
  await mara.find('chat-text').fill('I read about it here: https://example.org/breathing');
  await click(mara, 'chat-send');
  await mara.sees('chat-message');
  await take('messages', mara, language);
  await click(mara, 'papers-close');
}

async function endings(language) {
  const bad = await Person.open(browser, 'Nobody', `${daemon.origin}/`, inLanguage(language));
  await bad.sees('ending-card');
  await take('no-link', bad, language);
  await bad.context.close();
  const room = `ends-${language}`;
  const lind = await come('Dr. Lind', 'host', { room, language });
  await lind.join();
  await lind.sees('session');
  const theo = await come('Theo', 'participant', { room, language });
  await theo.join();
  await until('Theo waits', async () => await lind.find('admit').count() > 0);
  await click(lind, 'admit');
  await theo.sees('session');
  await lind.page.evaluate(() => window.__alcove.session.request('room.end', {}).catch(() => undefined));
  await theo.sees('ending-card');
  await take('ended', theo, language);
  await leave(room);
}

const all = { before: beforeTheSession, group, endings };
const parts = Object.fromEntries(Object.entries(all).filter(([name]) => !process.env.SCREENS_PARTS || process.env.SCREENS_PARTS.split(',').includes(name)));
try {
  for (const language of languages) {
    for (const [name, part] of Object.entries(parts)) {
      const begin = performance.now();
      await part(language).catch((error) => {
        console.log(`${name} in ${language}: ${error.stack}`);
        process.exitCode = 1;
      });
      for (const room of Object.keys(rooms)) await leave(room);
      console.log(`${name} in ${language} took ${Math.round((performance.now() - begin) / 1000)} s`);
    }
  }
  writeFileSync(join(folder, 'index.json'), JSON.stringify(taken.map(({ file, ...rest }) => ({ ...rest, file: file.slice(folder.length + 1) })), null, 1));
  await sheet(browser, taken, join(out, 'overview.png'), languages[0]);
  console.log(`${taken.length} pictures in ${folder}`);
} finally {
  await browser.close();
  await daemon.stop();
}
