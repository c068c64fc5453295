// The frames worker without the worker, in fake time.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Epochs, oldEpochMs, silentMs } from '../../../client/e2ee/epochs';
import { holdMs, keyFrameRequestMs } from '../../../client/e2ee/opener';
import { ReplayWindow, windowCounters } from '../../../client/e2ee/replay';
import { Sealer } from '../../../client/e2ee/sealer';
import { lastCounter, parse, splitKid } from '../../../client/e2ee/sframe';
import type { KeysToFrames } from '../../../client/e2ee/worker_messages';
import { audio, baseKey, csrcOf, deltaFrame, fresh, keyFrame, keys, ownersOf, pairOf, settle, Worker } from '../../support/frames';
import { seeded } from '../../support/random';
import { FakeTime } from '../../support/time';

const microphone = { direction: 'send', stream: 0 } as const;
const camera = { direction: 'send', stream: 1 } as const;
const screen = { direction: 'send', stream: 4 } as const;
const hears = { direction: 'receive', kind: 'audio' } as const;
const sees = { direction: 'receive', kind: 'video' } as const;

// Leaf 1 sends, leaf 2 receives.
function pair(): { sender: Worker; receiver: Worker; time: FakeTime } {
  const time = new FakeTime();
  return { sender: new Worker(fresh, time), receiver: new Worker(fresh, time), time };
}
function both({ sender, receiver }: ReturnType<typeof pair>, number: number): void {
  sender.core.onKeys(keys(number, 1));
  receiver.core.onKeys(keys(number, 2));
}

test('sound, pictures and a screen go from one page to another', async () => {
  const two = pair();
  both(two, 7);
  for (const [out, into, frames] of [
    [microphone, hears, [audio('a'), audio('b')]], [camera, sees, [keyFrame('c'), deltaFrame('d')]], [screen, sees, [keyFrame('e'), deltaFrame('f')]],
  ] as const) {
    const [from, to] = [two.sender.line(out), two.receiver.line(into)];
    for (const frame of frames) from.send(frame);
    await settle();
    assert.deepEqual(from.passed.map(({ length }, i) => length - frames[i]!.length), out === microphone ? [24, 24] : [34, 25]);
    for (const sealed of from.passed) to.receive(sealed, csrcOf(1, out.stream));
    await settle();
    assert.deepEqual(to.passed, [...frames]);
  }
  assert.deepEqual([two.sender.refused(), two.receiver.refused()], [{}, {}]);
  assert.deepEqual(two.receiver.toPage.filter(({ type }) => type === 'opened'), [0, 1, 4].map((stream) => ({ type: 'opened', csrc: csrcOf(1, stream as 0), leaf: 1 })));
});

test('without a key nothing leaves, and the first key brings a key frame', async () => {
  const { sender } = pair();
  const [sound, picture] = [sender.line(microphone), sender.line(camera)];
  sound.send(audio());
  picture.send(keyFrame());
  await settle();
  sender.core.onKeys(keys(1, 1));
  picture.send(deltaFrame());
  picture.send(deltaFrame());
  await settle();
  assert.deepEqual([sound.passed.length, picture.passed.length, picture.keyFramesMade], [0, 2, 1]);
  sender.core.onKeys({ type: 'outside' });
  sound.send(audio());
  picture.send(deltaFrame());
  await settle();
  assert.deepEqual([sound.passed.length, picture.passed.length], [0, 2]);
  assert.deepEqual(sender.refused(), { no_key: 4 });
});

test('without a word from the keys worker nothing is sealed after a while, until it speaks again', async () => {
  const { sender, time } = pair();
  sender.core.onKeys(keys(1, 1));
  const line = sender.line(microphone);
  const passes = async (): Promise<boolean> => {
    const before = line.passed.length;
    line.send(audio());
    await settle();
    return line.passed.length > before;
  };
  time.advance(silentMs - 1);
  assert.ok(await passes());
  sender.core.onKeys({ type: 'alive' });
  time.advance(silentMs - 1);
  assert.ok(await passes());
  time.advance(1);
  assert.ok(!await passes());
  time.advance(60_000);
  assert.ok(!await passes());
  assert.deepEqual(sender.refused(), { no_key: 2 });
  sender.core.onKeys({ type: 'alive' });
  assert.ok(await passes());
  const pairs = line.passed.map((frame) => pairOf('audio', frame));
  assert.equal(new Set(pairs).size, pairs.length);
});

test('an epoch is sent under as soon as its key is there, and told once', async () => {
  const { sender } = pair();
  const line = sender.line(microphone);
  for (const number of [1, 2, 2, 3]) {
    sender.core.onKeys(keys(number, 1));
    line.send(audio());
    await settle();
  }
  assert.deepEqual(line.passed.map((frame) => pairOf('audio', frame)), ['80010001/0', '80010002/0', '80010002/1', '80010003/0']);
  const told = [1, 2, 3].map((number) => ({ type: 'sending', number, raises: 0 }));
  assert.deepEqual(sender.toPage, told);
  assert.deepEqual(sender.toKeys, told.map(({ number }) => ({ type: 'sending', number, generation: 0 })));
});

test('the encodings of a camera are streams in order of appearance, and counters go on over connections', async () => {
  const { sender } = pair();
  sender.core.onKeys(keys(1, 1));
  const line = sender.line(camera);
  for (const ssrc of [70, 50, 60, 50, 70]) line.send(deltaFrame(), ssrc);
  const next = sender.line(camera);
  next.send(deltaFrame(), 90);
  await settle();
  const streamsOf = (frame: Uint8Array): number => splitKid(parse('video', frame)!.kid).stream;
  assert.deepEqual(line.passed.map(streamsOf), [1, 2, 3, 2, 1]);
  const pairs = [...line.passed, ...next.passed].map((frame) => pairOf('video', frame));
  assert.equal(new Set(pairs).size, pairs.length);
});

test('a raised generation makes other KIDs; where they are used up nothing is sealed until the next number', async () => {
  const { sender } = pair();
  sender.core.onKeys(keys(9, 1));
  const line = sender.line(microphone);
  const send = async (): Promise<number> => {
    line.send(audio());
    await settle();
    return line.passed.length;
  };
  await send();
  sender.core.onPage({ type: 'generation', generation: { raises: 17, spent: [] } });
  await send();
  assert.deepEqual(line.passed.map((frame) => pairOf('audio', frame)), ['80010009/0', '81010009/0']);
  sender.core.onPage({ type: 'generation', generation: { raises: 18, spent: [9] } });
  assert.equal(await send(), 2);
  assert.equal(await send(), 2);
  sender.core.onKeys(keys(10, 1));
  assert.equal(await send(), 3);
  assert.equal(pairOf('audio', line.passed[2]!), '8201000a/0');
  assert.deepEqual(sender.toKeys.map(({ type, number }) => `${type} ${number}`), ['sending 9', 'sending 9', 'exhausted 9', 'sending 10']);
});

test('after the last counter of a KID nothing is sealed under it', async () => {
  const epochs = new Epochs(new FakeTime());
  const exhausted: number[] = [];
  const sealer = new Sealer(epochs, { sending() {}, exhausted: (number) => exhausted.push(number) }, lastCounter);
  sealer.setGeneration(fresh);
  epochs.onMessage(keys(5, 1));
  const results = [await sealer.seal(0, 'audio', audio()), await sealer.seal(0, 'audio', audio()), await sealer.seal(0, 'audio', audio()), await sealer.seal(4, 'video', deltaFrame())];
  assert.deepEqual(results.map((one) => (typeof one === 'string' ? one : 'sealed')), ['sealed', 'no_key', 'no_key', 'sealed']);
  assert.deepEqual(exhausted, [5]);
});

test('what is no frame of its kind is dropped by name', async () => {
  const { sender } = pair();
  sender.core.onKeys(keys(1, 1));
  const line = sender.line(camera);
  line.send(new Uint8Array());
  line.send(Uint8Array.of(0x10, 1, 2));
  await settle();
  assert.equal(line.passed.length, 0);
  assert.deepEqual(sender.refused(), { unsealable: 2 });
});

test('each refusal by its name, in order, and no other frame suffers', async () => {
  const two = pair();
  both(two, 7);
  const third = new Worker(fresh, two.time);
  third.core.onKeys(keys(7, 3, ownersOf(3)));
  const old = new Worker(fresh, two.time);
  old.core.onKeys(keys(6, 1));
  const sealed = async (worker: Worker, options: typeof camera | typeof screen, ...frames: Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>[]> => {
    const line = worker.line(options);
    for (const frame of frames) line.send(frame);
    await settle();
    return line.passed;
  };
  const [good, bent, next] = await sealed(two.sender, camera, keyFrame('good'), deltaFrame('bent'), deltaFrame('next'));
  const [foreign] = await sealed(third, camera, keyFrame('third'));
  const [shared] = await sealed(two.sender, screen, keyFrame('screen'));
  const [past] = await sealed(old, camera, keyFrame('past'));
  const flipped = (frame: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> => frame.map((byte, i) => (i === at ? byte ^ 4 : byte));
  const source = csrcOf(1, 1);
  const steps: [string, Uint8Array<ArrayBuffer>, number | undefined][] = [
    ['plain', keyFrame('plain'), source], ['plain', deltaFrame('plain, and longer than a header and a tag'), source], ['plain', new Uint8Array(), source],
    ['no_csrc', good!, undefined], ['past', past!, source],
    ['impostor', foreign!, source], // another leaf
    ['impostor', shared!, source], // another stream
    ['impostor', good!, csrcOf(2, 1)],
    ['forged', flipped(good!, 40), source], ['forged', flipped(good!, 6), source], // inner and outer
    ['passed', good!, source], ['replay', good!, source],
    ['forged', flipped(bent!, bent!.length - 1), source], ['passed', bent!, source], ['passed', next!, source], ['replay', bent!, source],
  ];
  const line = two.receiver.line(sees);
  const expected: Record<string, number> = {};
  for (const [what, frame, csrc] of steps) {
    line.receive(frame, csrc);
    await settle();
    expected[what] = (expected[what] ?? 0) + 1;
  }
  const { passed, ...refused } = expected;
  assert.deepEqual(line.passed.map((frame) => Buffer.from(frame).toString('latin1').slice(-4)), ['good', 'bent', 'next']);
  assert.equal(passed, 3);
  assert.deepEqual(two.receiver.refused(), refused);
});

test('frames of the next epoch wait for its key, and none is lost', async () => {
  const two = pair();
  both(two, 7);
  const [from, to] = [two.sender.line(microphone), two.receiver.line(hears)];
  two.sender.core.onKeys(keys(8, 1));
  for (const text of ['a', 'b', 'c']) from.send(audio(text));
  await settle();
  for (const frame of from.passed) to.receive(frame, csrcOf(1, 0));
  two.time.advance(holdMs - 1);
  await settle();
  assert.equal(to.passed.length, 0);
  two.receiver.core.onKeys(keys(8, 2));
  await settle();
  assert.deepEqual(to.passed, [audio('a'), audio('b'), audio('c')]);
  assert.deepEqual(two.receiver.refused(), {});
});

test('frames that cannot be judged are held from the first one on, not each', async () => {
  const two = pair();
  const to = two.receiver.line(hears);
  two.sender.core.onKeys(keys(8, 1));
  const from = two.sender.line(microphone);
  for (let i = 0; i < 30; i += 1) from.send(audio(String(i)));
  await settle();
  for (const frame of from.passed.slice(0, 20)) to.receive(frame, csrcOf(1, 0));
  await settle();
  two.time.advance(holdMs);
  await settle();
  assert.deepEqual(two.receiver.refused(), { future: 20 });
  // The key comes: the next hold is a new one.
  two.receiver.core.onKeys(keys(8, 2));
  for (const frame of from.passed.slice(20, 25)) to.receive(frame, csrcOf(1, 0));
  await settle();
  assert.equal(to.passed.length, 5);
  two.sender.core.onKeys(keys(9, 1));
  from.send(audio('new'));
  await settle();
  to.receive(from.passed.at(-1)!, csrcOf(1, 0));
  two.time.advance(holdMs - 1);
  await settle();
  two.receiver.core.onKeys(keys(9, 2));
  await settle();
  assert.equal(to.last(), 'xnew');
});

test('a source that the roster does not name yet is held, then an impostor', async () => {
  const two = pair();
  two.sender.core.onKeys(keys(7, 1));
  two.receiver.core.onKeys(keys(7, 2, ownersOf(2)));
  const [from, to] = [two.sender.line(screen), two.receiver.line(sees)];
  for (const text of ['a', 'b']) from.send(keyFrame(text));
  await settle();
  to.receive(from.passed[0]!, csrcOf(1, 4));
  await settle();
  two.receiver.core.onKeys({ type: 'owners', owners: [...ownersOf(1), ...ownersOf(2)] });
  await settle();
  assert.deepEqual(to.passed, [keyFrame('a')]);
  to.receive(from.passed[1]!, 5);
  await settle();
  two.time.advance(holdMs);
  await settle();
  assert.deepEqual(two.receiver.refused(), { impostor: 1 });
  assert.equal(to.keyFrameRequests, 1);
});

test('the last frames of a source that has left do not hold up the next one in its slot', async () => {
  const two = pair();
  both(two, 7);
  const third = new Worker(fresh, two.time);
  third.core.onKeys(keys(7, 3));
  const [gone, next, to] = [two.sender.line(microphone), third.line(microphone), two.receiver.line(hears)];
  gone.send(audio('gone'));
  next.send(audio('next'));
  await settle();
  two.receiver.core.onKeys({ type: 'owners', owners: [...ownersOf(2), ...ownersOf(3)] });
  to.receive(gone.passed[0]!, csrcOf(1, 0));
  to.receive(next.passed[0]!, csrcOf(3, 0));
  await settle();
  assert.deepEqual([to.passed.length, to.last()], [1, 'xnext']);
  assert.deepEqual(two.receiver.refused(), { past: 1 });
  // It comes back.
  two.receiver.core.onKeys(keys(8, 2));
  two.sender.core.onKeys(keys(8, 1));
  gone.send(audio('back'));
  await settle();
  to.receive(gone.passed[1]!, csrcOf(1, 0));
  await settle();
  assert.equal(to.last(), 'xback');
});

test('an old epoch opens for two seconds more, and forged frames do not end it', async () => {
  const two = pair();
  both(two, 7);
  const [from, to] = [two.sender.line(microphone), two.receiver.line(hears)];
  for (let i = 0; i < 3; i += 1) from.send(audio(String(i)));
  await settle();
  two.receiver.core.onKeys(keys(8, 2));
  const forged = from.passed[0]!.slice();
  forged[forged.length - 1]! ^= 1;
  const receive = async (frame: Uint8Array): Promise<number> => {
    to.receive(frame, csrcOf(1, 0));
    await settle();
    return to.passed.length;
  };
  assert.equal(await receive(forged), 0);
  assert.equal(await receive(from.passed[0]!), 1);
  two.time.advance(oldEpochMs - 1);
  assert.equal(await receive(from.passed[1]!), 2);
  two.time.advance(1);
  assert.equal(await receive(from.passed[2]!), 2);
  assert.deepEqual(two.receiver.refused(), { forged: 1, past: 1 });
});

test('outside of the group nothing opens, old epochs neither', async () => {
  const two = pair();
  both(two, 7);
  const [from, to] = [two.sender.line(microphone), two.receiver.line(hears)];
  from.send(audio());
  await settle();
  two.receiver.core.onKeys(keys(8, 2));
  two.receiver.core.onKeys({ type: 'outside' });
  to.receive(from.passed[0]!, csrcOf(1, 0));
  await settle();
  two.time.advance(holdMs);
  await settle();
  assert.equal(to.passed.length, 0);
  assert.deepEqual(two.receiver.refused(), { future: 1 });
});

test('a base key is zeroed as soon as it is imported', () => {
  const { receiver } = pair();
  const message = keys(7, 2) as Extract<KeysToFrames, { type: 'keys' }>;
  receiver.core.onKeys(message);
  assert.ok(new Uint8Array(message.baseKey).every((byte) => byte === 0));
});

test('after a side room its group comes back with the same key, and what was opened before stays a replay', async () => {
  const two = pair();
  both(two, 7);
  const [from, to] = [two.sender.line(microphone), two.receiver.line(hears)];
  for (let i = 0; i < 4; i += 1) from.send(audio(String(i)));
  await settle();
  for (const frame of from.passed.slice(0, 3)) to.receive(frame, csrcOf(1, 0));
  await settle();
  assert.equal(to.passed.length, 3);
  for (const worker of [two.receiver, two.sender]) worker.core.onKeys(keys(8, 2, [...ownersOf(1), ...ownersOf(2)], 99));
  two.time.advance(oldEpochMs);
  both(two, 7);
  from.send(audio('back'));
  await settle();
  for (const frame of [...from.passed.slice(0, 3), from.passed[4]!]) to.receive(frame, csrcOf(1, 0));
  await settle();
  assert.equal(to.last(), 'xback');
  assert.equal(pairOf('audio', from.passed[4]!), '80010007/4', 'the counter went on');
  assert.deepEqual(two.receiver.refused(), { replay: 3 });
  // The number with another key is another epoch: nothing is known of it.
  const other = new Worker(fresh, two.time);
  for (const worker of [other, two.receiver]) worker.core.onKeys({ type: 'keys', number: 7, baseKey: baseKey(7, 5), leaf: 1, owners: ownersOf(1) });
  const line = other.line(microphone);
  line.send(audio('other'));
  await settle();
  to.receive(line.passed[0]!, csrcOf(1, 0));
  await settle();
  assert.equal(to.last(), 'xother');
});

test('numbers count modulo 2^16', async () => {
  const two = pair();
  both(two, 65_535);
  both(two, 65_536);
  const [from, to] = [two.sender.line(microphone), two.receiver.line(hears)];
  from.send(audio('zero'));
  await settle();
  to.receive(from.passed[0]!, csrcOf(1, 0));
  await settle();
  assert.equal(to.last(), 'xzero');
});

test('a picture asks for a key frame at most every 350 ms, sound and replays never', async () => {
  const two = pair();
  both(two, 7);
  const [from, picture, sound] = [two.sender.line(camera), two.receiver.line(sees), two.receiver.line(hears)];
  from.send(keyFrame());
  await settle();
  for (let i = 0; i < 3; i += 1) picture.receive(from.passed[0]!, csrcOf(1, 1));
  sound.receive(audio(), csrcOf(1, 0));
  await settle();
  assert.deepEqual([picture.keyFrameRequests, sound.keyFrameRequests], [0, 0]);
  for (let i = 0; i < 10; i += 1) {
    picture.receive(deltaFrame(), csrcOf(1, 1));
    await settle();
    two.time.advance(keyFrameRequestMs / 5);
  }
  assert.equal(picture.keyFrameRequests, 2);
});

test('a picture whose key frame was refused goes on asking until one comes', async () => {
  const two = pair();
  two.sender.core.onKeys(keys(7, 1));
  const [from, to] = [two.sender.line(camera), two.receiver.line(sees)];
  for (let i = 0; i < 8; i += 1) from.send(i === 0 || i === 6 ? keyFrame() : deltaFrame());
  await settle();
  const receive = async (i: number): Promise<number> => {
    to.receive(from.passed[i]!, csrcOf(1, 1));
    await settle();
    return to.keyFrameRequests;
  };
  await receive(0); // the key is late
  two.time.advance(holdMs);
  await settle();
  assert.equal(to.keyFrameRequests, 1);
  two.receiver.core.onKeys(keys(7, 2));
  assert.equal(await receive(1), 1, 'not again at once');
  two.time.advance(keyFrameRequestMs);
  assert.equal(await receive(2), 2);
  assert.equal(await receive(6), 2);
  two.time.advance(keyFrameRequestMs);
  assert.equal(await receive(7), 2, 'it has one');
});

test('a frame that two slots hand over at once is passed on once', async () => {
  const two = pair();
  both(two, 7);
  const from = two.sender.line(microphone);
  from.send(audio());
  await settle();
  const lines = [two.receiver.line(hears), two.receiver.line(hears), two.receiver.line(hears)];
  for (const line of lines) line.receive(from.passed[0]!, csrcOf(1, 0));
  await settle();
  assert.equal(lines.reduce((sum, { passed }) => sum + passed.length, 0), 1);
  assert.deepEqual(two.receiver.refused(), { replay: 2 });
});

test('a replay window refuses what was seen and what is older than it', () => {
  const next = seeded(0x91c3);
  for (let run = 0; run < 20; run += 1) {
    const window = new ReplayWindow();
    const seen = new Set<number>();
    let highest = -1;
    let fresher = 0;
    for (let i = 0; i < 3_000; i += 1) {
      const jump = next() < 0.01 ? 3 * windowCounters : next() < 0.5 ? 2 : windowCounters + 50;
      const counter = Math.max(0, Math.floor(highest + 2 - next() * jump + (jump > windowCounters * 2 ? jump : 0)));
      const expected = !seen.has(counter) && counter > highest - windowCounters;
      assert.equal(window.has(counter), !expected, `run ${run}, counter ${counter}, highest ${highest}`);
      assert.equal(window.mark(counter), expected);
      if (expected) fresher += 1;
      seen.add(counter);
      highest = Math.max(highest, counter);
    }
    assert.ok(fresher > 300, `only ${fresher} were new`);
  }
  const after = new ReplayWindow(100_000);
  assert.deepEqual([99_999, 100_000, 100_001, 100_001].map((counter) => after.mark(counter)), [false, false, true, false]);
});

test('ping is answered', () => {
  const { sender } = pair();
  sender.core.onPage({ type: 'ping', id: 4 });
  assert.deepEqual(sender.toPage, [{ type: 'pong', id: 4 }]);
});
