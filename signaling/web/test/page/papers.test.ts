// Messages and papers as the page shows them. What seals and sends them is tested in test/client/papers.test.ts.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { ChatMessage, Paper } from '../../client';
import { PapersStore, problemOf, sizeWords } from '../../page/state/papers';
import { lind, openHost, openSession, permissionsOf, person, self, type Page } from '../support/page';

const policy = { name: 'care', recording: 'never', scopes: [], e2ee: 'required' as const, chat: 'hosts' as const, files: 'hosts' as const, clinicPapers: true };
const message = (more: Partial<ChatMessage> = {}): ChatMessage => ({ id: '1', from: 'lind', name: 'Dr. Lind', own: false, to: 'all', text: 'Good morning', at: Date.now(), state: 'sent', ...more });
const paper = (more: Partial<Paper> = {}): Paper => ({
  id: 'f1', own: false, from: 'lind', confirmed: true, fromName: 'Dr. Lind', to: [], at: Date.now(), size: 2_000_000, released: true, replaces: '', name: 'Breathing.pdf', type: 'application/pdf',
  note: 'For the week', state: 'ready', progress: 1, problem: '', ...more,
});

// What the client would tell of, given to the page as the client does.
async function show(page: Page, messages: readonly ChatMessage[], papers: readonly Paper[] = []): Promise<void> {
  const { session } = page.store;
  Object.assign(session!.chat, { messages });
  Object.assign(session!.files, { papers });
  const emit = (session as unknown as { emit(name: string, data: unknown): void }).emit.bind(session);
  emit('chat', session!.chat);
  emit('files', session!.files);
  await page.settle();
}

test('without encryption, or where the clinic wants none, there is no place for messages', async (t) => {
  for (const more of [{ ...policy, e2ee: 'off' as const }, { ...policy, chat: 'off' as const, files: 'off' as const, clinicPapers: false }]) {
    const page = await openSession(t, {}, { policy: more });
    assert.ok(!page.shows('papers-toggle'));
  }
});

test('a message is counted as new until the panel is open, and is text, whatever it holds', async (t) => {
  const page = await openSession(t, {}, { policy });
  await show(page, [message({ text: 'https://example.org <img src=x onerror=alert(1)>' }), message({ id: '2', own: true, from: 'me', text: 'mine' })]);
  assert.match(page.textOf('papers-toggle'), /new: 1/);
  await page.click('papers-toggle');
  assert.ok(!/new/.test(page.textOf('papers-toggle')));
  const [first] = page.query('[data-testid="chat-message"]');
  assert.match(first!.textContent ?? '', /Dr. Lind to everyone.*https:\/\/example.org <img src=x onerror=alert\(1\)>/);
  assert.equal(first!.querySelectorAll('a, img').length, 0);
});

test('a message is announced: with its words while the panel is open', async (t) => {
  const page = await openSession(t, {}, { policy });
  await page.pass(1_300);
  await show(page, [message()]);
  await page.pass(1_300);
  assert.match(page.textOf('announcer'), /New message from Dr. Lind\./);
  assert.ok(!page.textOf('announcer').includes('Good morning'));
  await page.click('papers-toggle');
  await show(page, [message(), message({ id: '2', text: 'How are you?', to: ['me'] })], [paper()]);
  await page.pass(1_300);
  assert.match(page.textOf('announcer'), /Dr. Lind, to you: How are you\?.*Dr. Lind sent you a paper: Breathing.pdf\./);
});

test('papers say what they are, and what can be done with them', async (t) => {
  const page = await openSession(t, {}, { policy });
  await page.click('papers-toggle');
  await show(page, [], [
    paper(), paper({ id: 'f2', name: '', note: '', state: 'waiting', afterSession: true, released: false }), paper({ id: 'f3', type: 'text/plain', name: 'words.txt' }),
    paper({ id: 'f4', name: '', state: 'unreadable' }), paper({ id: 'f5', own: true, from: 'me', to: ['lind'], state: 'uploading', progress: 0.5 }),
    paper({ id: 'f6', own: true, from: 'me', to: ['lind'], state: 'failed', problem: 'storage_full' }),
  ]);
  const texts = page.query('[data-testid="paper"]').map((card) => (card.textContent ?? '').replaceAll(/\s+/g, ' '));
  assert.match(texts[0]!, /Breathing\.pdf 2\.0 MB.*For the week.*Save/);
  assert.ok(!texts[0]!.includes('Open'), 'a document is saved, never run in the page');
  assert.match(texts[1]!, /A paper.*Opens when the session ends.*Keep this page open/);
  assert.match(texts[2]!, /OpenSave/);
  assert.match(texts[3]!, /cannot be opened here/);
  assert.match(texts[4]!, /to Dr. Lind.*Stop/);
  assert.equal(page.query('progress')[0]?.getAttribute('aria-label'), 'Breathing.pdf is being sent');
  assert.match(texts[5]!, /Not sent\. The server has no room.*Remove/);
});

test('who sent a paper is shown once they confirmed it; what is not theirs says so, and cannot be opened', async (t) => {
  const page = await openSession(t, {}, { policy });
  await page.click('papers-toggle');
  const unconfirmed = { confirmed: false, fromName: '', name: '' };
  await show(page, [], [
    paper({ id: 'f1', ...unconfirmed, state: 'waiting', released: false, afterSession: true }), paper({ id: 'f2', ...unconfirmed, state: 'unconfirmed' }),
    paper({ id: 'f3', ...unconfirmed, state: 'changed' }), paper({ id: 'f4', fromName: '' }),
  ]);
  const texts = page.query('[data-testid="paper"]').map((card) => (card.textContent ?? '').replaceAll(/\s+/g, ' '));
  assert.ok(texts.slice(0, 3).every((text) => text.startsWith('Sender not confirmed to you') && !text.includes('Dr. Lind') && !/Open\b|Save/.test(text.replace('Opens when', ''))), texts.join('\n'));
  assert.match(texts[1]!, /not opened: nobody in the group confirmed that they sent it/);
  assert.match(texts[2]!, /not opened: it is not what its sender announced.*tell the clinic/);
  assert.match(texts[3]!, /^Somebody who left/);
});

test('no type that could hold a program is shown, and nothing is saved as one', async (t) => {
  const blobs: string[] = [];
  const native = { createObjectURL: URL.createObjectURL, revokeObjectURL: URL.revokeObjectURL };
  Object.assign(URL, { createObjectURL: ({ type }: Blob) => `blob:${blobs.push(type)}`, revokeObjectURL: () => undefined });
  t.after(() => Object.assign(URL, native));
  const page = await openSession(t, {}, { policy });
  await page.click('papers-toggle');
  Object.assign(page.store.session!.files, { open: async () => ({ name: 'x', type: 'text/html', content: new TextEncoder().encode('<script>alert(1)</script>') }) });
  const inert = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'text/plain'];
  const others = ['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/xml', 'application/pdf', 'text/javascript', '', 'IMAGE/SVG+XML', 'text/plain\n', 'text/plain;charset=utf-8', 'image/png, text/html'];
  for (const type of [...inert, ...others]) {
    await show(page, [], [paper({ type })]);
    assert.equal(page.shows('paper-open'), inert.includes(type), JSON.stringify(type));
    const link = new Promise<HTMLAnchorElement>((done) => {
      const { createElement } = document;
      document.createElement = ((name: string) => {
        const made = createElement.call(document, name) as HTMLAnchorElement;
        if (name !== 'a') return made;
        document.createElement = createElement;
        made.click = () => done(made);
        return made;
      }) as typeof document.createElement;
    });
    await page.click('paper-save');
    assert.equal((await link).download, 'Breathing.pdf');
  }
  assert.deepEqual([...new Set(blobs)], ['application/octet-stream']);
  await show(page, [], [paper({ type: 'text/plain' })]);
  await page.click('paper-open');
  await page.settle();
  assert.match(page.query('.paper-shown')[0]?.textContent ?? '', /<script>/);
  assert.equal(page.query('.paper-shown script').length, 0);
  assert.equal(blobs.length, inert.length + others.length, 'text is no blob');
});

test('who may send to whom is what is offered', () => {
  const store = new PapersStore(() => undefined);
  const group = [lind(), person('co', 'Dr. Co', { role: 'cohost' }), person('jonas', 'Jonas')];
  const labels = (reach: 'off' | 'hosts' | 'all', me: Parameters<PapersStore['choices']>[1], others = group): string[] => store.choices(reach, me, others).map(({ label }) => label);
  assert.deepEqual(labels('hosts', self()), ['The therapists']);
  assert.deepEqual(labels('all', self()), ['Everyone', 'The therapists']);
  assert.deepEqual(labels('off', self()), []);
  assert.deepEqual(labels('all', self({ role: 'observer' })), []);
  assert.deepEqual(labels('hosts', self({ role: 'host' })), ['Everyone', 'The other therapists', 'Dr. Lind', 'Dr. Co', 'Jonas']);
  assert.deepEqual(labels('hosts', self({ role: 'host' }), [person('jonas', 'Jonas')]), ['Everyone', 'Jonas']);
  assert.deepEqual(labels('hosts', self(), [person('jonas', 'Jonas')]), [], 'no therapist is there to read');
  assert.deepEqual(PapersStore.resolve('hosts', group), ['lind', 'co']);
  assert.deepEqual(store.choices('all', self(), group, 'co').map(({ target, label }) => [target, label]), [['co', 'Dr. Co, in this side room']], 'nobody else could open it');
  assert.deepEqual(store.choices('hosts', self({ role: 'host' }), group, 'jonas').map(({ target }) => target), ['jonas']);
});

test('a therapist has one panel at a time', async (t) => {
  const page = await openHost(t, {}, { policy, permissions: [...permissionsOf.host, 'file.send'] });
  await page.click('papers-toggle');
  assert.ok(page.shows('papers-panel') && page.query('[aria-label="Host panel"]').length === 0);
  await page.click('people-toggle');
  assert.ok(!page.shows('papers-panel') && page.query('[aria-label="Host panel"]').length === 1);
});

test('papers stay on the last screen, which then does not say to close the page', async (t) => {
  const page = await openSession(t, {}, { policy });
  await show(page, [message()], [paper()]);
  await page.receive('room.ended', { reason: 'host' });
  assert.ok(page.shows('received'));
  assert.match(page.textOf('received'), /Breathing\.pdf/);
  assert.ok(!page.textOf('ending-card').includes('You can close this page'));
  const plain = await openSession(t, {}, { policy });
  await plain.receive('room.ended', { reason: 'host' });
  assert.ok(!plain.shows('received') && plain.textOf('ending-card').includes('You can close this page'));
});

test('sizes and problems in words', () => {
  assert.deepEqual([1, 900_000, 2_500_000].map(sizeWords), ['1 kB', '900 kB', '2.5 MB']);
  assert.match(problemOf('no_mail_key'), /did not answer/);
  assert.match(problemOf('recipients_unnamed'), /Nothing was sent: your link.*tell the clinic: its links lack “recipients”/);
  assert.match(problemOf('something new'), /try again/);
});

test('a message that could not be sent is announced, and nothing of what was written stays after the end', async (t) => {
  const page = await openSession(t, {}, { policy });
  await page.click('papers-toggle');
  await show(page, [message(), message({ id: '2', own: true, from: 'me', text: 'mine', state: 'sending' })]);
  await show(page, [message(), message({ id: '2', own: true, from: 'me', text: 'mine', state: 'failed' })]);
  await page.pass(1_300);
  assert.match(page.textOf('announcer'), /Your message was not sent\./);
  const { chat } = page.store.session!;
  await page.receive('room.ended', { reason: 'host' });
  assert.deepEqual([chat.messages, page.store.papers.messages.value], [[], []]);
  assert.ok(!(document.body.textContent ?? '').includes('Good morning'));
});
