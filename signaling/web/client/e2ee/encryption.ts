// The page's side of the session's encryption: it starts the keys worker when the room says that it is encrypted, tells it what happens, and
// sends what it asks for. The workers do the rest.
//
//   off ── welcome: required ─► keys worker ── lost ─► another one; the connection is made anew, so that the server says everything again

import type { Storage, Timers } from '../env';
import { RequestError } from '../errors';
import type { ServerEvent } from '../wire/codec';
import type { AnswerData, Consent, Participant, RequestData, RequestType, Welcome } from '../wire/protocol';
import { keepAway, loadAdmissions, saveAdmissions, type Shown } from './admissions';
import type { Frames } from './frames_handle';
import type { GroupRequest, Input } from './group_messages';
import type { KeysToPage, PageToKeys } from './keys_messages';
import type { LinkIdentity } from './link';
import { RecordingKeys } from './recording_keys';
import { unencrypted, type Encryption, type EncryptionStatus } from './status';
import { PendingWorker } from './worker_files';
import type { KeysPort } from './worker_messages';

const keysPingMs = 5_000;
// A large commit on a slow device takes seconds.
const keysLostPings = 3;
// After a worker that died; each time twice as long, until one has made us a member.
const keysRestartFirstMs = 1_000;
const keysRestartMaxMs = 30_000;
// How long a removal waits for its commit. The server removes in any case; the person must not stay because a worker hangs.
const excludeMs = 1_500;
// Of an application message, which waits for the group.
const sendMs = 30_000;
// Frames that were refused by ones are losses; by hundreds somebody sends them.
const suspiciousFrames = 25;

// The parts of Worker that are used.
export interface KeysWorkerLike {
  onmessage: ((event: { data: KeysToPage }) => void) | null;
  onerror: ((event: never) => void) | null;
  postMessage(message: PageToKeys | KeysPort, transfer?: Transferable[]): void;
  terminate(): void;
}
export interface EncryptionEnv {
  timers: Timers;
  createKeys(): KeysWorkerLike;
}
export interface SessionParts {
  frames: Frames;
  storage: Storage;
  request<T extends RequestType>(type: T, data: RequestData<T>): Promise<AnswerData<T>>;
  reconnect(): void;
  onStatus(status: EncryptionStatus): void;
  onMessage(message: { from: string; content: string }): void;
}

export class SessionEncryption implements Encryption {
  readonly #env: EncryptionEnv;
  readonly #session: SessionParts;
  readonly #identity: LinkIdentity | undefined;
  #status: EncryptionStatus = unencrypted;
  #withoutFrames: EncryptionStatus = unencrypted; // the same before what the frames worker adds
  #worker: KeysWorkerLike | undefined;
  #participantId = '';
  #identityNow: LinkIdentity | undefined;
  #pings = 0;
  #answered = 0;
  #timer: unknown;
  #disposed = false;
  #restartMs = keysRestartFirstMs;
  #messages = 0;
  readonly #sending = new Map<number, (ok: boolean) => void>();
  readonly #excluding = new Map<string, () => void>();
  #unheard: Shown[] = []; // admitted while there is no worker
  // Which keys the clinic gets for a recording.
  readonly recording: RecordingKeys;

  constructor(env: EncryptionEnv, session: SessionParts, identity: LinkIdentity | undefined) {
    this.#env = env;
    this.#session = session;
    this.#identity = identity;
    this.recording = new RecordingKeys({
      timers: env.timers, raise: () => session.frames.raise(), post: (message) => this.#worker?.postMessage(message),
      request: (data) => session.request('e2ee.release', data), withdraw: (scope) => session.request('consent.withdraw', { scope }),
      storage: session.storage,
    }, identity?.recipients);
    session.frames.on('refused', (counts) => {
      const { impostor = 0, forged = 0, plain = 0 } = counts;
      if (impostor + forged + plain >= suspiciousFrames) this.#tell({ type: 'framesRefused' });
    });
    session.frames.on('state', () => this.#setStatus(this.#withoutFrames));
  }

  get status(): EncryptionStatus {
    return this.#status;
  }

  // Returns false where the room is not encrypted although the link, or the room itself before, promised it.
  onWelcome({ participantId, role, policy }: Welcome): boolean {
    const required = policy.e2ee === 'required';
    if (!required) {
      const broken = this.#identity?.required === true || this.#status.mode === 'required';
      if (broken) this.#setStatus({ ...this.#withoutFrames, mode: 'required', state: 'broken', problem: 'mode' });
      return !broken;
    }
    this.#participantId = participantId;
    // A link of before a reload is kept beside the seat. Without it nothing is proved, and the code is compared.
    this.#identityNow ??= this.#identity ?? { required: true, role: role === 'recorder' ? 'observer' : role, name: '', tokenHash: btoa('\0'.repeat(32)) };
    const { frames } = this.#session;
    if (frames.state === 'off') frames.start((port) => this.#worker?.postMessage({ type: 'frames', port }, [port]));
    if (this.#status.mode === 'off') this.#setStatus({ ...this.#withoutFrames, mode: 'required', state: 'preparing' });
    // Media says so to the person; nothing is sent.
    if (frames.state === 'unsupported') return true;
    if (!this.#worker) this.#spawn();
    this.#tell({ type: 'connected' });
    this.recording.onConnected(participantId);
    return true;
  }

  onAccess(state: 'waiting' | 'admitted'): void {
    this.#tell({ type: 'access', state });
    if (state === 'waiting') this.recording.onRecording('off');
  }

  onConsents(consents: readonly Consent[]): void {
    if (this.#status.mode === 'required') this.recording.onConsents(consents);
  }

  onRecording(recording: string): void {
    if (this.#status.mode === 'required') this.recording.onRecording(recording);
  }

  onRoster(roster: readonly Participant[]): void {
    this.#tell({
      type: 'roster',
      people: roster.map(({ id, role, connected, verifiedName = '', publications }) => ({
        id, role, connected, verifiedName, publications: publications.map(({ source, csrc }) => ({ source, csrc })),
      })),
    });
  }

  onSideRoom(peer: string | undefined): void {
    this.#tell({ type: 'sideRoom', peer });
  }

  onEvent(event: ServerEvent): void {
    switch (event.type) {
      case 'e2ee.state': return this.#tell({ type: 'state', data: event.data });
      case 'e2ee.entry': return this.#tell({ type: 'entry', data: event.data });
      case 'e2ee.welcome': return this.#tell({ type: 'welcome', data: event.data });
      case 'e2ee.keys': return this.#tell({ type: 'keys', data: event.data });
      case 'e2ee.app': return this.#tell({ type: 'app', data: event.data });
    }
  }

  // The person at this device admits these people. The server has no say in who they are.
  admit(people: readonly Shown[]): void {
    if (this.#worker) this.#tell({ type: 'admit', people });
    else this.#unheard.push(...people);
  }

  withdraw(ids: readonly string[]): void {
    this.#unheard = this.#unheard.filter(({ id }) => !ids.includes(id));
    this.#tell({ type: 'withdraw', ids });
  }

  // Takes somebody out of the keys, before the server is asked to remove them. Resolves once the commit is on its way.
  async exclude(id: string): Promise<void> {
    if (this.#status.mode !== 'required') return;
    const unheard = () => keepAway(this.#session.storage, this.#participantId, id);
    if (!this.#worker) return unheard();
    await new Promise<void>((resolve) => {
      const timer = this.#env.timers.set(() => {
        unheard();
        resolve();
      }, excludeMs);
      this.#excluding.set(id, () => {
        this.#env.timers.clear(timer);
        resolve();
      });
      this.#tell({ type: 'exclude', id });
    });
    this.#excluding.delete(id);
  }

  include(id: string): void {
    this.#tell({ type: 'include', id });
  }

  compare(result: 'same' | 'different'): void {
    this.#tell({ type: 'compare', result, code: this.#status.code });
  }

  letIn(people: readonly Shown[]): void {
    this.admit(people);
  }

  renew(): void {
    this.#tell({ type: 'renew' });
  }

  async send(content: string, to?: readonly string[]): Promise<void> {
    const message = ++this.#messages;
    const ok = await new Promise<boolean>((resolve) => {
      if (!this.#worker) return resolve(false);
      const timer = this.#env.timers.set(() => resolve(false), sendMs);
      this.#sending.set(message, (sent) => {
        this.#env.timers.clear(timer);
        resolve(sent);
      });
      this.#tell({ type: 'send', message, content: new TextEncoder().encode(content), to });
    });
    this.#sending.delete(message);
    if (!ok) throw new Error('not sent');
  }

  dispose(): void {
    this.#disposed = true;
    this.recording.dispose();
    this.#end();
  }

  #spawn(): void {
    const worker = this.#env.createKeys();
    this.#worker = worker;
    [this.#pings, this.#answered] = [0, 0];
    worker.onmessage = ({ data }) => this.#worker === worker && this.#onKeys(data);
    worker.onerror = () => this.#worker === worker && this.#lose();
    worker.postMessage({ type: 'start', participantId: this.#participantId, identity: this.#identityNow!, kept: loadAdmissions(this.#session.storage, this.#participantId) });
    if (this.#unheard.length > 0) this.admit(this.#unheard.splice(0));
    this.#session.frames.reconnectKeys();
    this.recording.onNewWorker();
    this.#ping();
  }

  #tell(input: Input): void {
    this.#worker?.postMessage({ type: 'input', input });
  }

  #onKeys(message: KeysToPage): void {
    switch (message.type) {
      case 'request': return void this.#send(message, this.#worker);
      case 'admissions': return saveAdmissions(this.#session.storage, message.kept);
      case 'excluded': return this.#excluding.get(message.id)?.();
      case 'opened': return this.#session.onMessage({ from: message.from, content: new TextDecoder().decode(message.content) });
      case 'sent': return this.#sending.get(message.message)?.(message.ok);
      case 'status':
        if (message.status.state === 'member') this.#restartMs = keysRestartFirstMs;
        return this.#setStatus(message.status);
      case 'pong':
        this.#answered = message.id;
        return;
      default: return this.recording.onMessage(message);
    }
  }

  async #send({ request, name, data }: Extract<KeysToPage, { type: 'request' }>, asker: KeysWorkerLike | undefined): Promise<void> {
    const input: Input = await this.#session.request<GroupRequest>(name, data).then(
      (answer) => ({ type: 'answer' as const, request, ok: true as const, data: answer }),
      (error: unknown) => ({ type: 'answer' as const, request, ok: false as const, code: error instanceof RequestError ? error.code : 'internal' }),
    );
    if (this.#worker === asker) this.#tell(input);
  }

  #ping(): void {
    if (this.#pings - this.#answered >= keysLostPings) return this.#lose();
    this.#pings += 1;
    this.#worker?.postMessage({ type: 'ping', id: this.#pings });
    this.#timer = this.#env.timers.set(() => this.#ping(), keysPingMs);
  }

  // The group's state is gone with it: a new worker comes with new keys, and hears everything again.
  #lose(): void {
    this.#end();
    if (this.#disposed) return;
    this.#setStatus({ ...this.#withoutFrames, state: 'outside', problem: 'worker_lost', unadmitted: [], members: 0 });
    this.#timer = this.#env.timers.set(() => this.#session.reconnect(), this.#restartMs);
    this.#restartMs = Math.min(2 * this.#restartMs, keysRestartMaxMs);
  }

  #end(): void {
    this.#env.timers.clear(this.#timer);
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const done of this.#excluding.values()) done();
    for (const done of this.#sending.values()) done(false);
  }

  #setStatus(status: EncryptionStatus): void {
    this.#withoutFrames = status;
    const { state } = this.#session.frames;
    let { problem } = status;
    if (state === 'unsupported' || state === 'failed') problem = 'unsupported';
    else if (state === 'lost') problem ??= 'worker_lost';
    const next = { ...status, problem };
    if (JSON.stringify(next) === JSON.stringify(this.#status)) return;
    this.#status = next;
    this.#session.onStatus(next);
  }
}

export function browserEncryption(timers: Timers): EncryptionEnv {
  return { timers, createKeys: () => new PendingWorker('keys-worker') as unknown as KeysWorkerLike };
}
