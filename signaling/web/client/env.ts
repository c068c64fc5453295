// What the client takes from its environment, so that tests can replace time, randomness, sockets and storage.

export interface Timers {
  set(run: () => void, ms: number): unknown;
  clear(timer: unknown): void;
  now(): number;
}

export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Env {
  timers: Timers;
  random(): number;
  connect(): Socket;
  storage: Storage;
}

export function browserEnv(url: string, subprotocol: string, storage: Storage): Env {
  return {
    timers: {
      set: (run, ms) => setTimeout(run, ms),
      clear: (timer) => clearTimeout(timer as number),
      now: () => performance.now(),
    },
    random: Math.random,
    connect: () => new WebSocket(url, subprotocol) as unknown as Socket,
    storage,
  };
}
