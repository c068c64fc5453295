// The frames worker: a thin shell around sealer.ts and opener.ts. One serves the whole page; every sender and receiver has a transform in
// it (W3C WebRTC Encoded Transform, section 4).

import { FramesCore, type Transformer } from './frames_core';
import type { KeysToFrames, PageToFrames, TransformOptions } from './worker_messages';

// The part of DedicatedWorkerGlobalScope that is used; the library of DOM types has only pages.
interface Scope {
  postMessage(message: unknown): void;
  onmessage: ((event: { data: PageToFrames }) => void) | null;
  onrtctransform: ((event: { transformer: Transformer & { options: TransformOptions } }) => void) | null;
}
const scope = globalThis as unknown as Scope;

const core = new FramesCore({
  timers: { set: (run, ms) => setTimeout(run, ms), clear: (timer) => clearTimeout(timer as number), now: () => performance.now() },
  tellPage: (message) => scope.postMessage(message),
});

// A bug: the page hears of an error that nobody catches, and starts another worker.
const fail = (error: unknown): void => void setTimeout(() => { throw error; });

scope.onrtctransform = ({ transformer }) => void core.run(transformer, transformer.options).catch(fail);
scope.onmessage = ({ data }) => {
  if (data.type !== 'start') return core.onPage(data);
  core.start(data.generation, (message) => data.keys.postMessage(message));
  data.keys.onmessage = (event: MessageEvent<KeysToFrames>) => core.onKeys(event.data);
};
