// The files of the workers, checked before they run: fetch refuses other bytes than those of the hash in index.html, and the worker runs from
// those that were checked.

import { fetchChecked } from '../checked_file';

type WorkerName = 'frames-worker' | 'keys-worker';

const loading = new Map<WorkerName, Promise<string>>();
const loaded = new Map<WorkerName, string>();

// Resolves to an address to start workers from, once; rejects if the file is not there or not the one that index.html names. A failure may be
// the network's, so the next call tries again.
export function loadWorker(name: WorkerName): Promise<string> {
  const under = loading.get(name) ?? load(name);
  loading.set(name, under);
  under.then((url) => loaded.set(name, url), () => loading.delete(name));
  return under;
}

async function load(name: WorkerName): Promise<string> {
  const response = await fetchChecked(name);
  return URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: 'text/javascript' }));
}

export const workerLoaded = (name: WorkerName): boolean => loaded.has(name);

// Starts a worker whose file was loaded before. as: the name that it sees as its own.
export function startWorker(name: WorkerName, as: string = name): Worker {
  const url = loaded.get(name);
  if (!url) throw new Error(`${name} is not loaded`);
  return new Worker(url, { type: 'module', name: as });
}

// A worker whose file may be on its way: what is posted before waits. One that cannot be loaded fails like one that dies.
export class PendingWorker {
  onmessage: ((event: { data: never }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  #worker: Worker | undefined;
  #terminated = false;
  #waiting: [unknown, Transferable[]][] = [];

  constructor(name: WorkerName, as?: string) {
    loadWorker(name).then(() => this.#start(name, as), () => this.#fail());
  }

  postMessage(message: unknown, transfer: Transferable[] = []): void {
    if (this.#worker) this.#worker.postMessage(message, transfer);
    else this.#waiting.push([message, transfer]);
  }

  terminate(): void {
    this.#terminated = true;
    this.#waiting = [];
    this.#worker?.terminate();
  }

  #start(name: WorkerName, as?: string): void {
    if (this.#terminated) return;
    const worker = startWorker(name, as);
    this.#worker = worker;
    worker.onmessage = (event) => this.onmessage?.({ data: event.data as never });
    worker.onerror = () => this.#fail();
    for (const [message, transfer] of this.#waiting.splice(0)) worker.postMessage(message, transfer);
  }

  #fail(): void {
    if (!this.#terminated) this.onerror?.(undefined as never);
  }
}
