// How long it takes to seal and to open frames of some sizes, in a worker, with the code of the frames worker.
import { Epochs } from '../../client/e2ee/epochs';
import { Opener } from '../../client/e2ee/opener';
import { Sealer } from '../../client/e2ee/sealer';
import type { Kind } from '../../client/e2ee/sframe';

const timers = { set: (run: () => void, ms: number) => setTimeout(run, ms), clear: (timer: unknown) => clearTimeout(timer as number), now: () => performance.now() };
const rounds = 3_000;

async function measure(kind: Kind, size: number): Promise<object> {
  const epochs = new Epochs(timers);
  const sealer = new Sealer(epochs, { sending() {}, exhausted() {} });
  sealer.setGeneration({ raises: 0, spent: [] });
  const stream = kind === 'audio' ? 0 : 1;
  epochs.onMessage({ type: 'keys', number: 1, baseKey: crypto.getRandomValues(new Uint8Array(32)).buffer, leaf: 1, owners: [{ csrc: 1, leaf: 1, stream }] });
  const opener = new Opener(kind, epochs, timers, { opened() {}, requestKeyFrame() {} });
  const frame = crypto.getRandomValues(new Uint8Array(size));
  frame[0] = 0x31;
  const [seals, opens]: [number[], number[]] = [[], []];
  for (let i = 0; i < rounds; i += 1) {
    const begin = performance.now();
    const sealed = await sealer.seal(stream, kind, frame);
    const between = performance.now();
    if (typeof sealed === 'string') throw new Error(sealed);
    const opened = await opener.open(new Uint8Array(sealed), 1);
    const end = performance.now();
    if (typeof opened === 'string') throw new Error(opened);
    seals.push(between - begin);
    opens.push(end - between);
    if (i % 50 === 49) await new Promise((done) => setTimeout(done, 1)); // as frames come: not all at once
  }
  const quantile = (all: number[], q: number): number => Math.round([...all].sort((a, b) => a - b)[Math.floor(q * (all.length - 1))]! * 1_000);
  return {
    kind, bytes: size, 'seal p50 µs': quantile(seals, 0.5), 'seal p99 µs': quantile(seals, 0.99), 'open p50 µs': quantile(opens, 0.5), 'open p99 µs': quantile(opens, 0.99),
  };
}

globalThis.onmessage = async () => {
  const results = [];
  for (const [kind, size] of [['audio', 80], ['video', 1_200], ['video', 6_000], ['video', 40_000]] as const) results.push(await measure(kind, size));
  globalThis.postMessage(results);
};
