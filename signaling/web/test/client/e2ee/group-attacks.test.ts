// The group machine with the real library and the issuer's secrets, against servers and members that do not keep to the rules.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fromBase64, toBase64 } from '../../../client/e2ee/bytes';
import { base64, hashToken, personSecret, roomSecret } from '../../../client/e2ee/identity';
import { loadMls, type Mls, type MlsGroup } from '../../../client/e2ee/mls';
import { proofsOf, type Proofs } from '../../../client/e2ee/proofs';
import type { Role } from '../../../client/wire/protocol';
import { isHost, Session, type Client } from '../../support/group-session';

const classic = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';
type One = Client<MlsGroup>;

async function proofsFor(id: string, role: Role, clinicKey = new Uint8Array(32).fill(7)): Promise<Proofs> {
  const room = await roomSecret(clinicKey, 'tuesday', 'session 1');
  const tokenHash = await hashToken(`token of ${id}`);
  const name = `Name ${id}`;
  const k = role === 'host' || role === 'cohost' ? room : await personSecret(room, { role, name, tokenHash });
  return proofsOf({ required: true, role: role as 'host', name, tokenHash: base64(tokenHash), k: base64(k) });
}

let mls: Mls<MlsGroup>;
async function sessionOf(seed = 1): Promise<Session<MlsGroup>> {
  mls ??= await loadMls(classic);
  return new Session(mls, seed);
}

async function add(session: Session<MlsGroup>, id: string, role: Role, proofs?: Proofs): Promise<One> {
  return session.add(id, role, proofs ?? (await proofsFor(id, role)), base64(await hashToken(`token of ${id}`)));
}

async function three(session: Session<MlsGroup>): Promise<[One, One, One]> {
  const host = await add(session, 'host', 'host');
  const [a, b] = [await add(session, 'a', 'participant'), await add(session, 'b', 'participant')];
  await session.run(1_000);
  session.server.admit(a, b);
  await session.settle();
  return [host, a, b];
}

test('links prove everybody, through joins, a reload, a side room and a new group', { timeout: 120_000 }, async () => {
  const session = await sessionOf();
  const [host, a, b] = await three(session);
  for (const { status } of [host, a, b]) assert.deepEqual([status?.level, status?.proved, status?.problem], ['link', true, null]);
  b.reload();
  await session.settle();
  const second = await add(session, 'host2', 'host');
  await session.settle();
  assert.equal(second.status?.proved, true);
  session.server.leave(second);
  session.server.apart([host, a]);
  await session.until(() => host.media !== undefined && host.media === a.media && b.media !== a.media, 10_000, 'apart');
  session.server.apart(undefined);
  await session.settle();
  host.tell({ type: 'renew' });
  const before = host.media!;
  await session.until(() => session.settled() && host.media! > before, 10_000, 'anew');
  for (const { status } of [host, a, b]) assert.deepEqual([status?.proved, status?.problem, status?.unproved], [true, null, []]);
});

test('a random session with the real library', { timeout: 300_000 }, async () => {
  for (let seed = 1; seed <= (process.env.ALCOVE_LONG === '1' ? 12 : 1); seed++) {
    const session = await sessionOf(seed);
    const host = await add(session, 'host', 'host');
    await session.settle();
    for (let step = 0; step < 14; step++) {
      const inside = session.server.admitted.filter((one) => one.connected && one !== host);
      const one = inside[Math.floor(session.random() * inside.length)];
      const roll = session.random();
      if (roll < 0.5 || !one) {
        const client = await add(session, `p${step}`, 'participant');
        session.after(session.random() * 300, () => session.server.admit(client));
      } else if (roll < 0.65) session.server.leave(one);
      else if (roll < 0.8) one.reload();
      else {
        one.cut();
        session.after(session.random() * 3_000, () => { if (session.server.admitted.includes(one)) one.resume(); });
      }
      await session.run(session.random() * 600);
    }
    await session.run(4_000);
    await session.settle(60_000);
    for (const { status, id } of session.server.admitted) assert.deepEqual([id, status?.state, status?.problem], [id, 'member', null]);
  }
});

// 30 devices, each as fast as this machine: what a step took here is what it takes in virtual time, so that they do not wait for each other.
test('a storm of 29 joins with X-Wing is a handful of commits', { timeout: 300_000 }, async (t) => {
  const count = process.env.ALCOVE_LONG === '1' ? 29 : 6;
  const session = new Session(await loadMls(), 1, { way: [10, 60], compute: 'measured' });
  const host = await add(session, 'host', 'host');
  const people: One[] = [];
  for (let at = 0; at < count; at++) people.push(await add(session, `p${at}`, 'participant'));
  await session.until(() => session.server.keys.size === count + 1, 60_000, 'all key packages are there');
  session.server.admit(...people);
  const took = await session.settle(60_000);
  t.diagnostic(`${count} joins were settled after ${took} ms, in ${session.server.number} entries`);
  assert.ok(session.server.number <= 4, `${session.server.number} entries`);
  assert.deepEqual([host.status?.problem, host.status?.members], [null, count + 1]);
  const left = await (session.server.leave(people[0]!), session.settle());
  t.diagnostic(`a leave was settled after ${left} ms`);
});

test('a key package without the right proof is not added, and hosts are told whose', { timeout: 60_000 }, async (t) => {
  const other = new Uint8Array(32).fill(9);
  const cases: [string, (session: Session<MlsGroup>) => Promise<One>][] = [
    ['another issuer', async (session) => add(session, 'ghost', 'participant', await proofsFor('ghost', 'participant', other))],
    ['no proof', async (session) => {
      session.server.intercept = (client, request) => {
        if (client.id === 'ghost' && request.name === 'e2ee.key') delete request.data.proof;
        return undefined;
      };
      return add(session, 'ghost', 'participant');
    }],
    ['another key package than the person sent', async (session) => {
      const swapped = await mls.makeKeys({ id: 'ghost', role: 'participant' });
      session.server.intercept = (client, request) => {
        if (client.id === 'ghost' && request.name === 'e2ee.key') request.data.keyPackage = toBase64(swapped.keyPackage);
        return undefined;
      };
      return add(session, 'ghost', 'participant');
    }],
    ['a name that the token does not have', async (session) => {
      const { roster } = session.server;
      session.server.roster = () => roster.call(session.server).map((person) => (person.id === 'ghost' ? { ...person, verifiedName: 'Mara' } : person));
      return add(session, 'ghost', 'participant');
    }],
    ['shown as a host', async (session) => {
      const { roster } = session.server;
      session.server.roster = () => roster.call(session.server).map((person) => (person.id === 'ghost' ? { ...person, role: 'host' } : person));
      return add(session, 'ghost', 'participant');
    }],
  ];
  for (const [name, enter] of cases) {
    await t.test(name, async () => {
      const session = await sessionOf();
      const [host, a] = await three(session);
      const ghost = await enter(session);
      await session.run(500);
      session.server.admit(ghost);
      await session.run(6_000);
      assert.equal(ghost.media, undefined);
      assert.equal(host.status?.members, 3);
      assert.deepEqual([host.status?.problem, host.status?.unproved], ['impostor', ['ghost']]);
      assert.equal(a.status?.members, 3);
    });
  }
});

test('a welcome without a host\'s proof is not joined', { timeout: 60_000 }, async () => {
  const session = await sessionOf();
  await three(session);
  const late = await add(session, 'late', 'participant');
  session.server.intercept = (_, request) => {
    if (request.name === 'e2ee.commit') delete request.data.proofs;
    return undefined;
  };
  await session.run(500);
  session.server.admit(late);
  await session.run(3_000);
  assert.equal(late.media, undefined);
  assert.equal(late.status?.problem, 'impostor');
});

// A member whose page lies: it makes commits that it may not make, and the server takes them.
async function commitBy(session: Session<MlsGroup>, sender: One, add: readonly Uint8Array[], remove: readonly string[]): Promise<void> {
  const { server } = session;
  const group = sender.group!;
  const leaves = mls.members(group).filter(({ id }) => remove.includes(id)).map(({ leaf }) => leaf);
  const { commit } = await mls.commit(group, add, leaves);
  const main = server.main!;
  const answer = server.handle(sender, { type: 'request', request: -1, name: 'e2ee.commit', data: { group: main, after: server.groups.get(main)!.number, commit: toBase64(commit) } });
  assert.equal(answer.ok, true);
}

test('a guest who adds a ghost is refused by everybody, and a host makes the group anew', { timeout: 60_000 }, async () => {
  const session = await sessionOf();
  const [host, a, b] = await three(session);
  const before = host.media!;
  const ghost = await mls.makeKeys({ id: 'ghost', role: 'participant' });
  await commitBy(session, a, [ghost.keyPackage], []);
  await session.run(2_000);
  for (const one of [host, b]) {
    assert.deepEqual([one.status?.state, one.status?.problem, one.media], ['broken', 'tampered', before]);
    assert.equal(one.status?.members, 3);
  }
  // Nobody can be taken out of the keys any more, so they are closed when somebody leaves.
  session.server.leave(a);
  await session.run(1_000);
  assert.equal(b.media, undefined);
  host.tell({ type: 'renew' });
  await session.settle();
  assert.deepEqual([host.status?.state, host.status?.problem, b.status?.problem], ['member', null, null]);
});

test('a guest who removes another is refused', { timeout: 60_000 }, async () => {
  const session = await sessionOf();
  const [host, a, b] = await three(session);
  await commitBy(session, a, [], ['b']);
  await session.run(2_000);
  assert.equal(host.status?.state, 'broken');
  assert.equal(b.media, host.media);
});

test('an entry that is no commit puts everybody outside, and the host makes the group anew by itself', { timeout: 60_000 }, async () => {
  const session = await sessionOf();
  const [host, a] = await three(session);
  const { server } = session;
  server.handle(a, { type: 'request', request: -1, name: 'e2ee.commit', data: { group: server.main!, after: server.groups.get(server.main!)!.number, commit: 'AAAA' } });
  const main = server.main;
  await session.until(() => server.main !== main && session.settled(), 20_000, 'anew');
  assert.equal(host.status?.problem, null);
});

test('a member to whom the server gives another commit says so, and is added anew', { timeout: 60_000 }, async () => {
  const session = await sessionOf();
  const [host, , b] = await three(session);
  const receive = b.receive.bind(b);
  b.receive = (input) => {
    if (input.type === 'entry' && input.data.blob) {
      const flipped = fromBase64(input.data.blob);
      flipped[flipped.length - 20]! ^= 1;
      input = { ...input, data: { ...input.data, blob: toBase64(flipped) } };
    }
    receive(input);
  };
  const late = await add(session, 'late', 'participant');
  await session.run(500);
  session.server.admit(late);
  const flipped = session.server.number + 1;
  await session.settle();
  assert.ok(host.epochs.has(flipped) && !b.epochs.has(flipped), 'b has a key of the commit that it could not read');
  assert.deepEqual(b.problems, ['tampered']);
});

test('a replayed welcome is not joined', { timeout: 60_000 }, async () => {
  const session = await sessionOf();
  const [host, a] = await three(session);
  const logged = session.server.log.find(({ welcome }) => welcome?.to.includes('a'))!;
  session.server.leave(session.server.admitted[2]!);
  await session.settle();
  const { media } = a;
  a.receive({ type: 'welcome', data: { ...logged.welcome!.data, proof: logged.welcome!.proofs![logged.welcome!.to.indexOf('a')]! } });
  await session.run(2_000);
  assert.equal(a.media, media);
  assert.equal(a.media, host.media);
});

test('a key package with a token hash or a proof that is no base64 stops nobody', { timeout: 60_000 }, async () => {
  for (const field of ['tokenHash', 'proof'] as const) {
    const session = await sessionOf();
    const [host, a] = await three(session);
    session.server.intercept = (client, request) => {
      if (client.id === 'ghost' && request.name === 'e2ee.key') request.data[field] = '*';
      return undefined;
    };
    const ghost = await add(session, 'ghost', 'participant');
    await session.run(500);
    session.server.admit(ghost);
    await session.run(500);
    const before = host.media!;
    session.server.leave(a);
    await session.until(() => host.media! > before, 10_000, `${field}: the host goes on`);
    assert.deepEqual([host.status?.unproved, host.status?.members], [['ghost'], 2]);
  }
});

// Eve has a link of the session, and the server tells her page the id of somebody else.
async function sayIsEve(session: Session<MlsGroup>, id: string): Promise<void> {
  const proofs = await proofsFor('eve', 'participant');
  const { keyPackage } = await mls.makeKeys({ id, role: 'participant' });
  session.server.names.set(id, 'Name eve');
  const keys = {
    participantId: id, keyPackage: toBase64(keyPackage), tokenHash: base64(await hashToken('token of eve')), proof: (await proofs.proveKeyPackage(keyPackage))!,
  };
  session.server.keys.set(id, keys);
  for (const host of session.server.admitted.filter(isHost)) host.receive({ type: 'keys', data: keys });
  session.server.changed();
}

test('who is admitted under the name of another is not let in', { timeout: 60_000 }, async () => {
  const session = await sessionOf();
  const [host] = await three(session);
  const eve = session.add('x', 'participant', await proofsFor('eve', 'participant'), base64(await hashToken('token of eve')));
  session.ghosts.add('x');
  session.server.names.set('x', 'Name mara');
  await session.run(500);
  session.server.admit(eve);
  session.server.names.set('x', 'Name eve');
  session.server.changed();
  await session.run(6_000);
  assert.equal(eve.media, undefined);
  assert.deepEqual([host.status?.members, host.status?.unadmitted], [3, ['x']]);
  host.reload();
  await session.run(6_000);
  await session.settle();
  assert.deepEqual([host.status?.members, host.status?.unadmitted], [3, ['x']]);
  // Under her own name the person may.
  session.ghosts.clear();
  host.admit('x');
  await session.settle();
});

test('a participant is told when the server shows somebody in the role of a host whose link is none, or a host as none', { timeout: 60_000 }, async () => {
  for (const [id, role] of [['a', 'host'], ['host', 'participant']] as const) {
    const session = await sessionOf();
    const [host, a, b] = await three(session);
    assert.deepEqual([b.status?.problem, b.status?.unproved], [null, []]);
    const receive = b.receive.bind(b);
    b.receive = (input) => receive(input.type === 'roster' ? { ...input, people: input.people.map((person) => (person.id === id ? { ...person, role } : person)) } : input);
    session.server.changed();
    await session.run(1_000);
    assert.deepEqual([b.status?.problem, b.status?.unproved], ['impostor', [id]]);
    assert.deepEqual([host.status?.problem, a.status?.problem], [null, null]);
  }
});

test('the server does not put another person in the place of a member', { timeout: 60_000 }, async () => {
  const session = await sessionOf();
  const [host, a, b] = await three(session);
  const second = await add(session, 'host2', 'host');
  await session.settle();
  const leaves = () => mls.members(b.group!).filter(({ id }) => id === 'a').map(({ signatureKey }) => signatureKey);
  const before = leaves();
  await sayIsEve(session, 'a');
  await session.run(6_000);
  assert.deepEqual([host, second].map(({ status }) => [status?.problem, status?.unproved]), Array(2).fill(['impostor', ['a']]));
  for (const act of [() => host.reload(), () => second.reload()]) {
    assert.deepEqual(leaves(), before, 'Eve is inside');
    act();
    await session.run(6_000);
  }
  assert.deepEqual(leaves(), before, 'Eve is inside');
  second.tell({ type: 'renew' });
  await session.run(6_000);
  assert.deepEqual(leaves(), [], 'Eve is inside');
  assert.deepEqual([host.status?.members, host.status?.unproved, a.epochs.has(host.media!)], [3, ['a'], false]);
});
