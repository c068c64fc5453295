// Mail keys of the group. Each is asked for and given by MLS application messages, so the signature of the sender's leaf vouches for it.

import { fromBase64, toBase64, type Bytes } from '../e2ee/bytes';
import type { Timers } from '../env';
import { object, optional, text, list, type Of } from '../wire/shape';
import type { Sealing } from './sealing';

// How long somebody has to answer with a key: they make it first, which takes a slow phone seconds.
export const keyTimeoutMs = 15_000;

const message = object({
  kind: text, recipient: optional(text), id: optional(text), text: optional(text), to: optional(list(text)), sealed: optional(text), digest: optional(text),
});
export type Message = Of<typeof message>;

export interface Channel {
  // Sends to the group, or to some of it. Rejects if it could not be sent.
  send(content: string, to?: readonly string[]): Promise<void>;
}

// Returns undefined for what is no message of ours.
export function parseMessage(content: string): Message | undefined {
  try {
    return message(JSON.parse(content), 'message');
  } catch {
    return undefined;
  }
}

export class NoMailKeyError extends Error {
  override name = 'NoMailKeyError';

  constructor(readonly missing: readonly string[]) {
    super('somebody has no mail key');
  }
}

export class Mailbox {
  readonly #channel: Channel;
  readonly #timers: Timers;
  readonly sealing: Sealing;
  readonly #keys = new Map<string, string>();
  readonly #waiting = new Set<() => void>();

  constructor(channel: Channel, timers: Timers, sealing: Sealing) {
    [this.#channel, this.#timers, this.sealing] = [channel, timers, sealing];
  }

  // Forgets the keys of everybody who is not in the group any more.
  onRoster(ids: readonly string[]): void {
    for (const id of this.#keys.keys()) if (!ids.includes(id)) this.#keys.delete(id);
  }

  async onMessage(from: string, { kind, recipient }: Message): Promise<void> {
    if (kind === 'mail.ask') {
      const own = await this.sealing.recipient();
      await this.#channel.send(JSON.stringify({ kind: 'mail.key', recipient: own }), [from]).catch(() => undefined);
    }
    if (kind === 'mail.key' && recipient?.startsWith('age1pq1')) {
      this.#keys.set(from, recipient);
      for (const arrived of [...this.#waiting]) arrived();
    }
  }

  // A new page of a participant has another key. Ask again before each file, which is kept for longer than a key may live.
  forget(ids: readonly string[]): void {
    for (const id of ids) this.#keys.delete(id);
  }

  // The mail keys of some people. Throws NoMailKeyError if somebody does not answer.
  async keysOf(ids: readonly string[]): Promise<readonly string[]> {
    const missing = (): string[] => ids.filter((id) => !this.#keys.has(id));
    if (missing().length > 0) {
      await this.#channel.send(JSON.stringify({ kind: 'mail.ask' }), missing());
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#timers.clear(timer);
          this.#waiting.delete(arrived);
          resolve();
        };
        const arrived = (): void => {
          if (missing().length === 0) done();
        };
        const timer = this.#timers.set(done, keyTimeoutMs);
        this.#waiting.add(arrived);
        arrived();
      });
    }
    if (missing().length > 0) throw new NoMailKeyError(missing());
    return ids.map((id) => this.#keys.get(id)!);
  }

  async seal(ids: readonly string[], content: object): Promise<Bytes> {
    return this.sealing.seal(await this.keysOf(ids), encode(content));
  }
}

export function encode(content: object): Bytes {
  return new TextEncoder().encode(JSON.stringify(content));
}

export function decode(bytes: Bytes): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}

export { fromBase64, toBase64 };
