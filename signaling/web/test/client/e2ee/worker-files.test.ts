// What a worker runs is what index.html names, or it does not run.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { browserSealing } from '../../../client/papers/sealing_handle';
import { loadWorker, PendingWorker, startWorker, workerLoaded } from '../../../client/e2ee/worker_files';

interface Started { url: string; name: string; posted: unknown[]; ended: boolean; onmessage?: (event: { data: unknown }) => void; onerror?: () => void }

function browser(t: TestContext, answer: (integrity: string | undefined) => Response | Error): { started: Started[]; asked: (string | undefined)[] } {
  const before = { document: globalThis.document, fetch: globalThis.fetch, Worker: globalThis.Worker };
  t.after(() => Object.assign(globalThis, before));
  const started: Started[] = [];
  const asked: (string | undefined)[] = [];
  Object.assign(globalThis, {
    document: { querySelector: () => ({ content: '/assets/w.js', dataset: { integrity: 'sha384-abc' } }) },
    fetch: async (_: string, { integrity }: { integrity?: string } = {}) => {
      asked.push(integrity);
      const given = answer(integrity);
      if (given instanceof Error) throw given;
      return given;
    },
    Worker: class {
      posted: unknown[] = [];
      ended = false;
      readonly name: string;
      constructor(readonly url: string, { name }: { name: string }) {
        this.name = name;
        started.push(this);
      }
      postMessage(message: unknown): void { this.posted.push(message); }
      terminate(): void { this.ended = true; }
    },
  });
  return { started, asked };
}
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

test('a file that fetch refuses is not run, and is asked for again later', async (t) => {
  let refuse = true;
  const { started, asked } = browser(t, () => (refuse ? new TypeError('Failed to fetch') : new Response('self.x = 1')));
  const worker = new PendingWorker('keys-worker');
  let failed = 0;
  worker.onerror = () => void failed++;
  await turn();
  assert.deepEqual([failed, started.length, workerLoaded('keys-worker'), asked], [1, 0, false, ['sha384-abc']]);
  assert.throws(() => startWorker('keys-worker'));
  refuse = false;
  const url = await loadWorker('keys-worker');
  assert.match(url, /^blob:/);
  assert.equal(await (await before(url)).text(), 'self.x = 1', 'the bytes that were checked are those that run');
  assert.equal(await loadWorker('keys-worker'), url, 'once');
  assert.equal(asked.length, 2);
});

const realFetch = globalThis.fetch;
const before = (url: string): Promise<Response> => realFetch(url);

test('what is posted before the file is there is kept, in order', async (t) => {
  const { started } = browser(t, () => new Response(''));
  const worker = new PendingWorker('frames-worker');
  const heard: unknown[] = [];
  worker.onmessage = ({ data }) => void heard.push(data);
  worker.postMessage(1);
  worker.postMessage(2);
  assert.equal(started.length, 0);
  await turn();
  await turn();
  worker.postMessage(3);
  assert.deepEqual(started.map(({ posted }) => posted), [[1, 2, 3]]);
  started[0]?.onmessage?.({ data: 'pong' });
  assert.deepEqual(heard, ['pong']);
  worker.terminate();
  assert.ok(started[0]?.ended);
});

test('the sealing worker, too, runs from the bytes that were checked', async (t) => {
  const { started } = browser(t, () => new Response(''));
  const asked = browserSealing().recipient();
  asked.catch(() => undefined);
  const url = await loadWorker('keys-worker');
  await turn();
  assert.deepEqual(started.map(({ url, name }) => [url, name]), [[url, 'sealing']]);
  assert.match(url, /^blob:/);
  assert.equal(started[0]?.posted.length, 1);
});

test('one that was ended before its file came never starts', async (t) => {
  const { started } = browser(t, () => new Response(''));
  const worker = new PendingWorker('frames-worker');
  worker.terminate();
  await turn();
  await turn();
  assert.equal(started.length, 0);
});

test('an index.html without the hash starts nothing', async (t) => {
  browser(t, () => new Response(''));
  Object.assign(globalThis, { document: { querySelector: () => ({ content: '/assets/w.js', dataset: {} }) } });
  const { loadWorker: fresh } = await import(`../../../client/e2ee/worker_files`);
  await assert.rejects(fresh('other-worker' as never), /with its hash/);
});
