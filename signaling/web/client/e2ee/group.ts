// The MLS groups of one session, as one participant keeps them: what happened comes in, requests and keys go out. It reads no clock and
// opens no socket. One step takes all that has come since the last one, so that people who join together are added in one commit.
//
//   outside ─ welcome, proof right ─► member(n) ─ entry n+1 ─► member(n+1)
//   host, no group or no other host ─ create ─► member        member ─ gap, bad entry, removed ─► outside (new key package)
//
// A commit of our own is kept aside and adopted when its entry comes back: answers and entries have no order among each other.

import { Admissions, type KeptAdmissions } from './admissions';
import { fromBase64, toBase64 } from './bytes';
import { Comparison } from './comparison';
import type { GroupRequest, Input, Output, Person } from './group_messages';
import { changeAllowed, ownersOf, planOf, takeOverMs, turnOf, type Plan } from './group_rules';
import { isHostRole } from './identity';
import { KeyPackages, type TheirKeys } from './key_packages';
import type { Change, Identity, Leaf, Mls, OwnKeys } from './mls';
import type { Proofs } from './proofs';
import { unencrypted, type EncryptionProblem, type EncryptionStatus } from './status';
import type { EventData, RequestData } from '../wire/protocol';

// After it, who is admitted and was added by nobody sends a new key package; a host makes a group.
const outsideMs = 5_000;
const outsideMostMs = 40_000;
// How long media goes on under a main group that was replaced, if nobody adds us to the new one.
const replacedMs = 10_000;
// Who was admitted by another host's device should be in the group after it; else this device asks about them.
const askAfterMs = 3_000;
// Inputs that the server makes.
const told = new Set<Input['type']>(['state', 'entry', 'welcome', 'keys', 'app']);
// Refusals that the same request may not meet again.
const ofTheMoment = new Set(['timeout', 'closed', 'rate_limited', 'unavailable', 'draining', 'internal']);
// A request that failed for a reason of the moment, and entries that should have come.
const retryMs = 1_000;
const overdueMs = 3_000;
const syncTries = 4;
const sendTries = 6;
// How long refused frames are told of after the last.
const framesMs = 30_000;
// The newest key package and those before it, which a host may be using now.
const ownKeysLimit = 3;
// The first byte of a group's id, which MLS authenticates: no server can pass off the main group as a side room.
const kinds = { main: 0x6d, side: 0x73 } as const;
const groupIdBytes = 16;
// So many application messages are remembered, so that none is opened twice across a commit.
const openedLimit = 2_000;
// The last bytes of an application message that tell it from others: its tag, of 16 bytes, and some of the ciphertext before.
const markBytes = 24;

interface Pending<G> {
  next: G;
  data: RequestData<'e2ee.commit'>;
  adds: readonly TheirKeys[];
  staleSince?: number;
  retryAt?: number;
  resent?: boolean; // the first may have been accepted after all
}
interface Joined<G> {
  id: string;
  side: boolean;
  number: number;
  group: G;
  pending?: Pending<G> | undefined;
  needSince?: number | undefined;
  exhausted?: boolean;
}
interface Creating<G> {
  id: string;
  side: boolean;
  group: G;
}
interface Waiting {
  message: number;
  content: Uint8Array;
  to: readonly string[] | undefined;
  tries: number;
}
type Answer = Extract<Input, { type: 'answer' }>;

// Owned by whoever calls step, which must not be called again before it has settled.
export class GroupMachine<G> {
  readonly #mls: Mls<G>;
  readonly #proofs: Proofs;
  readonly #me: Identity;
  readonly #tokenHash: string;
  readonly #isHost: boolean;
  #out: Output[] = [];
  #now = 0;

  #admitted = false;
  #rosterKnown = false;
  #people = new Map<string, Person>();
  readonly #admissions: Admissions;
  readonly #unadmittedSince = new Map<string, number>();
  #unadmitted: string[] = [];
  readonly #excluding = new Set<string>(); // asked for, and not yet said to be on its way
  readonly #keys: KeyPackages<G>;
  #peer: string | undefined;

  #ownKeys: OwnKeys[] = []; // unused, newest first
  #leafKeys: OwnKeys | undefined; // whose signature key our leaves have
  #keysSentAt = -Infinity;
  #keysRetryAt: number | undefined;
  #needFresh = false;

  #stateKnown = false;
  #seen = 0; // the newest number of the log that was read
  #target = 0; // the newest number that is known to exist
  #replayedTo = 0;
  #sync: { request?: number; tries: number; checkAt: number; told?: number } | undefined; // told: the last that the answer promised
  #mainId: string | undefined; // by the entries that were read
  #toldMain: string | undefined; // by the newest that is known of
  #main: Joined<G> | undefined; // of #mainId, or of the group before it
  #side: Joined<G> | undefined;
  #creating: Creating<G> | undefined;
  #createAt = 0;
  #renew = false;
  #outsideSince: number | undefined;
  #outsideTries = 0;
  #replacedAt = 0;

  #broken = false;
  #problem: EncryptionProblem | null = null;
  #framesRefusedAt = 0;
  #proved = false;
  readonly #comparison = new Comparison();
  #published: { group: string; number: number; owners: string } | 'outside' | undefined; // what the frames worker was told; undefined: nothing yet
  #status = '';

  #outbox: Waiting[] = [];
  readonly #opened = new Set<string>();
  #requests = 0;
  readonly #answers = new Map<number, (answer: Answer) => void | Promise<void>>();

  constructor(mls: Mls<G>, proofs: Proofs, me: Identity, tokenHash: string, kept?: KeptAdmissions) {
    this.#mls = mls;
    this.#proofs = proofs;
    this.#keys = new KeyPackages(mls, proofs);
    this.#admissions = new Admissions(me.id, kept);
    this.#me = me;
    this.#tokenHash = tokenHash;
    this.#isHost = isHostRole(me.role);
  }

  async step(inputs: readonly Input[], now: number): Promise<Output[]> {
    this.#now = now;
    this.#out = [];
    for (const input of inputs) {
      // What cannot be read comes from a server or a client that does not keep to the protocol, and must not stop the rest. All else is a bug.
      await this.#take(input).catch((error: unknown) => {
        if (!told.has(input.type)) throw error;
        this.#problem = 'tampered';
      });
    }
    await this.#settle();
    return this.#out;
  }

  async #take(input: Input): Promise<void> {
    switch (input.type) {
      case 'connected': return this.#onConnected();
      case 'access': return this.#onAccess(input.state);
      case 'roster': return this.#onRoster(input.people);
      case 'sideRoom': return this.#onSideRoom(input.peer);
      case 'state': return this.#onState(input.data);
      case 'entry': return this.#onEntry(input.data);
      case 'welcome': return this.#onWelcome(input.data);
      case 'keys': return this.#keys.take(input.data);
      case 'app': return this.#onApp(input.data);
      case 'answer': return this.#onAnswer(input);
      case 'admit': return this.#admissions.admit(input.people);
      case 'withdraw': return this.#admissions.withdraw(input.ids);
      case 'exclude':
        this.#admissions.remove(input.id);
        this.#excluding.add(input.id);
        return;
      case 'include': return this.#admissions.restore(input.id);
      case 'send':
        this.#outbox.push({ message: input.message, content: input.content, to: input.to, tries: 0 });
        return;
      case 'compare':
        this.#comparison.take(input.result, input.code);
        if (input.result === 'different') this.#problem = 'impostor';
        return;
      case 'renew':
        this.#renew = this.#isHost;
        return;
      case 'exhausted': return this.#onExhausted(input.number);
      case 'framesReady':
        this.#published = undefined;
        return;
      case 'framesRefused':
        this.#problem ??= 'frames';
        this.#framesRefusedAt = this.#now;
        return;
      case 'tick': return;
    }
  }

  // --- who is there ---

  async #onConnected(): Promise<void> {
    const [newest] = this.#ownKeys;
    if (newest) await this.#sendKeys(newest);
    else await this.#offerKeys(true);
  }

  async #onAccess(state: 'waiting' | 'admitted'): Promise<void> {
    const admitted = state === 'admitted';
    if (admitted === this.#admitted) return;
    this.#admitted = admitted;
    if (admitted) return;
    this.#drop();
    this.#stateKnown = this.#rosterKnown = false;
    this.#people.clear();
    this.#peer = undefined;
    this.#broken = false;
    this.#problem = null;
    if (this.#ownKeys.length === 0) await this.#offerKeys(true);
  }

  #onRoster(people: readonly Person[]): void {
    const before = new Set(this.#people.keys());
    this.#people = new Map(people.map((person) => [person.id, person]));
    this.#rosterKnown = true;
    this.#admissions.roster(before, new Set(this.#people.keys()));
  }

  #onSideRoom(peer: string | undefined): void {
    if (peer === this.#peer) return;
    this.#peer = peer;
    this.#leave('side');
    if (this.#creating?.side) this.#creating = undefined;
  }

  // --- own keys ---

  // fresh: another signature key, so that the leaf we had, if any, is replaced.
  async #offerKeys(fresh: boolean): Promise<void> {
    const keys = await this.#mls.makeKeys(this.#me, fresh ? undefined : this.#leafKeys);
    this.#leafKeys = keys;
    this.#ownKeys = [keys, ...this.#ownKeys].slice(0, ownKeysLimit);
    await this.#sendKeys(keys);
  }

  async #sendKeys({ keyPackage }: OwnKeys): Promise<void> {
    const proof = await this.#proofs.proveKeyPackage(keyPackage);
    this.#keysSentAt = this.#now;
    this.#keysRetryAt = undefined;
    this.#request('e2ee.key', { keyPackage: toBase64(keyPackage), tokenHash: this.#tokenHash, ...(proof && { proof }) }, (answer) => {
      if (!answer.ok && answer.code !== 'closed') this.#keysRetryAt = this.#now + retryMs;
    });
  }

  // --- the log ---

  #onState({ number, group }: EventData<'e2ee.state'>): void {
    const first = !this.#stateKnown;
    this.#stateKnown = true;
    this.#rosterKnown = false;
    this.#sync = undefined;
    this.#target = number;
    this.#toldMain = group;
    if (first || (number === this.#seen && group !== this.#mainId)) this.#setMain(group);
    if (first) this.#seen = number;
    if (number < this.#seen) return this.#lost('tampered');
    if (number > this.#seen) this.#askSync();
  }

  #setMain(group: string | undefined): void {
    this.#mainId = group;
    if (this.#main && this.#main.id !== group) this.#replacedAt = this.#now;
    this.#outsideSince = undefined;
    this.#outsideTries = 0;
  }

  #askSync(): void {
    const tries = (this.#sync?.tries ?? 0) + 1;
    if (tries > syncTries) return this.#lost(null);
    this.#replayedTo = Math.max(this.#replayedTo, this.#target);
    const request = this.#request('e2ee.sync', { after: this.#seen }, (answer) => {
      if (this.#sync?.request !== request) return;
      if (!answer.ok) return answer.code === 'e2ee_gone' ? this.#lost(null) : this.#syncLater(retryMs);
      const { number } = answer.data as { number: number };
      // Entries and answers have no order: what was told may still be under way.
      if (number > this.#seen || number >= this.#target) return this.#syncLater(overdueMs, number);
      this.#askSync();
    });
    this.#sync = { request, tries, checkAt: this.#now + 2 * overdueMs };
  }

  #syncLater(afterMs: number, told?: number): void {
    if (this.#sync) this.#sync = { tries: this.#sync.tries, checkAt: this.#now + afterMs, ...(told !== undefined && { told }) };
  }

  async #onEntry(entry: EventData<'e2ee.entry'>): Promise<void> {
    if (entry.number > this.#target) {
      this.#target = entry.number;
      if (entry.kind === 'create' && !entry.sideRoom) this.#toldMain = entry.group;
    }
    if (!this.#stateKnown || entry.number <= this.#seen) return;
    if (entry.number > this.#seen + 1) {
      if (!this.#sync) this.#askSync();
      return;
    }
    this.#seen = entry.number;
    if (this.#seen >= this.#target) this.#sync = undefined;
    else if (this.#sync) {
      this.#sync.tries = 0;
      if (this.#seen === this.#sync.told) this.#askSync(); // there are more of them
    }
    if (entry.kind === 'create') return this.#onCreate(entry);
    const joined = [this.#main, this.#side].find((group) => group?.id === entry.group);
    if (joined) await this.#onCommit(joined, entry);
  }

  async #onCreate({ group: id, number, from, sideRoom }: EventData<'e2ee.entry'>): Promise<void> {
    const mine = this.#creating?.id === id ? this.#creating : undefined;
    if (!mine && !sideRoom && this.#people.has(from) && !isHostRole(this.#people.get(from)!.role)) {
      this.#problem = 'tampered';
      return;
    }
    if (mine) {
      this.#creating = undefined;
      if (mine.side !== (sideRoom === true)) return this.#lost('tampered');
      this.#adopt({ id, side: mine.side, number, group: mine.group });
    } else if (!sideRoom) {
      if (this.#creating && !this.#creating.side) this.#creating = undefined;
      this.#setMain(id);
    }
  }

  // We are in this group from now on.
  #adopt(joined: Joined<G>): void {
    if (joined.side) {
      this.#side = joined;
      return;
    }
    this.#main = joined;
    this.#setMain(joined.id);
    this.#replacedAt = 0;
    this.#proved = true;
    this.#broken = false;
    this.#problem = null;
    this.#renew = false;
  }

  async #onCommit(joined: Joined<G>, { number, previous, blob }: EventData<'e2ee.entry'>): Promise<void> {
    if (this.#broken && !joined.side) return;
    if (previous !== joined.number || blob === undefined) return this.#bad(joined);
    const { pending } = joined;
    joined.pending = joined.needSince = undefined;
    if (pending?.data.commit !== blob) {
      this.#giveUp(pending);
      return this.#process(joined, fromBase64(blob), number);
    }
    this.#mls.retire(pending.next);
    joined.group = pending.next;
    joined.number = number;
    if (!joined.side) this.#admissions.committed(pending.adds.map((keys) => keys.read!.id));
  }

  #giveUp(pending: Pending<G> | undefined): void {
    for (const keys of pending?.adds ?? []) keys.used = false;
  }

  async #process(joined: Joined<G>, commit: Uint8Array, number: number): Promise<void> {
    const members = this.#mls.members(joined.group);
    const replayed = number <= this.#replayedTo;
    let made: Change | undefined;
    const allowed = (change: Change) => changeAllowed((made = change), members, {
      inRoster: (id) => this.#people.has(id),
      replayed,
      only: joined.side ? [this.#me.id, this.#peer ?? ''] : undefined,
    });
    const result = await this.#mls.process(joined.group, commit, allowed).catch(() => undefined);
    if (!result) return this.#bad(joined);
    if (result.kind === 'next') {
      if (!joined.side && made) this.#followHosts(made);
      this.#mls.retire(result.group);
      joined.group = result.group;
      joined.number = number;
      return;
    }
    if (result.kind === 'removed') return this.#onRemoved(joined);
    // A change that nobody may make. The old epoch stays, and no commit follows it: a host has to make the group anew.
    this.#problem = 'tampered';
    if (joined.side) return this.#leave('side');
    this.#broken = true;
  }

  // Whom the device of another host added, this one adds too. Whom it removed from the keys no other host adds, though the server has not
  // removed them yet, or never does. Who is not in the roster has left.
  #followHosts({ sender, added, removed }: Change): void {
    if (!isHostRole(sender.role)) return;
    const here = (leaves: readonly { id: string }[]) => leaves.map(({ id }) => id).filter((id) => this.#people.has(id));
    this.#admissions.followed(here(added), here(removed));
  }

  // Removed, or replaced by a newer leaf, whose welcome follows.
  async #onRemoved(joined: Joined<G>): Promise<void> {
    this.#leave(joined.side ? 'side' : 'main');
    if (this.#ownKeys.length === 0) await this.#offerKeys(true);
  }

  // An entry that does not fit the group or cannot be read.
  async #bad(joined: Joined<G>): Promise<void> {
    this.#problem = 'tampered';
    this.#leave(joined.side ? 'side' : 'main');
    await this.#offerKeys(true);
  }

  // The log cannot be followed any more: outside of all groups, with new keys.
  #lost(problem: EncryptionProblem | null): void {
    this.#drop();
    this.#problem = problem ?? this.#problem;
    this.#seen = this.#target;
    this.#replayedTo = this.#target;
    this.#setMain(this.#toldMain);
    this.#needFresh = true;
  }

  #leave(which: 'main' | 'side'): void {
    this.#outsideSince = undefined;
    this.#giveUp((which === 'main' ? this.#main : this.#side)?.pending);
    if (which === 'main') this.#main = undefined;
    else this.#side = undefined;
  }

  #drop(): void {
    this.#leave('main');
    this.#leave('side');
    this.#creating = this.#sync = undefined;
    this.#outsideTries = 0;
    this.#proved = false;
  }

  // --- joining ---

  async #onWelcome({ group, number, from, blob, proof }: EventData<'e2ee.welcome'>): Promise<void> {
    const welcome = fromBase64(blob);
    const side = fromBase64(group)[0] === kinds.side;
    if (side ? from !== this.#peer : group !== this.#mainId) return;
    const current = side ? this.#side : this.#main;
    if (current?.id === group && current.number >= number) return;
    for (const keys of this.#ownKeys) {
      const signer = await this.#mls.signerOf(welcome, keys).catch(() => undefined);
      if (!signer) continue;
      if (signer.group !== group || signer.id !== from || !isHostRole(signer.role) || !(await this.#proofs.welcomeProved(welcome, proof))) {
        this.#problem = 'impostor';
        return;
      }
      return this.#join(welcome, keys, { id: group, side, number });
    }
    // It was for keys that we have no more.
    if (this.#now - this.#keysSentAt >= retryMs) this.#needFresh = true;
  }

  async #join(welcome: Uint8Array, keys: OwnKeys, at: { id: string; side: boolean; number: number }): Promise<void> {
    const group = await this.#mls.join(welcome, keys).catch(() => undefined);
    if (!group) {
      this.#problem = 'tampered';
      this.#needFresh = true;
      return;
    }
    if (at.side && this.#mls.members(group).some(({ id }) => id !== this.#me.id && id !== this.#peer)) {
      this.#problem = 'tampered';
      return;
    }
    this.#mls.retire(group);
    this.#ownKeys = this.#ownKeys.filter((other) => other !== keys);
    this.#leafKeys = this.#ownKeys[0] ?? keys;
    this.#adopt({ ...at, group });
    if (!at.side) this.#admissions.joined(this.#mls.members(group).map(({ id }) => id));
    // One that is unused must be there when a host makes a group anew or takes us to a side room. It has the signature key of our leaf, so
    // that nobody takes it for a new page.
    if (this.#ownKeys.length === 0) await this.#offerKeys(false);
  }

  // --- what is to be done ---

  async #settle(): Promise<void> {
    if (this.#needFresh) {
      this.#needFresh = false;
      await this.#offerKeys(true);
    }
    if (this.#keysRetryAt !== undefined) await this.#retryKeys();
    if (this.#isHost) await this.#bindAdmissions();
    if (this.#admitted && this.#stateKnown && this.#rosterKnown) {
      this.#checkSync();
      if (!this.#sync) await this.#work();
    }
    for (const id of this.#excluding) this.#sayExcluded(id);
    await this.#findUnadmitted();
    this.#forgetRefusedFrames();
    await this.#publish();
    if (this.#main && this.#inMain()) await this.#comparison.update(this.#main.id, this.#mls.members(this.#main.group));
    this.#updateStatus();
    const kept = this.#isHost ? this.#admissions.changed() : undefined;
    if (kept) this.#out.push({ type: 'admissions', kept });
  }

  #forgetRefusedFrames(): void {
    if (this.#problem !== 'frames') return;
    const at = this.#framesRefusedAt + framesMs;
    if (this.#now < at) return this.#wakeAt(at);
    this.#problem = null;
  }

  async #retryKeys(): Promise<void> {
    if (this.#now < this.#keysRetryAt!) return this.#wakeAt(this.#keysRetryAt!);
    const [newest] = this.#ownKeys;
    this.#keysRetryAt = undefined;
    if (newest) await this.#sendKeys(newest);
  }

  #checkSync(): void {
    const sync = this.#sync;
    if (!sync) return;
    if (this.#now < sync.checkAt) return this.#wakeAt(sync.checkAt);
    this.#askSync();
  }

  async #work(): Promise<void> {
    await this.#createIfNeeded();
    for (const joined of [this.#side, this.#main]) {
      if (!joined || (!joined.side && (joined.id !== this.#mainId || this.#broken))) continue;
      await this.#commitIfNeeded(joined);
    }
    await this.#sendOutbox();
  }

  async #createIfNeeded(): Promise<void> {
    const lacksSide = this.#peer !== undefined && !this.#side;
    if (this.#inMain() && !lacksSide) {
      this.#outsideSince = undefined;
      this.#outsideTries = 0;
    } else this.#outsideSince ??= this.#now;
    if (this.#creating || this.#now < this.#createAt) return;
    if (this.#leads && lacksSide) return this.#create('side');
    if (this.#renew) return this.#create('main');
    if (this.#leads && this.#mainId === undefined) return this.#create('main');
    if (lacksSide || (!this.#inMain() && this.#mainId !== undefined)) await this.#outside();
  }

  // Has a host's link, and the role in the room still.
  get #leads(): boolean {
    return this.#isHost && isHostRole(this.#people.get(this.#me.id)?.role ?? '');
  }

  #inMain(): boolean {
    return this.#main !== undefined && this.#main.id === this.#mainId;
  }

  // There is a group, and we are not in it. A host who is the only one makes it anew; everybody else waits to be added, and asks
  // again with another key package.
  async #outside(): Promise<void> {
    const hosts = [...this.#people.values()].filter((person) => person.connected && person.id !== this.#me.id && this.#keys.mayAdd(person));
    if (this.#leads && hosts.length === 0) return this.#create('main');
    const before = hosts.filter(({ id }) => id < this.#me.id).length;
    const patience = Math.min(outsideMs * 2 ** this.#outsideTries, outsideMostMs) + before * takeOverMs;
    const at = this.#outsideSince! + patience;
    if (this.#now < at) return this.#wakeAt(at);
    if (this.#leads) return this.#create('main');
    this.#outsideSince = this.#now;
    this.#outsideTries++;
    this.#wakeAt(this.#now + outsideMs * 2 ** this.#outsideTries);
    if (hosts.length > 0) await this.#offerKeys(true);
  }

  async #create(kind: 'main' | 'side'): Promise<void> {
    const keys = this.#ownKeys.shift() ?? (await this.#mls.makeKeys(this.#me, this.#leafKeys));
    this.#leafKeys = keys;
    const id = crypto.getRandomValues(new Uint8Array(1 + groupIdBytes));
    id[0] = kinds[kind];
    const creating: Creating<G> = { id: toBase64(id), side: kind === 'side', group: await this.#mls.make(id, keys) };
    this.#creating = creating;
    const replaces = kind === 'main' && this.#mainId !== undefined ? { replaces: this.#mainId } : {};
    this.#request('e2ee.create', { group: creating.id, ...replaces }, (answer) => {
      if (answer.ok || this.#creating !== creating) return;
      this.#creating = undefined;
      // Another host was first: its entry comes, and it adds us.
      this.#createAt = this.#now + retryMs;
      this.#wakeAt(this.#createAt);
      if (answer.code === 'e2ee_stale') this.#renew = false;
    });
    if (this.#ownKeys.length === 0) await this.#offerKeys(false);
  }

  async #commitIfNeeded(joined: Joined<G>): Promise<void> {
    if (joined.pending) return this.#checkPending(joined, joined.pending);
    const members = this.#mls.members(joined.group);
    const own = this.#mls.ownLeaf(joined.group);
    const people = this.#belongingTo(joined);
    const turn = turnOf(members, people, own);
    if (!turn) return joined.exhausted ? this.#commit(joined, { add: [], remove: [] }) : undefined;
    const addable = this.#leads ? await this.#addable(people, members) : new Map<string, string>();
    const plan = planOf(members, { people, removed: (id) => this.#admissions.isRemoved(id), addable, own: this.#me.id });
    if (!turn.mayAdd) {
      plan.add = [];
      plan.remove = plan.remove.filter((leaf) => !people.has(members.find((member) => member.leaf === leaf)!.id));
    }
    if (!this.#leads) plan.add = [];
    if (joined.exhausted) return this.#commit(joined, plan.remove.length + plan.add.length > 0 && turn.turn === 0 ? plan : { add: [], remove: [] });
    if (plan.add.length + plan.remove.length === 0) {
      joined.needSince = undefined;
      return;
    }
    joined.needSince ??= this.#now;
    // Another host's device does not know whom this page admitted, or is about to remove.
    const excluding = members.some(({ id, leaf }) => this.#excluding.has(id) && plan.remove.includes(leaf));
    const urgent = this.#leads && (excluding || plan.add.some((id) => this.#admissions.isOnlyHere(id)));
    const at = urgent ? this.#now : joined.needSince + turn.turn * takeOverMs;
    if (this.#now < at) return this.#wakeAt(at);
    await this.#commit(joined, plan);
  }

  async #addable(people: ReadonlyMap<string, Person>, members: readonly Leaf[]): Promise<Map<string, string>> {
    const proved = await this.#keys.addable(people, members, this.#me.id);
    return new Map([...proved].filter(([id]) => this.#admits(id)));
  }

  // Of whoever has proved the role in their key package.
  #admits(id: string): boolean {
    const { read, tokenHash } = this.#keys.get(id)!;
    return this.#admissions.has(id, { tokenHash, hostLink: isHostRole(read!.role) });
  }

  // Whoever waits still has the role of their link.
  async #bindAdmissions(): Promise<void> {
    const leaves = new Map(this.#main && this.#mls.members(this.#main.group).map(({ id, signatureKey }) => [id, signatureKey]));
    for (const { id, name } of this.#admissions.unbound()) {
      const { role, verifiedName = name } = this.#people.get(id) ?? { role: this.#keys.get(id)?.read?.role };
      if (role === undefined || verifiedName === undefined || (name !== undefined && verifiedName !== name)) continue;
      const keys = await this.#keys.proved({ id, role, verifiedName });
      if (keys && (name !== undefined || leaves.get(id) === keys.read!.signatureKey)) this.#admissions.bind(id, keys.tokenHash);
    }
  }

  // Whom the server lists, whose link is right, and whom nobody admitted as far as this device knows: it is a new one, the host's device that
  // admitted them is gone, or the server lies. The person decides.
  async #findUnadmitted(): Promise<void> {
    const since = new Map(this.#unadmittedSince);
    this.#unadmittedSince.clear();
    this.#unadmitted = [];
    if (!this.#leads || !this.#main || !this.#inMain() || this.#broken) return;
    const members = this.#mls.members(this.#main.group);
    const inside = new Set(members.map(({ id }) => id));
    for (const id of (await this.#keys.addable(this.#people, members, this.#me.id)).keys()) {
      if (inside.has(id) || this.#admits(id) || this.#admissions.isRemoved(id)) continue;
      const first = since.get(id) ?? this.#now;
      this.#unadmittedSince.set(id, first);
      if (this.#now >= first + askAfterMs) this.#unadmitted.push(id);
      else this.#wakeAt(first + askAfterMs);
    }
  }

  #belongingTo({ side }: Joined<G>): ReadonlyMap<string, Person> {
    if (!side) return this.#people;
    return new Map([...this.#people].filter(([id]) => id === this.#peer || id === this.#me.id));
  }

  async #commit(joined: Joined<G>, { add, remove }: Plan): Promise<void> {
    const keys = add.map((id) => this.#keys.get(id)!);
    const made = await this.#mls.commit(joined.group, keys.map(({ keyPackage }) => keyPackage), remove).catch(() => undefined);
    if (!made) {
      for (const one of keys) one.used = true;
      return;
    }
    const { group: next, commit, welcome } = made;
    const proofs = welcome && (await Promise.all(add.map((id, at) => this.#proofs.proveWelcome(welcome, {
      role: keys[at]!.read!.role, name: this.#people.get(id)?.verifiedName ?? '', tokenHash: keys[at]!.tokenHash,
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
    this.#sendCommit(joined, joined.pending);
  }

  #sendCommit(joined: Joined<G>, pending: Pending<G>): void {
    pending.resent = pending.retryAt !== undefined;
    delete pending.retryAt;
    this.#request('e2ee.commit', pending.data, (answer) => {
      if (answer.ok || joined.pending !== pending) return;
      if (ofTheMoment.has(answer.code)) pending.retryAt = this.#now + retryMs;
      else pending.staleSince ??= this.#now + (answer.code === 'e2ee_stale' ? 0 : overdueMs);
    });
  }

  // One commit in flight. A stale one is given up when the winner's entry comes, or when nothing comes: one whom it adds may be gone.
  #checkPending(joined: Joined<G>, pending: Pending<G>): void {
    if (pending.staleSince !== undefined) {
      const at = pending.staleSince + (pending.resent ? overdueMs : takeOverMs);
      if (this.#now < at) return this.#wakeAt(at);
      this.#giveUp(pending);
      joined.pending = undefined;
      if (this.#target > this.#seen) this.#askSync();
      return this.#wakeAt(this.#now);
    }
    if (pending.retryAt === undefined) return;
    if (this.#now < pending.retryAt) return this.#wakeAt(pending.retryAt);
    this.#sendCommit(joined, pending);
  }

  #sayExcluded(id: string): void {
    const joined = [this.#main, this.#side].filter((group) => group !== undefined);
    const waits = joined.some((group) => {
      const member = this.#mls.members(group.group).find((leaf) => leaf.id === id);
      if (!member || this.#broken || !this.#leads || group.id !== this.#mainId) return false;
      return !group.pending || this.#mls.members(group.pending.next).some((leaf) => leaf.id === id);
    });
    if (waits) return;
    this.#excluding.delete(id);
    this.#out.push({ type: 'excluded', id });
  }

  #onExhausted(number: number): void {
    for (const joined of [this.#main, this.#side]) if (joined?.number === number) joined.exhausted = true;
  }

  // --- application messages ---

  async #sendOutbox(): Promise<void> {
    const joined = this.#peer === undefined ? (this.#inMain() && !this.#broken ? this.#main : undefined) : this.#side;
    if (!joined) return;
    for (const waiting of this.#outbox.splice(0)) {
      const sealed = await this.#mls.seal(joined.group, waiting.content);
      this.#mls.retire(sealed.group);
      joined.group = sealed.group;
      const to = waiting.to ? { to: [...waiting.to] } : {};
      this.#request('e2ee.app', { group: joined.id, after: joined.number, blob: toBase64(sealed.blob), ...to }, (answer) => {
        if (!answer.ok && answer.code === 'e2ee_stale' && ++waiting.tries < sendTries) this.#outbox.push(waiting);
        else this.#out.push({ type: 'sent', message: waiting.message, ok: answer.ok });
      });
    }
  }

  async #onApp({ group, from, blob }: EventData<'e2ee.app'>): Promise<void> {
    const joined = [this.#main, this.#side].find((one) => one?.id === group);
    if (!joined) return;
    const message = fromBase64(blob);
    // The end of a message holds its tag, and is another for each. The bytes are compared: base64 writes the same ones in many ways.
    const mark = toBase64(message.subarray(-markBytes));
    if (this.#opened.has(mark)) return;
    const opened = await this.#mls.open(joined.group, message).catch(() => undefined);
    if (!opened) return;
    joined.group = opened.group;
    this.#mls.retire(opened.group);
    this.#opened.add(mark);
    if (this.#opened.size > openedLimit) this.#opened.delete(this.#opened.values().next().value!);
    if (opened.from.id !== from) {
      this.#problem = 'tampered';
      return;
    }
    this.#out.push({ type: 'opened', from: opened.from.id, content: opened.content });
  }

  // --- what is told ---

  #mediaGroup(): Joined<G> | undefined {
    if (!this.#admitted) return undefined;
    if (this.#peer !== undefined) return this.#side;
    const main = this.#main;
    if (!main) return undefined;
    if (main.id !== this.#mainId) {
      const until = this.#replacedAt + replacedMs;
      if (this.#now >= until) return undefined;
      this.#wakeAt(until);
    }
    // Nobody can be taken out of a broken group: as soon as somebody left it, it is closed.
    if (this.#broken && this.#rosterKnown && this.#mls.members(main.group).some(({ id }) => !this.#people.has(id) || this.#admissions.isRemoved(id))) return undefined;
    return main;
  }

  async #publish(): Promise<void> {
    const joined = this.#mediaGroup();
    if (!joined) {
      if (this.#published !== 'outside') this.#out.push({ type: 'outside' });
      this.#published = 'outside';
      return;
    }
    const owners = ownersOf(this.#mls.members(joined.group), this.#people.values());
    const next = { group: joined.id, number: joined.number, owners: JSON.stringify(owners) };
    const before = this.#published === 'outside' ? undefined : this.#published;
    if (before?.group !== next.group || before.number !== next.number) {
      const baseKey = await this.#mls.exportBaseKey(joined.group);
      this.#out.push({ type: 'keys', number: joined.number, baseKey, leaf: this.#mls.ownLeaf(joined.group), owners, side: joined.side });
    } else if (before.owners !== next.owners) this.#out.push({ type: 'owners', owners });
    this.#published = next;
  }

  #updateStatus(): void {
    const { level } = this.#proofs;
    const unproved = [...new Set([...this.#keys.unproved(this.#people, (id, { tokenHash }) => this.#admissions.isOther(id, tokenHash)), ...this.#misnamed()])];
    const { code, changed, same } = this.#comparison;
    const status: EncryptionStatus = {
      ...unencrypted, mode: 'required', level, unproved,
      state: !this.#admitted ? 'preparing' : this.#broken ? 'broken' : this.#published === 'outside' ? 'outside' : 'member',
      proved: level === 'link' ? this.#proved && this.#inMain() : same,
      code, codeChanged: changed,
      problem: this.#problem ?? (unproved.length > 0 ? 'impostor' : null),
      unadmitted: this.#unadmitted,
      adds: this.#leads,
      members: this.#main ? this.#mls.members(this.#main.group).length : 0,
    };
    const written = JSON.stringify(status);
    if (written === this.#status) return;
    this.#status = written;
    this.#out.push({ type: 'status', status });
  }

  // Members whom the server lists in the role of a host, or does not, other than their leaf, whose role a host's device checked. Nobody is made a
  // host in the room.
  #misnamed(): string[] {
    if (!this.#main || !this.#inMain()) return [];
    return this.#mls.members(this.#main.group).flatMap(({ id, role }) => {
      const listed = this.#people.get(id)?.role;
      return listed !== undefined && (listed === 'host') !== (role === 'host') ? [id] : [];
    });
  }

  // --- requests ---

  #request<T extends GroupRequest>(name: T, data: RequestData<T>, onAnswer: (answer: Answer) => void | Promise<void>): number {
    const request = ++this.#requests;
    this.#answers.set(request, onAnswer);
    this.#out.push({ type: 'request', request, name, data } as Output);
    return request;
  }

  async #onAnswer(answer: Answer): Promise<void> {
    const onAnswer = this.#answers.get(answer.request);
    this.#answers.delete(answer.request);
    await onAnswer?.(answer);
  }

  #wakeAt(at: number): void {
    this.#out.push({ type: 'wake', at });
  }
}
