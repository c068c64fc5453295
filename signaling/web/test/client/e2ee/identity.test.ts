// The vectors that auth/e2ee checks too, and what a lying server or a damaged link would try.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join as path } from 'node:path';
import test from 'node:test';
import {
  base64, displayName, equalBytes, fromBase64, groupCode, hashToken, isHostRole, join, keyPackageProved, ownSecret, personSecret, proveKeyPackage,
  proveWelcome, roomSecret, welcomeProved,
} from '../../../client/e2ee/identity';
import type { Role } from '../../../client/wire/protocol';

interface Vectors {
  k: string;
  joins: { parts: string[]; joined: string }[];
  links: { room: string; session: string; role: Role; name: string; token: string; tokenHash: string; r: string; s: string; link: string }[];
  proofs: { s: string; message: string; key: string; welcome: string }[];
  codes: { group: string; hostKeys: string[]; code: string }[];
  names: { given: string; shown: string }[];
}

const vectors = JSON.parse(readFileSync(path(process.env.ALCOVE_WEB ?? '', '../../auth/e2ee/testdata/identity.json'), 'utf8')) as Vectors;
const bytes = (hex: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (of: Uint8Array): string => Buffer.from(of).toString('hex');

test('joined parts, secrets and links are those of the Go twin', async () => {
  assert.ok(vectors.joins.length > 3 && vectors.links.length > 3);
  for (const { parts, joined } of vectors.joins) assert.equal(hex(join(...parts.map(bytes))), joined);
  for (const v of vectors.links) {
    const tokenHash = await hashToken(v.token);
    assert.equal(hex(tokenHash), v.tokenHash);
    const r = await roomSecret(bytes(vectors.k), v.room, v.session);
    assert.equal(hex(r), v.r);
    const person = { role: v.role, name: v.name, tokenHash };
    assert.equal(hex(await personSecret(r, person)), v.s);
    assert.equal(hex(fromBase64(v.link)), isHostRole(v.role) ? v.r : v.s);
    assert.equal(hex(await ownSecret(fromBase64(v.link), person)), v.s, 'every link leads to the s that a host computes');
  }
});

test('proofs are those of the Go twin', async () => {
  assert.ok(vectors.proofs.length > 2);
  for (const { s, message, key, welcome } of vectors.proofs) {
    assert.equal(hex(await proveKeyPackage(bytes(s), bytes(message))), key);
    assert.equal(hex(await proveWelcome(bytes(s), bytes(message))), welcome);
    assert.ok(await keyPackageProved(bytes(s), bytes(message), bytes(key)));
    assert.ok(await welcomeProved(bytes(s), bytes(message), bytes(welcome)));
  }
});

test('codes and names are those of the Go twin', async () => {
  for (const { group, hostKeys, code } of vectors.codes) assert.equal(await groupCode(bytes(group), hostKeys.map(bytes)), code);
  assert.ok(vectors.names.length > 10);
  for (const { given, shown } of vectors.names) assert.equal(displayName(given), shown, JSON.stringify(given));
});

test('a wrong proof is refused, whatever is wrong with it', async () => {
  const [s, message] = [bytes('20'.repeat(32)), bytes('aa')];
  const proof = await proveKeyPackage(s, message);
  const flipped = proof.with(31, (proof[31] ?? 0) ^ 1);
  for (const wrong of [flipped, proof.slice(0, 31), new Uint8Array(), await proveWelcome(s, message)]) {
    assert.equal(await keyPackageProved(s, message, wrong), false);
  }
  assert.equal(await keyPackageProved(s, bytes('ab'), proof), false);
  assert.equal(await keyPackageProved(bytes('21'.repeat(32)), message, proof), false);
});

test('a secret of another size derives and proves nothing', async () => {
  const person = { role: 'participant' as const, name: '', tokenHash: bytes('00'.repeat(32)) };
  for (const size of [0, 31, 33]) {
    await assert.rejects(async () => personSecret(new Uint8Array(size), person), RangeError);
    await assert.rejects(async () => proveKeyPackage(new Uint8Array(size), bytes('aa')), RangeError);
  }
});

test('bytes compare', () => {
  assert.ok(equalBytes(bytes('0102'), bytes('0102')) && equalBytes(bytes(''), bytes('')));
  for (const [a, b] of [['01', '02'], ['01', ''], ['', '01'], ['0101', '01'], ['01', '0101']] as const) assert.equal(equalBytes(bytes(a), bytes(b)), false);
});

test('base64 reads both alphabets, padded or not', () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (let size = 250; size <= 256; size++) {
    const part = all.slice(0, size);
    assert.equal(base64(part), Buffer.from(part).toString('base64'));
    assert.equal(hex(fromBase64(base64(part))), hex(part));
    assert.equal(hex(fromBase64(Buffer.from(part).toString('base64url'))), hex(part));
  }
  assert.throws(() => fromBase64('no!'));
});
