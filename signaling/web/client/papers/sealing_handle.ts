// The page's side of the sealing worker. A worker that fails is replaced with the next question: mail keys are then new ones, and what was sealed
// for the one before cannot be opened.

import type { Bytes } from '../e2ee/bytes';
import { PendingWorker } from '../e2ee/worker_files';
import type { Sealing } from './sealing';
import { sealingWorker, type Answer, type Call, type Method } from './sealing_messages';

interface SealingWorkerLike {
  onmessage: ((event: { data: Answer }) => void) | null;
  onerror: ((event: never) => void) | null;
  postMessage(call: Call): void;
  terminate(): void;
}

class SealingHandle implements Sealing {
  readonly #create: () => SealingWorkerLike;
  #worker: SealingWorkerLike | undefined;
  #calls = 0;
  readonly #pending = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();

  constructor(create: () => SealingWorkerLike) {
    this.#create = create;
  }

  recipient(): Promise<string> {
    return this.#call('recipient');
  }

  seal(to: readonly string[], plain: Bytes): Promise<Bytes> {
    return this.#call('seal', to, plain);
  }

  open(sealed: Bytes): Promise<Bytes> {
    return this.#call('open', sealed);
  }

  sealFile(plain: Bytes): Promise<{ key: string; sealed: Bytes }> {
    return this.#call('sealFile', plain);
  }

  openFile(key: string, sealed: Bytes): Promise<Bytes> {
    return this.#call('openFile', key, sealed);
  }

  dispose(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const { reject } of this.#pending.values()) reject(new Error('the sealing worker was closed'));
    this.#pending.clear();
  }

  #call<T>(method: Method, ...args: readonly unknown[]): Promise<T> {
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#calls;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      worker.postMessage({ id, method, args });
    });
  }

  #start(): SealingWorkerLike {
    const worker = this.#create();
    worker.onmessage = ({ data }) => {
      const pending = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if (data.ok) pending?.resolve(data.value as never);
      else pending?.reject(new Error('not opened'));
    };
    worker.onerror = () => this.dispose();
    return worker;
  }
}

// The file is that of the keys worker, checked like it.
export function browserSealing(): SealingHandle {
  return new SealingHandle(() => new PendingWorker('keys-worker', sealingWorker) as unknown as SealingWorkerLike);
}
