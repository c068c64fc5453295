// One conversation with the server over as many sockets as it takes.
//
//   dial ─► hello(token | seat) ─► welcome ─► requests, answers, events, ping
//     ▲                                             │ lost, or a ping without answer
//     └───────────────── backoff ◄──────────────────┘
//
// Requests that were under way when a socket died are sent again with the same id after the resume; the server
// answers each id once. Some belong to their moment, see below.

import { Backoff } from './backoff';
import { decodeAnswer, decodeFrame, encodeRequest, type ServerEvent } from './codec';
import { Emitter } from './emitter';
import type { Env, Socket } from './env';
import { localError, RequestError } from './errors';
import { connectTimeoutMs, giveUpFirstMs, giveUpResumeMs, requestTimeoutMs, tooManyPauseMs } from './params';
import { close } from './protocol';
import type { AnswerData, Failure, RequestData, RequestType, Welcome } from './protocol';
import { dropSeat, loadSeat, saveSeat } from './seat';

export type LinkState = 'connecting' | 'open' | 'lost';
export interface HelloParams {
  token?: string;
  nonce?: string; // of 128 random bits, made for this token: a hello whose answer was lost may then be said again
  passcode?: string;
  displayName?: string;
  client: { name: string; version: string };
}
export interface Closing {
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

// Close codes after which coming back by oneself would be wrong, and the word for each.
const finalCloses: Record<number, string> = {
  [close.left]: 'left', [close.protocol]: 'protocol', [close.token]: 'invalid_token', [close.door]: 'denied',
  [close.replaced]: 'replaced', [close.ended]: 'ended', [close.tooLarge]: 'protocol',
};
// What is said on the socket that is there, or not at all: an offer belongs to a connection, and a yes must not come after the no
// that followed it.
const connectionBound = new Set<RequestType>(['ping', 'media.offer', 'consent.respond', 'consent.withdraw']);
// A refused hello with one of these is worth another attempt without asking the person.
const transientRefusals = new Set(['draining', 'unavailable', 'rate_limited', 'internal']);
const unreachable = 'unreachable';

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

  constructor(env: Env, opening: HelloParams) {
    super();
    this.#env = env;
    this.#helloParams = opening;
    this.#backoff = new Backoff(env.random);
    // Ids must be new after a reload too: the server remembers the last 64 of a session.
    this.#prefix = Math.floor(env.random() * 2 ** 40).toString(36);
    this.#tryingSince = env.timers.now();
  }

  start(): void {
    this.emit('link', 'connecting');
    this.#dial();
  }

  // Ends the wait between two attempts.
  tryNow(): void {
    if (this.#stopped || this.#socket) return;
    this.#env.timers.clear(this.#retry);
    this.#backoff.reset();
    this.#dial();
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

  // Ends the conversation from this side and forgets the seat, unless the server may have it still and only could not be asked.
  stop(closing: Closing, socketCode: number = close.left): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (closing.code !== unreachable && !transientRefusals.has(closing.code)) dropSeat(this.#env.storage);
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
    const { token, nonce, passcode, displayName, client } = this.#helloParams;
    const seat = loadSeat(this.#env.storage);
    const who = seat ? { resume: seat } : { token, nonce, passcode, displayName };
    socket.send(encodeRequest(this.#helloId, 'hello', { ...who, client }));
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
    // Before anything else is sent: our next frame is what makes the server forget the old secret.
    saveSeat(this.#env.storage, { sessionId: welcome.sessionId, secret: welcome.resumeSecret });
    this.#open = true;
    this.#backoff.reset();
    const underWay = [...this.#pending.values()];
    this.emit('link', 'open'); // who has something to say before all else says it now
    for (const { raw } of underWay) this.#socket?.send(raw);
    this.emit('welcome', welcome);
    this.#env.timers.clear(this.#watchdog);
    this.#ping(welcome.pingMs);
  }

  #ping(everyMs: number): void {
    this.#watchdog = this.#env.timers.set(() => {
      const id = this.#nextId();
      const dead = this.#env.timers.set(() => this.#onLost(), everyMs);
      this.#pending.set(id, {
        // A refusal shows as well that the server is there. Of a socket that is gone nothing is asked any more.
        type: 'ping', raw: '', timer: dead, settle: () => this.#open && this.#pong(everyMs),
      });
      this.#socket?.send(encodeRequest(id, 'ping', {}));
    }, everyMs);
  }

  #pong(everyMs: number): void {
    this.emit('pong', null);
    this.#ping(everyMs);
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

  // The socket is of no use any more: let go of it and come back after a while.
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

// What cannot be read is nothing.
function decodeOrUndefined<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
