// Files of a session: each is sealed under a key of its own, and that, in an envelope, for the mail keys of the chosen. The server keeps both, and
// gives the envelope out when the file is released. It cannot say who sent a file, nor swap one for another (announcements.ts).
//
//   send: mail keys ─► sealed here ─► file.create ─► announced ─► uploaded in pieces ─► sent
//   files.changed, admission, the end ─► list ─► envelopes of what is released ─► announced so? ─► names and notes ─► content, when it is opened

import { toBase64, type Bytes } from '../e2ee/bytes';
import { refusedKeys } from '../e2ee/recipients';
import type { Timers } from '../env';
import { RequestError } from '../errors';
import type { AnswerData, RequestData } from '../wire/protocol';
import { flag, list, number, object, optional, text, type Of } from '../wire/shape';
import { Announcements, digestOf } from './announcements';
import { FileError, FileServer, type Fetch } from './http';
import { decode, encode, NoMailKeyError, type Channel, type Mailbox, type Message } from './mailbox';

export const maxFileBytes = 25 * 1024 * 1024;
// Such files are fetched when they are released, so that they are here when the session ends and the server deletes them.
const fetchAheadBytes = 5 * 1024 * 1024;
// After the session the server needs a moment to end it, and a release may still be hours away.
const endedPollMs = [1_000, 2_000, 3_000, 5_000, 10_000, 30_000] as const;
const waitingPollMs = 60_000;
const waitingPolls = 720;

interface Release {
  afterSession?: boolean;
  releaseAt?: number;
}
export interface Draft extends Release {
  name: string;
  type: string;
  content: Bytes;
  note: string;
  to: readonly string[];
  replaces?: string;
}

// A file that somebody sent us, or that we sent.
export interface Paper extends Release {
  id: string;
  own: boolean;
  from: string; // as the server says
  confirmed: boolean; // its sender announced it
  fromName: string; // "" until then
  to: readonly string[]; // of own ones
  at: number;
  size: number; // of what is here of it: sealed, until the key is open
  released: boolean;
  replaces: string;
  name: string; // "" until the key is open
  type: string;
  note: string;
  // Of those of others. unconfirmed: whom the server names as its sender did not announce it. changed: not with this envelope. unreadable: it is
  // sealed for another mail key.
  state: 'sealing' | 'uploading' | 'sent' | 'failed' | 'waiting' | 'ready' | 'fetching' | 'unconfirmed' | 'changed' | 'unreadable';
  progress: number; // 0 to 1, while it is uploaded
  problem: string; // a code
}

interface FilesParts {
  channel: Channel;
  mailbox: Mailbox;
  timers: Timers;
  fetch: Fetch;
  random(): string;
  now(): number;
  self(): string;
  nameOf(id: string): string;
  request<T extends 'file.access' | 'file.create' | 'file.withdraw'>(type: T, data: RequestData<T>): Promise<AnswerData<T>>;
  // The hashes of the clinic's recipients in the person's own link; without any, nothing is sealed to the clinic.
  clinicHashes: readonly string[] | undefined;
  onChange(): void;
}

const listed = object({
  ended: flag,
  files: list(object({
    id: text, from: text, size: number, released: flag, at: optional(number), to: optional(list(text)), offset: optional(number),
    afterSession: optional(flag), releaseAt: optional(number), replaces: optional(text),
  })),
});
type Listed = Of<typeof listed>['files'][number];
// from: who sealed it, so that nobody else can announce it as theirs. contentDigest: of the sealed content, or any recipient could seal another.
const envelope = object({ from: text, key: text, contentDigest: text, name: text, type: text, note: optional(text), size: number });
type Envelope = Of<typeof envelope> & { digest: string }; // of the envelope itself, sealed

export type ClinicPaper = 'card' | 'journal';

export class Files {
  readonly #parts: FilesParts;
  readonly #server: FileServer;
  papers: readonly Paper[] = [];
  // Public keys of the clinic; empty where it keeps no papers.
  clinic: readonly string[] = [];
  #credential: Promise<string> | undefined;
  readonly #announcements: Announcements;
  readonly #envelopes = new Map<string, Envelope>();
  readonly #contents = new Map<string, Bytes>();
  readonly #stopped = new Set<string>();
  #listing: Promise<boolean> | undefined;
  #again = false;
  #disposed = false;

  constructor(parts: FilesParts) {
    this.#parts = parts;
    this.#server = new FileServer(parts.fetch, parts.timers, () => this.#access());
    this.#announcements = new Announcements(parts.channel, parts.timers, (id) => void this.#confirm(id), (id) => this.#onMissing(id));
  }

  onMessage(from: string, message: Message): void {
    this.#announcements.onMessage(from, message);
  }

  // Admitted, resumed, or told that something changed.
  async refresh(): Promise<void> {
    await this.#list().catch(() => undefined);
  }

  // The session is over. What was kept for then is released about now, or later.
  async onEnded(): Promise<void> {
    if (!this.#credential) return;
    for (let poll = 0; poll < endedPollMs.length + waitingPolls; poll++) {
      const ended = await this.#list().catch(() => false);
      const waits = this.papers.some(({ own, state }) => !own && state === 'waiting');
      if (!waits && (ended || poll >= endedPollMs.length)) return;
      await new Promise<void>((resolve) => void this.#parts.timers.set(resolve, endedPollMs[poll] ?? waitingPollMs));
      if (this.#disposed) return;
    }
  }

  dispose(): void {
    this.#disposed = true;
  }

  // Sends a file. The paper that stands for it is in `papers` at once; its state tells the rest.
  async send(draft: Draft): Promise<void> {
    const { random, self, now, mailbox } = this.#parts;
    const { name, type, content, note, to, replaces = '', afterSession, releaseAt } = draft;
    const release: Release = { ...(afterSession ? { afterSession } : {}), ...(releaseAt ? { releaseAt } : {}) };
    let paper: Paper = {
      id: random(), own: true, from: self(), confirmed: true, fromName: '', to, at: now(), size: content.length, released: false, replaces, name, type, note, ...release,
      state: 'sealing', progress: 0, problem: '',
    };
    const update = (change: Partial<Paper>): void => this.#put(paper.id, (paper = { ...paper, ...change }));
    update({});
    try {
      if (content.length > maxFileBytes) throw new FileError('file_too_large');
      mailbox.forget(to); // somebody may have loaded their page anew
      const { key, sealed } = await mailbox.sealing.sealFile(content);
      const sealedKey = await mailbox.seal(to, { from: self(), key, contentDigest: await digestOf(sealed), name, type, size: content.length, ...(note ? { note } : {}) });
      const digest = await digestOf(sealedKey);
      for (let attempt = 0; ; attempt++) {
        const data = { size: sealed.length, to: [...to], sealed: toBase64(sealedKey), ...release, ...(replaces ? { replaces } : {}) };
        const { fileId } = await this.#parts.request('file.create', data);
        const before = paper.id;
        this.papers = this.papers.filter(({ id }) => id !== before && id !== fileId);
        if (this.#stopped.has(before)) this.#stopped.add(fileId);
        paper = { ...paper, id: fileId };
        update({ state: 'uploading', progress: 0 });
        try {
          await this.#announce(fileId, to, digest);
          await this.#server.upload(fileId, sealed, (done) => update({ progress: done / sealed.length }), () => this.#stopped.has(fileId));
          break;
        } catch (error) {
          // The daemon was started anew meanwhile: once more from the beginning.
          if (!(error instanceof FileError) || error.code !== 'target_not_found' || attempt > 0 || this.#stopped.has(fileId)) throw error;
        }
      }
      update({ state: 'sent', progress: 1, released: !afterSession && !releaseAt });
      if (replaces) this.#drop(replaces);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'stopped' || this.#stopped.has(paper.id)) return this.#drop(paper.id);
      update({ state: 'failed', problem: code });
    }
  }

  // Without an announcement nobody would open it.
  async #announce(fileId: string, to: readonly string[], digest: string): Promise<void> {
    await this.#announcements.announce(fileId, to, digest).catch(async () => {
      await this.#parts.request('file.withdraw', { fileId }).catch(() => undefined);
      throw new FileError('not_announced');
    });
  }

  // Takes an own file back, or stops its upload. Who has opened it has it.
  async withdraw(id: string): Promise<void> {
    const paper = this.#paper(id);
    this.#stopped.add(id);
    if (!paper || paper.state === 'sealing') return;
    if (paper.state === 'failed') return this.#drop(id);
    await this.#parts.request('file.withdraw', { fileId: id }).catch((error: unknown) => {
      if (codeOf(error) !== 'target_not_found') throw error;
    });
    this.#drop(id);
  }

  // The content of a received file. Rejects with FileError.
  async open(id: string): Promise<{ name: string; type: string; content: Bytes }> {
    const known = this.#envelopes.get(id);
    const state = this.#paper(id)?.state;
    if (!known || state !== 'ready' && state !== 'fetching') throw new FileError('target_not_found');
    let content = this.#contents.get(id);
    if (!content) {
      this.#change(id, { state: 'fetching' });
      try {
        content = await this.#fetch(id, known);
        this.#change(id, { state: 'ready', problem: '' });
      } catch (error) {
        this.#change(id, { state: 'ready', problem: codeOf(error) });
        throw error instanceof FileError ? error : new FileError('unreadable');
      }
    }
    return { name: known.name, type: known.type, content };
  }

  async #fetch(id: string, { key, contentDigest }: Envelope): Promise<Bytes> {
    const sealed = await this.#server.content(id);
    if (await digestOf(sealed) !== contentDigest) throw new FileError('changed');
    const content = await this.#parts.mailbox.sealing.openFile(key, sealed);
    this.#contents.set(id, content);
    return content;
  }

  // Seals words to the clinic alone.
  async writeClinic(kind: ClinicPaper, from: string, words: string): Promise<void> {
    await this.#access();
    // The server must not choose whom it is sealed to. The list is copied: what was checked is what is sealed to.
    const clinic = [...this.clinic];
    const refusal = await refusedKeys(clinic, this.#parts.clinicHashes);
    if (refusal) throw new FileError(refusal === 'none' ? 'forbidden' : refusal === 'unnamed' ? 'recipients_unnamed' : 'recipients');
    const sealed = await this.#parts.mailbox.sealing.seal(clinic, encode({ version: 1, kind, at: this.#parts.now(), from, text: words }));
    const { fileId } = await this.#parts.request('file.create', { size: sealed.length, clinic: kind });
    await this.#server.upload(fileId, sealed, () => undefined, () => false);
  }

  #access(): Promise<string> {
    const asked = (this.#credential ??= this.#parts.request('file.access', {}).then(({ credential, clinic }) => {
      this.clinic = clinic;
      return credential;
    }));
    asked.catch(() => (this.#credential = undefined));
    return asked;
  }

  // One at a time; what changes meanwhile is read after. Returns whether the session is over.
  async #list(): Promise<boolean> {
    if (this.#listing) {
      this.#again = true;
      return this.#listing;
    }
    this.#listing = (async () => {
      let ended = false;
      do {
        this.#again = false;
        const answer = listed(await this.#server.list(), 'files');
        ended = answer.ended;
        this.#merge(answer.files, ended);
        await Promise.all(answer.files.filter(({ released }) => released).map((file) => this.#openEnvelope(file)));
      } while (this.#again);
      return ended;
    })();
    try {
      return await this.#listing;
    } finally {
      this.#listing = undefined;
    }
  }

  #merge(files: readonly Listed[], ended: boolean): void {
    const { self } = this.#parts;
    const kept = this.papers.filter((paper) => files.some(({ id }) => id === paper.id)
      // Not at the server yet, or no more: what was opened before the session ended stays.
      || paper.own && paper.state !== 'sent' && paper.state !== 'waiting' || ended && (this.#contents.has(paper.id) || paper.own));
    const papers = new Map(kept.map((paper) => [paper.id, paper]));
    for (const { id, from, size, released, at = 0, to = [], afterSession, releaseAt, offset, replaces = '' } of files) {
      const own = from === self();
      const known = papers.get(id);
      if (known) {
        const state = known.state === 'waiting' && released && own ? 'sent' : known.state;
        papers.set(id, { ...known, released, state, ...(own ? { to } : {}) });
      } else if (!own || offset === undefined) {
        papers.set(id, {
          id, own, from, confirmed: own, fromName: '', to, at, size, released, replaces, name: '', type: '', note: '',
          ...(afterSession ? { afterSession } : {}), ...(releaseAt ? { releaseAt } : {}), state: own ? 'sent' : 'waiting', progress: 1, problem: '',
        });
      }
    }
    const added = [...papers.values()].filter(({ id, own }) => !own && !this.papers.some((paper) => paper.id === id));
    this.papers = [...papers.values()].sort((a, b) => a.at - b.at);
    this.#parts.onChange();
    for (const { id, from } of added) {
      if (this.#announcements.digestOf(from, id) === undefined) this.#announcements.expect(from, id);
      else void this.#confirm(id);
    }
  }

  // Opens the envelope of a released file.
  async #openEnvelope({ id, from }: Listed): Promise<void> {
    if (from === this.#parts.self() || this.#envelopes.has(id)) return;
    let sealed: Bytes;
    try {
      sealed = await this.#server.key(id);
    } catch {
      return; // the next list tries again
    }
    try {
      this.#envelopes.set(id, { ...envelope(decode(await this.#parts.mailbox.sealing.open(sealed)), 'file'), digest: await digestOf(sealed) });
    } catch {
      // Sealed for a page of ours that is gone.
      return this.#change(id, { state: 'unreadable' });
    }
    await this.#confirm(id);
  }

  // Names the sender of a file that they announced, and shows what it is if its envelope is the announced one. Fetches it ahead if it is small.
  async #confirm(id: string): Promise<void> {
    const paper = this.#paper(id);
    const digest = paper && this.#announcements.digestOf(paper.from, id);
    if (!paper || paper.own || digest === undefined) return;
    const known = this.#envelopes.get(id);
    if (known && (known.digest !== digest || known.from !== paper.from)) return this.#change(id, { confirmed: false, fromName: '', state: 'changed' });
    const sender = { confirmed: true, fromName: this.#parts.nameOf(paper.from) };
    if (!known) return this.#change(id, { ...sender, state: paper.state === 'unconfirmed' ? 'waiting' : paper.state });
    const { name, type, note = '', size } = known;
    this.#change(id, { ...sender, name, type, note, size, state: 'ready' });
    if (size <= fetchAheadBytes) await this.open(id).catch(() => undefined);
  }

  // Nobody announced it, though its sender was asked.
  #onMissing(id: string): void {
    if (!this.#disposed && this.#paper(id)?.state === 'waiting') this.#change(id, { state: 'unconfirmed' });
  }

  #paper(id: string): Paper | undefined {
    return this.papers.find((one) => one.id === id);
  }

  // Of one that may be gone by now.
  #change(id: string, change: Partial<Paper>): void {
    const paper = this.#paper(id);
    if (paper) this.#put(id, { ...paper, ...change });
  }

  #put(id: string, paper: Paper): void {
    const at = this.papers.findIndex((one) => one.id === id);
    this.papers = at < 0 ? [...this.papers, paper] : this.papers.with(at, paper);
    this.#parts.onChange();
  }

  #drop(id: string): void {
    this.papers = this.papers.filter((one) => one.id !== id);
    this.#parts.onChange();
  }
}

function codeOf(error: unknown): string {
  if (error instanceof NoMailKeyError) return 'no_mail_key';
  return error instanceof FileError || error instanceof RequestError ? error.code : 'internal';
}
