// What the keys worker does, without the worker: it queues what comes until the machine has done its last step, gives keys to the frames
// worker, and wakes the machine when it asked for that.

import type { Timers } from '../env';
import type { Bytes } from './bytes';
import { GroupMachine } from './group';
import type { Input, Output } from './group_messages';
import type { KeysToPage, PageToKeys } from './keys_messages';
import type { Mls } from './mls';
import { proofsOf } from './proofs';
import { Releases } from './release';
import { unencrypted } from './status';
import { aliveMs, type FramesToKeys, type KeysToFrames } from './worker_messages';

export interface Surroundings<G> {
  timers: Timers;
  tellPage(message: KeysToPage): void;
  signs(): Promise<boolean>; // Ed25519
  loadMls(): Promise<Mls<G>>;
  // Seals to age recipients.
  seal(recipients: readonly string[], secret: Bytes): Promise<Bytes>;
  // A bug: the worker ends, and the page starts another.
  fail(error: unknown): void;
}

export class KeysCore<G> {
  readonly #surroundings: Surroundings<G>;
  readonly #releases: Releases;
  #machine: GroupMachine<G> | undefined;
  #frames: MessagePort | undefined;
  #queue: Input[] = [];
  #working = false;
  #wakeAt = Infinity;
  #wake: unknown;
  #alive: unknown;

  constructor(surroundings: Surroundings<G>) {
    this.#surroundings = surroundings;
    const { timers, seal, tellPage } = surroundings;
    this.#releases = new Releases({ timers, seal, post: tellPage });
  }

  onPage(message: PageToKeys): void {
    switch (message.type) {
      case 'start': return void this.#start(message).catch(this.#surroundings.fail);
      case 'input': return this.#take(message.input);
      case 'ping': return this.#surroundings.tellPage({ type: 'pong', id: message.id });
      case 'frames': return this.#connectFrames(message.port);
      default: return this.#releases.onMessage(message);
    }
  }

  async #start({ participantId, identity, kept }: Extract<PageToKeys, { type: 'start' }>): Promise<void> {
    // A browser without the signatures of our suite.
    if (!(await this.#surroundings.signs())) {
      return this.#surroundings.tellPage({ type: 'status', status: { ...unencrypted, mode: 'required', state: 'outside', problem: 'unsupported' } });
    }
    const [mls, proofs] = await Promise.all([this.#surroundings.loadMls(), proofsOf(identity)]);
    this.#machine = new GroupMachine(mls, proofs, { id: participantId, role: identity.role }, identity.tokenHash, kept);
    await this.#run();
  }

  #take(input: Input): void {
    this.#queue.push(input);
    void this.#run().catch(this.#surroundings.fail);
  }

  async #run(): Promise<void> {
    if (this.#working || !this.#machine) return;
    this.#working = true;
    while (this.#queue.length > 0) {
      for (const output of await this.#machine.step(this.#queue.splice(0), this.#surroundings.timers.now())) this.#give(output);
      this.#sayAlive();
    }
    this.#working = false;
  }

  // After each step and while there is none: a step that never ends says nothing.
  #sayAlive(): void {
    const { timers } = this.#surroundings;
    timers.clear(this.#alive);
    this.#tellFrames({ type: 'alive' });
    this.#alive = timers.set(() => this.#working || this.#sayAlive(), aliveMs);
  }

  #give(output: Output): void {
    switch (output.type) {
      case 'keys': {
        const { number, leaf, owners, side } = output;
        const baseKey = output.baseKey.slice().buffer;
        this.#releases.onEpoch(number, output.baseKey, leaf, side);
        output.baseKey.fill(0);
        return this.#tellFrames({ type: 'keys', number, baseKey, leaf, owners }, [baseKey]);
      }
      case 'outside':
        this.#releases.onOutside();
        return this.#tellFrames(output);
      case 'owners': return this.#tellFrames(output);
      case 'wake': return this.#wakeBy(output.at);
      default: return this.#surroundings.tellPage(output);
    }
  }

  #tellFrames(message: KeysToFrames, transfer: Transferable[] = []): void {
    this.#frames?.postMessage(message, transfer);
  }

  #connectFrames(port: MessagePort): void {
    this.#frames?.close();
    this.#frames = port;
    port.onmessage = ({ data }: MessageEvent<FramesToKeys>) => {
      if (data.type === 'exhausted') this.#take(data);
      else this.#releases.onSending(data.number, data.generation);
    };
    this.#take({ type: 'framesReady' });
  }

  // One timer, for the earliest time that was asked for.
  #wakeBy(at: number): void {
    const { timers } = this.#surroundings;
    if (at >= this.#wakeAt) return;
    timers.clear(this.#wake);
    this.#wakeAt = at;
    this.#wake = timers.set(() => {
      this.#wakeAt = Infinity;
      this.#take({ type: 'tick' });
    }, Math.max(0, at - timers.now()));
  }
}
