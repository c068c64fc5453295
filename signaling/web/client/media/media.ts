// The one RTCPeerConnection of a seat: local tracks out, slots in. The client offers, the server answers; participants join and leave
// slots without renegotiation.
//
//   media.ready ─► offer ─► answer ─► slots          (same connection: more slots)
//   disconnected or failed, nothing received (PathWatch), another network ─► an ICE restart of the same connection, as soon as
//                                                                            signaling works
//   the server answered that, and it does not help ─► a new connection, generation + 1
//   never connected, and failed ─► the same
//   not connected in time ─► the same, the other way (Route)
//   an offer that the browser throws at, or the server can make nothing of ─► a new connection, at once
//   offers refused for now ─► the same, later
//   connected, and media that should flow does not (Health) ─► a new connection
//   an offer refused for good, of a new connection too, or DTLS that cannot be ─► none, and the page is told why
//   encrypted end to end (e2ee/frames_handle.ts): every line has a transform before it is negotiated
//   the frames worker is lost ─► closed at once, and a new connection when there is another worker

import { Emitter } from '../emitter';
import { RequestError } from '../errors';
import { adjustEncodings, encodingsOf, encodingCountFor } from './encodings';
import { Health, sampleOf, type Expected } from './health';
import {
  finalRefusals, offerAttempts, offerLaterMs, offerRetryMs, pathIntervalMs, renewFirstMs, renewMaxMs, restartGraceMs, sendAllMs, soundBits, statsIntervalMs, thinSoundBits,
} from '../params';
import { Uplink, uplinkEstimate } from './uplink';
import type { Encoding, MediaReady, SlotEntry, SlotKind, SlotMid, Source } from '../wire/protocol';
import { codecsFor, offerSoundRepeats, requestConstantBitRate, removeDependencyDescriptor } from './sdp';
import { PathWatch, receivedBytes } from './path';
import { Route } from './route';
import type { Session } from '../session';

export interface Slot {
  kind: SlotKind;
  index: number;
  track: MediaStreamTrack;
  receiver: RTCRtpReceiver;
}
interface Events {
  slots: readonly Slot[];
  state: RTCPeerConnectionState;
  thinUplink: boolean; // sound takes less, for the way up is thin
  refused: string; // the code of media.offer or media.failed: no connection of this browser will be taken
}

const sources: readonly Source[] = ['microphone', 'camera', 'screen'];

export class Media extends Emitter<Events> {
  readonly #session: Session;
  readonly #tracks = new Map<Source, MediaStreamTrack>();
  readonly #senders = new Map<Source, RTCRtpTransceiver>();
  readonly #wanted = new Map<Source, readonly string[]>();
  readonly #encodingCounts = new Map<Source, number>(); // how many encodings were last made of it
  readonly #sendingAll = new Map<Source, ReturnType<typeof setTimeout>>(); // all are sent, whatever is wanted
  readonly #unsubscribe: (() => void)[];
  readonly #route = new Route();
  readonly #health = new Health();
  readonly #path = new PathWatch();
  #uplink = new Uplink();
  #pc: RTCPeerConnection | undefined;
  #everConnected = false; // this connection was connected once
  #generation = 0;
  #counts = { pairs: 0, screens: 0 };
  #ready: MediaReady | undefined;
  #deferring: boolean;
  #deferredReady: MediaReady | undefined; // the media.ready to answer once offers are allowed
  #unsealedReady: MediaReady | undefined; // the media.ready to answer once there is a frames worker
  #signalingOpen = true;
  #encrypted = false; // the room says so; never taken back
  #welcomed = false; // a welcome arrived after the last media.ready
  #refused: string | undefined; // the code: nothing more is offered
  #refusals = 0; // in a row, of new connections, that another offer does not change
  #mids: readonly SlotMid[] = []; // of the slots, from the last answer
  #slotMap: readonly SlotEntry[] = []; // from the last slot.map
  #recoveryTimer: ReturnType<typeof setTimeout> | undefined;
  #statsTimer: ReturnType<typeof setTimeout> | undefined;
  #sampledAt = 0;
  // Of the ICE restart of this connection: whether one is needed, offered, and answered by the server. None once it is connected again.
  #restart: 'none' | 'wanted' | 'offered' | 'answered' = 'none';
  #slots: readonly Slot[] = [];
  #pathTimer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0; // when media was last played, in the browser's words
  #renewAt = 0; // earliest time of the next renewal for bad statistics
  #renewPause = renewFirstMs;
  #retryTimer: ReturnType<typeof setTimeout> | undefined; // retries after too many refused offers
  // Negotiations run one at a time, however often the server or the network asks for one.
  #work: Promise<void> = Promise.resolve();

  // held: no offer is sent before release, so a person can be admitted without sending or receiving yet.
  constructor(session: Session, { held = false } = {}) {
    super();
    this.#deferring = held;
    this.#session = session;
    this.#unsubscribe = [
      session.on('welcome', ({ policy }) => {
        this.#welcomed = true;
        this.#encrypted ||= policy.e2ee === 'required';
      }),
      session.on('mediaReady', (ready) => {
        const first = this.#welcomed;
        this.#welcomed = false;
        if (this.#deferring) this.#deferredReady = ready;
        else this.#queue(() => this.#negotiate(ready, first));
      }),
      session.on('encodingsWanted', ({ source, rids }) => {
        this.#wanted.set(source, rids);
        this.#queue(() => this.#adjust(source));
      }),
      session.on('slotMap', (map) => (this.#slotMap = map)),
      session.on('mediaFailed', ({ participantId, code }) => participantId === session.participantId && this.#onHandshakeRefused(code)),
      session.on('roster', () => this.#queue(() => this.#addMissingSenders())),
      session.on('access', ({ state }) => state !== 'admitted' && this.close()),
      session.on('ended', () => this.dispose()),
      session.on('networkChanged', () => this.#onNetworkChanged()),
      session.frames.on('state', () => this.#onFrames()),
      session.on('link', (link) => {
        this.#signalingOpen = link === 'open';
        this.#supervise();
      }),
    ];
  }

  get connection(): RTCPeerConnection | undefined {
    return this.#pc;
  }

  release(): void {
    const ready = this.#deferredReady;
    this.#deferring = false;
    this.#deferredReady = undefined;
    if (ready) this.#queue(() => this.#negotiate(ready, true));
  }

  // Sets the track of a source. null sends nothing at all, not even black frames or silence.
  async setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    if (track) this.#tracks.set(source, track);
    else this.#tracks.delete(source);
    await this.#senders.get(source)?.sender.replaceTrack(track);
    this.refit(source);
  }

  // The track's resolution may have changed: the device was rotated or replaced.
  refit(source: Source): void {
    if (this.#senders.has(source)) this.#queue(() => this.#adjust(source));
  }

  // Ends the connection; the next media.ready makes a new one.
  close(): void {
    clearTimeout(this.#recoveryTimer);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#statsTimer);
    clearTimeout(this.#pathTimer);
    [this.#statsTimer, this.#pathTimer] = [undefined, undefined];
    this.#health.reset();
    this.#path.reset();
    const { thin } = this.#uplink;
    this.#uplink = new Uplink();
    if (thin) this.emit('thinUplink', false);
    const pc = this.#pc;
    this.#pc = undefined;
    [this.#mids, this.#slots] = [[], []];
    this.#ready = undefined;
    [this.#deferredReady, this.#unsealedReady] = [undefined, undefined];
    this.#senders.clear();
    this.#wanted.clear();
    this.#encodingCounts.clear();
    for (const timer of this.#sendingAll.values()) clearTimeout(timer);
    this.#sendingAll.clear();
    this.#counts = { pairs: 0, screens: 0 };
    if (!pc) return;
    pc.onconnectionstatechange = null;
    pc.close();
    this.emit('slots', []);
    this.emit('state', 'closed');
  }

  dispose(): void {
    this.close();
    for (const stop of this.#unsubscribe) stop();
  }

  #queue(work: () => Promise<void>): void {
    // Errors of the browser are reported as a failed connection, so that the person is not left waiting.
    this.#work = this.#work.then(work).catch(() => this.emit('state', 'failed'));
  }

  // The first media.ready after a welcome names the connection that the server holds, which differs from ours after a restart. A later one
  // may have been sent before the server saw ours.
  async #negotiate(ready: MediaReady, first: boolean): Promise<void> {
    clearTimeout(this.#retryTimer);
    // Another server may answer now, but what this browser speaks is the same.
    if (first && this.#refused !== 'codec_unsupported') [this.#refused, this.#refusals] = [undefined, 0];
    // Removed from the group while this was queued, or refused for good.
    if (this.#session.state !== 'admitted' || this.#refused || !this.#sealable(ready)) return;
    [this.#ready, this.#unsealedReady] = [ready, undefined];
    const pc = this.#pc;
    const known = first ? ready.generation === this.#generation : ready.generation <= this.#generation;
    // Signaling and media lost together mean another network.
    if (first && pc?.connectionState === 'disconnected') this.#needRestart();
    const broken = pc?.connectionState === 'failed' && this.#restart === 'none';
    // A restart that signaling lost is offered anew.
    const offerable = pc?.signalingState === 'stable' || this.#restart === 'wanted';
    const usable = pc !== undefined && offerable && !broken && known && !this.#lacksSenders;
    const enough = ready.slots.pairs <= this.#counts.pairs && ready.slots.screens <= this.#counts.screens;
    if (usable && enough && this.#restart !== 'wanted') return this.#supervise();
    let same = usable; // a working connection is kept; only a stale one is replaced
    for (let attempt = 1; this.#ready === ready && attempt <= offerAttempts; attempt += 1) {
      const next = await this.#attempt(ready, same);
      if (!next) return;
      same = next.same;
      if (next.wait > 0) await new Promise((done) => setTimeout(done, next.wait * attempt));
    }
    if (this.#ready !== ready) return;
    if (!same) this.emit('state', 'failed');
    this.#retryTimer = setTimeout(() => this.#queue(() => this.#negotiate(ready, false)), offerLaterMs);
  }

  // Nothing is offered that could be sent in clear.
  #sealable(ready: MediaReady): boolean {
    const { state } = this.#session.frames;
    if (state === 'unsupported' || state === 'failed') this.#refuse(`e2ee_${state}`);
    if (state === 'ready' || state === 'off' && !this.#encrypted) return true;
    this.#unsealedReady = ready;
    return false;
  }

  #onFrames(): void {
    const { state } = this.#session.frames;
    const ready = this.#ready ?? this.#unsealedReady;
    if (state === 'off' || !ready) return;
    // It has transforms of a worker that is gone, or none.
    if (this.#pc) this.close();
    this.#unsealedReady = ready;
    if (state !== 'lost') this.#queue(() => this.#negotiate(ready, false));
  }

  // Returns how long to wait before another attempt, and whether by the same connection, or undefined when none is needed or none would
  // help.
  async #attempt(ready: MediaReady, same: boolean): Promise<{ wait: number; same: boolean } | undefined> {
    try {
      if (!same) this.#renew(ready);
      await this.#offer(ready);
      this.#refusals = 0;
      return undefined;
    } catch (error) {
      const refusal = error instanceof RequestError ? error : undefined;
      if (refusal && this.#final(refusal, same)) {
        this.#refuse(refusal.code);
        return undefined;
      }
      // After a reconnect the server sends media.ready again.
      if (refusal?.code === 'closed' || refusal?.code === 'not_admitted') return undefined;
      if (refusal?.retryable) return { wait: refusal.retryAfterMs ?? offerRetryMs, same };
      // The same offer would be refused again; a new connection may be accepted.
      const stale = refusal?.code === 'stale_generation';
      return { wait: same || stale ? 0 : offerRetryMs, same: false };
    }
  }

  // No other offer of this browser will be taken: its codecs stay what they are, and a new connection has nothing that the next would not
  // have, too.
  #final({ code, retryable }: RequestError, same: boolean): boolean {
    if (code === 'codec_unsupported') return true;
    if (same || retryable || code === 'stale_generation' || code === 'not_admitted') return false;
    this.#refusals += 1;
    return this.#refusals >= finalRefusals;
  }

  // The server could agree on no keys with this browser. A connection that ended or took too long may come about the next time.
  #onHandshakeRefused(code: string): void {
    const passing = code === 'timeout' || code === 'closed';
    if (!passing && this.#pc?.connectionState !== 'connected') this.#refuse(code);
  }

  #refuse(code: string): void {
    this.#refused = code;
    this.close();
    this.emit('refused', code);
  }

  #renew(ready: MediaReady): void {
    this.close();
    this.#ready = ready;
    this.#generation = Math.max(this.#generation, ready.generation) + 1;
    const pc = new RTCPeerConnection({ ...this.#route.configuration(ready.iceServers), bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
    this.#pc = pc;
    [this.#everConnected, this.#restart] = [false, 'none'];
    pc.onconnectionstatechange = () => {
      if (this.#pc !== pc) return;
      this.emit('state', pc.connectionState);
      this.#supervise();
    };
    if (this.#lacksSenders) this.#addSenders(pc, ready);
  }

  // Observers have no senders, until a host changes their role.
  get #lacksSenders(): boolean {
    return this.#session.role !== 'observer' && this.#senders.size === 0;
  }

  // A former observer needs a new connection: Chromium adds no simulcast sender to one that had none.
  async #addMissingSenders(): Promise<void> {
    if (this.#pc && this.#ready && this.#lacksSenders) await this.#negotiate(this.#ready, false);
  }

  #addSenders(pc: RTCPeerConnection, ready: MediaReady): void {
    const person = new MediaStream();
    const display = new MediaStream();
    for (const source of sources) {
      const kind = source === 'microphone' ? 'audio' : 'video';
      const transceiver = pc.addTransceiver(kind, {
        direction: 'sendonly',
        streams: [source === 'screen' ? display : person],
        sendEncodings: encodingsOf(source, ready),
      });
      if (this.#session.frames.state !== 'off') this.#session.frames.seal(transceiver.sender, source);
      transceiver.setCodecPreferences(codecsFor(kind));
      this.#senders.set(source, transceiver);
    }
  }

  async #offer(ready: MediaReady): Promise<void> {
    const pc = this.#pc;
    if (!pc) return;
    this.#addSlots(pc, ready.slots);
    for (const [source, transceiver] of this.#senders) {
      await transceiver.sender.replaceTrack(this.#tracks.get(source) ?? null);
    }
    if (this.#restart === 'wanted') {
      pc.restartIce();
      this.#restart = 'offered';
    }
    await pc.setLocalDescription();
    const tracks = [...this.#senders].map(([source, { mid }]) => ({ mid: mid ?? '', source }));
    const sdp = removeDependencyDescriptor(offerSoundRepeats(requestConstantBitRate(pc.localDescription?.sdp ?? '')));
    const offer = { generation: this.#generation, sdp, tracks };
    const answer = await this.#session.request('media.offer', offer).catch((error: unknown) => {
      if (this.#pc === pc && this.#restart === 'offered') this.#restart = 'wanted';
      throw error;
    });
    if (this.#pc !== pc) return;
    const restarted = this.#restart === 'offered';
    if (restarted) this.#restart = 'answered';
    await pc.setRemoteDescription({ type: 'answer', sdp: requestConstantBitRate(answer.sdp) });
    // Where the browser had not noticed the loss, no state changes.
    if (restarted && pc.connectionState === 'connected') this.#restart = 'none';
    [this.#mids, this.#slots] = [answer.slots, slotsOf(pc, answer.slots)];
    this.emit('slots', this.#slots);
    for (const source of this.#senders.keys()) await this.#adjust(source);
    this.#supervise();
  }

  async #adjust(source: Source): Promise<void> {
    const sender = this.#senders.get(source)?.sender;
    const ready = this.#ready;
    if (!sender || !ready) return;
    const parameters = sender.getParameters();
    if (!parameters.encodings?.length) return;
    const { encodings } = parameters;
    const fit = encodingCountFor(encodings.length, sender.track?.getSettings());
    this.#onEncodingCount(source, fit);
    const wanted = this.#sendingAll.has(source) ? undefined : this.#wanted.get(source);
    const told = encodingsOf(source, ready).map((one) => source === 'microphone' ? this.#soundLimit(one) : one);
    parameters.encodings = adjustEncodings(encodings, told, wanted, fit);
    await sender.setParameters(parameters).catch(() => undefined);
  }

  #soundLimit({ maxBitrate = soundBits, ...rest }: Encoding): Encoding {
    return { ...rest, maxBitrate: this.#uplink.thin ? Math.min(maxBitrate, thinSoundBits) : maxBitrate };
  }

  #onUplink(): void {
    this.emit('thinUplink', this.#uplink.thin);
    this.#queue(() => this.#adjust('microphone'));
  }

  #onEncodingCount(source: Source, fit: number): void {
    const before = this.#encodingCounts.get(source) ?? fit;
    this.#encodingCounts.set(source, fit);
    if (fit <= before) return;
    clearTimeout(this.#sendingAll.get(source));
    this.#sendingAll.set(source, setTimeout(() => {
      this.#sendingAll.delete(source);
      this.refit(source);
    }, sendAllMs));
  }

  #addSlots(pc: RTCPeerConnection, wanted: MediaReady['slots']): void {
    const add = (kind: 'audio' | 'video') => {
      const transceiver = pc.addTransceiver(kind, { direction: 'recvonly' });
      if (this.#session.frames.state !== 'off') this.#session.frames.open(transceiver.receiver, kind);
      transceiver.setCodecPreferences(codecsFor(kind));
    };
    for (; this.#counts.pairs < wanted.pairs; this.#counts.pairs += 1) {
      add('audio');
      add('video');
    }
    for (; this.#counts.screens < wanted.screens; this.#counts.screens += 1) add('video');
  }

  // Without signaling nothing can be offered. Once it is back, a connection that does not recover is replaced.
  #supervise(): void {
    clearTimeout(this.#recoveryTimer);
    const pc = this.#pc;
    if (!pc || !this.#signalingOpen) return;
    const state = pc.connectionState;
    if (state === 'connected') {
      this.#everConnected = true;
      if (this.#restart === 'answered') this.#restart = 'none';
    }
    this.#statsTimer ??= setTimeout(() => void this.#checkHealth(pc), statsIntervalMs);
    this.#pathTimer ??= setTimeout(() => void this.#checkPath(pc), pathIntervalMs);
    const lost = state === 'disconnected' || state === 'failed';
    if (!this.#everConnected) {
      const patience = this.#route.timeoutMs(this.#ready?.iceServers ?? []);
      if (state === 'failed') this.#replace(pc);
      else if (patience) this.#recoveryTimer = setTimeout(() => this.#replace(pc), patience);
    } else if (lost && this.#restart === 'answered') this.#recoveryTimer = setTimeout(() => this.#replace(pc), restartGraceMs);
    else if (lost) this.#offerRestart();
  }

  // An ICE restart finds a new path and keeps the connection, its streams and its keys (RFC 8445, section 2.4).
  #needRestart(): void {
    if (this.#everConnected && this.#restart === 'none') this.#restart = 'wanted';
  }

  #offerRestart(): void {
    this.#needRestart();
    if (this.#restart !== 'wanted' || !this.#signalingOpen) return;
    this.#queue(async () => {
      if (this.#ready && this.#restart === 'wanted') await this.#negotiate(this.#ready, false);
    });
  }

  // Signaling begins anew at the same time, and brings a media.ready.
  #onNetworkChanged(): void {
    this.#path.reset();
    if (this.#everConnected) this.#offerRestart();
    else this.close(); // what it found belongs to the network of before
  }

  // Looks whether anything comes: first at what is played, which costs little, and at the statistics only where that is nothing.
  async #checkPath(pc: RTCPeerConnection): Promise<void> {
    const heardAt = Math.max(0, ...this.#slots.map(({ receiver }) => receiver.getSynchronizationSources()[0]?.timestamp ?? 0));
    const stats = heardAt > this.#heardAt ? undefined : await pc.getStats().catch(() => undefined);
    if (this.#pc !== pc) return;
    this.#heardAt = heardAt;
    this.#pathTimer = setTimeout(() => void this.#checkPath(pc), pathIntervalMs);
    if (!stats || !this.#everConnected) return this.#path.reset();
    if (!this.#path.observe(performance.now(), receivedBytes(stats))) return;
    this.#session.probe();
    this.#offerRestart();
  }

  async #checkHealth(pc: RTCPeerConnection): Promise<void> {
    const stats = await pc.getStats().catch(() => undefined);
    if (this.#pc !== pc) return;
    this.#statsTimer = setTimeout(() => void this.#checkHealth(pc), statsIntervalMs);
    const now = performance.now();
    const slept = now - this.#sampledAt > 3 * statsIntervalMs;
    this.#sampledAt = now;
    // Judge only a stable connection, and only while another could be offered.
    if (!stats || slept || pc.connectionState !== 'connected' || pc.signalingState !== 'stable' || !this.#signalingOpen) return this.#health.reset();
    if (this.#uplink.observe(uplinkEstimate(stats))) this.#onUplink();
    const fault = this.#health.observe(sampleOf(stats), this.#expected());
    if (this.#health.healthy) this.#renewPause = renewFirstMs;
    if (!fault || now < this.#renewAt) return;
    this.#renewAt = now + this.#renewPause;
    this.#renewPause = Math.min(2 * this.#renewPause, renewMaxMs);
    this.emit('state', 'failed');
    this.#queue(async () => {
      const ready = this.#ready;
      if (!ready || this.#pc !== pc) return;
      this.close();
      await this.#negotiate(ready, false);
    });
  }

  // The media that should flow, by the last events of the server.
  #expected(): Expected {
    const { roster, participantId } = this.#session;
    const own = roster.find(({ id }) => id === participantId)?.publications ?? [];
    const slots = this.#slotMap.map(({ kind, index }) => ({
      kind, mid: this.#mids.find((slot) => slot.kind === kind && slot.index === index)?.mid,
    }));
    const sends = sources.flatMap((source) => {
      const track = this.#tracks.get(source);
      const mid = this.#senders.get(source)?.mid;
      const live = track?.readyState === 'live' && track.enabled && !track.muted && own.some((p) => p.source === source && !p.muted);
      return mid && live && this.#wanted.get(source)?.length !== 0 ? [{ source, mid }] : [];
    });
    return { slots, sources: sends };
  }

  #replace(pc: RTCPeerConnection): void {
    this.#queue(async () => {
      const ready = this.#ready;
      if (!ready || this.#pc !== pc || pc.connectionState === 'connected') return;
      if (!this.#everConnected && pc.remoteDescription) this.#route.toggle(); // a refused offer tried no route
      this.close();
      await this.#negotiate(ready, false);
    });
  }
}

function slotsOf(pc: RTCPeerConnection, mids: readonly SlotMid[]): Slot[] {
  const receivers = new Map(pc.getTransceivers().map(({ mid, receiver }) => [mid, receiver]));
  return mids.flatMap(({ mid, kind, index }) => {
    const receiver = receivers.get(mid);
    return receiver ? [{ kind, index, track: receiver.track, receiver }] : [];
  });
}
