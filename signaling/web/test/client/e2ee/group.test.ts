// The group machine against a server that orders, in virtual time with random delays. What a session must keep, whatever happens: everybody
// who is in sends under one number with one key, and nobody gets the key of a number that was made after they left.
import assert from 'node:assert/strict';
import test from 'node:test';
import { changeAllowed, takeOverMs } from '../../../client/e2ee/group_rules';
import type { Leaf } from '../../../client/e2ee/mls';
import { FakeMls, type FakeGroup } from '../../support/fake-mls';
import { Session, type Client, type Delays } from '../../support/group-session';

type One = Client<FakeGroup>;
// `make web-fuzz` tries many more.
const seeds = Array.from({ length: process.env.ALCOVE_LONG === '1' ? 100 : 4 }, (_, at) => at + 1);

function each(name: string, run: (session: Session<FakeGroup>) => Promise<void>, delays?: Delays): void {
  test(name, { timeout: 600_000 }, async () => {
    for (const seed of seeds) {
      const session = new Session(new FakeMls(), seed, delays);
      await run(session).catch((error: unknown) => {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      });
    }
  });
}

async function withPeople(session: Session<FakeGroup>, count: number): Promise<{ host: One; people: One[] }> {
  const host = session.add('host', 'host');
  const people = Array.from({ length: count }, (_, at) => session.add(`p${at}`, 'participant'));
  await session.run(1_000);
  session.server.admit(...people);
  await session.settle();
  return { host, people };
}

const requests = (session: Session<FakeGroup>, name: string) => session.clients.reduce((sum, { requests }) => sum + (requests.get(name) ?? 0), 0);

each('a host alone makes the group, and whoever is admitted is added', async (session) => {
  const host = session.add('host', 'host');
  await session.settle();
  assert.equal(host.status?.state, 'member');
  const guest = session.add('p0', 'participant');
  await session.run(500);
  assert.equal(guest.media, undefined);
  assert.equal(guest.status?.state, 'preparing');
  session.server.admit(guest);
  await session.settle();
  assert.equal(guest.status?.members, 2);
  assert.equal(guest.status?.code, host.status?.code);
  assert.match(host.status!.code!, /^\d{5}( \d{5}){5}$/);
});

each('a storm of 29 is added in few commits', async (session) => {
  await withPeople(session, 29);
  assert.ok(session.server.number <= 8, `${session.server.number} entries`);
});

each('whoever leaves is removed, and gets no later key', async (session) => {
  const { people } = await withPeople(session, 5);
  const [gone] = people as [One];
  const last = session.server.number;
  session.server.leave(gone);
  await session.settle();
  assert.ok([...gone.epochs.keys()].every((number) => number <= last));
  assert.ok(session.server.number > last);
});

each('people leave while others join', async (session) => {
  const host = session.add('host', 'host');
  const people = Array.from({ length: 20 }, (_, at) => session.add(`p${at}`, 'participant'));
  await session.run(500);
  for (const person of people) session.after(session.random() * 1_500, () => session.server.admit(person));
  for (const person of people.slice(0, 8)) session.after(1_600 + session.random() * 600, () => session.server.leave(person));
  await session.run(2_300);
  await session.settle();
  assert.equal(host.status?.members, 13);
  assert.equal(host.status?.problem, null, session.describe());
  for (const { problem } of session.server.admitted.map(({ status }) => status!)) assert.equal(problem, null);
});

each('two hosts who come at once make one group', async (session) => {
  session.add('h1', 'host');
  session.add('h2', 'host');
  await session.settle();
  assert.ok(requests(session, 'e2ee.create') >= 1);
});

each('the second host takes over while the first one is gone', async (session) => {
  const first = session.add('h1', 'host');
  await session.settle();
  const second = session.add('h2', 'host');
  await session.settle();
  first.cut();
  const guest = session.add('p0', 'participant');
  await session.run(500);
  session.server.admit(guest);
  await session.settle();
  assert.ok((second.requests.get('e2ee.commit') ?? 0) > 0);
  first.resume();
  await session.settle();
});

each('with two hosts the first commits alone', async (session) => {
  session.add('h1', 'host');
  await session.settle();
  const second = session.add('h2', 'host');
  await session.settle();
  const before = second.requests.get('e2ee.commit') ?? 0;
  for (let at = 0; at < 5; at++) {
    const guest = session.add(`p${at}`, 'participant');
    await session.run(500);
    session.server.admit(guest);
    await session.settle();
  }
  // It may have tried when the first was slow; it never did as a rule.
  assert.ok((second.requests.get('e2ee.commit') ?? 0) - before <= 2);
});

each('the last host goes: the group goes on, rekeys on a leave, and is made anew when a host returns', async (session) => {
  const { host, people } = await withPeople(session, 4);
  session.server.leave(host);
  await session.until(() => session.settled(), 10_000, 'without a host');
  const before = session.server.number;
  session.server.leave(people[0]!);
  await session.settle();
  assert.ok(session.server.number > before);
  const main = session.server.main;
  const host2 = session.add('host2', 'host');
  await session.until(() => host2.asked.size === 3, 10_000, 'asked about whom another device admitted');
  host2.admit(...host2.asked);
  await session.settle();
  assert.notEqual(session.server.main, main);
});

each('the only host reloads', async (session) => {
  const { host, people } = await withPeople(session, 4);
  host.reload();
  await session.settle();
  assert.equal(people[0]!.status?.members, 5);
  assert.equal(people[0]!.status?.codeChanged, true);
});

each('a host reloads beside another', async (session) => {
  const { host } = await withPeople(session, 3);
  session.add('h2', 'host');
  await session.settle();
  const { main } = session.server;
  host.reload();
  await session.settle();
  assert.equal(session.server.main, main);
});

each('a participant reloads: one commit removes the old leaf and adds the new one', async (session) => {
  const { people } = await withPeople(session, 4);
  const before = session.server.number;
  people[1]!.reload();
  await session.settle();
  assert.equal(session.server.number, before + 1);
});

each('two reload, and one of them again, in a storm', async (session) => {
  const { people } = await withPeople(session, 6);
  people[1]!.reload();
  people[2]!.reload();
  await session.run(session.random() * 300);
  people[1]!.reload();
  const more = session.add('late', 'participant');
  await session.run(300);
  session.server.admit(more);
  await session.settle(20_000);
});

each('who was cut reads what was missed', async (session) => {
  const { people } = await withPeople(session, 4);
  people[0]!.cut();
  await session.run(200);
  session.server.leave(people[3]!);
  await session.settle(session.server.admitted.length ? 10_000 : 0).catch(() => undefined);
  await session.run(1_000);
  people[0]!.resume();
  await session.settle();
  assert.equal(people[0]!.status?.problem, null);
  assert.ok((people[0]!.requests.get('e2ee.sync') ?? 0) >= 1);
});

each('who missed many entries asks for all of them', async (session) => {
  const { people } = await withPeople(session, 4);
  people[0]!.cut();
  for (let at = 0; at < 13; at++) {
    people[1]!.reload();
    await session.run(1_500);
  }
  people[0]!.resume();
  const took = await session.settle();
  assert.ok(took < 4_000, `${took} ms`);
  assert.equal(people[0]!.requests.get('e2ee.sync'), Math.ceil(13 / session.server.syncMost));
  // While waiting, the spare one, and that again on the resume.
  assert.equal(people[0]!.requests.get('e2ee.key'), 3, 'another key package was needed');
});

each('somebody came and went while one was cut', async (session) => {
  const { people } = await withPeople(session, 3);
  const visitor = session.add('visitor', 'participant');
  await session.run(500);
  people[0]!.cut();
  session.server.admit(visitor);
  await session.run(2_000);
  session.server.leave(visitor);
  await session.run(2_000);
  people[0]!.resume();
  await session.settle();
  assert.equal(people[0]!.status?.problem, null);
});

each('who was cut for too much comes back with a new leaf', async (session) => {
  const { people } = await withPeople(session, 3);
  people[0]!.cut();
  await session.run(500);
  const before = session.server.number;
  session.server.leave(people[2]!);
  await session.run(2_000);
  session.server.log = [];
  session.server.gone = session.server.number;
  people[0]!.resume();
  await session.settle();
  assert.ok(session.server.number > before + 1);
});

each('who was removed while cut learns it', async (session) => {
  const { host, people } = await withPeople(session, 3);
  people[0]!.cut();
  await session.run(300);
  host.tell({ type: 'exclude', id: 'p0' });
  await session.run(2_000);
  assert.deepEqual(host.excluded, ['p0']);
  session.server.sendBack(people[0]!);
  people[0]!.resume();
  await session.run(2_000);
  assert.equal(people[0]!.media, undefined);
  session.server.admit(people[0]!);
  await session.settle();
});

each('the daemon restarts and everybody resumes', async (session) => {
  const { host, people } = await withPeople(session, 4);
  const { number, main } = session.server;
  session.server.restart();
  await session.run(1_000);
  for (const client of [...people, host]) {
    await session.run(session.random() * 200);
    client.resume();
  }
  await session.settle();
  assert.equal(session.server.main, main);
  assert.equal(session.server.number, number);
  session.server.leave(people[0]!);
  const late = session.add('late', 'participant');
  await session.run(500);
  session.server.admit(late);
  await session.settle();
});

each('the daemon restarts during a storm', async (session) => {
  const host = session.add('host', 'host');
  const people = Array.from({ length: 12 }, (_, at) => session.add(`p${at}`, 'participant'));
  await session.run(1_000);
  session.server.admit(...people);
  await session.run(50 + session.random() * 400);
  session.server.restart();
  await session.run(500);
  for (const client of [host, ...people]) client.resume();
  await session.settle(30_000);
});

each('the daemon crashes and leaves numbers out: the group is made anew, and nobody is asked about', async (session) => {
  const { first, second, people } = await withTwoHosts(session, 5);
  session.server.restart(17);
  await session.run(500);
  const { number } = session.server;
  for (const client of [first, second, ...people]) client.resume();
  await session.until(() => session.settled() && first.media! > number, 30_000, 'anew');
  for (const host of [first, second]) assert.deepEqual([[...host.asked], host.status?.problem], [[], null]);
});

each('the commit that removes goes out before the request that removes', async (session) => {
  const { host, people } = await withPeople(session, 4);
  const before = session.server.number;
  host.tell({ type: 'exclude', id: 'p2' });
  await session.until(() => host.excluded.includes('p2'), 3_000, 'excluded');
  await session.until(() => session.server.number > before, 3_000, 'committed');
  await session.run(1_000);
  // The server does nothing: the person is still in the roster, and out of the keys.
  assert.equal(host.status?.members, 4);
  assert.equal(people[2]!.media, undefined);
  assert.ok(!people[2]!.epochs.has(host.media!));
  host.tell({ type: 'include', id: 'p2' });
  await session.until(() => host.status?.unadmitted.includes('p2') === true, 5_000, 'the server refuses to remove: the host is asked');
  assert.equal(host.status?.members, 4);
  host.admit('p2');
  await session.settle();
});

each('whom one host removed no other host adds, while the server does nothing', async (session) => {
  const { host, people } = await withPeople(session, 4);
  const second = session.add('host2', 'host');
  await session.settle();
  second.tell({ type: 'exclude', id: 'p2' });
  await session.until(() => second.excluded.includes('p2'), 3_000, 'excluded');
  await session.run(5_000);
  assert.deepEqual([host.status?.members, people[2]!.media], [5, undefined]);
  second.tell({ type: 'include', id: 'p2' });
  await session.until(() => second.status?.unadmitted.includes('p2') === true, 5_000, 'asked');
  second.admit('p2');
  await session.settle();
  assert.equal(host.status?.members, 6);
});

each('exclude while another commit is under way', async (session) => {
  const { host } = await withPeople(session, 4);
  const late = session.add('late', 'participant');
  await session.run(500);
  session.server.admit(late);
  await session.run(session.random() * 300);
  host.tell({ type: 'exclude', id: 'p2' });
  await session.until(() => host.excluded.includes('p2'), 5_000, 'excluded');
  session.server.leave(session.clients.find(({ id }) => id === 'p2')!);
  await session.settle();
});

each('a host renews the encryption', async (session) => {
  const { host, people } = await withPeople(session, 4);
  const { main } = session.server;
  people[0]!.tell({ type: 'renew' });
  await session.run(1_000);
  assert.equal(session.server.main, main, 'only a host may');
  host.tell({ type: 'renew' });
  const before = host.media!;
  await session.until(() => session.server.main !== main && people.every(({ media }) => media! > before), 5_000, 'made anew');
  await session.settle();
  assert.equal(people[0]!.status?.codeChanged, true);
  people[0]!.tell({ type: 'compare', result: 'same', code: '00000 00000 00000 00000 00000 00000' });
  await session.run(500);
  assert.deepEqual([people[0]!.status?.proved, people[0]!.status?.codeChanged], [false, true], 'what was compared is another code by now');
  people[0]!.tell({ type: 'compare', result: 'same', code: people[0]!.status!.code });
  await session.run(500);
  assert.equal(people[0]!.status?.proved, true);
});

each('a side room is a group of two, and the others keep theirs', async (session) => {
  const { host, people } = await withPeople(session, 4);
  const main = host.media!;
  session.server.apart([host, people[0]!]);
  const pair = [host, people[0]!];
  await session.until(() => pair.every(({ media }) => media !== undefined && media > main), 10_000, 'apart');
  await session.run(1_000);
  assert.equal(pair[0]!.media, pair[1]!.media);
  for (const other of people.slice(1)) {
    assert.ok(!other.epochs.has(host.media!));
    assert.equal(other.media, main);
  }
  // The main group goes on meanwhile.
  session.server.leave(people[3]!);
  await session.run(3_000);
  assert.ok(people[1]!.media! > main);
  session.server.apart(undefined);
  await session.settle();
});

each('the guest of a side room reloads', async (session) => {
  const { host, people } = await withPeople(session, 3);
  session.server.apart([host, people[0]!]);
  await session.run(3_000);
  people[0]!.reload();
  const inBoth = () => people[0]!.media !== undefined && people[0]!.media === host.media && people[0]!.status?.members === 4;
  await session.until(inBoth, 4_500, 'apart again, without asking for it');
  session.server.apart(undefined);
  await session.settle();
});

each('an observer is a member, a recorder is not', async (session) => {
  session.add('host', 'host');
  const observer = session.add('o', 'observer');
  await session.run(500);
  session.server.admit(observer);
  await session.settle();
  assert.ok(observer.media !== undefined);
});

each('used-up KIDs of a number make a new number', async (session) => {
  const { people } = await withPeople(session, 3);
  const number = people[1]!.media!;
  people[1]!.tell({ type: 'exhausted', number });
  await session.until(() => session.settled() && people[1]!.media! > number, 5_000, 'a new number');
});

each('application messages reach the members, over commits too', async (session) => {
  const { host, people } = await withPeople(session, 4);
  for (let at = 0; at < 10; at++) {
    people[0]!.tell({ type: 'send', message: at, content: new TextEncoder().encode(`words ${at}`), to: undefined });
    if (at === 4) session.server.leave(people[3]!);
    await session.run(session.random() * 200);
  }
  await session.until(() => people[0]!.sent.size === 10, 20_000, 'sent');
  await session.run(1_000);
  assert.ok([...people[0]!.sent.values()].every(Boolean));
  for (const client of [host, people[1]!]) {
    assert.deepEqual(client.opened.map(({ text }) => text).sort(), Array.from({ length: 10 }, (_, at) => `words ${at}`).sort());
    assert.ok(client.opened.every(({ from }) => from === 'p0'));
  }
});

each('an application message that the server says twice is opened once, however it is encoded', async (session) => {
  const { host, people } = await withPeople(session, 2);
  const { receive } = host;
  let app: Extract<Parameters<typeof receive>[0], { type: 'app' }> | undefined;
  host.receive = (input) => {
    if (input.type === 'app') app ??= input;
    receive.call(host, input);
  };
  const encoded = (change: (blob: string) => string): void => host.receive({ type: 'app', data: { ...app!.data, blob: change(app!.data.blob) } });
  people[0]!.tell({ type: 'send', message: 1, content: new TextEncoder().encode('once'), to: undefined });
  await session.until(() => host.opened.length === 1, 5_000, 'opened');
  host.receive(app!);
  session.server.leave(people[1]!);
  await session.settle();
  host.receive(app!);
  // The decoder passes over white space and takes a text without padding.
  for (const change of [(blob: string) => `${blob.slice(0, -1)} ${blob.slice(-1)}`, (blob: string) => blob.replaceAll('=', ''), (blob: string) => `${blob}\n`]) encoded(change);
  await session.run(1_000);
  assert.equal(host.opened.length, 1);
});

each('who was made cohost in the room adds nobody', async (session) => {
  const { host, people } = await withPeople(session, 2);
  assert.equal(host.status?.adds, true);
  const { roster } = session.server;
  session.server.roster = () => roster.call(session.server).map((person) => (person.id === 'p0' ? { ...person, role: 'cohost' } : person));
  session.server.leave(host);
  await session.settle();
  people[0]!.reload();
  const late = session.add('late', 'participant');
  await session.run(500);
  session.server.admit(late);
  await session.run(15_000);
  assert.equal(late.media, undefined);
  assert.equal(people[0]!.requests.get('e2ee.create') ?? 0, 0);
  assert.deepEqual([...people[0]!.asked], [], 'who may not add is not asked');
  assert.deepEqual([people[0]!.status?.adds, people[1]!.status?.adds], [false, false]);
  session.add('host2', 'host').letsIn = () => true;
  await session.settle(20_000);
});

each('a key package that the server swapped or put off is made good by itself', async (session) => {
  const { people } = await withPeople(session, 2);
  let dropped = 0;
  session.server.intercept = (client, request) => {
    if (client.id !== 'late' || request.name !== 'e2ee.key' || dropped++ > 0) return undefined;
    return { ok: true, data: {} };
  };
  const late = session.add('late', 'participant');
  await session.run(500);
  session.server.admit(late);
  await session.settle(30_000);
  assert.equal(people[0]!.status?.members, 4);
});

each('entries that were withheld are followed later, also if whom they added has left', async (session) => {
  const { people } = await withPeople(session, 2);
  const victim = people[1]!;
  const { receive } = victim;
  victim.receive = function (input) {
    if (input.type !== 'entry') receive.call(this, input);
  };
  const late = session.add('late', 'participant');
  await session.run(500);
  session.server.admit(late);
  await session.until(() => session.settled(session.server.admitted.filter((client) => client !== victim)), 10_000, 'the others are not settled');
  victim.receive = receive;
  session.server.leave(late);
  await session.settle();
  assert.deepEqual([victim.status?.state, victim.status?.problem], ['member', null]);
  assert.equal(victim.requests.get('e2ee.create') ?? 0, 0);
});

// Of a device that is a new one, or whose page vanished between a click and its commit, the others ask.
const letAllIn = (host: One): One => Object.assign(host, { letsIn: (id: string) => !host.session.ghosts.has(id) });

each('random sessions settle, and whom only the server moves in stays outside', async (session) => {
  const seats: One[] = [letAllIn(session.add('host', 'host'))];
  await session.settle();
  let made = 0;
  for (let step = 0; step < 40; step++) {
    const roll = session.random();
    const inside = session.server.admitted.filter(({ connected }) => connected);
    const one = inside[Math.floor(session.random() * inside.length)];
    if (roll < 0.35 || !one) {
      const role = session.random() < 0.15 ? 'host' : 'participant';
      const client = session.add(`p${made++}`, role);
      seats.push(client);
      if (role === 'host') letAllIn(client);
      else session.after(session.random() * 400, () => session.server.admit(client));
    } else if (roll < 0.38) {
      const ghost = session.add(`ghost${made++}`, 'participant');
      session.ghosts.add(ghost.id);
      session.after(session.random() * 400, () => session.server.move(ghost));
    } else if (roll < 0.5) session.server.leave(one);
    else if (roll < 0.65) one.reload();
    else if (roll < 0.8) {
      one.cut();
      session.after(session.random() * 5_000, () => { if (session.server.admitted.includes(one)) one.resume(); });
    } else if (roll < 0.85) one.tell({ type: 'renew' });
    await session.run(session.random() * 800);
  }
  await session.run(6_000);
  if (!session.server.admitted.some(({ role }) => role === 'host')) letAllIn(session.add('last', 'host'));
  await session.settle(60_000);
  for (const client of session.server.admitted) assert.notEqual(client.status?.state, 'broken', session.describe());
  for (const ghost of session.clients.filter(({ id }) => session.ghosts.has(id))) assert.equal(ghost.epochs.size, 0, `${ghost.id} got a key`);
});

// --- whom hosts admit ---

async function withTwoHosts(session: Session<FakeGroup>, count: number): Promise<{ first: One; second: One; people: One[] }> {
  const { host: first, people } = await withPeople(session, count);
  const second = session.add('host2', 'host');
  await session.settle();
  return { first, second, people };
}

function ghostOf(session: Session<FakeGroup>, role = 'participant'): One {
  session.ghosts.add('ghost');
  return session.add('ghost', role);
}

async function staysOutside(session: Session<FakeGroup>, ghost: One, since = 0): Promise<void> {
  await session.run(12_000);
  assert.equal(ghost.media, undefined);
  assert.deepEqual([...ghost.epochs.keys()].filter((number) => number > since), [], 'got a key');
  assert.ok(session.settled(), session.describe());
}

each('whom the server moves in without a host is not added, by no host and in no other group, and hosts are asked after a while', async (session) => {
  const { first, second } = await withTwoHosts(session, 2);
  const ghost = ghostOf(session);
  await session.run(500);
  session.server.move(ghost);
  await session.run(2_000);
  assert.equal(first.asked.size + second.asked.size, 0, 'asked at once, though another host may have admitted them');
  await staysOutside(session, ghost);
  for (const host of [first, second]) assert.deepEqual([[...host.asked], host.status?.unadmitted, host.status?.problem], [['ghost'], ['ghost'], null]);
  for (const act of [() => second.tell({ type: 'renew' }), () => first.reload(), () => second.reload(), () => first.tell({ type: 'renew' })]) {
    act();
    await staysOutside(session, ghost);
  }
  session.server.apart([first, ghost]);
  await session.run(6_000);
  assert.equal(ghost.media, undefined, 'nor in a side room');
  session.server.apart(undefined);
  first.admit('ghost');
  session.ghosts.clear();
  await session.settle();
  assert.deepEqual([first.status?.unadmitted, second.status?.unadmitted], [[], []]);
});

each('whom the server moves in while hosts are cut, or with everybody whom a host admits, is not added', async (session) => {
  const { host } = await withPeople(session, 2);
  const ghost = ghostOf(session);
  const late = session.add('late', 'participant');
  await session.run(500);
  host.cut();
  session.server.move(ghost);
  await session.run(1_000);
  host.resume();
  session.server.admit(late);
  await staysOutside(session, ghost);
  assert.deepEqual([...host.asked], ['ghost']);
});

each('who was removed or sent back stays outside, though the server lists them again', async (session) => {
  const { first, second, people } = await withTwoHosts(session, 4);
  const removed = people[2]!;
  session.ghosts.add(removed.id);
  first.tell({ type: 'exclude', id: 'p2' });
  await session.until(() => first.excluded.includes('p2'), 3_000, 'excluded');
  await session.until(() => removed.media === undefined, 3_000, 'out of the keys');
  const last = Math.max(...removed.epochs.keys());
  await staysOutside(session, removed, last);
  assert.equal(first.asked.size + second.asked.size, 0, 'hosts know whom a host removed');
  for (const again of [false, true]) {
    if (again) {
      session.server.sendBack(removed);
      await session.run(1_000);
      session.server.move(removed);
    }
    for (const act of [() => undefined, () => first.reload(), () => second.tell({ type: 'renew' }), () => second.reload(), () => first.tell({ type: 'renew' })]) {
      act();
      await staysOutside(session, removed, last);
    }
  }
  // Until a host lets them in.
  session.server.sendBack(removed);
  await session.run(500);
  session.ghosts.clear();
  session.server.admitBy(second, removed);
  await session.settle();
});

each('the link of a host brings nobody back whom another host removed', async (session) => {
  const { first, second } = await withTwoHosts(session, 2);
  session.ghosts.add(second.id);
  first.tell({ type: 'exclude', id: second.id });
  await session.until(() => second.media === undefined, 5_000, 'out of the keys');
  const last = Math.max(...second.epochs.keys());
  session.server.intercept = (client, { name }) => (client === second && name === 'e2ee.create' ? { ok: false, code: 'forbidden' } : undefined);
  session.server.sendBack(second);
  await session.run(500);
  session.server.move(second);
  await staysOutside(session, second, last);
  first.reload();
  await staysOutside(session, second, last);
});

each('a click that the server refused lets nobody in later', async (session) => {
  const { host } = await withPeople(session, 2);
  const ghost = ghostOf(session);
  await session.run(500);
  host.admit('ghost');
  host.tell({ type: 'withdraw', ids: ['ghost'] });
  await session.run(500);
  session.server.move(ghost);
  await staysOutside(session, ghost);
});

each('who left is not let in by the click of before', async (session) => {
  const { host, people } = await withPeople(session, 3);
  const left = people[1]!;
  session.ghosts.add(left.id);
  const last = session.server.number;
  session.server.sendBack(left);
  host.reload();
  await session.run(2_000);
  session.server.move(left);
  await staysOutside(session, left, last);
});

each('the host who admits adds at once, also one who is not the first', async (session) => {
  const { first, second } = await withTwoHosts(session, 2);
  const before = first.requests.get('e2ee.commit');
  for (let at = 0; at < 3; at++) {
    const late = session.add(`late${at}`, 'participant');
    await session.run(500);
    session.server.admitBy(second, late);
    await session.until(() => late.media !== undefined, takeOverMs / 2, 'added without waiting');
    await session.settle();
  }
  assert.equal(first.requests.get('e2ee.commit'), before);
  assert.equal(first.asked.size + second.asked.size, 0);
}, { way: [5, 20], compute: [1, 10] });

each('two hosts admit at the same time', async (session) => {
  const { first, second } = await withTwoHosts(session, 2);
  const late = Array.from({ length: 10 }, (_, at) => session.add(`late${at}`, 'participant'));
  await session.run(1_000);
  for (const [at, one] of late.entries()) session.after(session.random() * 300, () => session.server.admitBy(at % 2 ? first : second, one));
  await session.run(300);
  await session.settle();
  assert.equal(first.asked.size + second.asked.size, 0);
  assert.deepEqual([first.status?.problem, second.status?.problem], [null, null]);
});

each('the page of the host who admitted vanishes before its commit: another host is asked', async (session) => {
  const { first, second } = await withTwoHosts(session, 2);
  const late = session.add('late', 'participant');
  await session.run(500);
  session.server.admitBy(second, late);
  second.cut();
  await session.until(() => first.asked.size > 0, 5_000, 'asked');
  assert.deepEqual([[...first.asked], late.media], [['late'], undefined]);
  first.admit('late');
  await session.settle();
  second.resume();
  await session.settle();
});

each('the only host comes with a new device or without storage: asked once about everybody who is inside, who are let in together', async (session) => {
  const { host, people } = await withPeople(session, 5);
  host.kept = undefined;
  host.reload();
  await session.until(() => host.status?.unadmitted.length === 5, 15_000, 'asked');
  assert.ok(people.every(({ media }) => media !== host.media));
  host.tell({ type: 'exclude', id: 'p4' });
  await session.until(() => host.status?.unadmitted.length === 4, 3_000, 'decided');
  session.server.sendBack(people[4]!);
  host.admit(...host.status!.unadmitted);
  await session.settle();
  assert.deepEqual([host.status?.unadmitted, people[4]!.media], [[], undefined]);
  assert.deepEqual(host.kept!.admitted.map(({ id }) => id).filter((id) => id !== 'host').sort(), ['p0', 'p1', 'p2', 'p3']);
});

each('nobody is asked about in a reload, a resume, a renewal, a second device or a restart of the daemon', async (session) => {
  const { first, second, people } = await withTwoHosts(session, 4);
  for (const act of [() => first.reload(), () => second.tell({ type: 'renew' }), () => people[0]!.reload(), () => second.reload(), () => first.tell({ type: 'renew' })]) {
    act();
    await session.run(5_000);
    await session.settle();
  }
  const device = session.add('p1 again', 'participant');
  await session.run(500);
  session.server.leave(people[1]!);
  session.server.admitBy(second, device);
  await session.settle();
  session.server.restart();
  await session.run(1_000);
  for (const client of [...session.server.admitted].reverse()) client.resume();
  await session.settle();
  session.server.leave(first);
  await session.settle();
  second.reload();
  await session.settle();
  await session.run(5_000);
  for (const host of [first, second]) assert.deepEqual([...host.asked], [], host.id);
});

test('what a member allows another to change', () => {
  const leaf = (id: string, role: string, at: number): Leaf => ({ id, role, leaf: at, signatureKey: `k${at}` });
  const members = [leaf('host', 'host', 0), leaf('a', 'participant', 1), leaf('b', 'participant', 2)];
  const known = { inRoster: (id: string) => ['host', 'a', 'b', 'new'].includes(id), replayed: false, only: undefined };
  const [host, a, b] = members as [Leaf, Leaf, Leaf];
  const added = [{ id: 'new', role: 'participant' }];
  const cases: [string, boolean, Parameters<typeof changeAllowed>[0], Partial<typeof known>?][] = [
    ['a host adds', true, { sender: host, added, removed: [], other: false }],
    ['a participant adds', false, { sender: a, added, removed: [], other: false }],
    ['a host adds somebody who is not in the roster', false, { sender: host, added: [{ id: 'ghost', role: 'participant' }], removed: [], other: false }],
    ['a host adds somebody twice', false, { sender: host, added: [...added, ...added], removed: [], other: false }],
    ['a host adds somebody who is a member', false, { sender: host, added: [{ id: 'a', role: 'participant' }], removed: [], other: false }],
    ['a host replaces a leaf', true, { sender: host, added: [{ id: 'a', role: 'participant' }], removed: [a], other: false }],
    ['a host removes', true, { sender: host, added: [], removed: [b], other: false }],
    ['a participant removes one who is there', false, { sender: a, added: [], removed: [b], other: false }],
    ['a participant removes one who left', true, { sender: a, added: [], removed: [b], other: false }, { inRoster: (id) => id !== 'b' }],
    ['an empty commit', true, { sender: a, added: [], removed: [], other: false }],
    ['another kind of proposal', false, { sender: host, added: [], removed: [], other: true }],
  ];
  for (const [name, allowed, change, other] of cases) assert.equal(changeAllowed(change, members, { ...known, ...other }), allowed, name);
  assert.equal(changeAllowed({ sender: host, added, removed: [], other: false }, [host], { ...known, only: ['host', 'a'] as never }), false, 'a third in a side room');
});
