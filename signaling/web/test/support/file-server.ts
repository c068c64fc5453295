// /v1/files in memory, as PROTOCOL.md, section 6d, has it, in the hands of a test.

import type { Fetch } from '../../client/papers/http';

interface StoredFile {
  id: string;
  from: string;
  to: string[];
  size: number;
  sealed: string;
  content: Uint8Array;
  complete: boolean;
  afterSession: boolean;
  releaseAt: number | undefined;
  replaces: string | undefined;
  clinic: string | undefined;
}

export class FakeFileServer {
  readonly files = new Map<string, StoredFile>();
  readonly requests: string[] = [];
  ended = false;
  now = 0;
  clinic: string[] = [];
  // Called before each HTTP request; may fail it.
  intercept: (method: string, path: string) => Response | 'cut' | undefined = () => undefined;
  changed: () => void = () => undefined;
  #ids = 0;

  // The requests of the WebSocket, by one participant.
  request(who: string, type: string, data: Record<string, unknown>): object {
    switch (type) {
      case 'file.access': return { credential: who, clinic: this.clinic };
      case 'file.create': {
        const id = `file${++this.#ids}`;
        this.files.set(id, {
          id, from: who, to: (data.to as string[]) ?? [], size: data.size as number, sealed: (data.sealed as string) ?? '', content: new Uint8Array(), complete: false,
          afterSession: data.afterSession === true, releaseAt: data.releaseAt as number | undefined, replaces: data.replaces as string | undefined,
          clinic: data.clinic as string | undefined,
        });
        return { fileId: id };
      }
      default:
        this.files.delete(data.fileId as string);
        this.changed();
        return {};
    }
  }

  readonly fetch: Fetch = async (path, { method, headers, body }) => {
    this.requests.push(`${method} ${path}`);
    if (path.includes('age') || path.includes('?')) throw new Error('a secret in the path');
    const cut = this.intercept(method, path);
    if (cut === 'cut') throw new TypeError('network');
    if (cut) return cut;
    const who = headers.Authorization!.replace('Bearer ', '');
    const [, , , id = '', part] = path.split('/');
    if (!id) return Response.json({ ended: this.ended, files: this.#list(who) });
    const file = this.files.get(id);
    if (method === 'PATCH' || method === 'HEAD') {
      if (file?.from !== who) return problem(404, 'target_not_found');
      if (method === 'HEAD') return new Response(null, { headers: { 'Upload-Offset': String(file.content.length), 'Upload-Length': String(file.size) } });
      if (Number(headers['Upload-Offset']) !== file.content.length) return problem(409, 'offset_mismatch');
      file.content = new Uint8Array([...file.content, ...(body ?? [])]);
      file.complete = file.content.length === file.size;
      if (file.complete && file.replaces) this.files.delete(file.replaces);
      if (file.complete) this.changed();
      return new Response(null, { status: 204, headers: { 'Upload-Offset': String(file.content.length) } });
    }
    if (!file?.complete || !file.to.includes(who) || !this.#released(file)) return problem(404, 'target_not_found');
    return new Response(part === 'key' ? Uint8Array.from(atob(file.sealed), (char) => char.charCodeAt(0)) : file.content.slice());
  };

  #released({ complete, afterSession, releaseAt }: StoredFile): boolean {
    return complete && (afterSession ? this.ended : releaseAt === undefined || releaseAt <= this.now);
  }

  #list(who: string): object[] {
    return [...this.files.values()].filter(({ from, to, complete, clinic }) => !clinic && (from === who || complete && to.includes(who))).map((file) => ({
      id: file.id, from: file.from, size: file.size, released: this.#released(file), ...(file.complete ? { at: 1 } : { offset: file.content.length }),
      ...(file.from === who ? { to: file.to } : {}), ...(file.afterSession ? { afterSession: true } : {}), ...(file.releaseAt ? { releaseAt: file.releaseAt } : {}),
    }));
  }
}

export function problem(status: number, code: string): Response {
  return Response.json({ error: { code, message: '', retryable: false } }, { status });
}
