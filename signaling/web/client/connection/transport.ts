// One session with the server, over as many WebSocket connections as it takes.
//
//   dial ─► hello(token | seat) ─► welcome ─► requests, answers, events, ping
//     ▲                                             │ lost, or a ping without answer
//     └───────────────── backoff ◄──────────────────┘
//
// Requests that were pending when a socket closed are sent again after the resume with the same id; the server answers each id once.
// A few are bound to their connection, see connectionBound.

import { Backoff } from './backoff';
import { decodeAnswer, decodeFrame, encodeRequest, type ServerEvent } from '../wire/codec';
import { Emitter } from '../emitter';
import type { Env, Socket } from '../env';
import { localError, RequestError } from '../errors';
import { connectTimeoutMs, giveUpFirstMs, giveUpResumeMs, probeTimeoutMs, requestTimeoutMs, tooManyPauseMs } from '../params';
import { close } from '../wire/protocol';
import type { AnswerData, Failure, RequestData, RequestType, Welcome } from '../wire/protocol';
import { dropSeat, loadSeat, saveSeat } from './seat';

export type LinkState = 'connecting' | 'open' | 'lost';
export interface HelloParams {
  token?: string;
  nonce?: string; // 128 random bits or more, made for this token, so that a hello whose answer was lost can be repeated
  passcode?: string;
  displayName?: string;
  e2ee?: number; // the version of end-to-end encryption that this browser speaks
  client: { name: string; version: string };
}
interface Closing {
  code: string;
  ref?: string;
}
interface Events {
  link: LinkState;
  welcome: Welcome;
  event: ServerEvent;
  pong: null; // a ping was answered
  closed: Closing;
}
interface Pending {
  type: RequestType;
  raw: string;
  timer: unknown;
  settle(answer: { ok: true; data: unknown } | { ok: false; error: RequestError }): void;
}

// Close codes that end the session: reconnecting would be wrong. The value is the ending's code.
const finalCloses: Record<number, string> = {
  [close.left]: 'left', [close.protocol]: 'protocol', [close.token]: 'invalid_token', [close.door]: 'denied',
  [close.replaced]: 'replaced', [close.ended]: 'ended', [close.tooLarge]: 'protocol',
};
// Requests that are never repeated on another connection: an offer belongs to one, and a late consent, or late keys, must not follow the
// withdrawal.
// Key packages are sent anew, and what was missed is asked for anew, on each connection.
const connectionBound = new Set<RequestType>(['ping', 'media.offer', 'consent.respond', 'consent.withdraw', 'e2ee.release', 'e2ee.key', 'e2ee.sync']);
// A hello refused with one of these codes is retried without asking the person.
const transientRefusals = new Set(['draining', 'unavailable', 'rate_limited', 'internal']);
const unreachable = 'unreachable';
// The server may still hold the seat: it was not told that the person left.
const resumable = new Set([...transientRefusals, unreachable, 'protocol']);

export class Transport extends Emitter<Events> {
  readonly #env: Env;
  readonly #helloParams: HelloParams;
  readonly #backoff: Backoff;
  readonly #pending = new Map<string, Pending>();
  readonly #prefix: string;
  #count = 0;
  #socket: Socket | undefined;
  #open = false;
  #stopped = false;
  #helloId = '';
  #refusal: Failure | undefined;
  #retry: unknown;
  #watchdog: unknown; // connect timeout, then ping
  #tryingSince: number;
  #pingMs = 0; // of the welcome

  constructor(env: Env, opening: HelloParams) {
    super();
    this.#env = env;
    this.#helloParams = opening;
    this.#backoff = new Backoff(env.random);
    // Ids must be unique across reloads: the server remembers the last 64 of a session.
    this.#prefix = Math.floor(env.random() * 2 ** 40).toString(36);
    this.#tryingSince = env.timers.now();
  }

  start(): void {
    this.emit('link', 'connecting');
    this.#dial();
  }

  // Reconnects now instead of waiting for the backoff.
  tryNow(): void {
    if (this.#stopped || this.#socket) return;
    this.#env.timers.clear(this.#retry);
    this.#backoff.reset();
    this.#dial();
  }

  // A connection of the network before is dead, although no error says so for a long time.
  networkChanged(): void {
    if (!this.#stopped && this.#socket) this.#onLost(0);
    this.tryNow();
  }

  // Makes the connection anew and resumes: the server says everything again.
  reconnect(): void {
    if (!this.#stopped && this.#open) this.#onLost(0);
  }

  request<T extends RequestType>(type: T, data: RequestData<T>, timeoutMs = requestTimeoutMs): Promise<AnswerData<T>> {
    if (this.#stopped || (!this.#open && connectionBound.has(type))) return Promise.reject(localError('closed'));
    const id = this.#nextId();
    const raw = encodeRequest(id, type, data);
    return new Promise((resolve, reject) => {
      const timer = this.#env.timers.set(() => this.#settle(id, { ok: false, error: localError('timeout') }), timeoutMs);
      this.#pending.set(id, {
        type, raw, timer,
        settle: (answer) => {
          if (!answer.ok) return reject(answer.error);
          try {
            resolve(decodeAnswer(type, answer.data));
          } catch (error) {
            reject(error);
          }
        },
      });
      if (this.#open) this.#socket?.send(raw);
    });
  }

  // Closes the session from this side. Forgets the seat, unless the server may still hold it and could only not be reached.
  stop(closing: Closing, socketCode: number = close.left): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (!resumable.has(closing.code)) dropSeat(this.#env.storage);
    this.#env.timers.clear(this.#retry);
    this.#releaseSocket(socketCode);
    for (const id of [...this.#pending.keys()]) this.#settle(id, { ok: false, error: localError('closed') });
    this.emit('closed', closing);
  }

  #nextId(): string {
    this.#count += 1;
    return `${this.#prefix}-${this.#count}`;
  }

  #dial(): void {
    const socket = this.#env.connect();
    this.#socket = socket;
    this.#refusal = undefined;
    this.#watchdog = this.#env.timers.set(() => this.#onLost(), connectTimeoutMs);
    socket.onopen = () => this.#hello(socket);
    socket.onmessage = ({ data }) => this.#onMessage(data);
    socket.onclose = ({ code }) => this.#onClosed(code);
  }

  #hello(socket: Socket): void {
    this.#helloId = this.#nextId();
    const { token, nonce, passcode, displayName, e2ee, client } = this.#helloParams;
    const seat = loadSeat(this.#env.storage);
    const who = seat ? { resume: seat } : { token, nonce, passcode, displayName };
    socket.send(encodeRequest(this.#helloId, 'hello', { ...who, e2ee, client }));
  }

  #onMessage(data: unknown): void {
    const frame = decodeOrUndefined(() => decodeFrame(String(data)));
    if (!frame) return this.stop({ code: 'protocol' }, close.protocol);
    if (frame.kind === 'event') return this.emit('event', frame);
    if (frame.kind !== 'answer') return;
    if (frame.id !== this.#helloId) {
      return this.#settle(frame.id, frame.ok ? frame : { ok: false, error: new RequestError(frame.error) });
    }
    if (!frame.ok) {
      this.#refusal = frame.error;
      return this.#onClosed(0);
    }
    const welcome = decodeOrUndefined(() => decodeAnswer('hello', frame.data));
    if (!welcome) return this.stop({ code: 'protocol' }, close.protocol);
    this.#onWelcome(welcome);
  }

  #onWelcome(welcome: Welcome): void {
    // Stored before anything else is sent: with our next frame the server forgets the old secret.
    saveSeat(this.#env.storage, { sessionId: welcome.sessionId, secret: welcome.resumeSecret });
    this.#open = true;
    this.#backoff.reset();
    const underWay = [...this.#pending.values()];
    this.emit('link', 'open'); // listeners may send what must precede the pending requests
    for (const { raw } of underWay) this.#socket?.send(raw);
    this.emit('welcome', welcome);
    this.#env.timers.clear(this.#watchdog);
    this.#pingMs = welcome.pingMs;
    this.#ping();
  }

  // Asks now whether the server is there, instead of with the next ping, and waits for a shorter time.
  probe(): void {
    if (!this.#open) return;
    this.#env.timers.clear(this.#watchdog);
    const asked = [...this.#pending.values()].find(({ type }) => type === 'ping');
    if (!asked) return this.#askAlive(probeTimeoutMs);
    this.#env.timers.clear(asked.timer);
    asked.timer = this.#env.timers.set(() => this.#onLost(0), probeTimeoutMs);
  }

  #ping(): void {
    this.#watchdog = this.#env.timers.set(() => this.#askAlive(this.#pingMs), this.#pingMs);
  }

  #askAlive(withinMs: number): void {
    const id = this.#nextId();
    const dead = this.#env.timers.set(() => this.#onLost(), withinMs);
    this.#pending.set(id, {
      // A refusal proves as well that the server is alive. No ping follows on a closed socket.
      type: 'ping', raw: '', timer: dead, settle: () => this.#open && this.#pong(),
    });
    this.#socket?.send(encodeRequest(id, 'ping', {}));
  }

  #pong(): void {
    this.emit('pong', null);
    this.#ping();
  }

  #onClosed(code: number): void {
    const refusal = this.#refusal;
    if (refusal && !transientRefusals.has(refusal.code)) return this.stop(closingOf(refusal));
    const final = finalCloses[code];
    if (final && !refusal) return this.stop({ code: final });
    if (code === close.tooMany) return this.#onLost(tooManyPauseMs);
    if (code === close.draining) this.#backoff.restarting();
    this.#onLost(refusal?.retryAfterMs);
  }

  // The connection is unusable: close it and reconnect after a pause.
  #onLost(afterMs?: number): void {
    const seated = loadSeat(this.#env.storage) !== undefined;
    if (this.#open) this.#tryingSince = this.#env.timers.now();
    this.#releaseSocket(close.left);
    const tried = this.#env.timers.now() - this.#tryingSince;
    if (tried > (seated ? giveUpResumeMs : giveUpFirstMs)) {
      return this.stop(this.#refusal ? closingOf(this.#refusal) : { code: unreachable });
    }
    this.#rejectConnectionBound();
    this.emit('link', seated ? 'lost' : 'connecting');
    this.#retry = this.#env.timers.set(() => this.#dial(), afterMs ?? this.#backoff.next());
  }

  #releaseSocket(code: number): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#open = false;
    this.#env.timers.clear(this.#watchdog);
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  #rejectConnectionBound(): void {
    for (const [id, { type }] of this.#pending) {
      if (connectionBound.has(type)) this.#settle(id, { ok: false, error: localError('closed') });
    }
  }

  #settle(id: string, answer: Parameters<Pending['settle']>[0]): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    this.#env.timers.clear(pending.timer);
    pending.settle(answer);
  }
}

function closingOf(failure: Failure): Closing {
  return { code: failure.code, ...(failure.ref ? { ref: failure.ref } : {}) };
}

// Returns undefined for a frame that does not decode.
function decodeOrUndefined<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
