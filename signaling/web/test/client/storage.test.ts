import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { Storage } from '../../client/env';
import { loadSeat, saveSeat } from '../../client/connection/seat';
import { Session } from '../../client/session';
import { TabStorage } from '../../client/storage';
import { saveReloadState, loadReloadState, type ReloadState } from '../../page/state/reload';
import { FakeEnv } from '../support/env';

const denied = (): never => {
  throw new DOMException('The operation is insecure.', 'SecurityError');
};

// What a browser keeps for a tab, and what it refuses.
function kept({ refuses = [] as (keyof Storage)[] } = {}) {
  const items = new Map<string, string>();
  const real: Storage = {
    getItem: (key) => (refuses.includes('getItem') ? denied() : items.get(key) ?? null),
    setItem: (key, value) => (refuses.includes('setItem') ? denied() : void items.set(key, value)),
    removeItem: (key) => (refuses.includes('removeItem') ? denied() : void items.delete(key)),
  };
  return { items, real, refuses };
}

const refusals: Record<string, () => Storage | null> = {
  'cookies are blocked': denied,
  'there is none': () => null,
  'a private window has no room': () => kept({ refuses: ['setItem'] }).real,
  'nothing may be removed': () => kept({ refuses: ['removeItem'] }).real,
};
for (const [why, open] of Object.entries(refusals)) {
  test(`memory takes over where ${why}`, () => {
    const storage = new TabStorage(open);
    assert.equal(storage.persistent, false);
    saveSeat(storage, { sessionId: 's', secret: 'one' });
    assert.deepEqual(loadSeat(storage), { sessionId: 's', secret: 'one' });
    storage.removeItem('alcove.seat');
    assert.equal(loadSeat(storage), undefined);
  });
}

test('what a browser keeps outlasts a reload', () => {
  const { real, items } = kept();
  const storage = new TabStorage(() => real);
  assert.equal(storage.persistent, true);
  saveSeat(storage, { sessionId: 's', secret: 'one' });
  const back: ReloadState = {
    name: 'Mara', microphone: true, camera: false, chosen: { microphone: 'm', camera: '', speaker: '' }, asked: true, ready: true, link: 'j', withdrawing: false,
  };
  saveReloadState(storage, back);
  const reloaded = new TabStorage(() => real);
  assert.deepEqual(loadSeat(reloaded), { sessionId: 's', secret: 'one' });
  assert.deepEqual(loadReloadState(reloaded), back);
  assert.equal(items.size, 2);
});

test('storage that fails later leaves no used secret behind, and says so', () => {
  const { real, items, refuses } = kept();
  let failed = 0;
  const storage = new TabStorage(() => real, () => (failed += 1));
  saveSeat(storage, { sessionId: 's', secret: 'one' });
  refuses.push('setItem');
  saveSeat(storage, { sessionId: 's', secret: 'two' });
  saveSeat(storage, { sessionId: 's', secret: 'three' });
  assert.deepEqual([loadSeat(storage)?.secret, storage.persistent, failed, items.size], ['three', false, 1, 0]);
});

test('a seat is taken and resumed without storage', () => {
  const env = new FakeEnv();
  Object.assign(env, { storage: new TabStorage(denied) });
  const session = new Session(env, { token: 'a.b.c', client: { name: 'test', version: '1' } });
  const links: string[] = [];
  session.on('link', (link) => links.push(link));
  session.connect();
  env.socket.open();
  env.socket.answer('hello', {
    sessionId: 's', resumeSecret: 'one', participantId: 'p1', state: 'waiting', role: 'participant', permissions: [], pingMs: 5000, resumeMs: 60_000,
    policy: { name: 'default', recording: 'never', scopes: [] }, needs: [], agreement: [], consents: [], helpRaised: false,
  });
  env.socket.drop();
  env.advance(1000);
  env.socket.open();
  assert.deepEqual(env.socket.last('hello').data.resume, { sessionId: 's', secret: 'one' });
  assert.deepEqual(links, ['connecting', 'open', 'lost']);
});

test('nothing but the guarded accessor names what a browser keeps', () => {
  const web = process.env.ALCOVE_WEB ?? '';
  const files = ['client', 'page'].flatMap((folder) => readdirSync(join(web, folder), { recursive: true }).map((name) => join(folder, String(name))))
    .filter((name) => /\.tsx?$/.test(name));
  assert.ok(files.length > 30);
  const naming = files.filter((name) => /\b(sessionStorage|localStorage|indexedDB|caches|cookieStore|document\.cookie)\b/.test(readFileSync(join(web, name), 'utf8')));
  assert.deepEqual(naming, [join('client', 'storage.ts')]);
});
