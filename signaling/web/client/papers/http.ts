// The HTTP side of files (PROTOCOL.md, section 6d): uploads by tus 1.0, which go on after a lost connection, and downloads.

import type { Bytes } from '../e2ee/bytes';
import type { Timers } from '../env';

export type Fetch = (path: string, init: { method: string; headers: Record<string, string>; body?: Bytes }) => Promise<Response>;

export const pieceBytes = 256 * 1024;
const firstPauseMs = 500;
const longestPauseMs = 15_000;
// An upload that made no progress for so long is given up; the server does the same.
const giveUpMs = 10 * 60_000;

// code: of PROTOCOL.md, or unreachable.
export class FileError extends Error {
  override name = 'FileError';

  constructor(readonly code: string) {
    super(code);
  }
}

export class FileServer {
  readonly #fetch: Fetch;
  readonly #timers: Timers;
  readonly #credential: () => Promise<string>;

  constructor(fetch: Fetch, timers: Timers, credential: () => Promise<string>) {
    [this.#fetch, this.#timers, this.#credential] = [fetch, timers, credential];
  }

  async list(): Promise<unknown> {
    return (await this.#ask('GET', '')).json();
  }

  async key(id: string): Promise<Bytes> {
    return bytesOf(await this.#retried(() => this.#ask('GET', `/${id}/key`)));
  }

  async content(id: string): Promise<Bytes> {
    return this.#retried(async () => bytesOf(await this.#ask('GET', `/${id}`)));
  }

  // Uploads in pieces. What was acknowledged is not sent again. Rejects with FileError: target_not_found where the server knows the file no more.
  async upload(id: string, content: Bytes, onProgress: (done: number) => void, stopped: () => boolean): Promise<void> {
    let at = 0;
    let pause = firstPauseMs;
    let progressAt = this.#timers.now();
    for (let complete = false; !complete;) {
      if (stopped()) throw new FileError('stopped');
      try {
        const piece = content.slice(at, at + pieceBytes);
        const answer = await this.#ask('PATCH', `/${id}`, { 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(at) }, piece);
        at = Number(answer.headers.get('Upload-Offset'));
        complete = at === content.length;
        [pause, progressAt] = [firstPauseMs, this.#timers.now()];
      } catch (error) {
        if (!passing(error) || this.#timers.now() - progressAt > giveUpMs) throw error;
        await this.#pause(pause);
        pause = Math.min(2 * pause, longestPauseMs);
        at = await this.#offset(id, at);
      }
      onProgress(at);
    }
  }

  async #offset(id: string, before: number): Promise<number> {
    try {
      return Number((await this.#ask('HEAD', `/${id}`)).headers.get('Upload-Offset'));
    } catch (error) {
      if (passing(error)) return before;
      throw error;
    }
  }

  async #retried<T>(get: () => Promise<T>): Promise<T> {
    for (let pause = firstPauseMs; ; pause *= 2) {
      try {
        return await get();
      } catch (error) {
        if (!passing(error) || pause > longestPauseMs) throw error;
        await this.#pause(pause);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#timers.set(resolve, ms));
  }

  async #ask(method: string, path: string, headers: Record<string, string> = {}, body?: Bytes): Promise<Response> {
    const credential = await this.#credential();
    const init = { method, headers: { ...headers, Authorization: `Bearer ${credential}`, 'Tus-Resumable': '1.0.0' }, ...(body ? { body } : {}) };
    const answer = await this.#fetch(`/v1/files${path}`, init).catch(() => undefined);
    if (!answer) throw new FileError('unreachable');
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => undefined) as { error?: { code?: unknown } } | undefined;
    const { code } = problem?.error ?? {};
    throw new FileError(typeof code === 'string' ? code : codes[answer.status] ?? 'unavailable');
  }
}

// Of answers without a body, as to HEAD, and of proxies.
const codes: Record<number, string> = { 401: 'invalid_token', 403: 'forbidden', 404: 'target_not_found', 410: 'room_ended', 413: 'file_too_large', 507: 'storage_full' };

function passing(error: unknown): boolean {
  return error instanceof FileError && ['unreachable', 'unavailable', 'rate_limited', 'offset_mismatch', 'internal', 'bad_request'].includes(error.code);
}

async function bytesOf(answer: Response): Promise<Bytes> {
  try {
    return new Uint8Array(await answer.arrayBuffer());
  } catch {
    throw new FileError('unreachable'); // cut in the middle
  }
}
