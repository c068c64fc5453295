// The page's side of the frames worker: workers that die, and KIDs that are never used twice.

import assert from 'node:assert/strict';
import test from 'node:test';
import { lostPings, pingMs, restartFirstMs, startPings } from '../../../client/e2ee/frames_handle';
import { generations } from '../../../client/e2ee/sframe';
import { audio, baseKey, deltaFrame, FakeFrames, ownersOf, pairOf, settle } from '../../support/frames';
import { seeded } from '../../support/random';

const microphone = { direction: 'send', stream: 0 } as const;
const camera = { direction: 'send', stream: 1 } as const;

test('a worker that answers is kept', () => {
  const fake = new FakeFrames();
  fake.start();
  for (let i = 0; i < 100; i += 1) fake.time.advance(pingMs);
  assert.deepEqual([fake.workers.length, fake.keysPorts, fake.frames.state], [1, 1, 'ready']);
});

test('a worker that hangs, or fails, is replaced by one with a port and a generation of its own', () => {
  for (const kill of ['hangs', 'crash'] as const) {
    const fake = new FakeFrames();
    const states: string[] = [];
    fake.frames.on('state', (state) => states.push(state));
    fake.start();
    fake.time.advance(pingMs);
    if (kill === 'crash') fake.worker.crash();
    else fake.worker.hangs = true;
    for (let i = 0; i <= lostPings + 1; i += 1) fake.time.advance(pingMs);
    assert.deepEqual(states, ['ready', 'lost', 'ready'], kill);
    assert.deepEqual([fake.workers.length, fake.keysPorts, fake.workers[0]!.ended], [2, 2, true]);
    fake.worker.core.onKeys({ type: 'keys', number: 1, baseKey: baseKey(1), leaf: 1, owners: [] });
    let raises = 0;
    fake.frames.on('sending', (sending) => (raises = sending.raises));
    fake.worker.core.onKeys({ type: 'keys', number: 2, baseKey: baseKey(2), leaf: 1, owners: [] });
    assert.equal(raises, 1);
  }
});

test('a worker whose file takes long is waited for, and not for ever', () => {
  const fake = new FakeFrames({ loading: true });
  fake.start();
  for (let i = 1; i < startPings; i += 1) fake.time.advance(pingMs);
  assert.deepEqual([fake.frames.state, fake.workers.length], ['ready', 1]);
  fake.time.advance(2 * pingMs);
  assert.equal(fake.workers.length, 2);
});

test('a page that slept does not blame the worker', () => {
  const fake = new FakeFrames();
  fake.start();
  fake.time.advance(pingMs);
  fake.worker.hangs = true;
  for (let i = 0; i < 20; i += 1) {
    const { set } = fake.time;
    // Each timer runs far too late.
    Object.assign(fake.time, { set: (run: () => void, ms: number) => set(run, ms + 5_000) });
    fake.time.advance(6_000);
    Object.assign(fake.time, { set });
  }
  assert.equal(fake.frames.state, 'ready');
});

test('workers that keep dying are started later and later, and at last none is', () => {
  const fake = new FakeFrames();
  fake.start();
  const pauses: number[] = [];
  for (let i = 0; i < generations; i += 1) {
    const before = fake.time.now();
    fake.worker.crash();
    if (fake.frames.state === 'failed') break;
    while (fake.frames.state === 'lost') fake.time.advance(fake.time.due(Infinity)! - fake.time.now());
    pauses.push(fake.time.now() - before);
  }
  assert.deepEqual(pauses.slice(0, 4), [0, restartFirstMs, 2 * restartFirstMs, 4 * restartFirstMs]);
  assert.equal(fake.frames.state, 'failed', 'the generations of an unknown number are used up');
  assert.throws(() => fake.frames.seal({} as RTCRtpSender, 'camera'), { name: 'InvalidStateError' });
});

test('a browser without transforms is unsupported, and has no worker', () => {
  const fake = new FakeFrames({ supported: false });
  fake.start();
  assert.deepEqual([fake.frames.state, fake.workers.length], ['unsupported', 0]);
  assert.throws(() => fake.frames.open({} as RTCRtpReceiver, 'audio'), { name: 'InvalidStateError' });
});

test('whose frames were opened follows the leaf', async () => {
  const fake = new FakeFrames();
  fake.start();
  const owners = ownersOf(1);
  fake.worker.core.onKeys({ type: 'keys', number: 1, baseKey: baseKey(1), leaf: 1, owners });
  const [from, to] = [fake.worker.line(microphone), fake.worker.line({ direction: 'receive', kind: 'audio' })];
  from.send(audio());
  await settle();
  to.receive(from.passed[0]!, owners[0]!.csrc);
  await settle();
  assert.equal(fake.frames.leafOf(owners[0]!.csrc), 1);
});

// Every frame of one page, over crashes, raised generations, epochs and side rooms, with its base key: no nonce comes twice.
test('no KID and counter are used twice over a session with three crashes and more', async () => {
  const next = seeded(0x3c0de);
  const below = (limit: number): number => Math.floor(next() * limit);
  const seen = { crashes: 0, raises: 0, returns: 0, frames: 0 };
  for (let run = 0; run < 12; run += 1) {
    const fake = new FakeFrames();
    const pairs = new Set<string>();
    let number = 1; // the newest
    let main = 1; // of the group
    let current = 1;
    let lines = [] as { line: ReturnType<FakeFrames['worker']['line']>; kind: 'audio' | 'video'; read: number }[];
    const read = (): void => {
      for (const one of lines) {
        for (const frame of one.line.passed.slice(one.read)) {
          const pair = pairOf(one.kind, frame);
          assert.ok(!pairs.has(pair), `run ${run}: ${pair} comes twice`);
          pairs.add(pair);
          seen.frames += 1;
        }
        one.read = one.line.passed.length;
      }
    };
    const tellKeys = (): void => fake.worker.core.onKeys({ type: 'keys', number: current, baseKey: baseKey(current % 251), leaf: 1, owners: ownersOf(1) });
    const connect = (): void => {
      tellKeys();
      lines = [microphone, camera].map((options) => ({ line: fake.worker.line(options), kind: options === camera ? 'video' : 'audio', read: 0 }));
    };
    fake.start();
    connect();
    for (let step = 0; step < 150 && fake.frames.state !== 'failed'; step += 1) {
      const what = next();
      if (what < 0.05 || step === 20 || step === 40 || step === 60) {
        fake.worker.crash();
        seen.crashes += 1;
        while (fake.frames.state === 'lost') fake.time.advance(fake.time.due(Infinity)! - fake.time.now());
        if (fake.frames.state === 'ready') connect();
      } else if (what < 0.3) {
        fake.frames.raise();
        seen.raises += 1;
      } else if (what < 0.33) {
        number += 1;
        current = number; // the group, or a side room
        if (next() < 0.7) main = number;
        tellKeys();
      } else if (what < 0.38 && current !== main) {
        current = main;
        seen.returns += 1;
        tellKeys();
      }
      for (const { line, kind } of lines) {
        for (let i = below(4); i > 0; i -= 1) line.send(kind === 'video' ? deltaFrame() : audio(), below(3));
      }
      await settle();
      read();
    }
  }
  assert.ok(seen.crashes >= 36 && seen.raises > 100 && seen.returns > 5 && seen.frames > 2_000, JSON.stringify(seen));
});
