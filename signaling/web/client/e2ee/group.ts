// The MLS groups of one session, as one participant keeps them: what happened comes in, requests and keys go out. It reads no clock and
// opens no socket. One step takes all that has come since the last one, so that people who join together are added in one commit.
//
//   outside ─ welcome, proof right ─► member(n) ─ entry n+1 ─► member(n+1)
//   host, no group or no other host ─ create ─► member        member ─ gap, bad entry, removed ─► outside (new key package)
//
// Its parts, which have files of their own: the log, our key packages, whom we may add, our commits, application messages.

import { Addable } from './addable';
import { Admissions, type KeptAdmissions } from './admissions';
import { ApplicationMessages } from './application_messages';
import { fromBase64, toBase64 } from './bytes';
import { Commits, type Joined } from './commits';
import { Comparison } from './comparison';
import { GroupLog } from './group_log';
import type { Input, Output, Person } from './group_messages';
import { changeAllowed, ownersOf, retryMs, takeOverMs } from './group_rules';
import { isHostRole } from './identity';
import { KeyPackages } from './key_packages';
import type { Change, Identity, Mls, OwnKeys } from './mls';
import { OwnKeyPackages } from './own_key_packages';
import type { Proofs } from './proofs';
import { unencrypted, type EncryptionProblem, type EncryptionStatus } from './status';
import { StepOutputs } from './step_outputs';
import type { EventData } from '../wire/protocol';

// After it, who is admitted and was added by nobody sends a new key package; a host makes a group.
const outsideMs = 5_000;
const outsideMostMs = 40_000;
// How long media goes on under a main group that was replaced, if nobody adds us to the new one.
const replacedMs = 10_000;
// Inputs that the server makes.
const told = new Set<Input['type']>(['state', 'entry', 'welcome', 'keys', 'app']);
// How long refused frames are told of after the last.
const framesMs = 30_000;
// The first byte of a group's id, which MLS authenticates: no server can pass off the main group as a side room.
const kinds = { main: 0x6d, side: 0x73 } as const;
const groupIdBytes = 16;

interface Creating<G> {
  id: string;
  side: boolean;
  group: G;
}

// Owned by whoever calls step, which must not be called again before it has settled.
export class GroupMachine<G> {
  readonly #mls: Mls<G>;
  readonly #proofs: Proofs;
  readonly #me: Identity;
  readonly #isHost: boolean;
  readonly #outputs = new StepOutputs();

  #admitted = false;
  #rosterKnown = false;
  #people = new Map<string, Person>();
  readonly #admissions: Admissions;
  readonly #addable: Addable<G>;
  #unadmitted: string[] = [];
  readonly #excluding = new Set<string>(); // asked for, and not yet said to be on its way
  readonly #keys: KeyPackages<G>;
  #peer: string | undefined;

  readonly #ownKeys: OwnKeyPackages<G>;
  readonly #commits: Commits<G>;
  readonly #messages: ApplicationMessages<G>;

  readonly #log = new GroupLog(this.#outputs, () => this.#lost(null));
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

  constructor(mls: Mls<G>, proofs: Proofs, me: Identity, tokenHash: string, kept?: KeptAdmissions) {
    this.#mls = mls;
    this.#proofs = proofs;
    this.#me = me;
    this.#isHost = isHostRole(me.role);
    const outputs = this.#outputs;
    const keys = new KeyPackages(mls, proofs);
    const admissions = new Admissions(me.id, kept);
    const addable = new Addable(me.id, keys, admissions, outputs);
    this.#keys = keys;
    this.#admissions = admissions;
    this.#addable = addable;
    this.#ownKeys = new OwnKeyPackages(mls, proofs, me, tokenHash, outputs);
    this.#commits = new Commits({ own: me.id, mls, proofs, keys, admissions, addable, log: this.#log, outputs });
    this.#messages = new ApplicationMessages(mls, outputs);
  }

  async step(inputs: readonly Input[], now: number): Promise<Output[]> {
    this.#outputs.begin(now);
    for (const input of inputs) {
      // What cannot be read comes from a server or a client that does not keep to the protocol, and must not stop the rest. All else is a bug.
      await this.#take(input).catch((error: unknown) => {
        if (!told.has(input.type)) throw error;
        this.#problem = 'tampered';
      });
    }
    await this.#settle();
    return this.#outputs.all;
  }

  async #take(input: Input): Promise<void> {
    switch (input.type) {
      case 'connected': return this.#ownKeys.sendNewest();
      case 'access': return this.#onAccess(input.state);
      case 'roster': return this.#onRoster(input.people);
      case 'sideRoom': return this.#onSideRoom(input.peer);
      case 'state': return this.#onState(input.data);
      case 'entry': return this.#onEntry(input.data);
      case 'welcome': return this.#onWelcome(input.data);
      case 'keys': return this.#keys.take(input.data);
      case 'app': return this.#onApp(input.data);
      case 'answer': return this.#outputs.answered(input);
      case 'admit': return this.#admissions.admit(input.people);
      case 'withdraw': return this.#admissions.withdraw(input.ids);
      case 'exclude':
        this.#admissions.remove(input.id);
        this.#excluding.add(input.id);
        return;
      case 'include': return this.#admissions.restore(input.id);
      case 'send': return this.#messages.queue(input.message, input.content, input.to);
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
        this.#framesRefusedAt = this.#outputs.now;
        return;
      case 'tick': return;
    }
  }

  // --- who is there ---

  async #onAccess(state: 'waiting' | 'admitted'): Promise<void> {
    const admitted = state === 'admitted';
    if (admitted === this.#admitted) return;
    this.#admitted = admitted;
    if (admitted) return;
    this.#drop();
    this.#log.forget();
    this.#rosterKnown = false;
    this.#people.clear();
    this.#peer = undefined;
    this.#broken = false;
    this.#problem = null;
    await this.#ownKeys.offerIfNone(true);
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

  // --- the log ---

  #onState({ number, group }: EventData<'e2ee.state'>): void {
    const position = this.#log.state(number);
    this.#rosterKnown = false;
    this.#toldMain = group;
    if (position === 'first' || (position === 'read' && group !== this.#mainId)) this.#setMain(group);
    if (position === 'shrunk') this.#lost('tampered');
  }

  #setMain(group: string | undefined): void {
    this.#mainId = group;
    if (this.#main && this.#main.id !== group) this.#replacedAt = this.#outputs.now;
    this.#outsideSince = undefined;
    this.#outsideTries = 0;
  }

  async #onEntry(entry: EventData<'e2ee.entry'>): Promise<void> {
    if (this.#log.isNews(entry.number) && entry.kind === 'create' && !entry.sideRoom) this.#toldMain = entry.group;
    if (!this.#log.advance(entry.number)) return;
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
    const own = this.#commits.take(joined, blob);
    if (!own) return this.#process(joined, fromBase64(blob), number);
    this.#mls.retire(own.next);
    joined.group = own.next;
    joined.number = number;
    if (!joined.side) this.#admissions.committed(own.added);
  }

  async #process(joined: Joined<G>, commit: Uint8Array, number: number): Promise<void> {
    const members = this.#mls.members(joined.group);
    const replayed = this.#log.isReplayed(number);
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
    await this.#ownKeys.offerIfNone(true);
  }

  // An entry that does not fit the group or cannot be read.
  async #bad(joined: Joined<G>): Promise<void> {
    this.#problem = 'tampered';
    this.#leave(joined.side ? 'side' : 'main');
    await this.#ownKeys.offer(true);
  }

  // The log cannot be followed any more: outside of all groups, with new keys.
  #lost(problem: EncryptionProblem | null): void {
    this.#drop();
    this.#problem = problem ?? this.#problem;
    this.#log.skip();
    this.#setMain(this.#toldMain);
    this.#ownKeys.needFresh();
  }

  #leave(which: 'main' | 'side'): void {
    this.#outsideSince = undefined;
    const left = which === 'main' ? this.#main : this.#side;
    if (left) this.#commits.giveUp(left);
    if (which === 'main') this.#main = undefined;
    else this.#side = undefined;
  }

  #drop(): void {
    this.#leave('main');
    this.#leave('side');
    this.#creating = undefined;
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
    for (const keys of this.#ownKeys.unused) {
      const signer = await this.#mls.signerOf(welcome, keys).catch(() => undefined);
      if (!signer) continue;
      if (signer.group !== group || signer.id !== from || !isHostRole(signer.role) || !(await this.#proofs.welcomeProved(welcome, proof))) {
        this.#problem = 'impostor';
        return;
      }
      return this.#join(welcome, keys, { id: group, side, number });
    }
    this.#ownKeys.welcomeForUnknown();
  }

  async #join(welcome: Uint8Array, keys: OwnKeys, at: { id: string; side: boolean; number: number }): Promise<void> {
    const group = await this.#mls.join(welcome, keys).catch(() => undefined);
    if (!group) {
      this.#problem = 'tampered';
      this.#ownKeys.needFresh();
      return;
    }
    if (at.side && this.#mls.members(group).some(({ id }) => id !== this.#me.id && id !== this.#peer)) {
      this.#problem = 'tampered';
      return;
    }
    this.#mls.retire(group);
    this.#ownKeys.used(keys);
    this.#adopt({ ...at, group });
    if (!at.side) this.#admissions.joined(this.#mls.members(group).map(({ id }) => id));
    // One that is unused must be there when a host makes a group anew or takes us to a side room. It has the signature key of our leaf, so
    // that nobody takes it for a new page.
    await this.#ownKeys.offerIfNone(false);
  }

  // --- what is to be done ---

  async #settle(): Promise<void> {
    await this.#ownKeys.settle();
    if (this.#isHost) await this.#addable.bindAdmissions(this.#people, this.#main ? this.#mls.members(this.#main.group) : []);
    if (this.#admitted && this.#log.known && this.#rosterKnown) {
      this.#log.check();
      if (!this.#log.syncing) await this.#work();
    }
    for (const id of this.#excluding) this.#sayExcluded(id);
    const asks = this.#leads && this.#main && this.#inMain() && !this.#broken;
    this.#unadmitted = await this.#addable.unadmitted(this.#people, asks ? this.#mls.members(this.#main!.group) : undefined);
    this.#forgetRefusedFrames();
    await this.#publish();
    if (this.#main && this.#inMain()) await this.#comparison.update(this.#main.id, this.#mls.members(this.#main.group));
    this.#updateStatus();
    const kept = this.#isHost ? this.#admissions.changed() : undefined;
    if (kept) this.#outputs.push({ type: 'admissions', kept });
  }

  #forgetRefusedFrames(): void {
    if (this.#problem !== 'frames') return;
    const at = this.#framesRefusedAt + framesMs;
    if (this.#outputs.now < at) return this.#outputs.wakeAt(at);
    this.#problem = null;
  }

  async #work(): Promise<void> {
    await this.#createIfNeeded();
    for (const joined of [this.#side, this.#main]) {
      if (!joined || (!joined.side && (joined.id !== this.#mainId || this.#broken))) continue;
      await this.#commits.commitIfNeeded(joined, { people: this.#belongingTo(joined), leads: this.#leads, excluding: this.#excluding });
    }
    const joined = this.#peer === undefined ? (this.#inMain() && !this.#broken ? this.#main : undefined) : this.#side;
    if (joined) await this.#messages.send(joined);
  }

  async #createIfNeeded(): Promise<void> {
    const lacksSide = this.#peer !== undefined && !this.#side;
    if (this.#inMain() && !lacksSide) {
      this.#outsideSince = undefined;
      this.#outsideTries = 0;
    } else this.#outsideSince ??= this.#outputs.now;
    if (this.#creating || this.#outputs.now < this.#createAt) return;
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
    if (this.#outputs.now < at) return this.#outputs.wakeAt(at);
    if (this.#leads) return this.#create('main');
    this.#outsideSince = this.#outputs.now;
    this.#outsideTries++;
    this.#outputs.wakeAt(this.#outputs.now + outsideMs * 2 ** this.#outsideTries);
    if (hosts.length > 0) await this.#ownKeys.offer(true);
  }

  async #create(kind: 'main' | 'side'): Promise<void> {
    const keys = await this.#ownKeys.takeForCreation();
    const id = crypto.getRandomValues(new Uint8Array(1 + groupIdBytes));
    id[0] = kinds[kind];
    const creating: Creating<G> = { id: toBase64(id), side: kind === 'side', group: await this.#mls.make(id, keys) };
    this.#creating = creating;
    const replaces = kind === 'main' && this.#mainId !== undefined ? { replaces: this.#mainId } : {};
    this.#outputs.request('e2ee.create', { group: creating.id, ...replaces }, (answer) => {
      if (answer.ok || this.#creating !== creating) return;
      this.#creating = undefined;
      // Another host was first: its entry comes, and it adds us.
      this.#createAt = this.#outputs.now + retryMs;
      this.#outputs.wakeAt(this.#createAt);
      if (answer.code === 'e2ee_stale') this.#renew = false;
    });
    await this.#ownKeys.offerIfNone(false);
  }

  #belongingTo({ side }: Joined<G>): ReadonlyMap<string, Person> {
    if (!side) return this.#people;
    return new Map([...this.#people].filter(([id]) => id === this.#peer || id === this.#me.id));
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
    this.#outputs.push({ type: 'excluded', id });
  }

  #onExhausted(number: number): void {
    for (const joined of [this.#main, this.#side]) if (joined?.number === number) joined.exhausted = true;
  }

  // --- application messages ---

  async #onApp(data: EventData<'e2ee.app'>): Promise<void> {
    const joined = [this.#main, this.#side].find((group) => group?.id === data.group);
    if (joined && !(await this.#messages.open(joined, data))) this.#problem = 'tampered';
  }

  // --- what is told ---

  #mediaGroup(): Joined<G> | undefined {
    if (!this.#admitted) return undefined;
    if (this.#peer !== undefined) return this.#side;
    const main = this.#main;
    if (!main) return undefined;
    if (main.id !== this.#mainId) {
      const until = this.#replacedAt + replacedMs;
      if (this.#outputs.now >= until) return undefined;
      this.#outputs.wakeAt(until);
    }
    // Nobody can be taken out of a broken group: as soon as somebody left it, it is closed.
    if (this.#broken && this.#rosterKnown && this.#mls.members(main.group).some(({ id }) => !this.#people.has(id) || this.#admissions.isRemoved(id))) return undefined;
    return main;
  }

  async #publish(): Promise<void> {
    const joined = this.#mediaGroup();
    if (!joined) {
      if (this.#published !== 'outside') this.#outputs.push({ type: 'outside' });
      this.#published = 'outside';
      return;
    }
    const owners = ownersOf(this.#mls.members(joined.group), this.#people.values());
    const next = { group: joined.id, number: joined.number, owners: JSON.stringify(owners) };
    const before = this.#published === 'outside' ? undefined : this.#published;
    if (before?.group !== next.group || before.number !== next.number) {
      const baseKey = await this.#mls.exportBaseKey(joined.group);
      this.#outputs.push({ type: 'keys', number: joined.number, baseKey, leaf: this.#mls.ownLeaf(joined.group), owners, side: joined.side });
    } else if (before.owners !== next.owners) this.#outputs.push({ type: 'owners', owners });
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
    this.#outputs.push({ type: 'status', status });
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
}
