// Frames and keys for tests of the frames worker.

import { Frames, type WorkerLike } from '../../client/e2ee/frames_handle';
import { FramesCore, type EncodedFrame } from '../../client/e2ee/frames_core';
import { firstCounter, parse, type Kind } from '../../client/e2ee/sframe';
import { streams, type FramesToKeys, type FramesToPage, type Generation, type KeysToFrames, type Owner, type PageToFrames, type TransformOptions } from '../../client/e2ee/worker_messages';
import { FakeTime } from './time';

export const audio = (text = 'sound'): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(`x${text}`));
export const keyFrame = (text = ''): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.concat([Buffer.from('10020a9d012a4001b400', 'hex'), Buffer.from(text)]));
export const deltaFrame = (text = ''): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.concat([Buffer.from('31', 'hex'), Buffer.from(text)]));

// One base key a number, unless a side says another one.
export const baseKey = (number: number, side = 0): ArrayBuffer => new Uint8Array(32).fill(number).fill(side, 0, 1).buffer;

export const ownersOf = (leaf: number): Owner[] =>
  Object.entries(streams).map(([, stream]) => ({ csrc: csrcOf(leaf, stream), leaf, stream }));
export const csrcOf = (leaf: number, stream: Owner['stream']): number => 1_000 + leaf * 10 + stream;

export const keys = (number: number, leaf: number, owners = [...ownersOf(1), ...ownersOf(2)], side = 0): KeysToFrames =>
  ({ type: 'keys', number, baseKey: baseKey(number, side), leaf, owners });

export const fresh: Generation = { raises: 0, spent: [] };

// Operations of WebCrypto on their way, which other threads do.
let busy = 0;
for (const name of ['encrypt', 'decrypt', 'deriveBits', 'importKey'] as const) {
  const native = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => Promise<unknown>;
  const counted = async (...args: unknown[]): Promise<unknown> => {
    const done = native(...args); // at once: it copies what it is given
    busy += 1;
    return done.finally(() => (busy -= 1));
  };
  Object.defineProperty(crypto.subtle, name, { value: counted });
}

// Waits until nothing goes on but by time.
export async function settle(): Promise<void> {
  for (let idle = 0; idle < 3; idle = busy === 0 ? idle + 1 : 0) await new Promise(setImmediate);
}

// A frames worker in the hands of a test.
export class Worker {
  readonly time: FakeTime;
  readonly core: FramesCore;
  readonly toPage: FramesToPage[] = [];
  readonly toKeys: FramesToKeys[] = [];

  constructor(generation = fresh, time = new FakeTime()) {
    this.time = time;
    this.core = new FramesCore({ timers: time, tellPage: (message) => this.toPage.push(message) });
    this.core.start(generation, (message) => this.toKeys.push(message));
  }

  line(options: TransformOptions): Line {
    return new Line(this.core, options);
  }

  // The refusals so far, with what was not reported yet.
  refused(): Record<string, number> {
    this.time.advance(1_000);
    const sums: Record<string, number> = {};
    for (const message of this.toPage) {
      if (message.type !== 'refused') continue;
      for (const [name, count] of Object.entries(message.counts)) sums[name] = (sums[name] ?? 0) + count;
    }
    return sums;
  }
}

// One transform.
class Line {
  readonly passed: Uint8Array<ArrayBuffer>[] = [];
  keyFrameRequests = 0;
  keyFramesMade = 0;
  #controller: ReadableStreamDefaultController<EncodedFrame> | undefined;

  constructor(core: FramesCore, options: TransformOptions) {
    const readable = new ReadableStream<EncodedFrame>({ start: (controller) => void (this.#controller = controller) });
    const writable = new WritableStream<EncodedFrame>({ write: (frame) => void this.passed.push(new Uint8Array(frame.data)) });
    void core.run({
      readable, writable,
      sendKeyFrameRequest: async () => void (this.keyFrameRequests += 1),
      generateKeyFrame: async () => void (this.keyFramesMade += 1),
    }, options);
  }

  send(frame: Uint8Array, ssrc = 1): void {
    this.#put(frame, { synchronizationSource: ssrc });
  }

  receive(frame: Uint8Array, csrc: number | undefined): void {
    this.#put(frame, csrc === undefined ? {} : { contributingSources: [csrc] });
  }

  // Of the last frame that passed.
  last(): string {
    return Buffer.from(this.passed.at(-1) ?? []).toString('latin1');
  }

  #put(frame: Uint8Array, metadata: ReturnType<EncodedFrame['getMetadata']>): void {
    this.#controller?.enqueue({ data: Uint8Array.from(frame).buffer, getMetadata: () => metadata });
  }
}

// KID and counter of what was sealed, as "kid/counter".
export function pairOf(kind: Kind, frame: Uint8Array): string {
  const parsed = parse(kind, frame);
  if (!parsed) throw new Error('not sealed');
  return `${parsed.kid.toString(16)}/${parsed.counter - firstCounter}`;
}

// The page's handle over frames workers that are FramesCores in this process. A port of the keys worker is what onKeys does.
export class FakeFrames {
  readonly time = new FakeTime();
  readonly workers: HostedWorker[] = [];
  readonly transforms: { worker: HostedWorker; options: TransformOptions }[] = [];
  readonly frames: Frames;
  keysPorts = 0;

  constructor({ supported = true, loading = false } = {}) {
    this.frames = new Frames({
      timers: this.time, supported,
      create: () => {
        const worker = new HostedWorker(this.time);
        worker.hangs = loading;
        this.workers.push(worker);
        return worker;
      },
      transform: (worker, options) => {
        this.transforms.push({ worker: worker as HostedWorker, options });
        return { worker, options } as unknown as RTCRtpScriptTransform;
      },
      channel: () => ({ port1: {} as MessagePort, port2: {} as MessagePort }),
    });
  }

  start(): void {
    this.frames.start(() => (this.keysPorts += 1));
  }

  get worker(): HostedWorker {
    return this.workers.at(-1)!;
  }
}

export class HostedWorker implements WorkerLike {
  onmessage: WorkerLike['onmessage'] = null;
  onerror: WorkerLike['onerror'] = null;
  hangs = false;
  ended = false;
  loses = false; // what it says of itself does not arrive: it died meanwhile
  readonly core: FramesCore;

  constructor(time: FakeTime) {
    this.core = new FramesCore({ timers: time, tellPage: (data) => this.loses || this.onmessage?.({ data }) });
  }

  postMessage(message: PageToFrames): void {
    if (this.hangs || this.ended) return;
    if (message.type === 'start') this.core.start(message.generation, () => undefined);
    else this.core.onPage(message);
  }

  terminate(): void {
    this.ended = true;
  }

  crash(): void {
    this.onerror?.(undefined as never);
  }

  line(options: TransformOptions): Line {
    return new Line(this.core, options);
  }
}
