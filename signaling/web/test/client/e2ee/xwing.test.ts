// X-Wing over the ML-KEM of @noble, which the page ships (mls-patch.mjs), against X-Wing over the one that hpke-js brings.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { HkdfSha256 } from '@hpke/dhkem-x25519';
import { XWing } from '@hpke/hybridkem-x-wing';

type Kem = InstanceType<typeof XWing>;

const fromPackage = async (): Promise<Kem> => {
  const { resolve } = createRequire(pathToFileURL(join(process.env.ALCOVE_WEB!, 'package.json')));
  const name = pathToFileURL(resolve('@hpke/hybridkem-x-wing')).href;
  const loaded = await import(name) as { XWing: new () => Kem };
  assert.notEqual(loaded.XWing, XWing, 'the test compares a library with itself');
  return new loaded.XWing();
};

const hex = (bytes: ArrayBuffer) => Buffer.from(bytes).toString('hex');

test('both derive the same public key from a seed', async () => {
  const [ours, theirs] = [new XWing(), await fromPackage()];
  for (let i = 0; i < 8; i++) {
    const seed = new Uint8Array(32).fill(i);
    const [a, b] = [await ours.generateKeyPairDerand(seed), await theirs.generateKeyPairDerand(seed)];
    assert.equal(hex(await ours.serializePublicKey(a.publicKey)), hex(await theirs.serializePublicKey(b.publicKey)));
  }
});

test('each opens what the other encapsulates, and with the same randomness they encapsulate the same', async () => {
  const [ours, theirs] = [new XWing(), await fromPackage()];
  const [a, b] = [await ours.generateKeyPair(), await theirs.generateKeyPair()];
  const toB = await ours.encap({ recipientPublicKey: b.publicKey });
  assert.equal(hex(await theirs.decap({ recipientKey: b.privateKey, enc: toB.enc })), hex(toB.sharedSecret));
  const toA = await theirs.encap({ recipientPublicKey: a.publicKey });
  assert.equal(hex(await ours.decap({ recipientKey: a.privateKey, enc: toA.enc })), hex(toA.sharedSecret));
  const ekm = new Uint8Array(64).map((_, i) => i).buffer as never;
  const [x, y] = [await ours.encap({ recipientPublicKey: b.publicKey, ekm }), await theirs.encap({ recipientPublicKey: b.publicKey, ekm })];
  assert.equal(hex(x.enc), hex(y.enc));
  assert.equal(hex(x.sharedSecret), hex(y.sharedSecret));
});

test('HKDF extracts with a salt of any length as HMAC does', async () => {
  const hkdf = new HkdfSha256();
  for (const length of [0, 1, 31, 32, 33, 64, 65, 200]) {
    const [salt, ikm] = [new Uint8Array(length).fill(length), new Uint8Array(40).fill(7)];
    const wanted = createHmac('sha256', length === 0 ? Buffer.alloc(32) : salt).update(ikm).digest('hex');
    assert.equal(hex(await hkdf.extract(salt, ikm)), wanted, `a salt of ${length} bytes`);
  }
});
