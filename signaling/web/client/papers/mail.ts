// The sealing worker: a thin shell around sealing.ts. It is loaded with the first message or file for chosen people.

import { AgeSealing, type Sealing } from './sealing';
import type { Answer, Call } from './sealing_messages';

interface Scope {
  postMessage(message: Answer): void;
  onmessage: ((event: { data: Call }) => void) | null;
}
const scope = globalThis as unknown as Scope;
const sealing: Sealing = new AgeSealing();

scope.onmessage = async ({ data: { id, method, args } }) => {
  try {
    const value = await (sealing[method] as (...all: readonly unknown[]) => Promise<unknown>)(...args);
    scope.postMessage({ id, ok: true, value });
  } catch {
    // What was sealed for others, or damaged: the reason may hold what was sealed.
    scope.postMessage({ id, ok: false });
  }
};
