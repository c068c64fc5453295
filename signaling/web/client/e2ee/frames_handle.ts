// The page's side of the frames worker: one worker a page, a transform for every sender and receiver, and another worker where one dies.
//
//   off ── start ─► ready ── onerror, or pings without answer ─► lost (connections are closed) ── a pause ─► ready, generation + 1
//   off ── start ─► unsupported: the browser has no transforms          lost ── generations used up ─► failed

import { Emitter } from '../emitter';
import type { Timers } from '../env';
import type { Source } from '../wire/protocol';
import { Generations } from './generation';
import { generations, type Kind } from './sframe';
import { startWorker, workerLoaded } from './worker_files';
import { streams, type FramesToPage, type PageToFrames, type TransformOptions } from './worker_messages';

export const pingMs = 1_000;
// Of a worker that hangs. One unanswered ping is a busy machine.
export const lostPings = 2;
// Of a worker that has not started yet.
export const startPings = 20;
// The first worker that dies is replaced at once, the next ones later and later, until one has lived for so long.
export const restartFirstMs = 1_000;
const restartMaxMs = 30_000;
const healthyMs = 60_000;

type FramesState = 'off' | 'ready' | 'lost' | 'unsupported' | 'failed';
interface FramesEvents {
  state: FramesState;
  sending: Extract<FramesToPage, { type: 'sending' }>;
  refused: Extract<FramesToPage, { type: 'refused' }>['counts'];
  opened: Extract<FramesToPage, { type: 'opened' }>;
}

// The parts of Worker that are used.
export interface WorkerLike {
  onmessage: ((event: { data: FramesToPage }) => void) | null;
  onerror: ((event: never) => void) | null;
  postMessage(message: PageToFrames, transfer: MessagePort[]): void;
  terminate(): void;
}
export interface FramesEnv {
  timers: Timers;
  supported: boolean;
  create(): WorkerLike;
  transform(worker: WorkerLike, options: TransformOptions): RTCRtpScriptTransform;
  channel(): { port1: MessagePort; port2: MessagePort };
}

export class Frames extends Emitter<FramesEvents> {
  readonly #env: FramesEnv;
  readonly #generations = new Generations();
  // Takes the port of each new worker to the keys worker.
  #connectKeys: ((port: MessagePort) => void) | undefined;
  #worker: WorkerLike | undefined;
  #state: FramesState = 'off';
  #startedAt = 0;
  #restartMs = 0;
  #pings = 0; // sent to this worker
  #answered = 0;
  #timer: unknown;
  readonly #leaves = new Map<number, number>(); // by CSRC

  constructor(env: FramesEnv) {
    super();
    this.#env = env;
  }

  get state(): FramesState {
    return this.#state;
  }

  // The session is encrypted from now on. connectKeys hands the port of each new worker to the keys worker.
  start(connectKeys: (port: MessagePort) => void): void {
    if (this.#state !== 'off') return;
    this.#connectKeys = connectKeys;
    if (this.#env.supported) this.#spawn();
    else this.#become('unsupported');
  }

  // Right after addTransceiver: a transform that is set later is ignored by Chromium. They throw where there is no worker, and nothing is sent.
  seal(sender: RTCRtpSender, source: Source): void {
    sender.transform = this.#transform({ direction: 'send', stream: streams[source] });
  }

  open(receiver: RTCRtpReceiver, kind: Kind): void {
    receiver.transform = this.#transform({ direction: 'receive', kind });
  }

  // Whose frames were opened last of this source: a leaf of the group's tree.
  leafOf(csrc: number): number | undefined {
    return this.#leaves.get(csrc);
  }

  // Frames that are made from now on have other keys. Returns the generation that they are sealed under, modulo 16; the worker tells both
  // other sides by `sending`, unless there is no key.
  raise(): number {
    const generation = this.#generations.raise();
    this.#post({ type: 'generation', generation });
    return generation.raises % generations;
  }

  dispose(): void {
    this.#end();
    this.#become('off');
  }

  // There is another keys worker, or another worker of frames: they get a port of their own.
  reconnectKeys(): void {
    if (!this.#worker) return;
    const { port1, port2 } = this.#env.channel();
    this.#post({ type: 'start', generation: this.#generations.present, keys: port1 }, [port1]);
    this.#connectKeys?.(port2);
  }

  #transform(options: TransformOptions): RTCRtpScriptTransform {
    if (!this.#worker) throw new DOMException('no frames worker', 'InvalidStateError');
    return this.#env.transform(this.#worker, options);
  }

  #spawn(): void {
    const worker = this.#env.create();
    this.#worker = worker;
    [this.#pings, this.#answered, this.#startedAt] = [0, 0, this.#env.timers.now()];
    worker.onmessage = ({ data }) => this.#onMessage(worker, data);
    worker.onerror = () => this.#worker === worker && this.#lose();
    this.reconnectKeys();
    this.#ping(this.#startedAt);
    this.#become('ready');
  }

  #post(message: PageToFrames, transfer: MessagePort[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  #onMessage(worker: WorkerLike, data: FramesToPage): void {
    if (data.type === 'sending') this.#generations.onSending(data.number, data.raises); // of a worker that has ended meanwhile, too
    if (this.#worker !== worker) return;
    if (data.type === 'pong') this.#answered = data.id;
    else if (data.type === 'sending') this.emit('sending', data);
    else if (data.type === 'refused') this.emit('refused', data.counts);
    else {
      this.#leaves.set(data.csrc, data.leaf);
      this.emit('opened', data);
    }
  }

  // A page that slept itself, or was busy, has not read the answer yet.
  #ping(due: number): void {
    const late = this.#env.timers.now() - due >= pingMs;
    if (late && this.#answered > 0) this.#answered = this.#pings;
    if (this.#pings - this.#answered >= (this.#answered > 0 ? lostPings : startPings)) return this.#lose();
    this.#pings += 1;
    this.#post({ type: 'ping', id: this.#pings });
    const next = this.#env.timers.now() + pingMs;
    this.#timer = this.#env.timers.set(() => this.#ping(next), pingMs);
  }

  #lose(): void {
    this.#end();
    this.#generations.raise();
    this.#become('lost'); // whoever made connections with it closes them now
    if (this.#generations.exhausted) return this.#become('failed');
    const { timers } = this.#env;
    if (timers.now() - this.#startedAt >= healthyMs) this.#restartMs = 0;
    this.#timer = timers.set(() => this.#spawn(), this.#restartMs);
    this.#restartMs = Math.min(restartMaxMs, 2 * this.#restartMs || restartFirstMs);
  }

  #end(): void {
    this.#env.timers.clear(this.#timer);
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#leaves.clear();
  }

  #become(state: FramesState): void {
    this.#state = state;
    this.emit('state', state);
  }
}

// The page has loaded the worker's file before it connects (worker_files.ts): transforms need a worker at once.
export function browserFrames(timers: Timers): FramesEnv {
  return {
    timers,
    supported: 'RTCRtpScriptTransform' in globalThis && workerLoaded('frames-worker'),
    create: () => startWorker('frames-worker') as unknown as WorkerLike,
    transform: (worker, options) => new RTCRtpScriptTransform(worker as unknown as Worker, options),
    channel: () => new MessageChannel(),
  };
}
