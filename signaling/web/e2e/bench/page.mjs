// Processor time of the page in a group: one real page in headless Chromium, and light clients that send. No GPU: Chromium decodes and draws with the
// processor, so a machine with one needs less.
//
//   node page.mjs [people…] [--seconds N]
import { readdirSync, readFileSync } from 'node:fs';
import { start } from '../support/group.mjs';
import * as inPage from '../support/in-page.mjs';
import { launch, Person } from '../support/person.mjs';
import { pause, until } from '../support/wait.mjs';

const args = process.argv.slice(2);
const at = args.indexOf('--seconds');
const seconds = at < 0 ? 10 : Number(args.splice(at, 2)[1]);
const sizes = args.length > 0 ? args.map(Number) : [8, 16, 30];

// Seconds of processor time by kind of process, and of the main thread of renderers, which is the page's own.
function chromiumSeconds() {
  const used = { page: 0, renderer: 0, gpu: 0, all: 0 };
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (!command.includes('chromium')) continue;
      const seconds = (stat) => {
        const fields = stat.replace(/^\d+ \(.*\) /s, '').split(' ');
        return (Number(fields[11]) + Number(fields[12])) / 100; // USER_HZ
      };
      const own = seconds(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      used.all += own;
      if (command.includes('--type=renderer')) {
        used.renderer += own;
        used.page += seconds(readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8'));
      }
      if (command.includes('--type=gpu-process')) used.gpu += own;
    } catch {
      // It ended meanwhile.
    }
  }
  return used;
}

const ends = [];
const t = { after: (end) => ends.unshift(end), diagnostic: () => undefined };
const rows = [];
try {
  const { guests, link } = await start(t);
  const browser = await launch();
  t.after(() => browser.close());
  const lind = await Person.open(browser, 'Dr. Lind', link, inPage.watchPeople);
  await lind.join();
  await lind.sees('session');
  for (const people of sizes) {
    guests.setCount(people - 1);
    const names = guests.sending(people - 1, 90_000);
    const deadline = setInterval(() => lind.page.evaluate(() => document.querySelector('[data-testid="admit-all"]')?.click()).catch(() => undefined), 500);
    await names.finally(() => clearInterval(deadline));
    await until('pictures are shown', async () => (await lind.page.evaluate(inPage.people)).tiles.filter(({ shown }) => shown).length >= Math.min(people - 1, 4), 60_000);
    await pause(4_000); // until what was asked for at first has settled
    const [before, begin, framesBefore] = [chromiumSeconds(), performance.now(), await decoded(lind)];
    await pause(seconds * 1_000);
    const [after, took, framesAfter] = [chromiumSeconds(), (performance.now() - begin) / 1_000, await decoded(lind)];
    const share = (name) => `${Math.round(100 * (after[name] - before[name]) / took)} %`;
    const { tiles } = await lind.page.evaluate(inPage.people);
    rows.push({ people, 'pictures shown': tiles.filter(({ shown }) => shown).length, 'frames decoded a second': Math.round((framesAfter - framesBefore) / took),
      'main thread': share('page'), renderer: share('renderer'), 'GPU process': share('gpu'), 'all of Chromium': share('all') });
  }
} finally {
  for (const end of ends) await end();
}
console.log(`processor time of one page, as a share of one core, over ${seconds} s each`);
console.table(rows);

async function decoded(person) {
  return Object.values((await person.media()).inbound).reduce((sum, { frames }) => sum + frames, 0);
}
