// The keys worker: a thin shell around keys_core.ts. It has the state of MLS, which is never stored. It is loaded once the room says that it is
// encrypted, beside the first screen.

import { sealWithAge } from './age';
import { KeysCore } from './keys_core';
import type { PageToKeys } from './keys_messages';
import { loadMls } from './mls';
import { sealingWorker } from '../papers/sealing_messages';
import { serveSealing } from '../papers/serve_sealing';

// The part of DedicatedWorkerGlobalScope that is used; the library of DOM types has only pages.
interface Scope {
  name: string;
  postMessage(message: unknown): void;
  onmessage: ((event: { data: PageToKeys }) => void) | null;
}
const scope = globalThis as unknown as Scope;

function serveKeys(): void {
  const core = new KeysCore({
    timers: { set: (run, ms) => setTimeout(run, ms), clear: (timer) => clearTimeout(timer as number), now: () => performance.now() },
    tellPage: (message) => scope.postMessage(message),
    signs: () => crypto.subtle.generateKey('Ed25519', false, ['sign']).then(() => true, () => false),
    loadMls: () => loadMls(),
    seal: sealWithAge,
    fail: (error) => void setTimeout(() => { throw error; }),
  });

  scope.onmessage = ({ data }) => core.onPage(data);
}

if (scope.name === sealingWorker) serveSealing(scope as unknown as Parameters<typeof serveSealing>[0]);
else serveKeys();
