// What the frames worker does, without the worker: messages in, frames through, messages out.

import type { Timers } from '../env';
import { Epochs } from './epochs';
import { Opener } from './opener';
import { SenderStreams, Sealer } from './sealer';
import { generations } from './sframe';
import {
  streams, type FramesToKeys, type FramesToPage, type Generation, type KeysToFrames, type PageToFrames, type Refusal, type TransformOptions,
} from './worker_messages';

// Refusals are reported in sums: one message a second, however many frames an attacker sends.
const reportMs = 1_000;

// The parts of RTCEncodedVideoFrame, RTCEncodedAudioFrame and RTCRtpScriptTransformer that are used.
export interface EncodedFrame {
  data: ArrayBuffer;
  getMetadata(): { synchronizationSource?: number; contributingSources?: number[] };
}
export interface Transformer {
  readable: ReadableStream<EncodedFrame>;
  writable: WritableStream<EncodedFrame>;
  sendKeyFrameRequest?(): Promise<unknown>;
  generateKeyFrame?(): Promise<unknown>;
}

export interface Surroundings {
  timers: Timers;
  tellPage(message: FramesToPage): void;
}

export class FramesCore {
  readonly #timers: Timers;
  readonly #tellPage: Surroundings['tellPage'];
  readonly #epochs: Epochs;
  readonly #sealer: Sealer;
  #tellKeys: ((message: FramesToKeys) => void) | undefined;
  #refused = new Map<Refusal, number>(); // since the last report
  #reporting: unknown;

  constructor({ timers, tellPage }: Surroundings) {
    this.#timers = timers;
    this.#tellPage = tellPage;
    this.#epochs = new Epochs(timers);
    this.#sealer = new Sealer(this.#epochs, {
      sending: (number, raises) => {
        this.#tellKeys?.({ type: 'sending', number, generation: raises % generations });
        tellPage({ type: 'sending', number, raises });
      },
      exhausted: (number) => this.#tellKeys?.({ type: 'exhausted', number }),
    });
  }

  start(generation: Generation, tellKeys: (message: FramesToKeys) => void): void {
    this.#tellKeys = tellKeys;
    this.#sealer.setGeneration(generation);
  }

  onPage(message: Exclude<PageToFrames, { type: 'start' }>): void {
    if (message.type === 'ping') this.#tellPage({ type: 'pong', id: message.id });
    else this.#sealer.setGeneration(message.generation);
  }

  onKeys(message: KeysToFrames): void {
    this.#epochs.onMessage(message);
    this.#sealer.announce();
  }

  // Takes frames until the transform ends. A loop has fewer promises a frame than a TransformStream between two pipes.
  async run(transformer: Transformer, options: TransformOptions): Promise<void> {
    const change = options.direction === 'send' ? this.#sending(transformer, options) : this.#receiving(transformer, options);
    const reader = transformer.readable.getReader();
    const writer = transformer.writable.getWriter();
    for (;;) {
      const { value: frame } = await reader.read().catch(() => ended); // the connection was closed
      if (!frame) return;
      const changed = await change(frame);
      if (typeof changed === 'string') {
        this.#count(changed);
        continue;
      }
      frame.data = changed;
      writer.write(frame).catch(() => undefined);
    }
  }

  #sending(transformer: Transformer, { stream }: Extract<TransformOptions, { direction: 'send' }>): Change {
    const own = new SenderStreams(stream);
    const several = stream === streams.camera; // else no metadata is asked for: it costs as much as the sealing
    const kind = stream === streams.microphone ? 'audio' : 'video';
    let dropped = false;
    return async (frame) => {
      const sealed = await this.#sealer.seal(own.of(several ? frame.getMetadata().synchronizationSource ?? 0 : 0), kind, new Uint8Array(frame.data));
      // The frames before the first key are lost, the key frame among them: another is needed at once.
      if (dropped && kind === 'video' && typeof sealed !== 'string') transformer.generateKeyFrame?.().catch(() => undefined);
      dropped = sealed === 'no_key';
      return sealed;
    };
  }

  #receiving(transformer: Transformer, { kind }: Extract<TransformOptions, { direction: 'receive' }>): Change {
    const opener = new Opener(kind, this.#epochs, this.#timers, {
      opened: (csrc, leaf) => this.#tellPage({ type: 'opened', csrc, leaf }),
      requestKeyFrame: () => void transformer.sendKeyFrameRequest?.().catch(() => undefined),
    });
    return (frame) => opener.open(new Uint8Array(frame.data), frame.getMetadata().contributingSources?.[0]);
  }

  #count(refusal: Refusal): void {
    this.#refused.set(refusal, (this.#refused.get(refusal) ?? 0) + 1);
    this.#reporting ??= this.#timers.set(() => {
      this.#reporting = undefined;
      this.#tellPage({ type: 'refused', counts: Object.fromEntries(this.#refused) });
      this.#refused = new Map();
    }, reportMs);
  }
}

const ended = { value: undefined };

type Change = (frame: EncodedFrame) => Promise<ArrayBuffer | Refusal>;
