// Seals the frames of this page. No key, no frame: nothing leaves in clear.
//
// A pair of KID and counter is never used twice, or AES-GCM gives its key away. The counter of a KID never restarts while the worker
// lives; of a new worker the page raises the generation first (generation.ts).

import type { Epochs } from './epochs';
import { firstCounter, generations, kidOf, lastCounter, seal, type Kind } from './sframe';
import { cameraEncodings, streams, type Generation, type Owner, type Refusal, type Stream } from './worker_messages';

interface SealerEvents {
  sending(number: number, raises: number): void;
  exhausted(number: number): void;
}

export class Sealer {
  readonly #epochs: Epochs;
  readonly #events: SealerEvents;
  readonly #next = new Map<number, number>(); // counter by KID; a KID is forgotten only with the worker
  #generation: Generation | undefined;
  #told = ''; // number and raises, of the last `sending`
  #exhausted: number | undefined; // the number that was told last

  readonly #first: number;

  constructor(epochs: Epochs, events: SealerEvents, first = firstCounter) {
    this.#epochs = epochs;
    this.#events = events;
    this.#first = first;
  }

  setGeneration(generation: Generation): void {
    this.#generation = generation;
    this.announce();
  }

  // Tells under which number and generation frames are sealed from now on, if that changed.
  announce(): void {
    const epoch = this.#epochs.current;
    const generation = this.#generation;
    if (!epoch || !generation) return void (this.#told = '');
    if (generation.spent.includes(epoch.number)) return this.#exhaust(epoch.number);
    const told = `${epoch.number}/${generation.raises}`;
    if (told === this.#told) return;
    this.#told = told;
    this.#events.sending(epoch.number, generation.raises);
  }

  // The counter is taken at once, so that no other frame gets it.
  async seal(stream: Stream, kind: Kind, frame: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer | Refusal> {
    const epoch = this.#epochs.sealing;
    const generation = this.#generation;
    if (!epoch || !generation) return 'no_key';
    const kid = kidOf(stream, generation.raises % generations, epoch.leaf, epoch.number);
    const counter = this.#next.get(kid) ?? this.#first;
    if (counter > lastCounter || generation.spent.includes(epoch.number)) {
      this.#exhaust(epoch.number);
      return 'no_key';
    }
    this.#next.set(kid, counter + 1);
    const known = epoch.key(kid);
    const key = known instanceof Promise ? await known : known;
    return seal(key, kid, counter, kind, frame).catch(() => 'unsealable' as const);
  }

  #exhaust(number: number): void {
    if (this.#exhausted === number) return;
    this.#exhausted = number;
    this.#events.exhausted(number);
  }
}

// The streams of one transform. The encodings of a camera are told apart by their SSRC, in order of appearance: no metadata names the RID.
export class SenderStreams {
  readonly #first: Owner['stream'];
  readonly #ssrcs: number[] = [];

  constructor(first: Owner['stream']) {
    this.#first = first;
  }

  of(ssrc: number): Stream {
    if (this.#first !== streams.camera) return this.#first;
    let index = this.#ssrcs.indexOf(ssrc);
    if (index < 0) index = this.#ssrcs.push(ssrc) - 1;
    return (this.#first + index % cameraEncodings) as Stream;
  }
}
