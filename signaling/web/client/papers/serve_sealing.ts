// The sealing worker. It is the file of the keys worker, started a second time under another name: both need age, and what the keys of the session do
// must not wait for a large file. It is started with the first message or file for chosen people.

import { AgeSealing, type Sealing } from './sealing';
import type { Answer, Call } from './sealing_messages';

interface Scope {
  postMessage(message: Answer): void;
  onmessage: ((event: { data: Call }) => void) | null;
}

export function serveSealing(scope: Scope): void {
  const sealing: Sealing = new AgeSealing();
  scope.onmessage = async ({ data: { id, method, args } }) => {
    try {
      const value = await (sealing[method] as (...all: readonly unknown[]) => Promise<unknown>)(...args);
      scope.postMessage({ id, ok: true, value });
    } catch {
      // Sealed for others, or damaged: the reason may hold what was sealed.
      scope.postMessage({ id, ok: false });
    }
  };
}
