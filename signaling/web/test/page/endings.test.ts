// Every way a session ends or fails to begin, in words.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openCheck, openPage, openSession, openWaiting, token } from '../support/page';

// What the server refuses a hello with, the title that stands for it, and whether trying again may help.
const refusals: [string, string, boolean][] = [
  ['room_locked', 'The session is locked', true],
  ['room_full', 'The session is full', true],
  ['room_not_started', 'The session has not begun', true],
  ['barred', 'You were taken out of the session', false],
  ['invalid_token', 'This link does not work', false],
  ['policy_mismatch', 'This link does not fit the session', false],
  ['mfa_required', 'The clinic needs to be surer who you are', false],
  ['unsupported_version', 'This page is out of date', false],
  ['room_ended', 'The session has ended', false],
  ['resume_expired', 'Your place was not kept', false],
  ['of a later version', 'Something went wrong', false],
];

test('a refused link is answered in words, with what the person can do', async (t) => {
  for (const [code, title, again] of refusals) {
    const page = await openPage(t, { hash: `#t=${token({ name: 'Mara' })}` });
    await page.fill('name-input', 'Mara');
    await page.submit('name-input');
    page.socket.open();
    page.socket.refuse('hello', { code, message: 'for developers', retryable: false, ref: 'R-1' });
    await page.settle();
    assert.deepEqual([page.find('ending-card').dataset.code, page.query('h1')[0]?.textContent], [code, title]);
    assert.match(page.text, /this number helps them: R-1/);
    assert.doesNotMatch(page.text, /for developers/);
    assert.equal(page.query('.actions button').length, again ? 1 : 0, code);
    if (again) {
      await page.press('Try again');
      page.socket.open();
      assert.equal(page.sent('hello').length, 2);
    }
  }
});

test('a session ends with its reason, devices off, and the words of the therapist', async (t) => {
  const reasons: Record<string, string> = { limit: 'The time of the session is over', absent: 'The session has ended', idle: 'The session has ended', revoked: 'The clinic ended the session', closed: 'The session has ended' };
  for (const [reason, title] of Object.entries(reasons)) {
    const page = await openSession(t);
    await page.receive('room.ended', { reason });
    assert.equal(page.query('h1')[0]?.textContent, title);
    assert.deepEqual([page.devices.lights, page.all('tile').length, page.socket.closedWith], [[], 0, 1000]);
  }
  const page = await openSession(t);
  await page.receive('access.changed', { state: 'removed', reason: 'removed', message: 'Until next week.', permissions: [] });
  assert.match(page.text, /You were taken out of the session.*They wrote: ?“Until next week\.”.*Call the clinic/);
});

test('another window takes over, and this one says so', async (t) => {
  const page = await openSession(t);
  await page.drop(4409);
  assert.match(page.text, /You are in the session somewhere else.*If that was not you, tell the clinic at once\./);
});

test('denied, and waited for too long', async (t) => {
  for (const [reason, title] of [['denied', 'You were not let in'], ['timeout', 'You waited for a long time']] as const) {
    const page = await openCheck(t);
    await page.receive('access.changed', { state: 'denied', reason, permissions: [] });
    assert.equal(page.query('h1')[0]?.textContent, title);
  }
});

test('nobody is told to open a link again that works once: they read whom to ask, and in a frame neither', async (t) => {
  for (const code of ['left', 'timeout', 'expired', 'resume_expired', 'invalid_token', 'policy_mismatch', 'of a later version']) {
    for (const parent of [globalThis, { postMessage() {} }]) {
      const page = await openPage(t, { parent, config: { origins: ['https://portal.example'] } });
      page.store.ending.value = { code };
      page.store.screen.value = 'ended';
      await page.settle();
      assert.doesNotMatch(page.text, /open (your|the) link again/i, code);
      assert.equal(page.shows('ask'), parent === globalThis, `${code} ${parent === globalThis}`);
    }
  }
});

test('who still has a place may return to it, for as long as the server keeps it', async (t) => {
  const kept = new Map<string, string>();
  const page = await openWaiting(t, 'participant', { kept }, { resumeMs: 30_000, waitingResumeMs: 60_000 });
  page.socket.onmessage?.({ data: 'no frame' } as never);
  await page.settle();
  assert.equal(page.find('ending-card').dataset.code, 'protocol');
  assert.ok(page.shows('seat-lasts') && !page.shows('ask'));
  await page.click('return');
  await page.welcome({ resumeSecret: 'two' });
  assert.deepEqual(page.sent('hello').at(-1)?.resume, { sessionId: 's', secret: 'one' });
  assert.ok(page.shows('waiting-room'));
  page.socket.onmessage?.({ data: 'no frame' } as never);
  await page.settle();
  await page.pass(61_000);
  assert.ok(!page.shows('return'));
  assert.match(page.textOf('ask'), /To come back, ask the clinic for a new link\./);
});

test('who leaves for good has no place to return to', async (t) => {
  const page = await openWaiting(t);
  await page.click('leave');
  assert.deepEqual([page.shows('return'), page.textOf('ask')], [false, 'To come back, ask the clinic for a new link. A therapist then lets you in.']);
});
