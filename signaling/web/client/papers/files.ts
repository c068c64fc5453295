// Files of a session: each is sealed under a key of its own, and that for the mail keys of the chosen. The server keeps both, and gives the key
// out when the file is released.
//
//   send: mail keys ─► sealed here ─► file.create ─► uploaded in pieces ─► sent
//   files.changed, admission, the end ─► list ─► keys of what is released ─► names and notes ─► content, when it is opened

import { toBase64, type Bytes } from '../e2ee/bytes';
import { refusedKeys } from '../e2ee/recipients';
import type { Timers } from '../env';
import { RequestError } from '../errors';
import type { AnswerData, RequestData } from '../wire/protocol';
import { flag, list, number, object, optional, text, type Of } from '../wire/shape';
import { FileError, FileServer, type Fetch } from './http';
import { decode, encode, NoMailKeyError, type Mailbox } from './mailbox';

export const maxFileBytes = 25 * 1024 * 1024;
// Such files are fetched when they are released, so that they are here when the session ends and the server deletes them.
const fetchAheadBytes = 5 * 1024 * 1024;
// After the session the server needs a moment to end it, and a release may still be hours away.
const endedPollMs = [1_000, 2_000, 3_000, 5_000, 10_000, 30_000] as const;
const waitingPollMs = 60_000;
const waitingPolls = 720;

export interface Release {
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
  from: string;
  fromName: string;
  to: readonly string[]; // of own ones
  at: number;
  size: number; // of what is here of it: sealed, until the key is open
  released: boolean;
  replaces: string;
  name: string; // "" until the key is open
  type: string;
  note: string;
  state: 'sealing' | 'uploading' | 'sent' | 'waiting' | 'ready' | 'fetching' | 'failed' | 'unreadable';
  progress: number; // 0 to 1, while it is uploaded
  problem: string; // a code
}

export interface FilesParts {
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
const envelope = object({ key: text, name: text, type: text, note: optional(text), size: number });

export type ClinicPaper = 'card' | 'journal';

export class Files {
  readonly #parts: FilesParts;
  readonly #server: FileServer;
  papers: readonly Paper[] = [];
  // Public keys of the clinic; empty where it keeps no papers.
  clinic: readonly string[] = [];
  #credential: Promise<string> | undefined;
  readonly #keys = new Map<string, { key: string; content: Bytes | undefined }>();
  readonly #stopped = new Set<string>();
  #listing: Promise<boolean> | undefined;
  #again = false;
  #disposed = false;

  constructor(parts: FilesParts) {
    this.#parts = parts;
    this.#server = new FileServer(parts.fetch, parts.timers, () => this.#access());
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
      id: random(), own: true, from: self(), fromName: '', to, at: now(), size: content.length, released: false, replaces, name, type, note, ...release,
      state: 'sealing', progress: 0, problem: '',
    };
    const update = (change: Partial<Paper>): void => this.#put(paper.id, (paper = { ...paper, ...change }));
    update({});
    try {
      if (content.length > maxFileBytes) throw new FileError('file_too_large');
      mailbox.forget(to); // somebody may have loaded their page anew
      const { key, sealed } = await mailbox.sealing.sealFile(content);
      const sealedKey = await mailbox.seal(to, { key, name, type, size: content.length, ...(note ? { note } : {}) });
      for (let attempt = 0; ; attempt++) {
        const data = { size: sealed.length, to: [...to], sealed: toBase64(sealedKey), ...release, ...(replaces ? { replaces } : {}) };
        const { fileId } = await this.#parts.request('file.create', data);
        const before = paper.id;
        this.papers = this.papers.filter(({ id }) => id !== before && id !== fileId);
        if (this.#stopped.has(before)) this.#stopped.add(fileId);
        paper = { ...paper, id: fileId };
        update({ state: 'uploading', progress: 0 });
        try {
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

  // Takes an own file back, or stops its upload. Who has opened it has it.
  async withdraw(id: string): Promise<void> {
    const paper = this.papers.find((one) => one.id === id);
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
    const paper = this.papers.find((one) => one.id === id);
    const known = this.#keys.get(id);
    if (!paper || !known) throw new FileError('target_not_found');
    if (!known.content) {
      this.#put(id, { ...paper, state: 'fetching' });
      try {
        known.content = await this.#parts.mailbox.sealing.openFile(known.key, await this.#server.content(id));
        this.#put(id, { ...paper, state: 'ready' });
      } catch (error) {
        this.#put(id, { ...paper, state: 'ready', problem: codeOf(error) });
        throw error instanceof FileError ? error : new FileError('unreadable');
      }
    }
    return { name: paper.name, type: paper.type, content: known.content };
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
        await Promise.all(answer.files.filter(({ released }) => released).map((file) => this.#openKey(file)));
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
    const { self, nameOf } = this.#parts;
    const kept = this.papers.filter((paper) => files.some(({ id }) => id === paper.id)
      // Not at the server yet, or no more: what was opened before the session ended stays.
      || paper.own && paper.state !== 'sent' && paper.state !== 'waiting' || ended && (this.#keys.get(paper.id)?.content !== undefined || paper.own));
    const papers = new Map(kept.map((paper) => [paper.id, paper]));
    for (const { id, from, size, released, at = 0, to = [], afterSession, releaseAt, offset, replaces = '' } of files) {
      const own = from === self();
      const known = papers.get(id);
      if (known) {
        const state = known.state === 'waiting' && released && own ? 'sent' : known.state;
        papers.set(id, { ...known, released, state, ...(own ? { to } : {}) });
      } else if (!own || offset === undefined) {
        papers.set(id, {
          id, own, from, fromName: own ? '' : nameOf(from), to, at, size, released, replaces, name: '', type: '', note: '',
          ...(afterSession ? { afterSession } : {}), ...(releaseAt ? { releaseAt } : {}), state: own ? 'sent' : 'waiting', progress: 1, problem: '',
        });
      }
    }
    this.papers = [...papers.values()].sort((a, b) => a.at - b.at);
    this.#parts.onChange();
  }

  // Opens the key of a released file, and fetches the file ahead if it is small.
  async #openKey({ id, from }: Listed): Promise<void> {
    if (from === this.#parts.self() || this.#keys.has(id)) return;
    const { sealing } = this.#parts.mailbox;
    const paper = (): Paper | undefined => this.papers.find((one) => one.id === id);
    let sealed: Bytes;
    try {
      sealed = await this.#server.key(id);
    } catch {
      return; // the next list tries again
    }
    try {
      const { key, name, type, note = '', size } = envelope(decode(await sealing.open(sealed)), 'file');
      this.#keys.set(id, { key, content: undefined });
      const known = paper();
      if (known) this.#put(id, { ...known, name, type, note, size, state: 'ready' });
      if (size <= fetchAheadBytes) await this.open(id).catch(() => undefined);
    } catch {
      // Sealed for a page of ours that is gone.
      const known = paper();
      if (known) this.#put(id, { ...known, state: 'unreadable' });
    }
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
