// A session of group machines around a server that only orders, as PROTOCOL.md's section 6c says it. Time is virtual: messages take random
// times and keep their order on each connection, and so does what a client computes.
import assert from 'node:assert/strict';
import type { KeptAdmissions } from '../../client/e2ee/admissions';
import type { Input, Output, Person } from '../../client/e2ee/group_messages';
import { GroupMachine } from '../../client/e2ee/group';
import type { Mls } from '../../client/e2ee/mls';
import { noProofs, type Proofs } from '../../client/e2ee/proofs';
import type { EncryptionStatus } from '../../client/e2ee/status';
import type { EventData } from '../../client/wire/protocol';
import { seeded } from './random';

type Entry = EventData<'e2ee.entry'>;
type Keys = EventData<'e2ee.keys'>;
type Request = Extract<Output, { type: 'request' }>;
interface LogEntry {
  entry: Entry;
  welcome: { to: string[]; data: EventData<'e2ee.welcome'>; proofs: string[] | undefined } | undefined;
}
export interface Delays {
  way: readonly [number, number]; // one way, milliseconds
  compute: readonly [number, number] | 'measured'; // one step of a client; measured: what it took here
}

const logLimit = 64;

export class Client<G> {
  readonly session: Session<G>;
  readonly id: string;
  readonly role: string;
  machine: GroupMachine<G>;
  connected = true;
  epochs = new Map<number, string>(); // base keys by number, of this page
  media: number | undefined; // the number that is sent under
  status: EncryptionStatus | undefined;
  opened: { from: string; text: string }[] = [];
  sent = new Map<number, boolean>();
  excluded: string[] = [];
  kept: KeptAdmissions | undefined; // in the storage of the tab
  asked = new Set<string>(); // whom the page asked about
  letsIn: (id: string) => boolean = () => false; // what the person answers
  requests = new Map<string, number>();
  owners = '';
  problems: string[] = []; // each that the status named
  group: G | undefined; // the newest that this page computed with
  page = 0; // counts reloads
  #inbox: Input[] = [];
  #busy = false;
  #inAt = 0; // when the last message from the server arrives
  #outAt = 0;
  #wakeAt = Infinity;
  #unanswered: { request: Request; page: number }[] = [];

  constructor(session: Session<G>, id: string, role: string, readonly proofs: Proofs, readonly tokenHash: string) {
    this.session = session;
    this.id = id;
    this.role = role;
    this.machine = session.machineOf(this);
  }

  // What the main thread tells the machine.
  tell(...inputs: Input[]): void {
    this.#inbox.push(...inputs);
    if (!this.#busy) this.session.after(0, () => this.#run());
  }

  // From the server, behind what it sent before.
  receive(input: Input): void {
    const { page } = this;
    this.#inAt = Math.max(this.#inAt, this.session.now + this.session.delay(this.session.delays.way));
    this.session.at(this.#inAt, () => {
      if (this.connected && page === this.page) this.tell(input);
    });
  }

  async #run(): Promise<void> {
    if (this.#busy || this.#inbox.length === 0) return;
    this.#busy = true;
    const { page } = this;
    const begun = performance.now();
    const outputs = await this.machine.step(this.#inbox.splice(0), this.session.now);
    const { compute } = this.session.delays;
    this.session.after(compute === 'measured' ? performance.now() - begun : this.session.delay(compute), () => {
      this.#busy = false;
      if (page !== this.page) return;
      for (const output of outputs) this.#give(output);
      if (this.#inbox.length > 0) void this.session.after(0, () => this.#run());
    });
  }

  #give(output: Output): void {
    switch (output.type) {
      case 'request': return this.#send(output);
      case 'keys': {
        const key = Buffer.from(output.baseKey).toString('hex');
        const before = this.epochs.get(output.number);
        assert.ok(before === undefined || before === key, `${this.id} has two keys under number ${output.number}`);
        this.epochs.set(output.number, key);
        this.media = output.number;
        this.owners = JSON.stringify(output.owners);
        return;
      }
      case 'owners':
        this.owners = JSON.stringify(output.owners);
        return;
      case 'outside':
        this.media = undefined;
        return;
      case 'status':
        this.status = output.status;
        this.#answer(output.status.unadmitted);
        if (output.status.problem && this.problems.at(-1) !== output.status.problem) this.problems.push(output.status.problem);
        return;
      case 'opened':
        this.opened.push({ from: output.from, text: new TextDecoder().decode(output.content) });
        return;
      case 'sent':
        this.sent.set(output.message, output.ok);
        return;
      case 'admissions':
        this.kept = output.kept;
        return;
      case 'excluded':
        this.excluded.push(output.id);
        return;
      case 'wake': return this.#wake(output.at);
    }
  }

  // The person at this device lets these in, under the names that the server shows.
  admit(...ids: readonly string[]): void {
    if (ids.length > 0) this.tell({ type: 'admit', people: ids.map((id) => ({ id, name: this.session.server.nameOf(id) })) });
  }

  #answer(unadmitted: readonly string[]): void {
    for (const id of unadmitted) this.asked.add(id);
    this.admit(...unadmitted.filter((id) => this.letsIn(id)));
  }

  #wake(at: number): void {
    if (at >= this.#wakeAt && this.#wakeAt > this.session.now) return;
    this.#wakeAt = at;
    this.session.at(at, () => {
      if (this.#wakeAt === at) this.#wakeAt = Infinity;
      this.tell({ type: 'tick' });
    });
  }

  #send(request: Request): void {
    this.requests.set(request.name, (this.requests.get(request.name) ?? 0) + 1);
    this.#unanswered.push({ request, page: this.page });
    if (this.connected) this.#transmit(request);
  }

  #transmit(request: Request): void {
    const { page } = this;
    this.#outAt = Math.max(this.#outAt, this.session.now + this.session.delay(this.session.delays.way));
    this.session.at(this.#outAt, () => {
      if (!this.connected || page !== this.page) return;
      const answer = this.session.server.handle(this, request);
      this.receive({ type: 'answer', request: request.request, ...answer } as Input);
      this.#unanswered = this.#unanswered.filter((other) => other.request !== request);
    });
  }

  // The connection is lost: what is under way is, too.
  cut(): void {
    this.connected = false;
    this.session.server.changed(this);
  }

  resume(): void {
    this.connected = true;
    this.#inAt = this.#outAt = this.session.now;
    this.receive({ type: 'connected' });
    this.session.server.resumed(this);
    for (const { request } of this.#unanswered) this.#transmit(request);
  }

  // Another page of the same seat: nothing of the group is left.
  reload(): void {
    this.page++;
    this.#inbox = [];
    this.#busy = false;
    this.#unanswered = [];
    this.#wakeAt = Infinity;
    this.media = undefined;
    this.machine = this.session.machineOf(this);
    this.connected = true;
    this.#inAt = this.#outAt = this.session.now;
    this.receive({ type: 'connected' });
    this.session.server.resumed(this);
  }
}

export class Server<G> {
  readonly session: Session<G>;
  readonly admitted: Client<G>[] = [];
  readonly waiting: Client<G>[] = [];
  keys = new Map<string, Keys>();
  readonly names = new Map<string, string>(); // other than those of the links
  number = 0;
  main: string | undefined;
  groups = new Map<string, { number: number; side: string[] | undefined }>();
  log: LogEntry[] = [];
  syncMost = 5; // entries of one answer
  gone = 0; // entries up to this number are not kept
  sideRoom: [string, string] | undefined;
  // A test may refuse, change or add to what is asked.
  intercept: ((client: Client<G>, request: Request) => { ok: boolean; code?: string; data?: unknown } | undefined) | undefined;

  constructor(session: Session<G>) {
    this.session = session;
  }

  nameOf(id: string): string {
    return this.names.get(id) ?? `Name ${id}`;
  }

  roster(): Person[] {
    return this.admitted.map(({ id, role, connected }, at) => ({
      id, role, connected, verifiedName: this.nameOf(id), publications: [{ source: 'microphone', csrc: 1_000 + at }],
    }));
  }

  changed(_client?: Client<G>): void {
    const people = this.roster();
    for (const client of this.admitted) if (client.connected) client.receive({ type: 'roster', people });
  }

  #opening(client: Client<G>): void {
    const side = this.sideRoom?.includes(client.id) ? [...this.groups].find(([, { side }]) => side?.includes(client.id))?.[0] : undefined;
    client.receive({ type: 'access', state: 'admitted' });
    client.receive({ type: 'state', data: { number: this.number, ...(this.main && { group: this.main }), ...(side && { sideRoomGroup: side }) } });
  }

  #tellKeys(client: Client<G>): void {
    if (!isHost(client)) return;
    for (const keys of this.keys.values()) if (keys.participantId !== client.id) client.receive({ type: 'keys', data: keys });
  }

  enter(client: Client<G>): void {
    this.waiting.push(client);
    client.receive({ type: 'connected' });
    client.receive({ type: 'access', state: 'waiting' });
  }

  // A host admits them, the first who is connected.
  admit(...clients: Client<G>[]): void {
    this.admitBy(this.admitted.find((one) => isHost(one) && one.connected), ...clients);
  }

  admitBy(host: Client<G> | undefined, ...clients: Client<G>[]): void {
    host?.admit(...clients.map(({ id }) => id));
    this.move(...clients);
  }

  // What the server can do without a host.
  move(...clients: Client<G>[]): void {
    for (const client of clients) {
      const at = this.waiting.indexOf(client);
      if (at >= 0) this.waiting.splice(at, 1);
      this.admitted.push(client);
      this.#opening(client);
      this.changed();
      this.#tellKeys(client);
    }
  }

  resumed(client: Client<G>): void {
    if (!this.admitted.includes(client)) return client.receive({ type: 'access', state: 'waiting' });
    this.#opening(client);
    client.receive({ type: 'sideRoom', peer: this.sideRoom?.find((id) => this.sideRoom!.includes(client.id) && id !== client.id) });
    this.changed();
    this.#tellKeys(client);
  }

  leave(client: Client<G>): void {
    const at = this.admitted.indexOf(client);
    if (at >= 0) this.admitted.splice(at, 1);
    this.keys.delete(client.id);
    client.connected = false;
    this.changed();
  }

  sendBack(client: Client<G>): void {
    const at = this.admitted.indexOf(client);
    this.admitted.splice(at, 1);
    this.waiting.push(client);
    client.receive({ type: 'access', state: 'waiting' });
    this.changed();
  }

  apart(pair: [Client<G>, Client<G>] | undefined): void {
    const before = this.sideRoom;
    this.sideRoom = pair && [pair[0].id, pair[1].id];
    for (const client of this.admitted) {
      if (!before?.includes(client.id) && !this.sideRoom?.includes(client.id)) continue;
      client.receive({ type: 'sideRoom', peer: this.sideRoom?.includes(client.id) ? this.sideRoom.find((id) => id !== client.id) : undefined });
    }
    if (!pair) for (const [id, { side }] of this.groups) if (side) this.groups.delete(id);
  }

  // The daemon starts anew: the number is known, blobs and key packages are not. After a crash numbers are left out.
  restart(leftOut = 0): void {
    this.number += leftOut;
    this.keys.clear();
    this.log = [];
    this.gone = this.number;
    for (const client of [...this.admitted, ...this.waiting]) client.connected = false;
  }

  handle(client: Client<G>, request: Request): { ok: boolean; code?: string; data?: unknown } {
    const instead = this.intercept?.(client, request);
    if (instead) return instead;
    if (request.name === 'e2ee.key') return this.#onKey(client, request.data);
    if (!this.admitted.includes(client)) return { ok: false, code: 'not_admitted' };
    switch (request.name) {
      case 'e2ee.create': return this.#onCreate(client, request.data);
      case 'e2ee.commit': return this.#onCommit(client, request.data);
      case 'e2ee.app': return this.#onApp(client, request.data);
      case 'e2ee.sync': return this.#onSync(client, request.data.after);
    }
  }

  #onKey(client: Client<G>, data: Omit<Keys, 'participantId'>) {
    const keys = { participantId: client.id, ...data };
    this.keys.set(client.id, keys);
    for (const host of this.admitted) if (isHost(host) && host !== client && host.connected) host.receive({ type: 'keys', data: keys });
    return { ok: true, data: {} };
  }

  #onCreate(client: Client<G>, { group, replaces }: { group: string; replaces?: string | undefined }) {
    if (!isHost(client)) return { ok: false, code: 'forbidden' };
    const side = replaces === undefined && this.sideRoom?.includes(client.id) ? [...this.sideRoom] : undefined;
    if (!side && replaces !== this.main) return { ok: false, code: 'e2ee_stale' };
    if (!side) this.main = group;
    this.groups.set(group, { number: this.number + 1, side });
    this.#accept({ entry: { group, number: ++this.number, previous: 0, kind: 'create', from: client.id, ...(replaces && { replaces }), ...(side && { sideRoom: true }) }, welcome: undefined });
    return { ok: true, data: {} };
  }

  #onCommit(client: Client<G>, { group, after, commit, welcome, to, proofs }: { group: string; after: number; commit: string; welcome?: string | undefined; to?: string[] | undefined; proofs?: string[] | undefined }) {
    if (welcome && !isHost(client)) return { ok: false, code: 'forbidden' };
    const kept = this.groups.get(group);
    if (kept?.number !== after || (!kept.side && group !== this.main) || to?.some((id) => !this.admitted.some((one) => one.id === id))) return { ok: false, code: 'e2ee_stale' };
    kept.number = ++this.number;
    this.#accept({
      entry: { group, number: this.number, previous: after, kind: 'commit', from: client.id, blob: commit },
      welcome: welcome ? { to: to ?? [], data: { group, number: this.number, from: client.id, blob: welcome }, proofs } : undefined,
    });
    return { ok: true, data: {} };
  }

  #accept(logged: LogEntry): void {
    this.log.push(logged);
    while (this.log.length > logLimit) this.gone = this.log.shift()!.entry.number;
    for (const client of this.admitted) if (client.connected) this.#tell(client, logged);
  }

  #tell(client: Client<G>, { entry, welcome }: LogEntry): void {
    client.receive({ type: 'entry', data: entry });
    const at = welcome?.to.indexOf(client.id) ?? -1;
    if (at < 0) return;
    const proof = welcome!.proofs?.[at];
    client.receive({ type: 'welcome', data: { ...welcome!.data, ...(proof && { proof }) } });
  }

  #onApp(client: Client<G>, { group, after, blob, to }: { group: string; after: number; blob: string; to?: string[] | undefined }) {
    if (this.groups.get(group)?.number !== after) return { ok: false, code: 'e2ee_stale' };
    for (const other of this.admitted) {
      if (other !== client && other.connected && (!to || to.includes(other.id))) other.receive({ type: 'app', data: { group, number: after, from: client.id, blob } });
    }
    return { ok: true, data: {} };
  }

  #onSync(client: Client<G>, after: number) {
    if (after < this.gone) return { ok: false, code: 'e2ee_gone' };
    const missed = this.log.filter(({ entry }) => entry.number > after).slice(0, this.syncMost);
    for (const logged of missed) this.#tell(client, logged);
    return { ok: true, data: { number: missed.at(-1)?.entry.number ?? after } };
  }
}

export class Session<G> {
  readonly server = new Server<G>(this);
  readonly clients: Client<G>[] = [];
  readonly ghosts = new Set<string>(); // whom no host admits
  now = 0;
  readonly random: () => number;
  readonly #queue: { at: number; order: number; run: () => void | Promise<void> }[] = [];
  #order = 0;

  constructor(readonly mls: Mls<G>, seed: number, readonly delays: Delays = { way: [5, 120], compute: [2, 80] }) {
    this.random = seeded(seed);
  }

  machineOf(client: Client<G>): GroupMachine<G> {
    return new GroupMachine(watched(this.mls, (group) => (client.group = group)), client.proofs, { id: client.id, role: client.role }, client.tokenHash, client.kept);
  }

  delay([least, most]: readonly [number, number]): number {
    return least + this.random() * (most - least);
  }

  at(time: number, run: () => void | Promise<void>): void {
    this.#queue.push({ at: Math.max(time, this.now), order: this.#order++, run });
  }

  after(ms: number, run: () => void | Promise<void>): void {
    this.at(this.now + ms, run);
  }

  add(id: string, role: string, proofs: Proofs = noProofs, tokenHash = `hash of ${id}`): Client<G> {
    const client = new Client(this, id, role, proofs, tokenHash);
    this.clients.push(client);
    if (isHost(client)) {
      client.receive({ type: 'connected' });
      this.server.move(client);
    } else this.server.enter(client);
    return client;
  }

  // Lets time pass, up to `ms`.
  async run(ms: number): Promise<void> {
    const until = this.now + ms;
    for (;;) {
      let first = -1;
      for (const [at, event] of this.#queue.entries()) {
        const best = this.#queue[first];
        if (!best || event.at < best.at || (event.at === best.at && event.order < best.order)) first = at;
      }
      const next = this.#queue[first];
      if (!next || next.at > until) break;
      this.#queue.splice(first, 1);
      this.now = next.at;
      await next.run();
    }
    this.now = until;
  }

  // Until what is asked holds; fails after `most` milliseconds.
  async until(what: () => boolean, most: number, message: string): Promise<number> {
    const begun = this.now;
    while (!what()) {
      assert.ok(this.now - begun < most, `${message}: not within ${most} ms. ${this.describe()}`);
      await this.run(10);
    }
    return this.now - begun;
  }

  // Everybody who is admitted and connected sends under one number, with one key.
  settled(clients: readonly Client<G>[] = this.#belonging().filter(({ connected }) => connected)): boolean {
    const [first] = clients;
    if (first?.media === undefined) return false;
    const key = first.epochs.get(first.media);
    return clients.every(({ media, epochs, status }) => media === first.media && epochs.get(media!) === key && status?.members === this.#belonging().length);
  }

  #belonging(): Client<G>[] {
    return this.server.admitted.filter(({ id }) => !this.ghosts.has(id));
  }

  async settle(most = 10_000): Promise<number> {
    return this.until(() => this.settled(), most, 'the group is not settled');
  }

  describe(): string {
    return this.clients.map(({ id, connected, media, status }) => `${id}${connected ? '' : ' (cut)'}: ${media ?? '-'} ${status?.state} ${status?.members} ${status?.problem ?? ''}`).join('; ');
  }
}

// The same implementation, which tells what was joined and which commits were followed: a page that lies can go on from there.
function watched<G>(mls: Mls<G>, tell: (group: G) => void): Mls<G> {
  return new Proxy(mls, {
    get: (_, name: keyof Mls<G>) => {
      const method = (mls[name] as (...args: unknown[]) => unknown).bind(mls);
      if (name !== 'join' && name !== 'process') return method;
      return async (...args: unknown[]) => {
        const result = (await method(...args)) as G | { kind: string; group?: G };
        const group = name === 'join' ? (result as G) : (result as { group?: G }).group;
        if (group) tell(group);
        return result;
      };
    },
  });
}

export function isHost({ role }: { role: string }): boolean {
  return role === 'host' || role === 'cohost';
}
