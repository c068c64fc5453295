// Time, sockets and storage in the hands of a test.

import type { Env, Socket, Storage } from '../../client/env';
import { FakeTime } from './time';

export class FakeSocket implements Socket {
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  readonly sent: { id: string; type: string; data: Record<string, unknown> }[] = [];
  closedWith: number | undefined;
  readonly #log: string[];

  constructor(log: string[]) {
    this.#log = log;
  }

  send(raw: string): void {
    const frame = JSON.parse(raw) as FakeSocket['sent'][number];
    this.#log.push(`send ${frame.type}`);
    this.sent.push(frame);
  }

  close(code?: number): void {
    this.closedWith = code;
  }

  open(): void {
    this.onopen?.({} as never);
  }

  receive(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  drop(code = 1006): void {
    this.onclose?.({ code });
  }

  last(type: string): FakeSocket['sent'][number] {
    const frame = this.sent.findLast((sent) => sent.type === type);
    if (!frame) throw new Error(`no ${type} was sent`);
    return frame;
  }

  answer(type: string, data: object = {}): void {
    this.receive({ id: this.last(type).id, ok: true, data });
  }

  refuse(type: string, error: object): void {
    this.receive({ id: this.last(type).id, ok: false, error });
  }
}

export class FakeEnv implements Env {
  readonly log: string[] = [];
  readonly sockets: FakeSocket[] = [];
  readonly stored = new Map<string, string>();
  readonly timers = new FakeTime();

  readonly storage: Storage = {
    getItem: (key) => this.stored.get(key) ?? null,
    setItem: (key, value) => {
      this.log.push(`keep ${(JSON.parse(value) as { secret: string }).secret}`);
      this.stored.set(key, value);
    },
    removeItem: (key) => void this.stored.delete(key),
  };

  random(): number {
    return 0.5;
  }

  connect(): Socket {
    const socket = new FakeSocket(this.log);
    this.sockets.push(socket);
    return socket;
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error('nothing was dialled');
    return socket;
  }

  advance(ms: number): void {
    this.timers.advance(ms);
  }
}
