// Who sent a file is not for the server to say. The sender announces each file to its recipients in an application message, which the sender's
// leaf signs: the file's id, and the digest of its sealed envelope.
//
//   sender:    file.create ─► announced ─► uploaded
//   recipient: listed and not announced ─ askAfterMs ─► asks the sender ─ answerMs ─► not confirmed, until an announcement comes after all

import { toBase64, type Bytes } from '../e2ee/bytes';
import { sha256 } from '../e2ee/identity';
import type { Timers } from '../env';
import type { Channel, Message } from './mailbox';

// An announcement is sent before the upload, so it is here before the file is listed, unless this page was outside of the group then.
const askAfterMs = 2_000;
// How long the sender has to answer: a group that adds somebody takes seconds.
const answerMs = 15_000;
// Of each sender the newest are kept: nobody sends so many files in a session.
const announcedLimit = 500;

interface Announced {
  to: readonly string[];
  digest: string;
}

export class Announcements {
  readonly #channel: Channel;
  readonly #timers: Timers;
  readonly #onAnnounced: (id: string) => void;
  readonly #onMissing: (id: string) => void;
  readonly #own = new Map<string, Announced>(); // by file
  readonly #received = new Map<string, Map<string, string>>(); // digest by sender and file

  constructor(channel: Channel, timers: Timers, onAnnounced: (id: string) => void, onMissing: (id: string) => void) {
    [this.#channel, this.#timers, this.#onAnnounced, this.#onMissing] = [channel, timers, onAnnounced, onMissing];
  }

  // Rejects if it could not be sent.
  async announce(id: string, to: readonly string[], digest: string): Promise<void> {
    this.#own.set(id, { to, digest });
    await this.#send(id, to, digest);
  }

  onMessage(from: string, { kind, id, digest }: Message): void {
    if (kind === 'file' && id && digest) this.#keep(from, id, digest);
    if (kind !== 'file.ask' || !id) return;
    const own = this.#own.get(id);
    if (own?.to.includes(from)) void this.#send(id, [from], own.digest).catch(() => undefined);
  }

  // The digest of the envelope with which this person announced the file.
  digestOf(from: string, id: string): string | undefined {
    return this.#received.get(from)?.get(id);
  }

  // The server lists this file. If it is not announced soon, its sender is asked.
  expect(from: string, id: string): void {
    this.#timers.set(() => {
      if (this.digestOf(from, id) !== undefined) return;
      void this.#channel.send(JSON.stringify({ kind: 'file.ask', id }), [from]).catch(() => undefined);
      this.#timers.set(() => {
        if (this.digestOf(from, id) === undefined) this.#onMissing(id);
      }, answerMs);
    }, askAfterMs);
  }

  // The first one stands: a file never changes.
  #keep(from: string, id: string, digest: string): void {
    const files = this.#received.get(from) ?? new Map<string, string>();
    if (files.has(id)) return;
    files.set(id, digest);
    if (files.size > announcedLimit) files.delete(files.keys().next().value!);
    this.#received.set(from, files);
    this.#onAnnounced(id);
  }

  async #send(id: string, to: readonly string[], digest: string): Promise<void> {
    await this.#channel.send(JSON.stringify({ kind: 'file', id, digest }), to);
  }
}

export async function digestOf(bytes: Bytes): Promise<string> {
  return toBase64(await sha256(bytes));
}
