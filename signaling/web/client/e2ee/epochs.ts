// The epochs whose keys the frames worker has: the present one, under which frames are sealed, and those before it, which open for
// oldEpochMs more.
//
//   keys n ─► current n ── keys n+1 ─► old n ── oldEpochMs ─► dropped, and of n only the highest opened counters are kept
//   outside ─► everything is dropped
//   no word from the keys worker for silentMs ─► nothing is sealed until it speaks again

import type { Timers } from '../env';
import { ReplayWindow } from './replay';
import { deriveFrameKey, importBaseKey, numbers, type FrameKey } from './sframe';
import type { KeysToFrames, Owner } from './worker_messages';

// Frames that were sealed before the sender processed the commit are still on their way.
export const oldEpochMs = 2_000;
// Without a keys worker nobody is taken out of the keys: whoever was removed since would go on hearing us. Longer than the pause of a large
// commit on a slow device, and than it takes to start another worker.
export const silentMs = 10_000;
// Of how many dropped epochs it is kept which counters were opened. A side room lasts for fewer commits of the group.
const rememberedEpochs = 256;

// Of how many sources it is kept that they left: of those whose frames may still be on their way.
const rememberedSources = 256;

type NewEpoch = Extract<KeysToFrames, { type: 'keys' }>;

export class Epoch {
  readonly number: number;
  readonly leaf: number;
  owners: ReadonlyMap<number, Owner>; // by CSRC
  // Until it is known whether this very epoch was dropped before; nothing is opened until then.
  restoring: Promise<void> | undefined;
  readonly #base: Promise<CryptoKey>;
  readonly #keys = new Map<number, FrameKey | Promise<FrameKey>>(); // by KID
  readonly #windows = new Map<number, ReplayWindow>(); // by KID
  #openedBefore: ReadonlyMap<number, number> = new Map(); // highest counter by KID

  constructor({ number, leaf, owners, baseKey }: NewEpoch, remembered: Remembered | undefined) {
    this.number = number;
    this.leaf = leaf;
    this.owners = byCsrc(owners);
    this.#base = importBaseKey(new Uint8Array(baseKey));
    if (remembered) this.restoring = this.#restore(remembered);
  }

  // Not a promise where the key was derived before: most frames wait for nothing.
  key(kid: number): FrameKey | Promise<FrameKey> {
    const known = this.#keys.get(kid);
    if (known) return known;
    const derived = this.#base.then((base) => deriveFrameKey(base, kid)).then((key) => {
      this.#keys.set(kid, key);
      return key;
    });
    this.#keys.set(kid, derived);
    return derived;
  }

  window(kid: number): ReplayWindow {
    const known = this.#windows.get(kid);
    if (known) return known;
    const made = new ReplayWindow(this.#openedBefore.get(kid));
    this.#windows.set(kid, made);
    return made;
  }

  remember(): Remembered {
    const highest = new Map(this.#openedBefore);
    for (const [kid, window] of this.#windows) highest.set(kid, window.highest);
    return { identity: this.#base.then(identityOf), highest };
  }

  // Whether it has this base key.
  async #restore({ identity, highest }: Remembered): Promise<void> {
    if (await identity === await this.#base.then(identityOf)) this.#openedBefore = highest;
    this.restoring = undefined;
  }
}

// What is kept of a dropped epoch. A side room that ends brings back the group's epoch, with its key; what was opened in it before is still
// a replay.
interface Remembered {
  identity: Promise<string>; // a value that only its base key gives
  highest: ReadonlyMap<number, number>;
}

function byCsrc(owners: readonly Owner[]): Map<number, Owner> {
  return new Map(owners.map((owner) => [owner.csrc, owner]));
}

async function identityOf(base: CryptoKey): Promise<string> {
  const info = new TextEncoder().encode('alcove e2ee 1 epoch');
  return String(new Uint8Array(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-512', salt: new Uint8Array(), info }, base, 128)));
}

export class Epochs {
  readonly #timers: Timers;
  #current: Epoch | undefined;
  #heardAt = -Infinity; // of the keys worker
  readonly #old = new Map<Epoch, unknown>(); // with the timer that drops it
  readonly #remembered = new Map<number, Remembered>(); // by number, oldest first
  readonly #waiting = new Set<() => void>();
  // Sources that were in the roster and left it. Their last frames must not hold up who comes after them in a slot.
  readonly #left = new Set<number>(); // CSRCs, oldest first

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get current(): Epoch | undefined {
    return this.#current;
  }

  // Under which frames are sealed.
  get sealing(): Epoch | undefined {
    return this.#timers.now() - this.#heardAt < silentMs ? this.#current : undefined;
  }

  onMessage(message: KeysToFrames): void {
    this.#heardAt = this.#timers.now();
    if (message.type === 'alive') return;
    const before = this.#current?.owners;
    if (message.type === 'keys') this.#begin(message);
    else if (message.type === 'outside') this.#outside();
    else if (this.#current) this.#current.owners = byCsrc(message.owners);
    if (before) this.#noteLeft(before);
    for (const wake of [...this.#waiting]) wake();
  }

  // An epoch of which a KID names the number modulo 2^16. future: newer than the current one, or there is none. past: no more.
  find(number: number): Epoch | 'future' | 'past' {
    const current = this.#current;
    if (!current) return 'future';
    if (current.number % numbers === number) return current;
    for (const epoch of this.#old.keys()) if (epoch.number % numbers === number) return epoch;
    return (number - current.number % numbers + numbers) % numbers < numbers / 2 ? 'future' : 'past';
  }

  hasLeft(csrc: number): boolean {
    return this.#left.has(csrc);
  }

  // Resolves at the next message, or in so many milliseconds.
  changed(ms: number): Promise<void> {
    return new Promise((done) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        this.#timers.clear(timer);
        done();
      };
      const timer = this.#timers.set(wake, ms);
      this.#waiting.add(wake);
    });
  }

  #noteLeft(before: Epoch['owners']): void {
    const now = this.#current?.owners;
    if (!now) return;
    for (const csrc of before.keys()) if (!now.has(csrc)) this.#left.add(csrc);
    for (const csrc of now.keys()) this.#left.delete(csrc);
    for (const oldest of this.#left) {
      if (this.#left.size <= rememberedSources) break;
      this.#left.delete(oldest);
    }
  }

  #begin(message: NewEpoch): void {
    const { number } = message;
    for (const epoch of this.#old.keys()) if (epoch.number === number) this.#drop(epoch);
    const before = this.#current;
    if (before?.number === number) this.#remember(before); // another worker of keys tells its epoch again
    else if (before) this.#old.set(before, this.#timers.set(() => this.#drop(before), oldEpochMs));
    this.#current = new Epoch(message, this.#remembered.get(number));
  }

  #outside(): void {
    for (const epoch of [...this.#old.keys()]) this.#drop(epoch);
    if (this.#current) this.#remember(this.#current);
    this.#current = undefined;
  }

  #drop(epoch: Epoch): void {
    this.#timers.clear(this.#old.get(epoch));
    this.#old.delete(epoch);
    this.#remember(epoch);
  }

  #remember(epoch: Epoch): void {
    this.#remembered.delete(epoch.number);
    this.#remembered.set(epoch.number, epoch.remember());
    const oldest = this.#remembered.keys().next().value;
    if (this.#remembered.size > rememberedEpochs && oldest !== undefined) this.#remembered.delete(oldest);
  }
}
