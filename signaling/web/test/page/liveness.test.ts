import assert from 'node:assert/strict';
import test from 'node:test';
import { Liveness, localTileState, stalledMs, type VideoState } from '../../page/media/liveness';
import { FakeEnv } from '../support/env';

function begin() {
  const env = new FakeEnv();
  const told: VideoState[] = [];
  const picture = new Liveness((state) => told.push(state), env.timers);
  return { env, told, picture };
}

test('a picture starts, goes on, stands still, and goes on again', () => {
  const { env, told, picture } = begin();
  env.advance(60_000);
  assert.deepEqual(told, [], 'what never came does not stand still');
  for (let i = 0; i < 100; i += 1) {
    picture.frame(true);
    env.advance(stalledMs - 1);
  }
  assert.deepEqual(told, ['live']);
  env.advance(1);
  assert.deepEqual(told, ['live', 'stalled']);
  env.advance(60_000);
  picture.frame(true);
  assert.deepEqual(told, ['live', 'stalled', 'live']);
});

test('a frame of the person before is no picture', () => {
  const { env, told, picture } = begin();
  picture.frame(false);
  picture.frame(true);
  picture.frame(false);
  env.advance(60_000);
  assert.deepEqual(told, ['live', 'starting']);
});

test('what nobody looks at does not stand still, and has time when it is seen again', () => {
  const { env, told, picture } = begin();
  picture.frame(true);
  env.advance(1000);
  picture.setVisible(false);
  env.advance(60_000);
  picture.setVisible(true);
  env.advance(stalledMs - 1);
  assert.deepEqual(told, ['live']);
  env.advance(1);
  assert.deepEqual(told, ['live', 'stalled']);
  picture.setVisible(false);
  picture.setVisible(true);
  assert.equal(told.length, 2, 'it stands still until a frame comes');
  picture.frame(true);
  picture.stop();
  env.advance(60_000);
  assert.equal(told.at(-1), 'live');
});

test('the own tile knows its device', () => {
  assert.deepEqual([localTileState('off', 'live'), localTileState('asking', 'live'), localTileState('on', 'live'), localTileState('on', 'stalled'), localTileState('interrupted', 'live')],
    ['off', 'starting', 'live', 'stalled', 'stalled']);
});
