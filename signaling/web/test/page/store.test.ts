import assert from 'node:assert/strict';
import test from 'node:test';
import type { Consent, Session } from '../../client';
import { Store } from '../../page/state/store';

// What a browser has, as far as it is asked for here.
Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { languages: ['en'] } });
class Nothing {}
const listen = { addEventListener: () => undefined };
Object.assign(globalThis, { ...listen, document: listen, HTMLMediaElement: Nothing, ResizeObserver: Nothing, IntersectionObserver: Nothing });

test('no yes follows a no that comes before it is answered', async () => {
  const store = new Store({ clinic: '', phone: '', suggestFirstName: [], welcome: {}, emergency: {}, dev: false, origins: [], aheadMs: 0 });
  const said: string[] = [];
  const request = async (type: string): Promise<void> => void said.push(type);
  store.session = { request } as unknown as Session;
  const asked = (scope: Consent['scope']): Consent =>
    ({ scope, texts: [{ id: scope, version: '1', locale: 'en', text: '', textHash: scope }] }) as unknown as Consent;
  store.selfState.latest.value = { ...store.selfState.latest.value, consents: [asked('recording.audio'), asked('recording.video')] };
  const answering = store.answerConsent('granted');
  await Promise.all([answering, store.withdraw()]);
  assert.deepEqual(said, ['consent.respond', 'consent.respond', 'consent.withdraw']);
});

test('what succeeds ends only the words about itself', async () => {
  const store = new Store({ clinic: '', phone: '', suggestFirstName: [], welcome: {}, emergency: {}, dev: false, origins: [], aheadMs: 0 });
  const fails = new Set<string>(['hand.set']);
  const request = async (type: string): Promise<void> => {
    if (fails.has(type)) throw new Error('refused');
  };
  store.session = { request } as unknown as Session;
  store.notice.value = 'A therapist turned your camera off.';
  await store.act('room.lock', {});
  assert.equal(store.notice.value, 'A therapist turned your camera off.');
  await store.act('hand.set', { raised: true });
  const words = store.notice.value;
  assert.match(words, /did not work/);
  await store.act('room.lock', {});
  assert.equal(store.notice.value, words);
  fails.clear();
  await store.act('hand.set', { raised: true });
  assert.equal(store.notice.value, '');
});
