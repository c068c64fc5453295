// The page's side of the keys worker, with a worker in the hands of the test; and what the worker does, without a worker.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { EncryptionStatus } from '../../../client/e2ee/status';
import { unencrypted } from '../../../client/e2ee/status';
import type { LinkIdentity } from '../../../client/e2ee/link';
import { loadAdmissions } from '../../../client/e2ee/admissions';
import { dropSeat } from '../../../client/connection/seat';
import { KeysCore } from '../../../client/e2ee/keys_core';
import type { KeysToPage, PageToKeys } from '../../../client/e2ee/keys_messages';
import type { FramesEnv } from '../../../client/e2ee/frames_handle';
import type { KeysWorkerLike } from '../../../client/e2ee/encryption';
import { silentMs } from '../../../client/e2ee/epochs';
import { aliveMs, type KeysToFrames } from '../../../client/e2ee/worker_messages';
import { Session } from '../../../client/session';
import { FakeEnv } from '../../support/env';
import { FakeMls } from '../../support/fake-mls';
import { HostedWorker, settle } from '../../support/frames';

const identity: LinkIdentity = { required: true, role: 'host', name: 'Dr. Lind', tokenHash: Buffer.alloc(32).toString('base64') };

class FakeKeys implements KeysWorkerLike {
  onmessage: KeysWorkerLike['onmessage'] = null;
  onerror: KeysWorkerLike['onerror'] = null;
  readonly told: PageToKeys[] = [];
  ended = false;

  postMessage(message: PageToKeys): void {
    this.told.push(message);
  }

  terminate(): void {
    this.ended = true;
  }

  tell(message: KeysToPage): void {
    this.onmessage?.({ data: message });
  }

  get inputs(): string[] {
    return this.told.flatMap((message) => (message.type === 'input' ? [message.input.type] : []));
  }
}

const framesEnv = ({ timers }: FakeEnv, supported: boolean, hosted: HostedWorker[] = []): FramesEnv => ({
  timers, supported, create: () => (hosted.push(new HostedWorker(timers)), hosted.at(-1)!), transform: () => ({}) as RTCRtpScriptTransform,
  channel: () => ({ port1: {} as MessagePort, port2: {} as MessagePort }),
});

function enter({ e2ee = 'required', supported = true, linked = true } = {}) {
  const env = new FakeEnv();
  const workers: FakeKeys[] = [];
  const hosted: HostedWorker[] = [];
  const session = new Session(env, { token: 'a.b.c', client: { name: 'test', version: '1' } }, linked ? identity : undefined, {
    frames: framesEnv(env, supported, hosted), keys: { timers: env.timers, createKeys: () => { workers.push(new FakeKeys()); return workers.at(-1)!; } },
  });
  const ends: string[] = [];
  const statuses: EncryptionStatus[] = [];
  session.on('ended', ({ code }) => ends.push(code));
  session.on('e2eeStatus', (status) => statuses.push(status));
  session.connect();
  const welcome = (mode = e2ee) => env.socket.answer('hello', {
    sessionId: 's', resumeSecret: 'r', participantId: 'p1', state: 'admitted', role: 'host', permissions: [], pingMs: 5000, resumeMs: 60000,
    policy: { name: 'default', recording: 'never', scopes: [], e2ee: mode }, needs: [], agreement: [], consents: [], helpRaised: false,
  });
  env.socket.open();
  const open = () => welcome();
  return { env, session, workers, hosted, ends, statuses, welcome, open };
}

test('a room that is not encrypted starts no worker', () => {
  const { open, workers, session, ends } = enter({ e2ee: 'off', linked: false });
  open();
  assert.deepEqual([workers.length, session.e2ee.status.mode, ends.length], [0, 'off', 0]);
});

test('a room that says otherwise than the link is left before anything is sent', () => {
  const { env, open, workers, ends, statuses } = enter({ e2ee: 'off' });
  open();
  assert.deepEqual(ends, ['e2ee_off']);
  assert.equal(statuses.at(-1)?.problem, 'mode');
  assert.equal(workers.length, 0);
  assert.deepEqual(env.socket.sent.map(({ type }) => type).filter((type) => type !== 'hello'), []);
});

test('a room that was encrypted stays so', () => {
  const { env, open, welcome, ends } = enter({ linked: false });
  open();
  env.socket.drop();
  env.advance(1_000);
  env.socket.open();
  welcome('off');
  assert.deepEqual(ends, ['e2ee_off']);
});

test('a browser without transforms does not say that it speaks this, and gets no worker', () => {
  const { env, open, workers, session } = enter({ supported: false });
  assert.equal(env.socket.last('hello').data.e2ee, undefined);
  open();
  assert.equal(workers.length, 0);
  assert.equal(session.e2ee.status.problem, 'unsupported');
});

test('events reach the worker in order, requests go out and are answered', async () => {
  const { env, open, workers } = enter();
  assert.equal(env.socket.last('hello').data.e2ee, 1);
  open();
  const [worker] = workers as [FakeKeys];
  assert.equal(worker.told[0]?.type, 'start');
  env.socket.receive({ seq: 1, type: 'e2ee.state', ts: 1, data: { number: 0 } });
  env.socket.receive({ seq: 1, type: 'roster', ts: 1, data: { participants: [] } });
  env.socket.receive({ seq: 1, type: 'e2ee.entry', ts: 1, data: { group: 'bQ==', number: 1, previous: 0, kind: 'create', from: 'p1' } });
  assert.deepEqual(worker.inputs.slice(-4), ['access', 'state', 'roster', 'entry']);
  assert.ok(worker.inputs.indexOf('connected') < worker.inputs.indexOf('access'));
  worker.tell({ type: 'request', request: 1, name: 'e2ee.create', data: { group: 'bQ==' } });
  env.socket.refuse('e2ee.create', { code: 'e2ee_stale', message: 'stale', retryable: true });
  await settle();
  assert.deepEqual(worker.told.at(-1), { type: 'input', input: { type: 'answer', request: 1, ok: false, code: 'e2ee_stale' } });
  worker.tell({ type: 'request', request: 2, name: 'e2ee.sync', data: { after: 0 } });
  env.socket.answer('e2ee.sync', { number: 4 });
  await settle();
  assert.deepEqual(worker.told.at(-1), { type: 'input', input: { type: 'answer', request: 2, ok: true, data: { number: 4 } } });
});

test('who is removed is taken out of the keys before the server is asked', async () => {
  for (const type of ['mod.remove', 'mod.sendBack'] as const) {
    const { env, open, workers, session } = enter();
    open();
    const [worker] = workers as [FakeKeys];
    const done = session.request(type, { participantId: 'x' }).catch((error: Error) => error.message);
    await settle();
    assert.deepEqual(env.socket.sent.filter((frame) => frame.type === type), []);
    assert.deepEqual(worker.told.at(-1), { type: 'input', input: { type: 'exclude', id: 'x' } });
    worker.tell({ type: 'request', request: 1, name: 'e2ee.commit', data: { group: 'bQ==', after: 1, commit: 'AA==' } });
    worker.tell({ type: 'excluded', id: 'x' });
    await settle();
    const types = env.socket.sent.map((frame) => frame.type);
    assert.ok(types.indexOf('e2ee.commit') < types.indexOf(type) && types.includes('e2ee.commit'));
    env.socket.refuse(type, { code: 'forbidden', message: 'no', retryable: false });
    await done;
    assert.deepEqual(worker.told.at(-1), { type: 'input', input: { type: 'include', id: 'x' } });
  }
});

test('a worker that hangs does not keep anybody in the session, and the next one knows whom it removed', async () => {
  const { env, open, welcome, session, workers } = enter();
  open();
  workers[0]!.tell({ type: 'admissions', kept: { participantId: 'p1', admitted: ['x', 'y'].map((id) => ({ id, tokenHash: id })), sentAway: [] } });
  void session.request('mod.remove', { participantId: 'x' }).catch(() => undefined);
  env.advance(1_500);
  await settle();
  assert.ok(env.socket.last('mod.remove'));
  workers[0]!.onerror?.({} as never);
  void session.request('mod.sendBack', { participantId: 'y' }).catch(() => undefined);
  env.advance(1_000);
  env.advance(0);
  env.socket.open();
  welcome();
  assert.deepEqual(startOf(workers[1]!).kept, { participantId: 'p1', admitted: [], sentAway: ['x', 'y'] });
});

const startOf = ({ told: [start] }: FakeKeys) => start as Extract<PageToKeys, { type: 'start' }>;
const lastInput = ({ told }: FakeKeys) => told.flatMap((message) => (message.type === 'input' ? [message.input] : [])).at(-1);

test('whom this page admits is decided by what it was shown', async () => {
  const { env, open, workers, session } = enter();
  open();
  const [worker] = workers as [FakeKeys];
  const waiter = (participantId: string, verifiedName?: string) => ({ participantId, displayName: participantId, ...(verifiedName && { verifiedName }), since: 1, returning: false, connected: true, verified: false, needs: [] });
  env.socket.receive({ seq: 1, type: 'waiting.list', ts: 1, data: { waiting: [waiter('a', 'Mara Vogel'), waiter('b'), { ...waiter('gone'), connected: false }] } });
  const done = session.request('waiting.admit', { participantIds: '*' });
  env.socket.receive({ seq: 2, type: 'waiting.added', ts: 1, data: { waiter: waiter('c') } });
  assert.deepEqual(lastInput(worker), { type: 'admit', people: [{ id: 'a', name: 'Mara Vogel' }, { id: 'b', name: '' }] });
  assert.deepEqual(env.socket.last('waiting.admit').data, { participantIds: ['a', 'b'] }, 'the server decides whom');
  env.socket.answer('waiting.admit', { admitted: ['a', 'c'], refused: [{ participantId: 'b', code: 'passcode_wrong' }] });
  await done;
  assert.deepEqual(lastInput(worker), { type: 'withdraw', ids: ['b'] });
  const refused = session.request('waiting.admit', { participantIds: ['c'], verify: true }).catch(() => undefined);
  env.socket.refuse('waiting.admit', { code: 'passcode_wrong', message: 'no', retryable: false });
  await refused;
  assert.deepEqual(env.socket.last('waiting.admit').data, { participantIds: ['c'], verify: true });
  assert.deepEqual(lastInput(worker), { type: 'withdraw', ids: ['c'] });
  session.e2ee.letIn([{ id: 'd', name: 'Jonas' }]);
  assert.deepEqual(lastInput(worker), { type: 'admit', people: [{ id: 'd', name: 'Jonas' }] });
  void session.request('waiting.admit', { participantIds: ['unlisted'], verify: true }).catch(() => undefined);
  assert.deepEqual(env.socket.last('waiting.admit').data, { participantIds: ['unlisted'], verify: true }, 'the rest of the request');
  assert.deepEqual(lastInput(worker), { type: 'admit', people: [] }, 'nobody knows who that is');
});

test('whom a host admits while the worker is lost, the next one lets in', () => {
  const { env, open, welcome, workers, session } = enter();
  open();
  const waiter = (participantId: string) => ({ participantId, displayName: participantId, since: 1, returning: false, connected: true, verified: false, needs: [] });
  env.socket.receive({ seq: 1, type: 'waiting.list', ts: 1, data: { waiting: ['a', 'b'].map(waiter) } });
  workers[0]!.onerror?.({} as never);
  for (const id of ['a', 'b']) void session.request('waiting.admit', { participantIds: [id] }).catch(() => undefined);
  void session.request('waiting.deny', { participantId: 'b' }).catch(() => undefined);
  env.advance(1_000);
  env.advance(0);
  env.socket.open();
  welcome();
  assert.deepEqual(workers[1]!.told.slice(0, 2).map((message) => (message.type === 'input' ? message.input : message.type)), ['start', { type: 'admit', people: [{ id: 'a', name: '' }] }]);
});

test('a reload knows whom the page before it admitted; another seat does not', () => {
  const { env, open, workers } = enter();
  open();
  assert.equal(startOf(workers[0]!).kept, undefined);
  const kept = { participantId: 'p1', admitted: [{ id: 'a', tokenHash: 'x' }], sentAway: ['b'] };
  workers[0]!.tell({ type: 'admissions', kept });
  assert.deepEqual(loadAdmissions(env.storage, 'p1'), kept);
  assert.equal(loadAdmissions(env.storage, 'p2'), undefined);
  dropSeat(env.storage);
  assert.equal(loadAdmissions(env.storage, 'p1'), undefined);
  env.stored.set('alcove.admitted', '{"participantId":"p1"');
  assert.equal(loadAdmissions(env.storage, 'p1'), undefined);
});

test('a worker that dies is replaced, and the server says everything again', async () => {
  const { env, open, welcome, workers, session } = enter();
  open();
  const [first] = workers as [FakeKeys];
  first.tell({ type: 'request', request: 1, name: 'e2ee.create', data: { group: 'bQ==' } });
  first.onerror?.({} as never);
  assert.equal(first.ended, true);
  assert.deepEqual([session.e2ee.status.state, session.e2ee.status.problem], ['outside', 'worker_lost']);
  const sockets = env.sockets.length;
  env.advance(1_000);
  env.advance(0);
  assert.equal(env.sockets.length, sockets + 1, 'no other connection was made');
  env.socket.open();
  welcome();
  assert.equal(workers.length, 2);
  const second = workers[1]!;
  assert.deepEqual(second.told.map(({ type }) => type).slice(0, 2), ['start', 'frames']);
  env.socket.answer('e2ee.create');
  await settle();
  assert.ok(!second.inputs.includes('answer'), 'an answer to the worker before');
});

test('a worker of frames that dies is said, until there is another, and hides nothing worse', () => {
  const { env, open, workers, hosted, session, statuses } = enter();
  open();
  const member: EncryptionStatus = { ...unencrypted, mode: 'required', state: 'member', level: 'link', proved: true, members: 2 };
  const [keys] = workers as [FakeKeys];
  const problems = () => statuses.splice(0).map(({ problem }) => problem);
  keys.tell({ type: 'status', status: member });
  problems();
  hosted.at(-1)!.onerror?.({} as never);
  assert.deepEqual(problems(), ['worker_lost']);
  keys.tell({ type: 'status', status: { ...member, members: 3 } });
  assert.deepEqual([session.e2ee.status.problem, session.e2ee.status.members], ['worker_lost', 3]);
  keys.tell({ type: 'status', status: { ...member, problem: 'tampered' } });
  assert.equal(session.e2ee.status.problem, 'tampered');
  keys.tell({ type: 'status', status: member });
  problems();
  env.advance(0);
  assert.deepEqual([hosted.length, problems(), session.e2ee.status], [2, [null], member]);
});

test('a worker that answers no ping is replaced; each replacement waits longer', () => {
  const { env, open, welcome, workers } = enter();
  open();
  const pauses: number[] = [];
  for (let round = 0; round < 4; round++) {
    const before = workers.length;
    workers.at(-1)!.onerror?.({} as never);
    let waited = 0;
    const sockets = env.sockets.length;
    for (; workers.length === before && waited < 60_000; waited += 250) {
      env.advance(250);
      if (env.sockets.length > sockets) {
        env.socket.open();
        welcome();
      }
    }
    pauses.push(waited);
  }
  assert.ok(pauses[3]! >= 4 * pauses[0]!, `pauses of ${pauses.join(', ')} ms`);
  const before = workers.length;
  for (let at = 0; at < 4; at++) env.advance(5_000);
  assert.equal(workers[before - 1]!.ended, true);
});

// The operations of WebCrypto take their time, on other threads.
async function eventually(what: () => boolean): Promise<void> {
  const by = performance.now() + 30_000;
  while (!what()) {
    assert.ok(performance.now() < by, 'it did not come');
    await new Promise((done) => setTimeout(done, 1));
  }
}

test('the keys worker says that it works, unless a step of it hangs', async () => {
  const env = new FakeEnv();
  const toFrames: KeysToFrames[] = [];
  const mls = new FakeMls();
  let loaded = (_: FakeMls): void => undefined;
  const core = new KeysCore({
    timers: env.timers, tellPage: () => undefined, signs: async () => true, loadMls: () => new Promise<FakeMls>((done) => (loaded = done)), seal: async (_, secret) => secret, fail: assert.fail,
  });
  const alive = (): number => toFrames.filter(({ type }) => type === 'alive').length;
  core.onPage({ type: 'frames', port: { postMessage: (message: KeysToFrames) => toFrames.push(message), close: () => undefined, onmessage: null } as unknown as MessagePort });
  core.onPage({ type: 'start', participantId: 'p1', identity });
  await new Promise((done) => setTimeout(done, 1));
  env.timers.advance(silentMs);
  assert.equal(alive(), 0, 'it has no keys yet');
  loaded(mls);
  await eventually(() => alive() === 1);
  env.timers.advance(silentMs);
  assert.equal(alive(), 1 + silentMs / aliveMs);
  mls.makeKeys = () => new Promise(() => undefined);
  const before = alive();
  core.onPage({ type: 'input', input: { type: 'connected' } });
  env.timers.advance(silentMs);
  assert.equal(alive(), before);
});

test('base keys go to the frames worker and to nobody else', async () => {
  const env = new FakeEnv();
  const toPage: KeysToPage[] = [];
  const toFrames: KeysToFrames[] = [];
  const failures: unknown[] = [];
  const core = new KeysCore({
    timers: env.timers, tellPage: (message) => toPage.push(message), signs: async () => true, loadMls: async () => new FakeMls(), seal: async (_, secret) => secret, fail: (error) => failures.push(error),
  });
  const port = { postMessage: (message: KeysToFrames) => toFrames.push(message), close: () => undefined, onmessage: null } as unknown as MessagePort;
  core.onPage({ type: 'frames', port });
  core.onPage({ type: 'input', input: { type: 'connected' } });
  core.onPage({ type: 'start', participantId: 'p1', identity });
  core.onPage({ type: 'input', input: { type: 'access', state: 'admitted' } });
  core.onPage({ type: 'input', input: { type: 'state', data: { number: 0 } } });
  core.onPage({ type: 'input', input: { type: 'roster', people: [{ id: 'p1', role: 'host', connected: true, verifiedName: '', publications: [{ source: 'microphone', csrc: 7 }] }] } });
  const creates = () => toPage.filter((message) => message.type === 'request' && message.name === 'e2ee.create') as Extract<KeysToPage, { type: 'request' }>[];
  await eventually(() => creates().length > 0);
  const { group } = creates()[0]!.data as { group: string };
  core.onPage({ type: 'input', input: { type: 'entry', data: { group, number: 1, previous: 0, kind: 'create', from: 'p1' } } });
  await eventually(() => toFrames.some(({ type }) => type === 'keys'));
  const keys = toFrames.filter((message) => message.type === 'keys');
  assert.deepEqual(keys.map(({ number, leaf, owners }) => ({ number, leaf, owners })), [{ number: 1, leaf: 0, owners: [{ csrc: 7, leaf: 0, stream: 0 }] }]);
  const secret = Buffer.from(keys[0]!.baseKey).toString();
  assert.ok(secret.length > 0 && !toPage.some((message) => JSON.stringify(message).includes(secret)));
  // Another frames worker hears it again.
  const again: KeysToFrames[] = [];
  core.onPage({ type: 'frames', port: { ...port, postMessage: (message: KeysToFrames) => again.push(message) } as unknown as MessagePort });
  await eventually(() => again.length > 1);
  assert.deepEqual(again.map(({ type }) => type), ['keys', 'alive']);
  core.onPage({ type: 'input', input: { type: 'access', state: 'waiting' } });
  await eventually(() => again.length > 3);
  assert.deepEqual(again.map(({ type }) => type), ['keys', 'alive', 'outside', 'alive']);
  assert.deepEqual(failures, []);
  assert.notDeepEqual(unencrypted, toPage.at(-1));
});
