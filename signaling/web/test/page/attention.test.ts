// A call for help, and somebody who waits, is not missed: chime, title, notification; and the call itself, from both sides.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { narrow } from '../../page/state/narrow';
import { openHost, openSession, permissionsOf, person, waiter } from '../support/page';

const [a5, e5] = [880, 659.25];
const helpChime = [a5, e5, a5, a5, e5, a5];
const state = (more: object) => ({ needs: [], agreement: [], consents: [], helpRaised: false, ...more });
const call = (helpRaised: boolean) => ({ participant: person('jonas', 'Jonas', { helpRaised }) });

interface Shown { title: string; options: { body: string }; closed: boolean; onclick?: () => void }

// The browser's notifications: what it was asked, and what it showed.
function notifications(t: TestContext, answer: NotificationPermission): Shown[] {
  const shown: Shown[] = [];
  class Fake {
    static permission: NotificationPermission = 'default';
    static requestPermission = async () => (Fake.permission = answer);
    closed = false;
    constructor(readonly title: string, readonly options: { body: string }) { shown.push(this); }
    close(): void { this.closed = true; }
  }
  Object.assign(globalThis, { Notification: Fake, localStorage: { getItem: () => null, setItem() {}, removeItem() {} } });
  t.after(() => Object.assign(globalThis, { Notification: undefined }));
  return shown;
}

test('somebody who waits is heard once and counted in the title; the chime can be switched off', async (t) => {
  const page = await openHost(t);
  assert.equal(page.title, '(1) Session – Alcove');
  const before = page.notes.length;
  await page.receive('waiting.added', { waiter: waiter('noor', 'Noor') });
  await page.pass(3_000);
  assert.deepEqual([page.notes.slice(before), page.title], [[e5, a5], '(2) Session – Alcove']);
  await page.receive('waiting.updated', { waiter: waiter('noor', 'Noor', { connected: false }) });
  assert.equal(page.title, '(1) Session – Alcove');
  await page.click('attention-sound');
  await page.receive('waiting.added', { waiter: waiter('ada', 'Ada') });
  await page.pass(3_000);
  assert.equal(page.notes.length, before + 2);
  await page.receive('waiting.list', { waiting: [] });
  assert.equal(page.title, 'Session – Alcove');
});

test('a call for help is heard again until somebody has seen to it', async (t) => {
  const page = await openHost(t);
  const before = page.notes.length;
  await page.receive('participant.updated', call(true));
  await page.pass(3_000);
  assert.deepEqual(page.notes.slice(before), helpChime);
  await page.pass(20_000);
  assert.deepEqual(page.notes.slice(before), [...helpChime, ...helpChime]);
  await page.receive('participant.updated', call(false));
  await page.pass(60_000);
  assert.equal(page.notes.length, before + 12);
});

test('a notification comes only to who asked for it and looks elsewhere, and holds no name', async (t) => {
  const shown = notifications(t, 'granted');
  const page = await openHost(t);
  await page.receive('participant.updated', call(true));
  await page.receive('participant.updated', call(false));
  assert.equal(shown.length, 0);
  await page.click('attention-notify');
  await page.receive('participant.updated', call(true));
  assert.equal(shown.length, 0, 'the page is looked at');
  Object.defineProperty(document, 'hidden', { configurable: true, value: true });
  await page.receive('participant.updated', call(false));
  await page.receive('participant.updated', call(true));
  await page.receive('waiting.added', { waiter: waiter('noor', 'Noor') });
  assert.deepEqual(shown.map(({ title }) => title), ['Somebody asks for help', 'Somebody is waiting']);
  assert.doesNotMatch(JSON.stringify(shown), /Jonas|Noor|Tuesday|Clinic/);
  const closed = (): boolean[] => shown.map((one) => one.closed);
  await page.receive('participant.updated', call(false));
  assert.deepEqual(closed(), [true, false], 'each goes with what it is about');
  await page.receive('waiting.list', { waiting: [] });
  assert.deepEqual(closed(), [true, true]);
});

test('a browser that refuses notifications is not asked twice', async (t) => {
  notifications(t, 'denied');
  const page = await openHost(t);
  await page.click('attention-notify');
  assert.match(page.text, /This browser shows no notifications here\./);
  assert.equal((page.find('attention-notify') as HTMLInputElement).disabled, true);
});

test('a therapist answers a call by words, and the caller reads them', async (t) => {
  const page = await openHost(t);
  await page.receive('participant.updated', call(true));
  await page.click('help-reply');
  await page.fill(page.query('dialog textarea')[0]!, 'I see you.');
  page.query('dialog form')[0]!.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
  await page.settle();
  assert.deepEqual(page.sent('help.reply'), [{ participantId: 'jonas', text: 'I see you.' }]);
  await page.receive('help.replied', { participantId: 'jonas', text: 'I see you.' });
  assert.match(page.textOf('help-alert'), /Answered: I see you\./);
  await page.receive('participant.updated', call(false));
  await page.receive('participant.updated', call(true));
  assert.doesNotMatch(page.textOf('help-alert'), /Answered/);
});

test('the caller sees that it was heard, the words of the clinic, the answer, and may take it back', async (t) => {
  const page = await openSession(t, { config: { emergency: { de: 'Rufen Sie 112.', en: 'Dial 112.' } } });
  await page.click('help');
  await page.receive('self.updated', state({ helpRaised: true }));
  assert.match(page.textOf('help-called'), /The therapists know that you ask for help\..*Dial 112\..*Call the clinic: \+49 30 1234/);
  await page.receive('help.replied', { participantId: 'me', text: 'One minute.' });
  await page.pass(1_200);
  assert.match(page.textOf('help-reply-shown'), /A therapist answers: One minute\./);
  assert.match(page.announced, /One minute\./);
  await page.click('help-take-back');
  assert.deepEqual(page.sent('help.withdraw'), [{}]);
  await page.receive('self.updated', state({}));
  assert.ok(!page.shows('help-called'));
});

test('on a phone calls and people who wait stand above the picture, and nothing else of the panel is needed', async (t) => {
  narrow.value = true;
  t.after(() => (narrow.value = false));
  const page = await openHost(t);
  await page.click('people-toggle');
  await page.receive('participant.updated', call(true));
  await page.receive('help.raised', { participantId: 'jonas' });
  assert.equal(page.store.panel.value, false);
  assert.equal(page.query('.calls [data-testid="help-alert"]').length, 1);
  assert.equal(page.all('help-alert').length, 1);
  assert.match(page.textOf('waiting-card'), /1 person is waiting/);
  await page.click('waiting-show');
  assert.equal(page.store.panel.value, true);
  assert.equal(page.all('help-alert').length, 1);
});

test('participants are neither rung nor counted for', async (t) => {
  const page = await openSession(t);
  const before = page.notes.length;
  await page.receive('access.changed', { state: 'admitted', permissions: permissionsOf.participant });
  await page.receive('participant.updated', call(true));
  await page.pass(3_000);
  assert.deepEqual([page.notes.length, page.title], [before, 'Session – Alcove']);
});
