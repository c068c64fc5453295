// Weak lines: what is offered, when, and what "Sound only" does.
import assert from 'node:assert/strict';
import test from 'node:test';
import { offerAfterMs } from '../../page/state/lines';
import { openSession, room, type Page } from '../support/page';

const lines = (page: Page, ...list: [string, string][]): Promise<void> => page.receive('lines', { lines: list.map(([participantId, level]) => ({ participantId, level })) });

test('a weak line of one’s own offers sound only, after a while, and not again once it was declined', async (t) => {
  const page = await openSession(t);
  await lines(page, ['jonas', 'weak']);
  await page.pass(offerAfterMs * 2);
  assert.ok(!page.shows('weak-line'), 'it is the line of somebody else');
  await lines(page, ['me', 'weak']);
  await page.pass(offerAfterMs - 500);
  assert.ok(!page.shows('weak-line'));
  await page.pass(600);
  assert.match(page.textOf('weak-line'), /Your connection is weak\. Without video the sound is likely to stay clear/);
  await page.click('keep-video');
  assert.ok(!page.shows('weak-line'));
  await lines(page);
  await lines(page, ['me', 'weak']);
  await page.pass(offerAfterMs * 2);
  assert.ok(!page.shows('weak-line'), 'asked again soon');
});

test('an offer ends with the weakness', async (t) => {
  const page = await openSession(t);
  await lines(page, ['me', 'weak']);
  await page.pass(offerAfterMs + 100);
  assert.ok(page.shows('weak-line'));
  await lines(page);
  assert.ok(!page.shows('weak-line'));
});

test('sound only turns the camera off, asks for no pictures, and is remembered', async (t) => {
  const choice = new Map<string, string>();
  const page = await openSession(t, { choice });
  await lines(page, ['me', 'weak']);
  await page.pass(offerAfterMs + 100);
  assert.deepEqual(page.devices.lights.sort(), ['audio', 'video']);
  await page.click('sound-only');
  await page.pass(1_500);
  assert.deepEqual(page.devices.lights, ['audio']);
  assert.match(page.textOf('sound-only-on'), /Sound only\. Your camera is off and no pictures come to you/);
  assert.match(page.textOf('announcer'), /Sound only\. Your camera is off\./);
  assert.equal(JSON.parse(choice.get('alcove.preferences')!).soundOnly, true);
  const again = await openSession(t, { choice });
  assert.ok(again.shows('sound-only-on'));
  assert.deepEqual(again.devices.lights, ['audio'], 'the camera is not even asked for');
  await again.click('video-again');
  assert.ok(!again.shows('sound-only-on'));
  assert.equal(JSON.parse(choice.get('alcove.preferences')!).soundOnly, false);
});

test('whoever turns the camera on wants pictures again', async (t) => {
  const page = await openSession(t);
  page.store.lines.setSoundOnly(true);
  await page.settle();
  await page.click('camera-toggle');
  await page.settle();
  assert.ok(!page.shows('sound-only-on'));
  assert.deepEqual(page.devices.lights.sort(), ['audio', 'video']);
});

test('how long a lost connection takes is shown, and its end is announced once', async (t) => {
  const page = await openSession(t);
  await page.receive('room.updated', room());
  page.store.link.value = 'lost';
  await page.settle();
  assert.equal(page.store.lines.of('lind'), 'lost', 'without our own line nobody’s is known');
  await page.pass(75_000);
  assert.ok(page.store.lines.lostAt.value > 0);
  page.store.link.value = 'open';
  await page.pass(1_500);
  assert.equal(page.store.lines.lostAt.value, 0);
  assert.match(page.textOf('announcer'), /Connected again, after 7[5-6] seconds\./);
});
