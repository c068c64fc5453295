// What end-to-end encryption costs: the time to seal and open a frame, and sessions with and without it, in turn, in the same browser.
//
//   node e2ee.mjs crypto
//   node e2ee.mjs sessions [people] [rounds] [seconds]
import { createServer } from 'node:http';
import { readdirSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { startDaemon } from '../support/daemon.mjs';
import * as inPage from '../support/in-page.mjs';
import { launch, Person } from '../support/person.mjs';
import { pause, until } from '../support/wait.mjs';

const median = (all) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];
const round = (value, digits = 1) => Number(value.toFixed(digits));

async function measureCrypto() {
  const { outputFiles: [{ text }] } = await build({
    entryPoints: [new URL('crypto.worker.ts', import.meta.url).pathname], bundle: true, write: false, format: 'esm', target: 'es2022', logLevel: 'warning',
  });
  // Isolated: only then does a worker read the clock to 5 µs.
  const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  const server = createServer((request, response) => {
    const script = request.url === '/worker.js';
    response.writeHead(200, { ...headers, 'Content-Type': script ? 'text/javascript' : 'text/html' });
    response.end(script ? text : '<!doctype html><title>bench</title>');
  });
  await new Promise((done) => server.listen(8090, '127.0.0.1', done));
  const browser = await launch();
  const page = await browser.newPage();
  await page.goto('http://127.0.0.1:8090/');
  const results = await page.evaluate(() => new Promise((done, failed) => {
    const worker = new Worker('/worker.js', { type: 'module' });
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = ({ message }) => failed(new Error(message));
    worker.postMessage('go');
  }));
  console.table(results);
  await browser.close();
  server.close();
}

// Seconds of processor time that the threads of the browser's renderers have used, by name. run.sh gives the tests a process namespace of
// their own.
function rendererSeconds() {
  const threads = {};
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')) continue;
      for (const tid of readdirSync(`/proc/${pid}/task`)) {
        const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8'));
        const fields = rest.split(' ');
        threads[name] = (threads[name] ?? 0) + (Number(fields[11]) + Number(fields[12])) / 100; // USER_HZ
      }
    } catch {
      // It ended meanwhile.
    }
  }
  return threads;
}

async function count(people) {
  let [decoded, encoded] = [0, 0];
  for (const person of people) {
    const { inbound, outbound } = await person.media();
    for (const line of Object.values(inbound)) decoded += line.frames;
    for (const line of Object.values(outbound)) encoded += line.frames ?? 0;
  }
  return { decoded, encoded, cpu: rendererSeconds(), at: performance.now() };
}

async function session(browser, mode, size, seconds) {
  const daemon = await startDaemon(['dev', '--admin', '127.0.0.1:9091'], undefined, undefined, mode);
  const people = [];
  try {
    const names = ['Dr. Lind', ...Array.from({ length: size - 1 }, (_, i) => `Guest ${i + 1}`)];
    for (const [i, name] of names.entries()) {
      const url = i === 0 ? `${daemon.origin}/dev/host` : await daemon.link(`guest${i}`, name);
      const person = await Person.open(browser, name, url, inPage.watchJoin);
      people.push(person);
      await person.join();
      await person.sees(i === 0 ? 'session' : 'waiting-room', 30_000);
    }
    const [host, ...guests] = people;
    await until('all wait', async () => await host.find('admit').count() === guests.length, 30_000);
    const clicked = Date.now();
    await host.find('admit-all').click();
    await Promise.all(guests.map((guest) => guest.sees('session', 30_000)));
    await Promise.all(guests.map((guest) => guest.receives([host], 60_000)));
    const joins = await Promise.all(guests.map((guest) => guest.page.evaluate(() => performance.timeOrigin + window.__join.picture)));
    await pause(3_000); // the encoders settle
    await Promise.all(people.map(({ page }) => page.evaluate(() => {
      window.__refused = {};
      window.__alcove.session.frames.on('refused', (counts) => {
        for (const [name, count] of Object.entries(counts)) window.__refused[name] = (window.__refused[name] ?? 0) + count;
      });
    })));
    const before = await count(people);
    await pause(1_000 * seconds);
    const after = await count(people);
    const refused = await Promise.all(people.map(({ page }) => page.evaluate(() => window.__refused)));
    const took = (after.at - before.at) / 1_000;
    const percent = Object.entries(after.cpu).map(([name, seconds]) => [name, 100 * (seconds - (before.cpu[name] ?? 0)) / took]);
    return {
      join: median(joins.map((at) => at - clicked)), decoded: (after.decoded - before.decoded) / took,
      encoded: (after.encoded - before.encoded) / took, cpu: percent.reduce((sum, [, one]) => sum + one, 0), threads: Object.fromEntries(percent), refused,
    };
  } finally {
    await Promise.all(people.map(({ context }) => context.close()));
    await daemon.stop();
  }
}

async function measureSessions(size = 2, rounds = 3, seconds = 10) {
  const browser = await launch();
  const all = { required: [], off: [] };
  for (let i = 0; i < rounds; i += 1) {
    for (const mode of i % 2 ? ['off', 'required'] : ['required', 'off']) {
      const result = await session(browser, mode, size, seconds);
      all[mode].push(result);
      const { threads, refused, ...rest } = result;
      console.log(mode, JSON.stringify(Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, round(value)]))), refused.some((one) => Object.keys(one).length > 0) ? `refused ${JSON.stringify(refused)}` : '');
    }
  }
  await browser.close();
  const rows = Object.entries(all).map(([mode, results]) => {
    const of = (name) => round(median(results.map((one) => one[name])));
    return { people: size, encryption: mode, 'click on admit to first picture ms': of('join'), 'decoded /s': of('decoded'), 'encoded /s': of('encoded'), 'renderers % of a core': of('cpu') };
  });
  console.table(rows);
  const names = [...new Set([...all.required, ...all.off].flatMap(({ threads }) => Object.keys(threads)))];
  const byThread = names.map((thread) => [thread, ...['required', 'off'].map((mode) => round(median(all[mode].map(({ threads }) => threads[thread] ?? 0))))]);
  console.table(byThread.filter(([, on, off]) => Math.max(on, off) >= 0.5).sort((a, b) => b[1] - a[1]).map(([thread, required, off]) => ({ thread, required, off })));
}

const [what = 'crypto', ...numbers] = process.argv.slice(2);
if (what === 'crypto') await measureCrypto();
else await measureSessions(...numbers.map(Number));
