// Opens the frames of one transform, which is one slot: people come and go in it. The checks, in this order:
//
//   sealed? else plain ─► names a source? else no_csrc ─► epoch and source known? else held, then future or impostor; past if they are over
//   ─► the KID is the source's? else impostor ─► counter new? else replay ─► tag right? else forged ─► mark the counter ─► pass on

import type { Timers } from '../env';
import type { Epoch, Epochs } from './epochs';
import { isKeyFrame, open, parse, splitKid, type Kind, type Sealed } from './sframe';
import { cameraEncodings, streams, type Owner, type Refusal } from './worker_messages';

// Keys come by another way than frames. From the first frame that cannot be judged yet, not from each: or a slow join grows a backlog.
export const holdMs = 400;
// Chromium ignores a PLI within 300 ms of the last one.
export const keyFrameRequestMs = 350;

// Lost for the decoder, and another key frame helps. Not after a replay: under loss browsers hand frames over twice.
const needsKeyFrame: readonly Refusal[] = ['plain', 'forged', 'future', 'past'];

interface OpenerEvents {
  opened(csrc: number, leaf: number): void;
  requestKeyFrame(): void;
}

export class Opener {
  readonly #kind: Kind;
  readonly #epochs: Epochs;
  readonly #timers: Timers;
  readonly #events: OpenerEvents;
  #heldSince: number | undefined;
  #requestedAt = -Infinity;
  #lacksKeyFrame = false; // a picture was refused, and no key frame came since
  #opened: Owner | undefined; // of the last frame

  constructor(kind: Kind, epochs: Epochs, timers: Timers, events: OpenerEvents) {
    this.#kind = kind;
    this.#epochs = epochs;
    this.#timers = timers;
    this.#events = events;
  }

  async open(frame: Uint8Array<ArrayBuffer>, csrc: number | undefined): Promise<ArrayBuffer | Refusal> {
    const parsed = parse(this.#kind, frame);
    if (!parsed) return this.#refuse('plain');
    if (csrc === undefined) return this.#refuse('no_csrc');
    const { number } = splitKid(parsed.kid);
    let epoch = this.#epochs.find(number);
    while (epoch === 'future' || typeof epoch === 'object' && !epoch.owners.has(csrc)) {
      if (epoch !== 'future' && this.#epochs.hasLeft(csrc)) return this.#refuse('past');
      const left = this.#holdLeft();
      if (left <= 0) return this.#refuse(epoch === 'future' ? 'future' : 'impostor', true);
      await this.#epochs.changed(left);
      epoch = this.#epochs.find(number);
    }
    if (epoch === 'past') return this.#refuse('past');
    return this.#openIn(epoch, frame, parsed, csrc);
  }

  async #openIn(epoch: Epoch, frame: Uint8Array<ArrayBuffer>, parsed: Sealed, csrc: number): Promise<ArrayBuffer | Refusal> {
    this.#heldSince = undefined;
    if (epoch.restoring) await epoch.restoring;
    const owner = epoch.owners.get(csrc);
    if (!owner || !owns(owner, parsed.kid)) return this.#refuse('impostor');
    const window = epoch.window(parsed.kid);
    if (window.has(parsed.counter)) return this.#refuse('replay');
    const known = epoch.key(parsed.kid);
    const opened = await open(known instanceof Promise ? await known : known, this.#kind, frame, parsed);
    if (!opened) return this.#refuse('forged');
    if (!window.mark(parsed.counter)) return this.#refuse('replay'); // another slot opened it meanwhile
    if (this.#opened?.csrc !== csrc || this.#opened.leaf !== owner.leaf) this.#events.opened(csrc, owner.leaf);
    this.#opened = owner;
    if (this.#lacksKeyFrame && isKeyFrame(frame)) this.#lacksKeyFrame = false;
    else if (this.#lacksKeyFrame) this.#requestKeyFrame();
    return opened;
  }

  #holdLeft(): number {
    const now = this.#timers.now();
    this.#heldSince ??= now;
    return this.#heldSince + holdMs - now;
  }

  #refuse(refusal: Refusal, held = false): Refusal {
    if (this.#kind === 'audio' || !held && !needsKeyFrame.includes(refusal)) return refusal;
    this.#lacksKeyFrame = true;
    this.#requestKeyFrame();
    return refusal;
  }

  #requestKeyFrame(): void {
    const now = this.#timers.now();
    if (now - this.#requestedAt < keyFrameRequestMs) return;
    this.#requestedAt = now;
    this.#events.requestKeyFrame();
  }
}

function owns({ leaf, stream }: Owner, kid: number): boolean {
  const named = splitKid(kid);
  const last = stream === streams.camera ? stream + cameraEncodings - 1 : stream;
  return named.leaf === leaf && named.stream >= stream && named.stream <= last;
}
