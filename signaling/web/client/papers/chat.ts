// Messages in a session: to all as application messages of the group, to chosen people sealed for their mail keys as well. Nothing is stored,
// here or at the server; who comes later sees nothing from before.

import type { Participant, Reach } from '../wire/protocol';
import { object, text as words } from '../wire/shape';
import { decode, fromBase64, toBase64, type Channel, type Mailbox, type Message } from './mailbox';
import { leads, maySend } from './policy';

export const maxTextLength = 2_000;
// A page that is open for a day keeps the newest.
const maxMessages = 1_000;

export interface ChatMessage {
  id: string;
  from: string;
  name: string; // as the group knew the sender then; "" for oneself
  own: boolean;
  to: readonly string[] | 'all';
  text: string;
  at: number;
  state: 'sending' | 'sent' | 'failed';
}

interface ChatParts {
  channel: Channel;
  mailbox: Mailbox;
  random(): string; // an id
  now(): number;
  self(): string;
  roster(): readonly Participant[];
  reach(): Reach;
  onChange(): void;
}

const sealedText = object({ text: words });

export class Chat {
  readonly #parts: ChatParts;
  messages: readonly ChatMessage[] = [];

  constructor(parts: ChatParts) {
    this.#parts = parts;
  }

  hosts(): readonly string[] {
    return this.#parts.roster().filter(({ role }) => leads(role)).map(({ id }) => id);
  }

  // To whom one may write at all.
  maySendTo(to: readonly string[] | 'all'): boolean {
    const { roster, self, reach } = this.#parts;
    return maySend(reach(), roster().find(({ id }) => id === self())?.role, to, this.hosts());
  }

  async send(text: string, to: readonly string[] | 'all'): Promise<void> {
    const { random, now, self } = this.#parts;
    const message: ChatMessage = { id: random(), from: self(), name: '', own: true, to, text: text.slice(0, maxTextLength), at: now(), state: 'sending' };
    this.#put(message);
    await this.#deliver(message);
  }

  async retry(id: string): Promise<void> {
    const message = this.messages.find((one) => one.id === id && one.own && one.state === 'failed');
    if (!message) return;
    this.#put({ ...message, state: 'sending' });
    await this.#deliver(message);
  }

  async #deliver(message: ChatMessage): Promise<void> {
    const { id, to, text } = message;
    const { channel, mailbox } = this.#parts;
    try {
      if (to === 'all') await channel.send(JSON.stringify({ kind: 'chat', id, text }));
      else {
        const sealed = toBase64(await mailbox.seal(to, { text }));
        await channel.send(JSON.stringify({ kind: 'chat', id, to, sealed }), to);
      }
      this.#settle({ ...message, state: 'sent' });
    } catch {
      this.#settle({ ...message, state: 'failed' });
    }
  }

  async onMessage(from: string, { kind, id, text, to, sealed }: Message): Promise<void> {
    const { roster, self, now, mailbox, reach } = this.#parts;
    if (kind !== 'chat' || !id || from === self()) return;
    const sender = roster().find((person) => person.id === from);
    // The server cannot read it, so what the policy forbids is refused here.
    if (!sender || !maySend(reach(), sender.role, to ?? 'all', this.hosts())) return;
    if (to && !to.includes(self())) return;
    const plain = to
      ? await mailbox.sealing.open(fromBase64(sealed ?? '')).then((bytes) => sealedText(decode(bytes), 'chat').text, () => undefined)
      : text;
    if (!plain || this.messages.some((one) => one.from === from && one.id === id)) return;
    this.#put({ id, from, name: sender.displayName, own: false, to: to ?? 'all', text: plain.slice(0, maxTextLength), at: now(), state: 'sent' });
  }

  #settle(message: ChatMessage): void {
    if (this.messages.some(({ id, own }) => own && id === message.id)) this.#put(message); // else the session ended meanwhile
  }

  // When the session is over nothing of it stays, here either.
  clear(): void {
    this.messages = [];
    this.#parts.onChange();
  }

  #put(message: ChatMessage): void {
    const at = this.messages.findIndex((one) => one.id === message.id && one.from === message.from);
    this.messages = at < 0 ? [...this.messages, message].slice(-maxMessages) : this.messages.with(at, message);
    this.#parts.onChange();
  }
}
