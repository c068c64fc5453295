// The page's state as signals, and the actions behind its controls. Screens read signals and call actions; they hold no session state
// themselves.

import { batch, computed, effect, signal, untracked } from '@preact/signals';
import {
  browserEnv, dropSeat, loadIdentity, Media, pauseOf, saveIdentity, Session, subprotocol, TabStorage, watchNetwork,
  type Access, type AnswerData, type Barred, type Ending, type LinkState, type Participant, type RequestData,
  type LinkIdentity, type RequestType, type Role, type Slot, type SlotEntry, type Waiter, type AgreedText, type EventData, RequestError,
} from '../../client';
import { AidsStore } from './aids';
import { Announcer } from './announcer';
import { Attention } from './attention';
import { Denials } from './denials';
import { labelsOf } from './labels';
import { EncryptionStore } from './encryption';
import { Notice } from './notice';
import { helpCallsOf } from './people';
import { LinesStore } from './lines';
import { PapersStore } from './papers';
import { Preferences } from './preferences';
import { isRecording, recordingAnnouncements, RecordingStore } from './recording';
import { refusalWords } from './refusals';
import { SelfStateStore } from './self-state';
import { SessionClock } from './session-clock';
import { StageStore } from './stage';
import { bestText } from './texts';
import { chime } from '../media/chime';
import type { Config } from './config';
import { LocalMedia } from '../media/local-media';
import { saveReloadState, loadReloadState, type ReloadState } from './reload';
import { viewOf, VisibilityWatcher } from '../media/visibility';
import { readClaims, type Link } from './token';
import { Withdrawal } from './withdrawal';
import { wanted } from '../text/language';
import { listOf, t } from '../text/text';
import { narrow } from './narrow';

export type Screen = 'start' | 'name' | 'check' | 'joining' | 'waiting' | 'session' | 'ended';
export interface WaitingMessage {
  from: 'host' | 'waiting';
  text: string;
  at: number;
}

const version = '1.0';
const sourceNames = { microphone: 'source.microphone', camera: 'source.camera', screen: 'source.screen' } as const;

// How a person joins or rejoins.
interface JoinParams {
  token?: string;
  nonce?: string;
  passcode?: string;
  name: string;
  link: string;
  identity: LinkIdentity | undefined;
}

// 144 random bits in base64url.
function newNonce(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18)))).replaceAll('+', '-').replaceAll('/', '_');
}

// What ends a session here and says nothing to the server: it keeps the seat for a while.
const lost = new Set(['protocol']);

export class Store {
  readonly config: Config;
  readonly announcer = new Announcer();
  readonly visibility = new VisibilityWatcher(async (sight) => {
    if (this.session?.state !== 'admitted') return false;
    return this.session.request('view.set', viewOf(sight)).then(() => true, (error: unknown) => pauseOf(error) ?? false);
  });

  readonly screen = signal<Screen>('start');
  // The device check is finished. Until then no media is sent, and nothing of the group is shown or played.
  readonly ready = signal(false);
  readonly withdrawal = new Withdrawal(
    async () => this.session !== undefined && !await this.attempt('consent.withdraw', {}),
    (late) => (this.notice.value = t(late ? 'consent.withdrawnLate' : 'consent.withdrawn')),
  );
  readonly withheld = this.withdrawal.pending;
  readonly localMedia = new LocalMedia(this);
  readonly microphone = this.localMedia.microphone;
  readonly camera = this.localMedia.camera;
  readonly speaker = this.localMedia.speaker;
  readonly ending = signal<Ending | null>(null);
  readonly seatUntil = signal(0); // how long the server may keep the seat of a session that ended here only
  #seatMs = { waiting: 0, admitted: 0 };
  readonly link = signal<LinkState>('connecting');
  readonly access = signal<Access | null>(null);
  readonly room = signal<EventData<'room.updated'>>({ name: '', locked: false, absenceLock: false, hostAbsent: false, recording: 'off' });
  readonly selfId = signal('');
  readonly role = signal<Role>('participant');
  readonly permissions = signal<readonly string[]>([]);
  readonly roster = signal<readonly Participant[]>([]); // without the recorder
  readonly recorder = signal(false); // the roster contains the recorder
  readonly waiting = signal<readonly Waiter[]>([]);
  readonly barred = signal<readonly Barred[]>([]);
  readonly speakers = signal<readonly string[]>([]);
  readonly map = signal<readonly SlotEntry[]>([]);
  readonly paused = signal<readonly string[]>([]); // publications that do not come because the line has no room
  readonly slots = signal<readonly Slot[]>([]);
  readonly mediaState = signal<RTCPeerConnectionState>('new');
  readonly mediaRefused = signal(''); // the code why no connection for media is made, for good
  readonly thinUplink = signal(false); // own sound takes less, for the way up is thin
  readonly waitingMessages = signal<ReadonlyMap<string, readonly WaitingMessage[]>>(new Map());
  readonly shareRequests = signal<readonly string[]>([]);
  readonly offeredLink = signal<Link | null>(null); // pasted, until the person decides whether to leave for it
  readonly unmuteAsked = signal<'microphone' | 'camera' | null>(null);
  readonly notice = new Notice();
  readonly roleTold = signal(''); // the role of which the person closed the banner
  readonly audioBlocked = signal(false);
  readonly restarting = signal(false); // announced by the server
  readonly reloadWarningClosed = signal(false); // the person closed the warning that a reload loses the seat
  readonly panel = signal(true);
  readonly verifyAsked = signal(false); // by policy: a host verifies everyone before admission
  readonly hostGraceMs = signal(0); // how long a group may go on without a host, 0 without a limit
  readonly helpReplies = signal<ReadonlyMap<string, readonly string[]>>(new Map()); // what hosts answered to calls, by the caller
  readonly denials = new Denials((participantId, message) => void this.act('waiting.deny', { participantId, ...(message ? { message } : {}) }));
  readonly screenForAll = signal(false); // by policy; a host can still revoke it
  readonly selfState = new SelfStateStore();
  readonly encryption = new EncryptionStore();
  readonly recording = new RecordingStore();
  readonly papers = new PapersStore((sentence) => this.#announce(sentence));
  readonly clock = new SessionClock();
  readonly preferences = new Preferences();

  readonly stage = new StageStore({
    roster: this.roster, selfId: this.selfId, sideRoom: computed(() => this.selfState.latest.value.sideRoom),
  });

  readonly self = computed(() => this.roster.value.find(({ id }) => id === this.selfId.value));
  readonly #labels = computed(() => labelsOf([...this.roster.value, ...this.waiting.value.map((waiter) => ({ ...waiter, id: waiter.participantId }))]));
  readonly helpCalls = computed(() => helpCallsOf(this.roster.value, this.waiting.value).map((call) => ({ ...call, name: this.label(call.id, call.name) })));
  // Observers send nothing: neither microphone nor camera is requested.
  readonly observing = computed(() => this.role.value === 'observer');
  readonly hosting = computed(() => this.permissions.value.includes('waiting.manage'));

  readonly attention = new Attention({
    calls: computed(() => (this.hosting.value ? this.helpCalls.value.length : 0)),
    waiting: computed(() => (this.hosting.value ? this.waiting.value.filter(({ connected }) => connected).length : 0)),
    ready: this.ready, chime: (which) => void chime(which, this.speaker),
  });

  readonly inSession = computed(() => this.screen.value === 'session');
  readonly lines = new LinesStore({
    selfId: this.selfId, link: this.link, mediaState: this.mediaState, preferences: this.preferences, inSession: this.inSession,
    announce: (sentence) => this.#announce(sentence),
  });
  readonly aids = new AidsStore({
    preferences: this.preferences, localMedia: this.localMedia, inSession: this.inSession, observing: this.observing,
    handRaised: computed(() => this.self.value?.handRaised ?? false), may: (permission) => this.may(permission),
    setHand: (raised) => void this.act('hand.set', { raised }), announce: (sentence) => this.#announce(sentence),
    notify: (sentence) => (this.notice.value = sentence),
  });

  session: Session | undefined;
  media: Media | undefined;
  readonly #storage = new TabStorage(undefined, () => (this.persistent.value = false));
  readonly persistent = signal(this.#storage.persistent); // storage survives a reload
  #joinParams: JoinParams | undefined;
  #devicesAsked = false; // for both devices
  #loweringHand = false; // the person did so last; else a host lowers it
  #lastRefusal: { type: RequestType; words: string } | undefined; // the request that the notice is about

  constructor(config: Config) {
    this.config = config;
    effect(() => {
      if (this.screen.value !== 'start' && this.#joinParams) saveReloadState(this.#storage, this.#currentReloadState());
    });
    for (const { kind, interrupted, live } of [this.microphone, this.camera]) {
      interrupted.subscribe((now) => !now && live.value && this.screen.value === 'session' && this.#announce(t(kind === 'microphone' ? 'banner.micWorks' : 'banner.cameraWorks')));
    }
    watchNetwork(() => this.session?.networkChanged());
    // Sound only: no picture leaves, and none comes. Whoever turns the camera on wants pictures again.
    effect(() => {
      const soundOnly = this.lines.soundOnly.value;
      this.visibility.setHidden(soundOnly);
      if (soundOnly) untracked(() => this.camera.turnOff());
    });
    this.camera.on.subscribe((on) => on && this.lines.soundOnly.peek() && this.lines.setSoundOnly(false));
    this.speaker.returned.subscribe((times) => {
      if (times > 0 && this.ready.peek()) this.notice.value = t('speaker.back', { name: this.speaker.name.peek() });
    });
    addEventListener('beforeunload', (event) => {
      if (this.hasSeat && !this.persistent.value) event.preventDefault(); // the browser asks first
    });
  }

  may(permission: string): boolean {
    return this.permissions.value.includes(permission);
  }

  // What a host calls a person: by more than the name where several have the same. Everybody else knows the name alone.
  label(id: string, name: string): string {
    return (this.hosting.value && this.#labels.value.get(id)) || name;
  }

  // Joins with a new token; drops the seat of an earlier link in this tab.
  join(token: string, name: string, identity: LinkIdentity): void {
    dropSeat(this.#storage);
    this.withdrawal.clear();
    this.#connect({ token, name, nonce: newNonce(), link: readClaims(token).id, identity });
  }

  // Joins as a host, after the device check.
  enter(token: string, name: string, identity: LinkIdentity): void {
    this.ready.value = true;
    this.join(token, name, identity);
  }

  // Goes on to the waiting room, or to the group if a host has admitted the person meanwhile.
  finishCheck(): void {
    this.ready.value = true;
    const access = this.access.value;
    if (!access) return;
    this.media?.release();
    this.#onAccess(access);
    if (access.state === 'admitted' && isRecording(this.room.value.recording)) this.#onRecordingChanged(this.room.value.recording);
  }

  // Requests the microphone, then the camera, once. Later choices are kept.
  async askDevices(): Promise<void> {
    if (this.#devicesAsked || this.observing.value) return;
    await this.microphone.turnOn();
    if (!['', 'passcode_wrong'].includes(this.ending.value?.code ?? '')) return; // the session ended meanwhile
    this.#devicesAsked = true;
    if (!this.lines.soundOnly.value) await this.camera.turnOn();
    this.localMedia.list();
  }

  // The state saved before a reload, if there is a seat to resume.
  reloadState(): ReloadState | undefined {
    return loadReloadState(this.#storage);
  }

  // Resumes the seat after a reload.
  resume(from: ReloadState): void {
    this.#devicesAsked = from.asked;
    this.ready.value = from.ready;
    if (from.withdrawing) this.withdrawal.resume();
    this.localMedia.choose(from.chosen);
    if (from.asked && from.microphone) void this.microphone.turnOn();
    if (from.asked && from.camera) void this.camera.turnOn();
    this.#connect({ name: from.name, link: from.link, identity: loadIdentity(this.#storage) });
  }

  // Tries again after a refusal that may pass, or with a passcode.
  retry(passcode?: string): void {
    if (this.#joinParams) this.#connect({ ...this.#joinParams, ...(passcode ? { passcode } : {}) });
  }

  // Leaves for good. Devices stop at once, whether or not the server can be reached.
  async leave(aloneMinutes?: number): Promise<void> {
    this.denials.flush();
    this.localMedia.allOff();
    await this.session?.leave(aloneMinutes);
  }

  // Leaves the group to somebody who leads it from then on.
  async handOver(participantId: string): Promise<void> {
    if (await this.act('mod.setRole', { participantId, role: 'cohost' })) await this.leave();
  }

  // Has a seat, or is joining.
  get hasSeat(): boolean {
    return this.session !== undefined && this.screen.value !== 'ended';
  }

  // jti of the link that led here.
  get linkId(): string {
    return this.#joinParams?.link ?? '';
  }

  get passcodeTried(): boolean {
    return this.#joinParams?.passcode !== undefined;
  }

  #connect(opening: JoinParams): void {
    this.#joinParams = opening;
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/rtc`;
    const { token, nonce, passcode, name, identity } = opening;
    if (identity) saveIdentity(this.#storage, identity);
    const session = new Session(browserEnv(url, subprotocol, this.#storage), {
      client: { name: 'alcove-page', version }, ...(token ? { token } : {}), ...(token && nonce ? { nonce } : {}),
      ...(passcode ? { passcode } : {}), ...(name ? { displayName: name } : {}),
    }, identity);
    this.session = session;
    this.media = new Media(session, { held: !this.ready.value });
    this.#subscribe(session, this.media);
    batch(() => {
      this.ending.value = null;
      this.mediaRefused.value = '';
      this.screen.value = 'joining';
    });
    session.connect();
    // A new connection has no tracks yet.
    this.localMedia.sendAll();
  }

  #subscribe(session: Session, media: Media): void {
    this.selfState.subscribe(session);
    this.encryption.subscribe(session);
    this.recording.subscribe(session);
    this.papers.subscribe(session);
    this.clock.subscribe(session);
    this.lines.subscribe(session);
    session.on('helpRaised', ({ participantId }) => this.#onHelpRaised(participantId));
    session.on('helpReplied', (told) => this.#onHelpReplied(told));
    session.on('draining', (told) => this.#onDraining(told));
    session.on('warning', ({ minutes }) => this.#announce(t('time.endsShort', { n: minutes })));
    session.on('link', (link) => this.#onLink(link));
    session.on('welcome', ({ participantId, role, policy, resumeMs, waitingResumeMs }) => {
      this.screenForAll.value = policy.screenForAll ?? false;
      this.verifyAsked.value = policy.verify ?? false;
      this.hostGraceMs.value = policy.hostGraceMs ?? 0;
      this.#seatMs = { waiting: waitingResumeMs ?? resumeMs, admitted: resumeMs };
      this.selfId.value = participantId;
      this.role.value = role;
      this.restarting.value = false; // who still restarts says so again
    });
    session.on('permissions', (permissions) => this.#onPermissions(permissions));
    session.on('access', (access) => this.#onAccess(access));
    session.on('room', (room) => this.#onRoom(room));
    session.on('roster', (roster) => this.#onRoster(roster));
    session.on('joined', ({ id, displayName, role }) => id !== this.selfId.value && role !== 'recorder' && this.#announce(t('people.joined', { name: displayName })));
    session.on('quality', (told) => this.#onQuality(told));
    session.on('mediaFailed', (told) => this.#onMediaFailed(told));
    session.on('left', ({ participantId }) => this.#onLeft(participantId));
    session.on('waiting', (waiting) => this.#onWaitingList(waiting));
    session.on('barred', (barred) => (this.barred.value = barred));
    session.on('speakers', (speakers) => batch(() => {
      this.speakers.value = speakers;
      this.stage.onSpeakers(speakers);
    }));
    session.on('slotMap', (map) => this.#onSlotMap(map));
    session.on('slotsPaused', (paused) => (this.paused.value = paused.map(({ publicationId }) => publicationId)));
    session.on('waitingMessage', ({ from, participantId, text }) => this.#onWaitingMessage(participantId, { from, text, at: Date.now() }));
    session.on('permissionAsked', ({ participantId }) => this.#onShareRequest(participantId));
    session.on('unmuteAsked', ({ source }) => source !== 'screen' && (this.unmuteAsked.value = source));
    session.on('ended', (ending) => this.#onEnded(ending));
    media.on('thinUplink', (thin) => (this.thinUplink.value = thin));
    media.on('slots', (slots) => (this.slots.value = slots));
    media.on('refused', (code) => {
      this.mediaRefused.value = code;
      this.localMedia.allOff(); // nobody would see or hear it
    });
    media.on('state', (state) => {
      this.mediaState.value = state;
      if (state !== 'connected') return;
      this.mediaRefused.value = '';
      this.localMedia.publishAll();
    });
  }

  #onLink(link: LinkState): void {
    this.link.value = link;
    if (link === 'open') void this.withdrawal.attempt();
  }

  // What a connection got no keys for: nobody's fault for one that ended or took too long, for that one comes again.
  #onMediaFailed({ participantId, code }: EventData<'media.failed'>): void {
    if (code === 'timeout' || code === 'closed' || participantId === this.selfId.value) return; // a banner tells oneself
    const name = this.roster.value.find((person) => person.id === participantId)?.displayName ?? t('people.somebody');
    this.notice.value = t('notice.notConnected', { name });
  }

  // Hosts are told of a source that sends more than the server takes: of a fault, or of one who means harm.
  #onQuality({ participantId, source, withheld, taken }: EventData<'quality'>): void {
    const own = participantId === this.selfId.value;
    const name = this.roster.value.find(({ id }) => id === participantId)?.displayName ?? t('people.somebody');
    const what = t(sourceNames[source]);
    if (taken) this.notice.value = own ? t('notice.ownTooMuchTaken', { what }) : t('notice.tooMuchTaken', { what, name });
    else if (withheld) this.notice.value = own ? t('notice.ownTooMuchMuted', { what }) : t('notice.tooMuchMuted', { what, name });
    else this.notice.value = own ? t('notice.ownTooMuch', { what }) : t('notice.tooMuch', { what, name });
  }

  // Before the device check is finished, nothing of the group is announced.
  #announce(sentence: string): void {
    if (this.ready.value) this.announcer.announce(sentence);
  }

  #onSlotMap(map: readonly SlotEntry[]): void {
    this.map.value = map;
    this.visibility.setSlots(map.filter(({ kind }) => kind !== 'audio').map(({ publicationId }) => publicationId));
  }

  #onPermissions(permissions: readonly string[]): void {
    const before = this.permissions.value;
    this.permissions.value = permissions;
    if (this.session?.state === 'admitted' && before.length > 0) this.#onSourcesChanged(before, permissions);
    // A revoked grant also stops sharing locally.
    if (!permissions.includes('publish.screen')) this.localMedia.stopScreen();
  }

  // A host revoked or granted the microphone or camera, directly or by a role. A revoked device is released locally too.
  #onSourcesChanged(before: readonly string[], now: readonly string[]): void {
    const sources = ['microphone', 'camera'] as const;
    const gained = sources.filter((source) => now.includes(`publish.${source}`) && !before.includes(`publish.${source}`));
    const lost = sources.filter((source) => before.includes(`publish.${source}`) && !now.includes(`publish.${source}`));
    for (const source of lost) this[source].turnOff();
    const granted = (list: typeof gained): boolean => list.every((source) => this.permissions.value.includes(`publish.${source}`));
    if (gained.length > 0) this.notice.show(t('notice.given', { what: listOf(gained.map((source) => t(sourceNames[source]))) }),
      () => !granted(gained) || gained.every((source) => this[source].on.value));
    if (lost.length > 0) this.notice.show(t('notice.taken', { what: listOf(lost.map((source) => t(sourceNames[source]))) }),
      () => granted(lost));
  }

  #onAccess(access: Access): void {
    batch(() => {
      if (this.access.value && this.access.value.state !== access.state) this.#resetTransient();
      this.access.value = access;
      this.screen.value = !this.ready.value ? 'check' : access.state === 'admitted' ? 'session' : 'waiting';
      if (access.state === 'waiting') {
        this.localMedia.stopScreen();
        this.unmuteAsked.value = null;
      }
    });
    if (access.state !== 'admitted') return this.announcer.clear();
    this.visibility.reportAgain();
    this.localMedia.publishAll();
  }

  // What was said, asked and chosen belongs to the group, or the waiting room, that the person was in.
  #resetTransient(): void {
    this.notice.value = '';
    this.unmuteAsked.value = null;
    this.shareRequests.value = [];
    this.recording.fault.value = '';
    this.clock.warningMinutes.value = null;
    this.stage.reset();
  }

  #onEnded(ending: Ending): void {
    this.withdrawal.suspend();
    batch(() => {
      if (this.withdrawal.pending.value) this.selfState.leftWithConsent.value = true;
      if (ending.code !== 'passcode_wrong') this.localMedia.allOff(); // which is asked at once, and devices stay as they were set
      this.announcer.clear();
      this.#resetTransient();
      this.ending.value = ending;
      this.seatUntil.value = lost.has(ending.code) && this.reloadState() ? Date.now() + this.#seatMs[this.access.value?.state ?? 'waiting'] : 0;
      this.screen.value = 'ended';
      this.roster.value = [];
      this.waiting.value = [];
      this.barred.value = [];
      this.recorder.value = false;
      this.room.value = { ...this.room.value, recording: 'off' };
      this.waitingMessages.value = new Map();
      this.helpReplies.value = new Map();
      this.denials.onWaiting([]);
    });
  }

  #onRoom(room: EventData<'room.updated'>): void {
    const before = this.room.value;
    this.room.value = room;
    if (before.name && before.locked !== room.locked) {
      this.#announce(t(room.locked ? 'session.nowLocked' : 'session.nowOpen'));
    }
    if (before.recording !== room.recording && (isRecording(before.recording) || isRecording(room.recording))) this.#onRecordingChanged(room.recording, before.recording);
  }

  // Shown, announced and chimed.
  #onRecordingChanged(now: string, before = 'off'): void {
    if (isRecording(now)) this.recording.fault.value = '';
    this.#announce(t(recordingAnnouncements[now as keyof typeof recordingAnnouncements] ?? recordingAnnouncements.off));
    if (this.ready.value && isRecording(now) !== isRecording(before)) void chime(isRecording(now) ? 'begin' : 'end', this.speaker);
  }

  #onRoster(all: readonly Participant[]): void {
    const before = this.roster.value;
    const roster = all.filter(({ role }) => role !== 'recorder');
    this.recorder.value = all.length > roster.length;
    batch(() => {
      this.roster.value = roster;
      this.stage.onRoster(roster);
    });
    for (const person of roster) {
      const then = before.find(({ id }) => id === person.id);
      if (person.id === this.selfId.value) {
        this.role.value = person.role;
        this.#applyHostMute(then, person);
        if (then?.handRaised && !person.handRaised && !this.#loweringHand) this.notice.show(t('hands.lowered'), () => this.self.value?.handRaised ?? true);
      }
      else if (then && person.handRaised && !then.handRaised) this.#announce(t('people.raised', { name: person.displayName }));
    }
    this.#forgetReplies();
    this.shareRequests.value = this.shareRequests.value.filter((id) => roster.some((p) => p.id === id && !p.grants.includes('screen')));
  }

  // A host muted the person: the device is released too, and only the person turns it on again.
  #applyHostMute(then: Participant | undefined, now: Participant): void {
    for (const source of ['microphone', 'camera', 'screen'] as const) {
      const was = then?.publications.find((p) => p.source === source);
      const is = now.publications.find((p) => p.source === source);
      if (!was || was.muted || !is?.muted || this.localMedia.isSetting(source)) continue;
      if (source !== 'screen' && this[source].interrupted.value) continue; // reported by this page
      if (source === 'screen') this.localMedia.stopScreen();
      else if (this[source].track.value) {
        this[source].turnOff();
        this.notice.show(t(source === 'microphone' ? 'notice.micMuted' : 'notice.cameraMuted'), () => this[source].on.value);
      }
    }
  }

  #onDraining({ draining, stopsAt }: EventData<'server.draining'>): void {
    if (this.restarting.value === draining) return;
    this.restarting.value = draining;
    const seconds = Math.round(((stopsAt ?? 0) - (this.session?.serverAheadMs ?? 0) - Date.now()) / 1000);
    if (!draining) this.#announce(t('session.noRestart'));
    else this.#announce(seconds > 90 ? t('session.restarts', { n: Math.ceil(seconds / 60) }) : t('session.restartsSoon'));
  }

  // Opens the panel, so that a call for help is not missed. On phones it stands above the picture.
  #onHelpRaised(id: string): void {
    if (!narrow.peek()) this.panel.value = true;
    const person = this.roster.value.find((other) => other.id === id);
    if (person) this.#announce(`${t('help.asks', { name: this.label(id, person.displayName) })}. ${t('help.onlyYou')}.`);
  }

  #onHelpReplied({ participantId, text }: EventData<'help.replied'>): void {
    const replies = new Map(this.helpReplies.value);
    replies.set(participantId, [...(replies.get(participantId) ?? []), text]);
    this.helpReplies.value = replies;
    if (participantId === this.selfId.value) this.#announce(t('help.repliedWords', { text }));
  }

  // Answers go with the calls that they answer.
  #forgetReplies(): void {
    const calls = [...this.helpCalls.value.map(({ id }) => id), ...(this.selfState.latest.value.helpRaised ? [this.selfId.value] : [])];
    const kept = [...this.helpReplies.value].filter(([id]) => calls.includes(id));
    if (kept.length < this.helpReplies.value.size) this.helpReplies.value = new Map(kept);
  }

  #onLeft(id: string): void {
    const name = this.roster.value.find((person) => person.id === id)?.displayName;
    if (name) this.#announce(t('people.left', { name }));
  }

  #onWaitingList(waiting: readonly Waiter[]): void {
    for (const { participantId, displayName } of waiting) {
      const known = this.waiting.value.some((waiter) => waiter.participantId === participantId);
      if (!known) this.#announce(t('people.waits', { name: displayName }));
    }
    this.waiting.value = waiting;
    this.denials.onWaiting(waiting.map(({ participantId }) => participantId));
    this.#forgetReplies();
  }

  #onWaitingMessage(participantId: string, message: WaitingMessage): void {
    const messages = new Map(this.waitingMessages.value);
    messages.set(participantId, [...(messages.get(participantId) ?? []), message]);
    this.waitingMessages.value = messages;
    const waiter = this.waiting.value.find((other) => other.participantId === participantId);
    if (message.from === 'waiting' && waiter) this.#announce(t('people.wrote', { name: waiter.displayName }));
  }

  #onShareRequest(id: string): void {
    if (!this.shareRequests.value.includes(id)) this.shareRequests.value = [...this.shareRequests.value, id];
    const name = this.roster.value.find((person) => person.id === id)?.displayName;
    if (name) this.#announce(t('people.asksShare', { name }));
  }

  async share(): Promise<void> {
    if (this.localMedia.screen.value) return this.localMedia.stopScreen();
    if (!this.may('publish.screen')) {
      const asked = await this.act('permission.ask', { permission: 'screen' });
      if (asked) this.notice.show(t('notice.askedShare'), () => this.permissions.value.includes('publish.screen'));
      return;
    }
    await this.localMedia.pickScreen();
  }

  #currentReloadState(): ReloadState {
    return {
      name: this.#joinParams?.name ?? '', microphone: this.microphone.on.value, camera: this.camera.on.value,
      chosen: this.localMedia.chosen(), asked: this.#devicesAsked, ready: this.ready.value, link: this.#joinParams?.link ?? '',
      withdrawing: this.withdrawal.pending.value,
    };
  }

  // ---- acts ----

  // Sends a request. A refusal is shown as a notice.
  async act<T extends RequestType>(type: T, data: RequestData<T>): Promise<AnswerData<T> | undefined> {
    try {
      const answer = await this.session?.request(type, data);
      // Clears the notice of an earlier refusal of the same request; other notices stay.
      if (this.#lastRefusal?.type === type && this.#lastRefusal.words === this.notice.value) this.notice.value = '';
      return answer;
    } catch (error) {
      const words = refusalWords(error instanceof RequestError ? error : undefined);
      this.#lastRefusal = { type, words };
      this.notice.value = words;
      return undefined;
    }
  }

  // Sends a request, and returns its refusal to the caller.
  async attempt<T extends RequestType>(type: T, data: RequestData<T>, timeoutMs?: number): Promise<RequestError | undefined> {
    try {
      await this.session?.request(type, data, timeoutMs);
      return undefined;
    } catch (error) {
      return error instanceof RequestError ? error : new RequestError({ code: 'closed', message: '', retryable: true });
    }
  }

  textOf(texts: readonly AgreedText[]): AgreedText | undefined {
    return bestText(texts, wanted());
  }

  // Answers all open consents in one go, so that no grant follows a withdrawal made in between. The answer names the text that was shown.
  async answerConsent(decision: 'granted' | 'refused'): Promise<void> {
    const asked = this.selfState.openConsents.value;
    this.selfState.answeringAgain.value = false;
    await Promise.all(asked.map(({ scope, texts }) => {
      const text = this.textOf(texts);
      return text && this.act('consent.respond', { scope, textHash: text.textHash, decision });
    }));
  }

  async setHand(raised: boolean): Promise<void> {
    this.#loweringHand = !raised;
    await this.act('hand.set', { raised });
  }

  async withdraw(): Promise<void> {
    await this.withdrawal.begin();
    if (this.withdrawal.delayed.value) this.localMedia.allOff();
  }

  // Again, if the call stands: therapists hear it again.
  async callHelp(): Promise<void> {
    if (await this.act('help.signal', {})) this.#announce(`${t('help.called')} ${t('help.calledText')}`);
  }

  async takeHelpBack(): Promise<void> {
    if (await this.act('help.withdraw', {})) this.#announce(t('help.takenBack'));
  }

  extend(): void {
    void this.act('room.extend', { minutes: 15 });
  }

  dismissShareRequest(id: string): void {
    this.shareRequests.value = this.shareRequests.value.filter((other) => other !== id);
  }
}
