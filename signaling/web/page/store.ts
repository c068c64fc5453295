// The state of the page, as signals, and the acts behind its buttons. Screens read and call; they hold no state of
// the session themselves.

import { batch, computed, effect, signal } from '@preact/signals';
import {
  browserEnv, dropSeat, Media, pauseOf, Session, subprotocol, TabStorage,
  type Access, type AnswerData, type Barred, type Ending, type LinkState, type Participant, type RequestData,
  type RequestType, type Role, type Slot, type SlotEntry, type Waiter, type AgreedText, type EventData, RequestError,
} from '../client';
import { Announcer } from './announce';
import { bestText, calling, CareState, faultWords, recordingSaid, records, refusalWords } from './care';
import { chime } from './chime';
import type { Config } from './config';
import { Own } from './own';
import { keepReturn, loadReturn, type Return } from './return';
import { viewOf, Watcher } from './sight';
import { peek } from './token';
import { Withdrawal } from './withdrawal';

export type Screen = 'start' | 'name' | 'check' | 'joining' | 'waiting' | 'session' | 'ended';
export interface Letter {
  from: 'host' | 'waiting';
  text: string;
  at: number;
}

const version = '1.0';

// How one comes in, or comes back.
interface Way {
  token?: string;
  nonce?: string;
  passcode?: string;
  name: string;
  link: string;
}

// 144 random bits in base64url.
function newNonce(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18)))).replaceAll('+', '-').replaceAll('/', '_');
}

export class Store {
  readonly config: Config;
  readonly announcer = new Announcer();
  readonly sight = new Watcher(async (sight) => {
    if (this.session?.state !== 'admitted') return false;
    return this.session.request('view.set', viewOf(sight)).then(() => true, (error: unknown) => pauseOf(error) ?? false);
  });

  readonly screen = signal<Screen>('start');
  // The person pressed the button under the device check. Until then nothing is sent, and nothing of the group shown or heard.
  readonly ready = signal(false);
  readonly withdrawal = new Withdrawal(
    async () => this.session !== undefined && !await this.attempt('consent.withdraw', {}),
    (late) => (this.notice.value = `You took back your yes. Nothing more of you is recorded.${late ? ' You can turn your camera and microphone on again.' : ''}`),
  );
  readonly withheld = this.withdrawal.pending;
  readonly own = new Own(this);
  readonly microphone = this.own.microphone;
  readonly camera = this.own.camera;
  readonly speaker = this.own.speaker;
  readonly ending = signal<Ending | null>(null);
  readonly link = signal<LinkState>('connecting');
  readonly access = signal<Access | null>(null);
  readonly room = signal<EventData<'room.updated'>>({ name: '', locked: false, absenceLock: false, hostAbsent: false, recording: 'off' });
  readonly selfId = signal('');
  readonly role = signal<Role>('participant');
  readonly permissions = signal<readonly string[]>([]);
  readonly roster = signal<readonly Participant[]>([]); // people only
  readonly recorder = signal(false); // stands in the roster beside them
  readonly waiting = signal<readonly Waiter[]>([]);
  readonly barred = signal<readonly Barred[]>([]);
  readonly speakers = signal<readonly string[]>([]);
  readonly map = signal<readonly SlotEntry[]>([]);
  readonly slots = signal<readonly Slot[]>([]);
  readonly mediaState = signal<RTCPeerConnectionState>('new');
  readonly mediaRefused = signal(''); // the code why no connection for media is made, for good
  readonly letters = signal<ReadonlyMap<string, readonly Letter[]>>(new Map());
  readonly asks = signal<readonly string[]>([]);
  readonly offered = signal(''); // the token of another link, until the person has answered whether to leave for it
  readonly unmuteAsked = signal<'microphone' | 'camera' | null>(null);
  readonly notice = signal('');
  readonly soundBlocked = signal(false);
  readonly restarting = signal(false); // the server said that it will
  readonly reloadTold = signal(false); // and the person knows that a reload would not come back
  readonly panel = signal(true);
  readonly screenForAll = signal(false); // by the room's rules; a host may still take it
  readonly care = new CareState();

  readonly self = computed(() => this.roster.value.find(({ id }) => id === this.selfId.value));
  readonly calls = computed(() => calling(this.roster.value, this.waiting.value));
  // Who observes sends nothing: no microphone and no camera is asked for.
  readonly observing = computed(() => this.role.value === 'observer');
  readonly hosting = computed(() => this.permissions.value.includes('waiting.manage'));

  session: Session | undefined;
  media: Media | undefined;
  readonly #storage = new TabStorage(undefined, () => (this.lasting.value = false));
  readonly lasting = signal(this.#storage.lasting); // a reload comes back to the seat
  #opening: Way | undefined;
  #asked = false; // for both devices
  #refused: { type: RequestType; words: string } | undefined; // the act of which the notice last told

  constructor(config: Config) {
    this.config = config;
    effect(() => {
      if (this.screen.value !== 'start' && this.#opening) keepReturn(this.#storage, this.#returning());
    });
    for (const { kind, interrupted, live } of [this.microphone, this.camera]) {
      interrupted.subscribe((now) => !now && live.value && this.screen.value === 'session' && this.#say(`Your ${kind} works again.`));
    }
    addEventListener('online', () => this.session?.tryNow());
    addEventListener('beforeunload', (event) => {
      if (this.placed && !this.lasting.value) event.preventDefault(); // the browser asks first
    });
  }

  may(permission: string): boolean {
    return this.permissions.value.includes(permission);
  }

  // Asks to join with a fresh token; a seat of an earlier link in this tab is given up for it.
  join(token: string, name: string): void {
    dropSeat(this.#storage);
    this.withdrawal.drop();
    this.#connect({ token, name, nonce: newNonce(), link: peek(token).id });
  }

  // Of a host, after the device check.
  enter(token: string, name: string): void {
    this.ready.value = true;
    this.join(token, name);
  }

  // The device check is over: into the waiting room, or into the group if a host opened meanwhile.
  goIn(): void {
    this.ready.value = true;
    const access = this.access.value;
    if (!access) return;
    this.media?.release();
    this.#entered(access);
    if (access.state === 'admitted' && records(this.room.value.recording)) this.#recordingTurned(this.room.value.recording);
  }

  // One question of the browser after the other, once: what was chosen since stays.
  async askDevices(): Promise<void> {
    if (this.#asked || this.observing.value) return;
    await this.microphone.turnOn();
    if (!['', 'passcode_wrong'].includes(this.ending.value?.code ?? '')) return; // over meanwhile: no light goes on
    this.#asked = true;
    await this.camera.turnOn();
    this.own.list();
  }

  // What a reload left, if it left a seat.
  left(): Return | undefined {
    return loadReturn(this.#storage);
  }

  // Takes up the seat that a reload left.
  resume(from: Return): void {
    this.#asked = from.asked;
    this.ready.value = from.ready;
    if (from.withdrawing) this.withdrawal.resume();
    this.own.choose(from.chosen);
    if (from.asked && from.microphone) void this.microphone.turnOn();
    if (from.asked && from.camera) void this.camera.turnOn();
    this.#connect({ name: from.name, link: from.link });
  }

  // After a door that may open later, or that asks for the passcode.
  again(passcode?: string): void {
    if (this.#opening) this.#connect({ ...this.#opening, ...(passcode ? { passcode } : {}) });
  }

  // For good. The lights go out now, whether or not the server can be told.
  async leave(): Promise<void> {
    this.own.allOff();
    await this.session?.leave();
  }

  // Has a seat, or is about to take one.
  get placed(): boolean {
    return this.session !== undefined && this.screen.value !== 'ended';
  }

  // jti of the link that led here.
  get linkId(): string {
    return this.#opening?.link ?? '';
  }

  get guessed(): boolean {
    return this.#opening?.passcode !== undefined;
  }

  #connect(opening: Way): void {
    this.#opening = opening;
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/rtc`;
    const { token, nonce, passcode, name } = opening;
    const session = new Session(browserEnv(url, subprotocol, this.#storage), {
      client: { name: 'alcove-page', version }, ...(token ? { token } : {}), ...(token && nonce ? { nonce } : {}),
      ...(passcode ? { passcode } : {}), ...(name ? { displayName: name } : {}),
    });
    this.session = session;
    this.media = new Media(session, { held: !this.ready.value });
    this.#listen(session, this.media);
    batch(() => {
      this.ending.value = null;
      this.mediaRefused.value = '';
      this.screen.value = 'joining';
    });
    session.connect();
    // A second connection starts without the tracks the first one had.
    this.own.sendAll();
  }

  #listen(session: Session, media: Media): void {
    this.care.listen(session);
    session.on('help', ({ participantId }) => this.#called(participantId));
    session.on('draining', (told) => this.#draining(told));
    session.on('warning', ({ minutes }) => this.#say(`The session ends in ${minutes} min.`));
    session.on('link', (link) => this.#linked(link));
    session.on('welcome', ({ participantId, role, policy }) => {
      this.screenForAll.value = policy.screenForAll ?? false;
      this.selfId.value = participantId;
      this.role.value = role;
      this.restarting.value = false; // who still restarts says so again
    });
    session.on('permissions', (permissions) => this.#permitted(permissions));
    session.on('access', (access) => this.#entered(access));
    session.on('room', (room) => this.#roomChanged(room));
    session.on('roster', (roster) => this.#rosterChanged(roster));
    session.on('joined', ({ id, displayName, role }) => id !== this.selfId.value && role !== 'recorder' && this.#say(`${displayName} joined.`));
    session.on('recordingFailed', ({ reason }) => (this.care.fault.value = faultWords(reason)));
    session.on('quality', (told) => this.#tooMuch(told));
    session.on('mediaFailed', (told) => this.#noKeys(told));
    session.on('left', ({ participantId }) => this.#gone(participantId));
    session.on('waiting', (waiting) => this.#waitingChanged(waiting));
    session.on('barred', (barred) => (this.barred.value = barred));
    session.on('speakers', (speakers) => (this.speakers.value = speakers));
    session.on('slots', (map) => this.#mapped(map));
    session.on('letter', ({ from, participantId, text }) => this.#letter(participantId, { from, text, at: Date.now() }));
    session.on('asked', ({ participantId }) => this.#askedToShare(participantId));
    session.on('unmuteAsked', ({ source }) => source !== 'screen' && (this.unmuteAsked.value = source));
    session.on('ended', (ending) => this.#ended(ending));
    media.on('slots', (slots) => (this.slots.value = slots));
    media.on('refused', (code) => {
      this.mediaRefused.value = code;
      this.own.allOff(); // nobody would see or hear it
    });
    media.on('state', (state) => {
      this.mediaState.value = state;
      if (state !== 'connected') return;
      this.mediaRefused.value = '';
      this.own.tellAll();
    });
  }

  #linked(link: LinkState): void {
    this.link.value = link;
    if (link === 'open') void this.withdrawal.attempt();
  }

  // What a connection got no keys for: nobody's fault for one that ended or took too long, for that one comes again.
  #noKeys({ participantId, code }: EventData<'media.failed'>): void {
    if (code === 'timeout' || code === 'closed' || participantId === this.selfId.value) return; // a banner tells oneself
    const name = this.roster.value.find((person) => person.id === participantId)?.displayName ?? 'Somebody';
    this.notice.value = `${name} is not connected: that browser cannot make a connection that is safe enough.`;
  }

  // Hosts are told of a source that sends more than the server takes: of a fault, or of one who means harm.
  #tooMuch({ participantId, source, withheld, taken }: EventData<'quality'>): void {
    const own = participantId === this.selfId.value;
    const whose = own ? 'Your' : `${this.roster.value.find(({ id }) => id === participantId)?.displayName ?? 'Somebody'}’s`;
    const before = `${whose} ${source} sent far more than it may`;
    if (taken) this.notice.value = `${before} again and was taken away. ${own ? 'A therapist' : 'You'} can give it back.`;
    else if (withheld) this.notice.value = `${before} and was muted. It can be turned on again.`;
    else this.notice.value = `${whose} ${source} sends more than it may. Part of it is left out.`;
  }

  // Who has not come in yet is told nothing of the group.
  #say(sentence: string): void {
    if (this.ready.value) this.announcer.say(sentence);
  }

  #mapped(map: readonly SlotEntry[]): void {
    this.map.value = map;
    this.sight.slots(map.filter(({ kind }) => kind !== 'audio').map(({ publicationId }) => publicationId));
  }

  #permitted(permissions: readonly string[]): void {
    const before = this.permissions.value;
    this.permissions.value = permissions;
    if (this.session?.state === 'admitted' && before.length > 0) this.#allowed(before, permissions);
    // A grant that was taken back ends the sharing here too, not only at the server.
    if (!permissions.includes('publish.screen')) this.own.stopScreen();
  }

  // A host took the own microphone or camera, or gave it, by itself or by another role: what is taken is released here too.
  #allowed(before: readonly string[], now: readonly string[]): void {
    const sources = ['microphone', 'camera'] as const;
    const gained = sources.filter((source) => now.includes(`publish.${source}`) && !before.includes(`publish.${source}`));
    const lost = sources.filter((source) => before.includes(`publish.${source}`) && !now.includes(`publish.${source}`));
    for (const source of lost) this[source].turnOff();
    if (gained.length > 0) this.notice.value = `A therapist lets you use your ${gained.join(' and ')}. You can turn ${gained.length > 1 ? 'them' : 'it'} on.`;
    if (lost.length > 0) this.notice.value = `A therapist took your ${lost.join(' and ')} away for now. They can give ${lost.length > 1 ? 'them' : 'it'} back.`;
  }

  #entered(access: Access): void {
    batch(() => {
      this.access.value = access;
      this.screen.value = !this.ready.value ? 'check' : access.state === 'admitted' ? 'session' : 'waiting';
      if (access.state === 'waiting') {
        this.own.stopScreen();
        this.unmuteAsked.value = null;
      }
    });
    if (access.state !== 'admitted') return this.announcer.clear();
    this.sight.forget();
    this.own.tellAll();
  }

  #ended(ending: Ending): void {
    this.withdrawal.rest();
    batch(() => {
      if (this.withdrawal.pending.value) this.care.leftYes.value = true;
      if (ending.code !== 'passcode_wrong') this.own.allOff(); // which is asked at once, and devices stay as they were set
      this.announcer.clear();
      this.ending.value = ending;
      this.screen.value = 'ended';
      this.roster.value = [];
      this.waiting.value = [];
      this.barred.value = [];
      this.recorder.value = false;
      this.room.value = { ...this.room.value, recording: 'off' };
      this.letters.value = new Map();
    });
  }

  #roomChanged(room: EventData<'room.updated'>): void {
    const before = this.room.value;
    this.room.value = room;
    if (before.name && before.locked !== room.locked) {
      this.#say(room.locked ? 'The session is locked.' : 'The session is open again.');
    }
    if (before.recording !== room.recording && (records(before.recording) || records(room.recording))) this.#recordingTurned(room.recording, before.recording);
  }

  // Seen, said and heard: nobody has to look to know.
  #recordingTurned(now: string, before = 'off'): void {
    if (records(now)) this.care.fault.value = '';
    this.#say(recordingSaid[now as keyof typeof recordingSaid] ?? recordingSaid.off);
    if (this.ready.value && records(now) !== records(before)) void chime(records(now) ? 'begin' : 'end', this.speaker);
  }

  #rosterChanged(all: readonly Participant[]): void {
    const before = this.roster.value;
    const roster = all.filter(({ role }) => role !== 'recorder');
    this.recorder.value = all.length > roster.length;
    this.roster.value = roster;
    for (const person of roster) {
      const then = before.find(({ id }) => id === person.id);
      if (person.id === this.selfId.value) {
        this.role.value = person.role;
        this.#obeyMute(then, person);
      }
      else if (then && person.handRaised && !then.handRaised) this.#say(`${person.displayName} raised a hand.`);
    }
    this.asks.value = this.asks.value.filter((id) => roster.some((p) => p.id === id && !p.grants.includes('screen')));
  }

  // A host muted us: the device is released too, and only we turn it on again.
  #obeyMute(then: Participant | undefined, now: Participant): void {
    for (const source of ['microphone', 'camera', 'screen'] as const) {
      const was = then?.publications.find((p) => p.source === source);
      const is = now.publications.find((p) => p.source === source);
      if (!was || was.muted || !is?.muted || this.own.setting(source)) continue;
      if (source !== 'screen' && this[source].interrupted.value) continue; // said so ourselves
      if (source === 'screen') this.own.stopScreen();
      else if (this[source].track.value) {
        this[source].turnOff();
        this.notice.value = source === 'microphone'
          ? 'A therapist turned your microphone off. You can turn it on again.'
          : 'A therapist turned your camera off. You can turn it on again.';
      }
    }
  }

  #draining({ draining, stopsAt }: EventData<'server.draining'>): void {
    if (this.restarting.value === draining) return;
    this.restarting.value = draining;
    const seconds = Math.round(((stopsAt ?? 0) - (this.session?.serverAheadMs ?? 0) - Date.now()) / 1000);
    const when = seconds > 90 ? `within ${Math.ceil(seconds / 60)} minutes` : 'in a moment';
    this.#say(draining
      ? `The server restarts ${when}. You come back by yourself, without waiting again.`
      : 'The server does not restart after all.');
  }

  // Nobody may miss it: the panel opens.
  #called(id: string): void {
    this.panel.value = true;
    const name = this.roster.value.find((person) => person.id === id)?.displayName;
    if (name) this.#say(`${name} asks for help. Only therapists see this.`);
  }

  #gone(id: string): void {
    const name = this.roster.value.find((person) => person.id === id)?.displayName;
    if (name) this.#say(`${name} left.`);
  }

  #waitingChanged(waiting: readonly Waiter[]): void {
    for (const { participantId, displayName } of waiting) {
      const known = this.waiting.value.some((waiter) => waiter.participantId === participantId);
      if (!known) this.#say(`${displayName} is waiting.`);
    }
    this.waiting.value = waiting;
  }

  #letter(participantId: string, letter: Letter): void {
    const letters = new Map(this.letters.value);
    letters.set(participantId, [...(letters.get(participantId) ?? []), letter]);
    this.letters.value = letters;
    const waiter = this.waiting.value.find((other) => other.participantId === participantId);
    if (letter.from === 'waiting' && waiter) this.#say(`${waiter.displayName} wrote to you.`);
  }

  #askedToShare(id: string): void {
    if (!this.asks.value.includes(id)) this.asks.value = [...this.asks.value, id];
    const name = this.roster.value.find((person) => person.id === id)?.displayName;
    if (name) this.#say(`${name} asks to share a screen.`);
  }

  async share(): Promise<void> {
    if (this.own.screen.value) return this.own.stopScreen();
    if (!this.may('publish.screen')) {
      const asked = await this.act('permission.ask', { permission: 'screen' });
      if (asked) this.notice.value = 'You asked to share your screen. A therapist can allow it.';
      return;
    }
    await this.own.pickScreen();
  }

  #returning(): Return {
    return {
      name: this.#opening?.name ?? '', microphone: this.microphone.on.value, camera: this.camera.on.value,
      chosen: this.own.chosen(), asked: this.#asked, ready: this.ready.value, link: this.#opening?.link ?? '',
      withdrawing: this.withdrawal.pending.value,
    };
  }

  // ---- acts ----

  // Asks the server; what fails is said in words and does no harm.
  async act<T extends RequestType>(type: T, data: RequestData<T>): Promise<AnswerData<T> | undefined> {
    try {
      const answer = await this.session?.request(type, data);
      // What was said of the same act before is over. All else still stands: a device that was taken, an answer to another act.
      if (this.#refused?.type === type && this.#refused.words === this.notice.value) this.notice.value = '';
      return answer;
    } catch (error) {
      const words = refusalWords(error instanceof RequestError ? error : undefined);
      this.#refused = { type, words };
      this.notice.value = words;
      return undefined;
    }
  }

  // Asks the server, and leaves the words for a refusal to the caller.
  async attempt<T extends RequestType>(type: T, data: RequestData<T>, timeoutMs?: number): Promise<RequestError | undefined> {
    try {
      await this.session?.request(type, data, timeoutMs);
      return undefined;
    } catch (error) {
      return error instanceof RequestError ? error : new RequestError({ code: 'closed', message: '', retryable: true });
    }
  }

  textOf(texts: readonly AgreedText[]): AgreedText | undefined {
    return bestText(texts, navigator.languages);
  }

  // One answer to all that is asked, at once, or a yes might follow the no that came in between. The text that was shown is the one
  // that is answered.
  async answerConsent(decision: 'granted' | 'refused'): Promise<void> {
    const asked = this.care.open.value;
    this.care.again.value = false;
    await Promise.all(asked.map(({ scope, texts }) => {
      const text = this.textOf(texts);
      return text && this.act('consent.respond', { scope, textHash: text.textHash, decision });
    }));
  }

  async withdraw(): Promise<void> {
    await this.withdrawal.begin();
    if (this.withdrawal.late.value) this.own.allOff();
  }

  async callHelp(): Promise<void> {
    if (await this.act('help.signal', {})) this.notice.value = 'The therapists know that you ask for help. Nobody else in the group sees it.';
  }

  extend(): void {
    void this.act('room.extend', { minutes: 15 });
  }

  dismissAsk(id: string): void {
    this.asks.value = this.asks.value.filter((other) => other !== id);
  }
}
