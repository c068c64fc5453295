import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { ServerClock } from '../../client/connection/clock';
import { Session } from '../../client/session';
import { FakeEnv } from '../support/env';

const hour = 3_600_000;

// This device's clocks: the wall and the monotonic one, and a server that is 30 s ahead.
function begin() {
  const clock = new ServerClock();
  let wall = 1_790_000_000_000;
  let monotonic = 500;
  const server = { aheadMs: 30_000 };
  return {
    clock,
    server,
    pass: (ms: number) => { wall += ms; monotonic += ms; },
    step: (ms: number) => void (wall += ms), // set, or slept while the monotonic clock stood
    greet: () => clock.onConnected(wall, monotonic),
    hear: (lateMs = 0) => clock.onEvent(wall + server.aheadMs - lateMs, wall, monotonic),
    pong: () => clock.onPong(wall, monotonic),
  };
}

test('a frame that waited does not move the clock, the quickest one does', () => {
  const { clock, greet, hear, pass } = begin();
  greet();
  hear(400);
  assert.equal(clock.aheadMs, 29_600);
  hear(20);
  assert.equal(clock.aheadMs, 29_980);
  pass(hour);
  hear(hour);
  assert.equal(clock.aheadMs, 29_980);
});

test('frames that waited while the device slept do not move it either, its monotonic clock standing or not', () => {
  for (const monotonicGoesOn of [false, true]) {
    const { clock, greet, hear, pass, step, pong } = begin();
    greet();
    hear();
    (monotonicGoesOn ? pass : step)(hour);
    hear(hour);
    pong(); // of a ping from before the sleep
    hear(hour - 1000);
    assert.equal(clock.aheadMs, 30_000);
    pass(5000);
    pong();
    hear(100);
    assert.equal(clock.aheadMs, monotonicGoesOn ? 30_000 : 29_900);
  }
});

test('a clock that was set is known after two answers, forward and back', () => {
  for (const by of [600_000, -600_000]) {
    const { clock, server, greet, hear, pass, step, pong } = begin();
    greet();
    hear();
    step(by);
    server.aheadMs -= by;
    for (let i = 0; i < 3; i += 1) {
      pass(5000);
      pong();
    }
    hear();
    assert.equal(clock.aheadMs, 30_000 - by);
  }
});

test('a new connection measures anew', () => {
  const { clock, server, greet, hear } = begin();
  greet();
  hear();
  server.aheadMs = -5000;
  greet();
  assert.equal(clock.aheadMs, 30_000, 'what was known stands until there is better');
  hear(10);
  assert.equal(clock.aheadMs, -5010);
});

test('the end of a session stays where it is when a frame comes late', (t: TestContext) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_790_000_000_000 });
  const env = new FakeEnv();
  const session = new Session(env, { token: 'a.b.c', client: { name: 'test', version: '1' } });
  const ends: number[] = [];
  session.on('room', ({ endsAt }) => ends.push((endsAt ?? 0) - session.serverAheadMs - Date.now()));
  session.connect();
  env.socket.open();
  env.socket.answer('hello', {
    sessionId: 's', resumeSecret: 'one', participantId: 'p1', state: 'admitted', role: 'participant', permissions: [], pingMs: 5000, resumeMs: 60_000,
    policy: { name: 'default', recording: 'never', scopes: [] }, needs: [], agreement: [], consents: [], helpRaised: false,
  });
  const endsAt = 1_790_000_000_000 + hour;
  const tell = (seq: number, ts: number) => env.socket.receive({
    seq, type: 'room.updated', ts, data: { name: 'g', locked: false, absenceLock: false, hostAbsent: false, recording: 'off', endsAt },
  });
  tell(1, 1_790_000_000_000);
  t.mock.timers.tick(hour / 2);
  tell(2, 1_790_000_000_000 + 1000); // half an hour late
  assert.deepEqual(ends, [hour, hour / 2]);
});
