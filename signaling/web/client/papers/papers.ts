// What a session has of messages and files: one mailbox for both. They exist where the room is encrypted end to end.

import type { Timers } from '../env';
import type { AnswerData, Participant, Reach, RequestData, Welcome } from '../wire/protocol';
import { Chat } from './chat';
import { Files } from './files';
import type { Fetch } from './http';
import { Mailbox, parseMessage, type Channel } from './mailbox';
import type { Sealing } from './sealing';
import { browserSealing } from './sealing_handle';

export interface PapersEnv {
  sealing(): Sealing & { dispose?(): void };
  fetch: Fetch;
}
export interface SessionParts {
  timers: Timers;
  channel: Channel;
  request<T extends 'file.access' | 'file.create' | 'file.withdraw'>(type: T, data: RequestData<T>): Promise<AnswerData<T>>;
  self(): string;
  roster(): readonly Participant[];
  clinicHashes: readonly string[] | undefined;
  onChat(): void;
  onFiles(): void;
}

export class Papers {
  readonly chat: Chat;
  readonly files: Files;
  readonly #mailbox: Mailbox;
  readonly #sealing: ReturnType<PapersEnv['sealing']>;
  readonly #names = new Map<string, string>(); // also of who left
  #chatReach: Reach = 'off';

  constructor(env: PapersEnv, session: SessionParts) {
    this.#sealing = env.sealing();
    this.#mailbox = new Mailbox(session.channel, session.timers, this.#sealing);
    const now = (): number => Date.now();
    const random = (): string => crypto.randomUUID();
    this.chat = new Chat({
      channel: session.channel, mailbox: this.#mailbox, random, now, self: session.self, roster: session.roster,
      reach: () => this.#chatReach, onChange: session.onChat,
    });
    this.files = new Files({
      channel: session.channel, mailbox: this.#mailbox, timers: session.timers, fetch: env.fetch, random, now, self: session.self, request: session.request,
      nameOf: (id) => this.#names.get(id) ?? '', clinicHashes: session.clinicHashes, onChange: session.onFiles,
    });
  }

  onWelcome({ policy }: Welcome): void {
    this.#chatReach = policy.chat ?? 'off';
  }

  onRoster(roster: readonly Participant[]): void {
    for (const { id, displayName } of roster) this.#names.set(id, displayName);
    this.#mailbox.onRoster(roster.map(({ id }) => id));
  }

  onMessage(from: string, content: string): void {
    const message = parseMessage(content);
    if (!message) return;
    void this.#mailbox.onMessage(from, message);
    void this.chat.onMessage(from, message);
    this.files.onMessage(from, message);
  }

  // Keys stay until the page goes: on the last screen what is released at the end is still opened.
  dispose(): void {
    this.files.dispose();
    this.#sealing.dispose?.();
  }
}

export function browserPapers(): PapersEnv {
  return { sealing: browserSealing, fetch: (path, init) => fetch(path, { ...init, cache: 'no-store', credentials: 'omit' }) };
}
