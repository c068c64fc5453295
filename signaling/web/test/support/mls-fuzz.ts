// Random adds, removes, both in one commit and people who come back, through one implementation of MLS: after each step all members
// must have the same authenticator and base key, and every newcomer must have joined.
import assert from 'node:assert/strict';
import { equalBytes } from '../../client/e2ee/bytes';
import type { Mls, OwnKeys } from '../../client/e2ee/mls';
import { seeded } from './random';

interface Member<G> {
  id: string;
  own: OwnKeys;
  group: G;
}

interface FuzzResult {
  commits: number;
  joins: number;
  rejoins: number;
  both: number; // commits that add and remove
}

export async function fuzzMls<G>(mls: Mls<G>, seed: number, steps: number, most: number): Promise<FuzzResult> {
  const random = seeded(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const result: FuzzResult = { commits: 0, joins: 0, rejoins: 0, both: 0 };
  const gone: string[] = [];
  let made = 0;
  const first = await mls.makeKeys({ id: 'p0', role: 'host' });
  let members: Member<G>[] = [{ id: 'p0', own: first, group: await mls.make(new Uint8Array([seed]), first) }];

  for (let step = 0; step < steps; step++) {
    const committer = pick(members);
    const others = members.filter((member) => member !== committer);
    const leavers = others.filter(() => random() < (members.length > most / 2 ? 0.15 : 0.06)).slice(0, 4);
    // A reload: the same participant with another key, removed and added in one commit.
    const reloads = others.filter((member) => !leavers.includes(member) && random() < 0.04).slice(0, 2);
    const room = most - members.length + leavers.length;
    const newcomers = Array.from({ length: Math.min(room, random() < 0.5 ? Math.floor(random() * 3) : 0) }, () => {
      const back = gone.length > 0 && random() < 0.4;
      if (back) result.rejoins++;
      return back ? gone.splice(Math.floor(random() * gone.length), 1)[0]! : `p${++made}`;
    });
    const joining = await Promise.all(
      [...newcomers, ...reloads.map(({ id }) => id)].map(async (id) => ({ id, own: await mls.makeKeys({ id, role: random() < 0.2 ? 'host' : 'participant' }) })),
    );
    const removed = [...leavers, ...reloads];
    const committed = await mls.commit(
      committer.group, joining.map(({ own }) => own.keyPackage), removed.map(({ group }) => mls.ownLeaf(group)),
    );
    for (const member of others) {
      const next = await mls.process(member.group, committed.commit, ({ added }) => added.length === joining.length);
      assert.equal(next.kind, removed.includes(member) ? 'removed' : 'next', `step ${step}`);
      if (next.kind === 'next') {
        member.group = next.group;
        mls.retire(next.group);
      }
    }
    committer.group = committed.group;
    mls.retire(committed.group);
    members = members.filter((member) => !removed.includes(member));
    for (const { id, own } of joining) {
      const signer = await mls.signerOf(committed.welcome!, own);
      assert.equal(signer.id, committer.id);
      members.push({ id, own, group: await mls.join(committed.welcome!, own) });
    }
    gone.push(...leavers.map(({ id }) => id));
    result.commits++;
    result.joins += joining.length;
    if (joining.length > 0 && removed.length > 0) result.both++;
    await allEqual(mls, members, step);
  }
  return result;
}

async function allEqual<G>(mls: Mls<G>, members: readonly Member<G>[], step: number): Promise<void> {
  const [{ group }] = members as [Member<G>];
  const base = await mls.exportBaseKey(group);
  for (const member of members) {
    assert.ok(equalBytes(mls.authenticator(member.group), mls.authenticator(group)), `step ${step}: ${member.id} has another epoch`);
    assert.ok(equalBytes(await mls.exportBaseKey(member.group), base), `step ${step}: ${member.id} has another key`);
    assert.deepEqual(mls.members(member.group).map(({ id }) => id).sort(), members.map(({ id }) => id).sort());
  }
}
