// A media server that attacks its own encrypted sessions (loadtest/malserver), and real Chromium: what it forges is neither shown nor heard, what
// it makes up lets nobody in, the page says so in words, and the session comes back when the attack ends. `make attack-e2ee` builds what is
// needed and runs this.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { startDaemon } from '../support/daemon.mjs';
import { everyone, inOneGroup, numbers, status } from '../support/encryption.mjs';
import { launch, Person } from '../support/person.mjs';
import { steps } from '../support/steps.mjs';
import { pause, until } from '../support/wait.mjs';

const bin = (name) => new URL(`../../../../bin/${name}`, import.meta.url).pathname;
const page = 'http://localhost:8080';
process.env.MALSERVER_MEDIA = '127.0.0.1:8083';

const post = async (url) => {
  const response = await fetch(url, { method: 'POST' });
  assert.ok(response.ok, `${url}: ${response.status}`);
};
const forward = (name) => post(`http://127.0.0.1:8083/?name=${name}`);
const altered = async (port) => Number(await (await fetch(`http://127.0.0.1:${port}/mode`)).text());
const say = (name, { victim = { id: '' }, ghost = { id: '' } } = {}) => post(`http://127.0.0.1:8082/mode?name=${name}&victim=${victim.id}&ghost=${ghost.id}`);

// What the page refused since it was asked last, by kind.
function countRefused() {
  const count = () => {
    const session = window.__alcove?.session;
    if (!session) return void setTimeout(count, 5);
    window.__refused = {};
    session.frames.on('refused', (counts) => {
      for (const [kind, n] of Object.entries(counts)) window.__refused[kind] = (window.__refused[kind] ?? 0) + n;
    });
  };
  count();
}
const refused = (person) => person.page.evaluate(() => window.__refused);
const forget = (person) => person.page.evaluate(() => { window.__refused = {}; });

// What was decoded of others, and not made up by the browser, so far.
async function heard(person) {
  const lines = Object.values((await person.media()).inbound);
  return { samples: lines.reduce((n, { decoded = 0 }) => n + decoded, 0), frames: lines.reduce((n, { frames = 0 }) => n + frames, 0) };
}

// A server that attacks, with a session of three in it.
async function startAttack(t) {
  const daemon = await startDaemon(['dev', '--listen', '127.0.0.1:8081', '--admin', '127.0.0.1:9091'], 'http://localhost:8081', [bin('alcove-malicious')], 'required');
  const proxy = spawn(bin('malserver'), [], { stdio: 'inherit' });
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    proxy.kill();
    await daemon.stop();
  });
  await until('the proxy answers', async () => (await fetch('http://127.0.0.1:8080/')).ok);
  const people = [];
  const enter = async (name, role = 'participant') => {
    const person = await Person.open(browser, name, await daemon.link(name.toLowerCase(), name, page, role), `(${countRefused})()`);
    people.push(person);
    await person.join();
    return person;
  };
  const lind = await enter('Lind', 'host');
  await lind.sees('session');
  const wait = async (name) => {
    const person = await enter(name);
    await person.sees('waiting-room');
    await until(`${name} is waiting`, async () => await lind.page.locator(`[data-testid="waiter"][data-name="${name}"]`).count() === 1);
    return person;
  };
  const admit = async (person) => {
    await lind.page.locator(`[data-testid="waiter"][data-name="${person.name}"] [data-testid="admit"]`).click();
    await person.sees('session');
  };
  const leave = async (person) => {
    await person.find('leave').click();
    await person.find('confirm').click();
    await person.sees('ending-card');
    await person.context.close();
    people.splice(people.indexOf(person), 1);
  };
  return { daemon, people, lind, enter, wait, admit, leave };
}

const renew = async (lind, all) => {
  await lind.find('renew-encryption').first().click();
  await lind.find('confirm').click();
  await inOneGroup(all, 30_000);
};

// mode, what is refused, what stops, and whether it is more than a loss could be: then the page says so.
const forgeries = [
  { mode: 'flip-inner', kinds: ['forged'], stops: ['samples', 'frames'], alarm: true },
  { mode: 'flip-outer', kinds: ['forged', 'plain'], stops: ['frames'], alarm: true },
  { mode: 'plain', kinds: ['plain'], stops: ['samples', 'frames'], alarm: true },
  { mode: 'other', kinds: ['impostor'], stops: ['samples'], alarm: true },
  { mode: 'junk-kid', kinds: ['impostor', 'future', 'past', 'forged', 'plain'], stops: ['samples'], alarm: false },
  { mode: 'replay', kinds: ['replay'], stops: ['samples'], alarm: false },
  { mode: 'old-epoch', kinds: ['past', 'replay'], stops: ['samples'], alarm: false, rekeyed: true },
];

test('a server that forges frames', { timeout: 600_000 }, async (t) => {
  const { daemon, people, lind, wait, admit } = await startAttack(t);
  let mara, jonas;
  const all = () => [lind, mara, jonas];
  const receive = () => Promise.all(all().map((p) => p.receives(all().filter((other) => other !== p), 30_000)));
  await steps(t, { people, daemon: () => daemon }, [
    ['honest, it forwards a session of three', async () => {
      mara = await wait('Mara');
      jonas = await wait('Jonas');
      await admit(mara);
      await admit(jonas);
      await inOneGroup(all(), 30_000);
      await receive();
      for (const person of all()) assert.equal(await person.find('shield').getAttribute('data-state'), 'closed');
    }],
    ...forgeries.map(({ mode, kinds, stops, alarm, rekeyed }) => [`${mode}: nothing of it is shown or heard`, async () => {
      if (rekeyed) {
        await forward('record');
        await pause(500); // frames of this epoch are kept
        await renew(lind, all());
        await receive();
        await pause(2_500); // the old one opens for 2 s
      }
      await forget(mara);
      await forward(mode);
      await until('frames are refused', async () => {
        const counts = await refused(mara);
        if (kinds.some((kind) => counts[kind] > 10)) return true;
        throw new Error(JSON.stringify(counts));
      });
      await pause(1_000); // what was on its way has been played
      const before = await heard(mara);
      await pause(2_000);
      const after = await heard(mara);
      // A tenth of a second of sound, and a picture, may still have come out of a buffer.
      const played = { samples: after.samples - before.samples, frames: after.frames - before.frames };
      for (const what of stops) assert.ok(played[what] <= { samples: 4_800, frames: 1 }[what], `${mode}: ${JSON.stringify(played)} were played`);
      assert.ok(await altered(8083) > 50, 'the server altered nothing');
      if (alarm) {
        await mara.sees('encryption-broken');
        assert.equal(await mara.find('encryption-broken').getAttribute('data-problem'), 'frames');
        assert.equal(await mara.find('shield').getAttribute('data-state'), 'broken');
      }
      const counts = await refused(mara);
      await forward('honest');
      const end = performance.now();
      await receive();
      t.diagnostic(`${mode}: refused ${JSON.stringify(counts)}; all was back ${Math.round(performance.now() - end)} ms after it ended`);
      if (alarm) await renew(lind, all());
    }]),
  ]);
});

test('a server that lies about people and drops what the group says', { timeout: 600_000 }, async (t) => {
  const { daemon, people, lind, wait, admit, leave } = await startAttack(t);
  let mara, eve;
  // Whoever was refused is outside: nobody's frames open there, and theirs nowhere.
  const staysOutside = async (person, members) => {
    await until('hosts are told', async () => {
      const { unproved, problem } = await status(lind);
      if (unproved.includes(person.id) && problem === 'impostor') return true;
      throw new Error(JSON.stringify(await status(lind)));
    });
    await lind.sees('encryption-broken');
    const before = await heard(person);
    await pause(2_000);
    assert.deepEqual(await heard(person), before, 'who was refused hears or sees the group');
    assert.notEqual((await status(person)).state, 'member');
    assert.equal((await status(lind)).members, members);
  };
  await steps(t, { people, daemon: () => daemon }, [
    ['honest, it forwards a session', async () => {
      mara = await wait('Mara');
      await admit(mara);
      await inOneGroup([lind, mara], 30_000);
      await Promise.all([lind.receives([mara]), mara.receives([lind])]);
      eve = await wait('Eve');
    }],
    ['admit: whom the server admits without a host opens nothing, and hosts are asked', async () => {
      await say('admit', { ghost: eve });
      await eve.sees('session');
      await lind.sees('unadmitted');
      assert.match(await lind.find('unadmitted').textContent(), /1 person is in the session whom this device did not see admitted: Eve\./);
      const before = await heard(eve);
      await pause(2_000);
      assert.deepEqual(await heard(eve), before, 'Eve hears or sees the group');
      assert.notEqual((await status(eve)).state, 'member');
      assert.deepEqual([(await status(lind)).members, (await status(lind)).unadmitted], [2, [eve.id]]);
      await renew(lind, [lind, mara]);
      await pause(1_000);
      assert.notEqual((await status(eve)).state, 'member', 'a renewal lets her in');
      await lind.find('unadmitted-back').click();
      await eve.sees('waiting-room');
      await say('honest');
    }],
    ['ghost: who was invited does not come in under the name of another', async () => {
      await say('ghost', { victim: mara, ghost: eve });
      await staysOutside(eve, 2);
      await say('honest');
    }],
    ...[
      ['wrong-name', 'Theo'], ['wrong-role', 'Petra'],
    ].map(([mode, name]) => [`${mode}: a person whom the server describes falsely is not let into the keys`, async () => {
      const person = await wait(name);
      await say(mode, { victim: person });
      await admit(person);
      await staysOutside(person, 2);
      assert.ok(await altered(8082) > 0, 'the server altered nothing');
      await say('honest');
      await leave(person);
    }]),
    ['swap-keys: the key package of another under a person’s name is refused', async () => {
      const person = await wait('Noor');
      await say('swap-keys', { victim: person });
      await person.page.reload();
      await person.sees('waiting-room');
      await until('the server has swapped', async () => await altered(8082) > 0);
      await admit(person);
      await staysOutside(person, 2);
      await say('honest');
      await leave(person);
    }],
    ['replay-welcome: an old welcome changes nothing', async () => {
      await until('whoever left is out of the group', async () => (await status(mara)).members === 2);
      const { code, members } = await status(mara);
      await say('replay-welcome', { victim: mara });
      assert.ok(await altered(8082) > 0, 'nothing was replayed');
      await pause(1_000);
      const now = await status(mara);
      assert.deepEqual([now.code, now.members, now.state], [code, members, 'member']);
      await mara.receives([lind]);
      await say('honest');
    }],
    ['drop-commits: who is kept from the group’s changes sees nothing more of it, and comes back by itself', async () => {
      await say('drop-commits', { victim: mara });
      const dana = await wait('Dana');
      await admit(dana);
      await until('Dana is in', async () => (await status(dana)).state === 'member', 20_000);
      await dana.receives([lind], 20_000);
      await pause(3_000); // the old keys have ended
      const before = await heard(mara);
      await pause(2_000);
      const after = await heard(mara);
      assert.ok(after.samples - before.samples <= 4_800 && after.frames - before.frames <= 1, 'she opens what was sealed without her');
      assert.ok(await altered(8082) > 0, 'nothing was dropped');
      await say('honest');
      const end = performance.now();
      await leave(dana);
      await mara.receives([lind], 30_000);
      t.diagnostic(`drop-commits: back ${Math.round(performance.now() - end)} ms after the next change`);
    }],
  ]);
});

// Each half has a host, so that each goes on by itself: of every change of the group the server tells each half its own.
test('a server that forks the group', { timeout: 600_000 }, async (t) => {
  const { daemon, people, lind, enter, wait, admit } = await startAttack(t);
  let ruth, mara, theo;
  const all = () => [lind, mara, ruth, theo];
  const halves = () => [[lind, mara], [ruth, theo]];
  const codes = async () => Promise.all(all().map(async (person) => (await status(person)).code));
  // What each decoded of the other half, so far.
  const across = async () => {
    const [one, other] = halves();
    const counts = [];
    for (const [half, others] of [[one, other], [other, one]]) {
      for (const person of half) {
        const { inbound } = await person.media();
        for (const lines of others.map((from) => person.linesOf(from))) counts.push(inbound[lines.audio].decoded, inbound[lines.video].frames);
      }
    }
    return counts;
  };
  const apart = async (when) => {
    await until(`${when}: nothing comes from the other half`, async () => {
      const before = await across();
      await pause(2_000);
      const after = await across();
      if (after.every((count, i) => count - before[i] <= (i % 2 ? 1 : 4_800))) return true;
      throw new Error(JSON.stringify(after.map((count, i) => count - before[i])));
    }, 20_000);
    for (const half of halves()) await everyone(half, 30_000);
    for (const person of all()) {
      await person.sees('encryption-broken');
      assert.equal(await person.find('encryption-broken').getAttribute('data-problem'), 'frames', person.name);
      assert.equal(await person.find('shield').getAttribute('data-state'), 'broken', person.name);
    }
  };
  await steps(t, { people, daemon: () => daemon }, [
    ['honest, it forwards a session of four', async () => {
      ruth = await enter('Ruth', 'host');
      await ruth.sees('session');
      mara = await wait('Mara');
      await admit(mara);
      theo = await wait('Theo');
      await admit(theo);
      await inOneGroup(all(), 30_000);
      await everyone(all(), 30_000);
      assert.equal(new Set(await codes()).size, 1);
    }],
    ['fork: both halves go on, neither hears the other, and all are told', async () => {
      const before = halves().map(([host]) => numbers(host).at(-1));
      await say('fork', { victim: { id: `${ruth.id},${theo.id}` } });
      await mara.page.reload();
      await mara.sees('session');
      for (const [i, [host]] of halves().entries()) await until(`${host.name}’s half goes on`, () => numbers(host).at(-1) > before[i], 20_000);
      assert.ok(await altered(8082) > 0, 'the server ordered nothing itself');
      await apart('fork');
    }],
    ['both hosts renew: each half has a group of its own, and the codes differ', async () => {
      for (const [host] of halves()) {
        await host.find('renew-encryption').first().click();
        await host.find('confirm').click();
      }
      await until('the codes differ', async () => {
        const [a, b, c, d] = await codes();
        if (a && c && a === b && c === d && a !== c) return true;
        throw new Error(JSON.stringify(await codes()));
      }, 30_000);
      await apart('renewed');
    }],
    ['the fork ends: who comes anew is in the one group again', async () => {
      await say('honest');
      for (const person of [ruth, theo]) {
        await person.page.reload();
        await person.sees('session');
      }
      await until('all are in one group', async () => (await Promise.all(all().map(status))).every(({ state, members }) => state === 'member' && members === 4), 30_000);
      await renew(lind, all());
      await everyone(all(), 30_000);
      assert.equal(new Set(await codes()).size, 1);
    }],
  ]);
});
