import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { Withdrawal } from '../../page/state/withdrawal';

const settled = (): Promise<void> => new Promise((done) => setImmediate(done));

// One who takes back a yes, and a server that answers when the test says so.
function begin(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const asked: ((known: boolean) => void)[] = [];
  const told: boolean[] = [];
  const withdrawal = new Withdrawal(() => new Promise((answer) => asked.push(answer)), (late) => told.push(late));
  const state = (): string => (withdrawal.delayed.value ? 'late' : withdrawal.pending.value ? 'pending' : 'none');
  const pass = async (ms: number): Promise<void> => {
    await settled();
    t.mock.timers.tick(ms);
    await settled();
  };
  return { withdrawal, asked, told, state, pass };
}

test('nothing is sent until the server knows', async (t) => {
  const { withdrawal, asked, told, state } = begin(t);
  const done = withdrawal.begin();
  assert.equal(state(), 'pending');
  asked[0]?.(true);
  await done;
  assert.equal(state(), 'none');
  assert.deepEqual(told, [false]);
});

test('a server that does not answer is late after two seconds, and its answer counts when it comes', async (t) => {
  const { withdrawal, asked, told, state, pass } = begin(t);
  const done = withdrawal.begin();
  await pass(1_999);
  assert.equal(state(), 'pending');
  await pass(1);
  await done;
  assert.equal(state(), 'late');
  await withdrawal.attempt();
  assert.equal(asked.length, 1, 'one at a time');
  asked[0]?.(true);
  await settled();
  assert.equal(state(), 'none');
  assert.deepEqual(told, [true]);
});

test('what could not be told is told again, at once when there is a connection', async (t) => {
  const { withdrawal, asked, state, pass } = begin(t);
  const done = withdrawal.begin();
  asked[0]?.(false);
  await done;
  assert.equal(state(), 'late');
  await pass(2_000);
  assert.equal(asked.length, 2);
  asked[1]?.(false);
  await settled();
  void withdrawal.attempt();
  assert.equal(asked.length, 3);
  assert.equal(state(), 'late');
  asked[2]?.(true);
  await pass(60_000);
  assert.equal(state(), 'none');
  assert.equal(asked.length, 3);
});

test('pressed twice is once', async (t) => {
  const { withdrawal, asked, told, state } = begin(t);
  const first = withdrawal.begin();
  await withdrawal.begin();
  assert.equal(state(), 'pending');
  asked[0]?.(true);
  await first;
  assert.deepEqual([asked.length, state(), told], [1, 'none', [false]]);
});

test('it outlasts a reload', async (t) => {
  const { withdrawal, asked, told, state } = begin(t);
  withdrawal.resume();
  assert.equal(state(), 'late');
  const done = withdrawal.attempt();
  asked[0]?.(true);
  await done;
  assert.deepEqual([state(), told], ['none', [true]]);
});

test('another seat has nothing to take back, and without a session nobody is asked', async (t) => {
  const { withdrawal, asked, told, state, pass } = begin(t);
  withdrawal.resume();
  const done = withdrawal.attempt();
  asked[0]?.(false);
  await done;
  withdrawal.suspend();
  await pass(60_000);
  assert.equal(asked.length, 1);
  const again = withdrawal.attempt();
  withdrawal.clear();
  asked[1]?.(true);
  await again;
  assert.deepEqual([state(), told], ['none', []]);
});

test('a session that ends while the server is asked leaves nothing to wait for', async (t) => {
  const { withdrawal, asked, state, pass } = begin(t);
  const done = withdrawal.begin();
  withdrawal.suspend();
  asked[0]?.(false);
  await done;
  await pass(60_000);
  assert.deepEqual([asked.length, state()], [1, 'late']);
  void withdrawal.attempt();
  assert.equal(asked.length, 2, 'the next session is asked at once');
});
