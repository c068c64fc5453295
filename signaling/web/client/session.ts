// One participant's view of the session: own role and permissions, the roster, the waiting list. It needs no framework; a page subscribes
// to events and sends requests. Lists are replaced, never changed in place, so a page can compare them by identity.

import { ServerClock } from './connection/clock';
import type { ServerEvent } from './wire/codec';
import { browserEncryption, SessionEncryption, type EncryptionEnv } from './e2ee/encryption';
import { browserFrames, Frames, type FramesEnv } from './e2ee/frames_handle';
import type { LinkIdentity } from './e2ee/link';
import { browserPapers, Papers, type PapersEnv } from './papers/papers';
import type { Chat } from './papers/chat';
import type { Files } from './papers/files';
import type { Encryption, EncryptionStatus } from './e2ee/status';
import { Emitter } from './emitter';
import type { Env } from './env';
import { RequestError } from './errors';
import { leaveTimeoutMs } from './params';
import type {
  AnswerData, Barred, SelfState, EventData, MediaReady, Participant, RequestData, RequestType, Role, SlotEntry, Waiter, Wanted, Welcome,
} from './wire/protocol';
import { Transport, type LinkState, type HelloParams } from './connection/transport';

export interface Access {
  state: 'waiting' | 'admitted';
  reason?: string;
  message?: string;
}
export interface Ending {
  code: string;
  message?: string;
  ref?: string;
}
interface SessionEvents {
  link: LinkState;
  welcome: Welcome;
  access: Access;
  permissions: readonly string[];
  selfState: SelfState;
  warning: EventData<'room.warning'>;
  recordingFailed: EventData<'recording.failed'>;
  quality: EventData<'quality'>;
  draining: EventData<'server.draining'>;
  helpRaised: EventData<'help.raised'>;
  helpReplied: EventData<'help.replied'>;
  reminder: EventData<'agreement.reminder'>;
  room: EventData<'room.updated'>;
  roster: readonly Participant[];
  joined: Participant;
  left: EventData<'participant.left'>;
  waiting: readonly Waiter[];
  barred: readonly Barred[];
  speakers: readonly string[];
  lines: EventData<'lines'>['lines'];
  waitingMessage: EventData<'waiting.message'>;
  permissionAsked: EventData<'permission.asked'>;
  unmuteAsked: EventData<'unmute.asked'>;
  mediaReady: MediaReady;
  slotMap: readonly SlotEntry[];
  slotsPaused: EventData<'slot.paused'>['paused'];
  encodingsWanted: Wanted;
  mediaFailed: EventData<'media.failed'>;
  networkChanged: null;
  e2eeStatus: EncryptionStatus;
  chat: Chat; // something in it changed
  files: Files;
  ended: Ending;
}
// Tests have neither workers nor transforms of a browser.
export interface Workers {
  frames: FramesEnv;
  keys: EncryptionEnv;
  papers?: PapersEnv;
}

export class Session extends Emitter<SessionEvents> {
  readonly #transport: Transport;
  #finished = false;
  #hasFiles = false; // the policy has some
  participantId = '';
  role: Role = 'participant';
  state: 'new' | 'waiting' | 'admitted' | 'ended' = 'new';
  permissions: readonly string[] = [];
  roster: readonly Participant[] = [];
  waiting: readonly Waiter[] = [];
  readonly #clock = new ServerClock();
  readonly #monotonic: () => number;
  // Seals and opens what Media sends and receives, once it was started.
  readonly frames: Frames;
  readonly #encryption: SessionEncryption;
  readonly #papers: Papers;

  constructor(env: Env, opening: HelloParams, readonly identity?: LinkIdentity, workers: Workers = browserWorkers(env)) {
    super();
    this.#monotonic = () => env.timers.now();
    this.frames = new Frames(workers.frames);
    this.#encryption = new SessionEncryption(workers.keys, {
      frames: this.frames, storage: env.storage,
      request: (type, data) => this.#transport.request(type, data),
      reconnect: () => this.#transport.reconnect(),
      onStatus: (status) => this.emit('e2eeStatus', status),
      onMessage: ({ from, content }) => this.#papers.onMessage(from, content),
    }, identity);
    this.#papers = new Papers(workers.papers ?? browserPapers(), {
      timers: env.timers, channel: this.#encryption, self: () => this.participantId, roster: () => this.roster,
      request: (type, data) => this.#transport.request(type, data), clinicHashes: identity?.recipients,
      onChat: () => this.emit('chat', this.chat), onFiles: () => this.emit('files', this.files),
    });
    this.#transport = new Transport(env, { ...opening, ...(workers.frames.supported ? { e2ee: e2eeVersion } : {}) });
    this.#transport.on('welcome', () => this.#clock.onConnected(Date.now(), this.#monotonic()));
    this.#transport.on('pong', () => this.#clock.onPong(Date.now(), this.#monotonic()));
    this.#transport.on('link', (link) => this.emit('link', link));
    this.#transport.on('welcome', (welcome) => this.#onWelcome(welcome));
    this.#transport.on('event', (told) => this.#onEvent(told));
    this.#transport.on('closed', (closing) => this.#finish(closing));
  }

  // How far the server's clock is ahead of the local one, so that a wrong local clock does not show a wrong end.
  get serverAheadMs(): number {
    return this.#clock.aheadMs;
  }

  connect(): void {
    this.#transport.start();
  }

  tryNow(): void {
    this.#transport.tryNow();
  }

  // The device is on another network (connection/network.ts): what was connected over the one before is dead.
  networkChanged(): void {
    this.#transport.networkChanged();
    this.emit('networkChanged', null);
  }

  // Media stays away: the server may be out of reach. Asks it at once, and connects anew if it does not answer soon.
  probe(): void {
    this.#transport.probe();
  }

  get e2ee(): Encryption & Pick<SessionEncryption, 'send'> {
    return this.#encryption;
  }

  get chat(): Chat {
    return this.#papers.chat;
  }

  get files(): Files {
    return this.#papers.files;
  }

  async request<T extends RequestType>(type: T, data: RequestData<T>, timeoutMs?: number): Promise<AnswerData<T>> {
    if (this.#encryption.status.mode === 'required' && type === 'consent.respond') return this.#respond(type, data, timeoutMs);
    if (type === 'consent.withdraw') {
      const { scope } = data as RequestData<'consent.withdraw'>;
      return this.#encryption.recording.withdraw(scope && [scope], () => this.#transport.request(type, data, timeoutMs));
    }
    if (this.#encryption.status.mode === 'required' && type === 'waiting.admit') return this.#admit(type, data, timeoutMs);
    if (type === 'waiting.deny') this.#encryption.withdraw([(data as RequestData<'waiting.deny'>).participantId]);
    if (type !== 'mod.remove' && type !== 'mod.sendBack') return this.#transport.request(type, data, timeoutMs);
    // Out of the keys first: then it does not matter whether the server obeys.
    const { participantId } = data as RequestData<'mod.remove'>;
    await this.#encryption.exclude(participantId);
    return this.#transport.request(type, data, timeoutMs).catch((error: unknown) => {
      this.#encryption.include(participantId);
      throw error;
    });
  }

  // Who is admitted is decided here, by what was listed: of everybody who waits and is connected too, and under which names.
  async #admit<T extends RequestType>(type: T, data: RequestData<T>, timeoutMs?: number): Promise<AnswerData<T>> {
    const { participantIds } = data as RequestData<'waiting.admit'>;
    const ids = participantIds === '*' ? this.waiting.filter(({ connected }) => connected).map(({ participantId }) => participantId).slice(0, admitLimit) : participantIds;
    if (ids.length === 0) return this.#transport.request(type, data, timeoutMs);
    this.#encryption.admit(this.waiting.flatMap(({ participantId: id, verifiedName: name = '' }) => (ids.includes(id) ? [{ id, name }] : [])));
    try {
      const answer = await this.#transport.request(type, { ...data, participantIds: ids }, timeoutMs);
      this.#encryption.withdraw((answer as AnswerData<'waiting.admit'>).refused.map(({ participantId }) => participantId));
      return answer;
    } catch (error) {
      const unanswered = error instanceof RequestError && (error.code === 'timeout' || error.code === 'closed');
      if (!unanswered) this.#encryption.withdraw(ids);
      throw error;
    }
  }

  // Who agrees to a recording of an encrypted session gives the keys first.
  async #respond<T extends RequestType>(type: T, data: RequestData<T>, timeoutMs?: number): Promise<AnswerData<T>> {
    const { scope, decision, textHash } = data as RequestData<'consent.respond'>;
    const { recording } = this.#encryption;
    if (decision === 'granted') await recording.agree(scope, textHash);
    else recording.disagree([scope]);
    return this.#transport.request(type, data, timeoutMs).catch((error: unknown) => {
      if (decision === 'granted') recording.disagree([scope]);
      throw error;
    });
  }

  may(permission: string): boolean {
    return this.permissions.includes(permission);
  }

  // Leaves for good. The session ends locally even if the server does not answer.
  async leave(aloneMinutes?: number): Promise<void> {
    await this.#transport.request('leave', aloneMinutes ? { aloneMinutes } : {}, leaveTimeoutMs).catch(() => undefined);
    this.#finish({ code: 'left' });
  }

  #onWelcome(welcome: Welcome): void {
    if (!this.#encryption.onWelcome(welcome)) return this.#finish({ code: 'e2ee_off' });
    this.participantId = welcome.participantId;
    this.role = welcome.role;
    this.#papers.onWelcome(welcome);
    this.#hasFiles = welcome.policy.e2ee === 'required' && (welcome.policy.files !== 'off' || welcome.policy.clinicPapers === true);
    // The server sends everything again after a resume, except empty lists.
    this.#setWaiting([]);
    this.emit('barred', []);
    this.emit('welcome', welcome);
    this.emit('selfState', welcome);
    this.#encryption.onSideRoom(welcome.sideRoom);
    this.#encryption.onConsents(welcome.consents);
    this.#applyAccess({ state: welcome.state }, welcome.permissions);
  }

  #onEvent(event: ServerEvent): void {
    this.#clock.onEvent(event.ts, Date.now(), this.#monotonic());
    this.#encryption.onEvent(event);
    switch (event.type) {
      case 'access.changed': return this.#onAccessChanged(event.data);
      case 'files.changed': return void this.files.refresh();
      case 'self.updated':
        this.#encryption.onSideRoom(event.data.sideRoom);
        this.#encryption.onConsents(event.data.consents);
        return this.emit('selfState', event.data);
      case 'room.warning': return this.emit('warning', event.data);
      case 'recording.failed': return this.emit('recordingFailed', event.data);
      case 'quality': return this.emit('quality', event.data);
      case 'server.draining': return this.emit('draining', event.data);
      case 'agreement.reminder': return this.emit('reminder', event.data);
      case 'help.replied': return this.emit('helpReplied', event.data);
      case 'help.raised': return this.emit('helpRaised', event.data);
      case 'room.updated':
        this.#encryption.onRecording(event.data.recording);
        return this.emit('room', event.data);
      case 'roster': return this.#setRoster(event.data.participants);
      case 'participant.joined':
        this.#setRoster(upsert(this.roster, event.data.participant, (p) => p.id));
        return this.emit('joined', event.data.participant);
      case 'participant.updated': return this.#setRoster(upsert(this.roster, event.data.participant, (p) => p.id));
      case 'participant.left':
        this.emit('left', event.data);
        return this.#setRoster(this.roster.filter((p) => p.id !== event.data.participantId));
      case 'speakers': return this.emit('speakers', event.data.participantIds);
      case 'lines': return this.emit('lines', event.data.lines);
      case 'room.ended': return this.#finish({ code: endingOf(event.data.reason) });
      case 'waiting.list': return this.#setWaiting(event.data.waiting);
      case 'waiting.added':
      case 'waiting.updated': return this.#setWaiting(upsert(this.waiting, event.data.waiter, (w) => w.participantId));
      case 'waiting.removed': return this.#setWaiting(this.waiting.filter((w) => w.participantId !== event.data.participantId));
      case 'waiting.message': return this.emit('waitingMessage', event.data);
      case 'barred.list': return this.emit('barred', event.data.barred);
      case 'permission.asked': return this.emit('permissionAsked', event.data);
      case 'unmute.asked': return this.emit('unmuteAsked', event.data);
      case 'media.ready': return this.emit('mediaReady', event.data);
      case 'slot.map': return this.emit('slotMap', event.data.slots);
      case 'media.failed': return this.emit('mediaFailed', event.data);
      case 'slot.paused': return this.emit('slotsPaused', event.data.paused);
      case 'encodings.wanted': return this.emit('encodingsWanted', event.data);
    }
  }

  #onAccessChanged({ state, reason, message, permissions }: EventData<'access.changed'>): void {
    if (state !== 'waiting' && state !== 'admitted') {
      return this.#finish({ code: reason ?? state, ...(message ? { message } : {}) });
    }
    if (state === this.state) return this.#setPermissions(permissions);
    this.#applyAccess({ state, ...(reason ? { reason } : {}), ...(message ? { message } : {}) }, permissions);
  }

  // On admission permissions come before access; on being sent back after it, so that nothing looks like a lost permission.
  #applyAccess(access: Access, permissions: readonly string[]): void {
    if (access.state === 'admitted') this.#setPermissions(permissions);
    this.#setAccess(access);
    if (access.state !== 'admitted') this.#setPermissions(permissions);
  }

  #setAccess(access: Access): void {
    this.state = access.state;
    this.#encryption.onAccess(access.state);
    if (access.state === 'admitted' && this.#hasFiles) void this.files.refresh();
    if (access.state === 'waiting') {
      // The waiting room sees nobody: drop what was known of the group.
      this.#setRoster([]);
      this.#setWaiting([]);
      this.emit('barred', []);
      this.emit('slotMap', []);
      this.emit('slotsPaused', []);
      this.emit('lines', []);
    }
    this.emit('access', access);
  }

  #setPermissions(permissions: readonly string[]): void {
    this.permissions = permissions;
    this.emit('permissions', permissions);
  }

  #setRoster(roster: readonly Participant[]): void {
    this.roster = roster;
    this.#encryption.onRoster(roster);
    this.#papers.onRoster(roster);
    this.role = roster.find(({ id }) => id === this.participantId)?.role ?? this.role;
    this.emit('roster', roster);
  }

  #setWaiting(waiting: readonly Waiter[]): void {
    this.waiting = waiting;
    this.emit('waiting', waiting);
  }

  #finish(ending: Ending): void {
    if (this.#finished) return;
    this.#finished = true;
    this.state = 'ended';
    // Media stops by this event; the socket is closed after it.
    this.emit('ended', ending);
    this.chat.clear();
    this.#encryption.dispose();
    this.frames.dispose();
    if (this.#hasFiles) void this.files.onEnded();
    this.#transport.stop(ending);
  }
}

// Ids in one request.
const admitLimit = 256;
// The version of section 6c that this client speaks.
const e2eeVersion = 1;

function browserWorkers({ timers }: Env): Workers {
  return { frames: browserFrames(timers), keys: browserEncryption(timers) };
}

// The ending's code: reasons that the page has a text for, else 'ended'.
function endingOf(reason: string): string {
  return ['draining', 'limit', 'absent', 'idle', 'revoked'].includes(reason) ? reason : 'ended';
}

function upsert<T>(list: readonly T[], item: T, id: (item: T) => string): T[] {
  const at = list.findIndex((other) => id(other) === id(item));
  return at < 0 ? [...list, item] : list.with(at, item);
}
