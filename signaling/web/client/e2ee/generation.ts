// The page's count of generations. It outlives the frames workers, so that no pair of KID and counter is used by two of them, and an
// interval that a recording may open ends with a generation.
//
// The generation of a KID is the count of raises modulo 16. Under one number it may come round to no value that was used under it.

import { generations } from './sframe';
import type { Generation } from './worker_messages';

// Of so many numbers the page knows which generations were used; older ones come back only by a side room, which lasts shorter.
const rememberedNumbers = 256;

export class Generations {
  #raises = 0;
  // The count of raises from which on a number may have been used: that of the last report before it, because a worker that dies reports
  // nothing.
  readonly #first = new Map<number, number>();
  #reported = 0; // the count of the last report

  get present(): Generation {
    const spent = [...this.#first].filter(([, first]) => this.#raises - first >= generations).map(([number]) => number);
    return { raises: this.#raises, spent };
  }

  // A worker seals under this number, with this count of raises.
  onSending(number: number, raises: number): void {
    if (!this.#first.has(number)) this.#first.set(number, this.#reported);
    this.#reported = raises;
    const oldest = this.#first.keys().next().value;
    if (this.#first.size > rememberedNumbers && oldest !== undefined) this.#first.delete(oldest);
  }

  // Whether a worker may be started at all: under a number that none has reported the generations may have come round.
  get exhausted(): boolean {
    return this.#raises - this.#reported >= generations;
  }

  raise(): Generation {
    this.#raises += 1;
    return this.present;
  }
}
