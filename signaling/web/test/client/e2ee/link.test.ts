import assert from 'node:assert/strict';
import test from 'node:test';
import { DamagedLinkError, dropIdentity, identityOf, loadIdentity, saveIdentity } from '../../../client/e2ee/link';
import { dropSeat, saveSeat } from '../../../client/connection/seat';

const tokenWith = (claims: object): string => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
const k = Buffer.alloc(32, 7).toString('base64url');

function memory(): { getItem(key: string): string | null; setItem(key: string, value: string): void; removeItem(key: string): void; size(): number } {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value), removeItem: (key) => void kept.delete(key), size: () => kept.size };
}

test('the link itself says whether encryption is required, and who the person is', async () => {
  const identity = await identityOf(tokenWith({ e2ee: 'required', role: 'cohost', name: ' Zoë \u200B M. ', recipients: ['abc'] }), k);
  assert.deepEqual({ ...identity, tokenHash: identity.tokenHash.length }, { required: true, role: 'cohost', name: 'Zoë M.', tokenHash: 44, k, recipients: ['abc'] });
  const plain = await identityOf(tokenWith({ role: 'participant' }), undefined);
  assert.deepEqual({ ...plain, tokenHash: plain.tokenHash.length }, { required: false, role: 'participant', name: '', tokenHash: 44 });
  assert.equal((await identityOf('no token', undefined)).required, false);
});

test('a secret in the link promises encryption, whatever its token says', async () => {
  for (const claims of [{}, { e2ee: 'off' }, { role: 'host' }]) assert.equal((await identityOf(tokenWith(claims), k)).required, true);
  assert.equal((await identityOf('no token', k)).required, true);
});

test('a k that is not whole is refused, not left out', async () => {
  for (const wrong of ['', 'short', `${k}AA`, k.slice(1), `${k.slice(0, -1)}!`]) {
    await assert.rejects(identityOf(tokenWith({}), wrong), (error) => error instanceof DamagedLinkError && !(wrong && error.message.includes(wrong)));
  }
});

test('the identity lies beside the seat and goes with it', async () => {
  const storage = memory();
  const identity = await identityOf(tokenWith({ e2ee: 'required', role: 'host', name: 'Dr. Lind' }), k);
  saveIdentity(storage, identity);
  saveSeat(storage, { sessionId: 's', secret: 'r' });
  assert.deepEqual(loadIdentity(storage), identity);
  dropSeat(storage);
  assert.equal(loadIdentity(storage), undefined);
  assert.equal(storage.size(), 0);
});

test('what others left in storage is no identity', () => {
  const storage = memory();
  for (const wrong of ['', '{}', 'null', '{"required":"yes"}']) {
    storage.setItem('alcove.e2ee', wrong);
    assert.equal(loadIdentity(storage), undefined);
  }
  dropIdentity(storage);
});
