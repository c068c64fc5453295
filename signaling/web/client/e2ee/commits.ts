// The commits that this participant makes: when it is its turn, what each changes, and the one of each group that is in flight. It is kept
// aside and adopted when its entry comes back.

import type { Addable } from './addable';
import type { Admissions } from './admissions';
import { toBase64 } from './bytes';
import type { GroupLog } from './group_log';
import type { Person } from './group_messages';
import { overdueMs, planOf, retryMs, takeOverMs, turnOf, type Plan } from './group_rules';
import type { KeyPackages, TheirKeys } from './key_packages';
import type { Leaf, Mls } from './mls';
import type { Proofs } from './proofs';
import type { StepOutputs } from './step_outputs';
import type { RequestData } from '../wire/protocol';

// Refusals that the same request may not meet again.
const ofTheMoment = new Set(['timeout', 'closed', 'rate_limited', 'unavailable', 'draining', 'internal']);

interface Pending<G> {
  next: G;
  data: RequestData<'e2ee.commit'>;
  adds: readonly TheirKeys[];
  staleSince?: number;
  retryAt?: number;
  resent?: boolean; // the first may have been accepted after all
}

// A group that we are a member of.
export interface Joined<G> {
  id: string;
  side: boolean;
  number: number; // of the entry that made its epoch
  group: G;
  pending?: Pending<G> | undefined; // written by Commits
  needSince?: number | undefined; // written by Commits
  exhausted?: boolean; // the KIDs of this number are used up
}

// Who belongs into a group, and what this participant may do about it.
export interface Situation {
  people: ReadonlyMap<string, Person>;
  leads: boolean; // has a host's link, and the role in the room still
  excluding: ReadonlySet<string>; // whose removal is waited for
}

interface Parts<G> {
  own: string;
  mls: Mls<G>;
  proofs: Proofs;
  keys: KeyPackages<G>;
  admissions: Admissions;
  addable: Addable<G>;
  log: GroupLog;
  outputs: StepOutputs;
}

// Owned by the group machine.
export class Commits<G> {
  readonly #parts: Parts<G>;

  constructor(parts: Parts<G>) {
    this.#parts = parts;
  }

  async commitIfNeeded(joined: Joined<G>, situation: Situation): Promise<void> {
    if (joined.pending) return this.#checkPending(joined, joined.pending);
    const { mls, admissions, outputs } = this.#parts;
    const members = mls.members(joined.group);
    const turn = turnOf(members, situation.people, mls.ownLeaf(joined.group));
    const plan = turn && (await this.#plan(members, situation, turn.mayAdd));
    const empty = !plan || plan.add.length + plan.remove.length === 0;
    if (joined.exhausted) return this.#commit(joined, empty || turn!.turn > 0 ? { add: [], remove: [] } : plan, situation.people);
    if (!turn) return;
    if (empty) {
      joined.needSince = undefined;
      return;
    }
    joined.needSince ??= outputs.now;
    // Another host's device does not know whom this page admitted, or is about to remove.
    const excluding = members.some(({ id, leaf }) => situation.excluding.has(id) && plan.remove.includes(leaf));
    const urgent = situation.leads && (excluding || plan.add.some((id) => admissions.isOnlyHere(id)));
    const at = urgent ? outputs.now : joined.needSince + turn.turn * takeOverMs;
    if (outputs.now < at) return outputs.wakeAt(at);
    await this.#commit(joined, plan, situation.people);
  }

  // The entry after the group's epoch came. Returns what we made, if the entry is our own commit.
  take(joined: Joined<G>, blob: string): { next: G; added: string[] } | undefined {
    const { pending } = joined;
    const own = pending?.data.commit === blob;
    if (!own) this.giveUp(joined);
    joined.pending = joined.needSince = undefined;
    return own ? { next: pending.next, added: pending.adds.map((keys) => keys.read!.id) } : undefined;
  }

  // The key packages of a commit that was not accepted can be used again.
  giveUp(joined: Joined<G>): void {
    for (const keys of joined.pending?.adds ?? []) keys.used = false;
    joined.pending = undefined;
  }

  async #plan(members: readonly Leaf[], { people, leads }: Situation, mayAdd: boolean): Promise<Plan> {
    const { own, admissions, addable } = this.#parts;
    const plan = planOf(members, { people, removed: (id) => admissions.isRemoved(id), addable: leads ? await addable.of(people, members) : new Map(), own });
    if (mayAdd) return leads ? plan : { ...plan, add: [] };
    const present = new Set(members.filter(({ id }) => people.has(id)).map(({ leaf }) => leaf));
    return { add: [], remove: plan.remove.filter((leaf) => !present.has(leaf)) };
  }

  async #commit(joined: Joined<G>, { add, remove }: Plan, people: ReadonlyMap<string, Person>): Promise<void> {
    const { mls, proofs: prover } = this.#parts;
    const keys = add.map((id) => this.#parts.keys.get(id)!);
    const made = await mls.commit(joined.group, keys.map(({ keyPackage }) => keyPackage), remove).catch(() => undefined);
    if (!made) {
      for (const one of keys) one.used = true;
      return;
    }
    const { group: next, commit, welcome } = made;
    const proofs = welcome && (await Promise.all(add.map((id, at) => prover.proveWelcome(welcome, {
      role: keys[at]!.read!.role, name: people.get(id)?.verifiedName ?? '', tokenHash: keys[at]!.tokenHash,
    }))));
    const data: RequestData<'e2ee.commit'> = {
      group: joined.id, after: joined.number, commit: toBase64(commit),
      ...(welcome && { welcome: toBase64(welcome), to: [...add] }),
      ...(proofs?.every((proof) => proof !== undefined) && { proofs: proofs as string[] }),
    };
    joined.exhausted = false;
    // At once, so that the other group does not use them too.
    for (const one of keys) one.used = true;
    joined.pending = { next, data, adds: keys };
    this.#send(joined, joined.pending);
  }

  #send(joined: Joined<G>, pending: Pending<G>): void {
    const { outputs } = this.#parts;
    pending.resent = pending.retryAt !== undefined;
    delete pending.retryAt;
    outputs.request('e2ee.commit', pending.data, (answer) => {
      if (answer.ok || joined.pending !== pending) return;
      if (ofTheMoment.has(answer.code)) pending.retryAt = outputs.now + retryMs;
      else pending.staleSince ??= outputs.now + (answer.code === 'e2ee_stale' ? 0 : overdueMs);
    });
  }

  // One commit in flight. A stale one is given up when the winner's entry comes, or when nothing comes: one whom it adds may be gone.
  #checkPending(joined: Joined<G>, pending: Pending<G>): void {
    const { outputs, log } = this.#parts;
    if (pending.staleSince !== undefined) {
      const at = pending.staleSince + (pending.resent ? overdueMs : takeOverMs);
      if (outputs.now < at) return outputs.wakeAt(at);
      this.giveUp(joined);
      log.syncIfBehind();
      return outputs.wakeAt(outputs.now);
    }
    if (pending.retryAt === undefined) return;
    if (outputs.now < pending.retryAt) return outputs.wakeAt(pending.retryAt);
    this.#send(joined, pending);
  }
}
