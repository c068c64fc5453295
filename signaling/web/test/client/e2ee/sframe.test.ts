// SFrame against the vectors of RFC 9605, and against those that the Go opener is tested with, too.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
  decrypt, deriveFrameKey, deriveKeyBytes, encrypt, firstCounter, importBaseKey, isKeyFrame, kidOf, lastCounter, open, parse, seal, splitKid, type Kind,
} from '../../../client/e2ee/sframe';
import type { Stream } from '../../../client/e2ee/worker_messages';
import { hex, unhex } from '../../support/bytes';
import { seeded } from '../../support/random';

interface Rfc9605 {
  suite5: Record<'base_key' | 'sframe_key' | 'sframe_salt' | 'aad' | 'metadata' | 'pt' | 'ct', string> & { kid: number; ctr: number };
  headers: { kid: string; ctr: string; encoded: string }[];
}
interface Vectors {
  baseKey?: string;
  frames: {
    name: string; codec: 'opus' | 'vp8'; stream: Stream; generation: number; leaf: number; number: number; kid: number; counter: number;
    baseKey?: string; key: string; salt: string; plain: string; sealed: string;
  }[];
  refused: { name: string; codec: 'opus' | 'vp8'; sealed: string; why: 'plain' | 'forged' }[];
}
const read = <T>(name: string): T => JSON.parse(readFileSync(join(process.env.ALCOVE_WEB ?? '', 'test/vectors', name), 'utf8')) as T;
const rfc = read<Rfc9605>('rfc9605.json');
// What the Go code sealed, and what this code sealed: both open both.
const vectors = [read<Vectors>('sframe.json'), read<Vectors>('sframe_page.json')];
const kindOf = (codec: 'opus' | 'vp8'): Kind => (codec === 'vp8' ? 'video' : 'audio');
const frames = vectors.flatMap(({ baseKey, frames: list }) => list.map((one) => ({ ...one, kind: kindOf(one.codec), baseKey: one.baseKey ?? baseKey ?? '' })));

test('suite 5 of RFC 9605, appendix C.3', async () => {
  const { kid, ctr, ...one } = rfc.suite5;
  const base = await importBaseKey(unhex(one.base_key));
  assert.equal(hex(await deriveKeyBytes(base, kid)), one.sframe_key + one.sframe_salt);
  const frameKey = await deriveFrameKey(base, kid);
  const aad = unhex(one.aad);
  const header = one.aad.slice(0, -one.metadata.length);
  assert.equal(header + hex(await encrypt(frameKey, ctr, aad, unhex(one.pt))), one.ct);
  assert.equal(hex(await decrypt(frameKey, ctr, aad, unhex(one.ct.slice(header.length)))), one.pt);
});

test('of the headers in RFC 9605, appendix C.1, those of our shape are read', () => {
  let ours = 0;
  for (const { kid, ctr, encoded } of rfc.headers) {
    const parsed = parse('audio', unhex(encoded + '00'.repeat(40)));
    const fits = encoded.startsWith('ba') && BigInt(kid) >> 31n === 1n;
    assert.deepEqual(parsed && [BigInt(parsed.kid), BigInt(parsed.counter)], fits ? [BigInt(kid), BigInt(ctr)] : undefined, encoded);
    if (fits) ours += 1;
  }
  assert.ok(ours > 0 && rfc.headers.length > 200);
});

test('a KID names stream, generation, leaf and number', () => {
  for (const { name, kid, stream, generation, leaf, number } of frames) {
    assert.deepEqual(splitKid(kid), { stream, generation, leaf, number }, name);
    if (stream <= 4) assert.equal(kidOf(stream, generation, leaf, number), kid, name);
  }
  assert.equal(kidOf(0, 0, 1, 65_537), kidOf(0, 0, 1, 1), 'the number counts modulo 2^16');
  for (const [stream, generation, leaf] of [[5, 0, 0], [0, 16, 0], [0, 0, 256], [0, 0, -1]] as [Stream, number, number][]) {
    assert.throws(() => kidOf(stream, generation, leaf, 1), RangeError);
  }
});

test('the shared frames are sealed to the byte, and open', async () => {
  assert.ok(vectors.every(({ frames: list }) => list.length >= 8));
  for (const { name, kid, counter, kind, ...one } of frames) {
    const base = await importBaseKey(unhex(one.baseKey));
    assert.equal(hex(await deriveKeyBytes(base, kid)), one.key + one.salt, name);
    const frameKey = await deriveFrameKey(base, kid);
    assert.equal(hex(await seal(frameKey, kid, counter, kind, unhex(one.plain))), one.sealed, name);
    const sealed = unhex(one.sealed);
    const parsed = parse(kind, sealed);
    assert.ok(parsed, name);
    assert.deepEqual([parsed.kid, parsed.counter], [kid, counter], name);
    if (kind === 'video') assert.equal(isKeyFrame(sealed), isKeyFrame(unhex(one.plain)), name);
    const opened = await open(frameKey, kind, sealed, parsed);
    assert.equal(opened && hex(opened), one.plain, name);
  }
});

test('the shared refusals are refused', async () => {
  for (const { refused, frames: list, baseKey } of vectors) {
    assert.ok(refused.length >= 8);
    for (const { name, codec, sealed, why } of refused) {
      const frame = unhex(sealed);
      const kind = kindOf(codec);
      const parsed = parse(kind, frame);
      assert.equal(parsed === undefined, why === 'plain', name);
      if (!parsed) continue;
      assert.ok(list.some(({ kid }) => kid === parsed.kid), `${name}: of no key`);
      assert.equal(await open(await deriveFrameKey(await importBaseKey(unhex(baseKey ?? '')), parsed.kid), kind, frame, parsed), undefined, name);
    }
  }
});

test('a member who seals a frame under other outer bytes than its own is refused', async () => {
  const kid = kidOf(1, 0, 1, 1);
  const frameKey = await deriveFrameKey(await importBaseKey(new Uint8Array(32)), kid);
  const keyFrame = unhex('10020a9d012a4001b400aabbcc');
  for (const [name, outer] of [['of a delta frame', '01'], ['of another size', '10020a9d012a4001b401']] as const) {
    const header = `ba${kid.toString(16)}010000`;
    const body = hex(await encrypt(frameKey, firstCounter, unhex(header + outer), keyFrame));
    const sealed = unhex(outer + header + body);
    const parsed = parse('video', sealed);
    assert.ok(parsed, name);
    assert.equal(await open(frameKey, 'video', sealed, parsed), undefined, name);
  }
});

test('the size of a sealed frame depends on the size of the frame alone', () => {
  for (const { name, kind, plain, sealed } of frames) {
    const more = kind === 'audio' ? 24 : isKeyFrame(unhex(plain)) ? 34 : 25;
    assert.equal(sealed.length / 2, plain.length / 2 + more, name);
  }
});

test('every flipped bit of a sealed frame is refused', async () => {
  for (const { name, kind, baseKey, kid, sealed } of frames.filter(({ sealed: all }) => all.length < 200)) {
    const frameKey = await deriveFrameKey(await importBaseKey(unhex(baseKey)), kid);
    for (let bit = 0; bit < sealed.length * 4; bit += 1) {
      const bent = unhex(sealed);
      bent[bit >> 3]! ^= 1 << (bit & 7);
      const parsed = parse(kind, bent);
      assert.equal(parsed && await open(frameKey, kind, bent, parsed), undefined, `${name}, bit ${bit}`);
    }
  }
});

test('what cannot be sealed throws', async () => {
  const frameKey = await deriveFrameKey(await importBaseKey(new Uint8Array(32)), kidOf(0, 0, 0, 1));
  const refused: [number, Kind, string][] = [
    [firstCounter - 1, 'audio', '00'], [lastCounter + 1, 'audio', '00'], [firstCounter, 'video', ''], [firstCounter, 'video', '001122334455667788'],
  ];
  for (const [counter, kind, frame] of refused) await assert.rejects(seal(frameKey, kidOf(0, 0, 0, 1), counter, kind, unhex(frame)), RangeError);
});

// Bounded and seeded, so that a failure comes back.
test('parse takes any bytes and keeps what it promises', () => {
  const draw = seeded(0x5f7a);
  const next = (limit: number): number => Math.floor(draw() * limit);
  const patterns = ['ba80000001010000', '01ba80000001010000', '1002009d012a40010cba', '', 'ff'].map(unhex);
  let parsed = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const pattern = patterns[next(patterns.length)]!;
    const frame = new Uint8Array(Math.max(pattern.length, next(64)));
    for (let at = 0; at < frame.length; at += 1) frame[at] = next(256);
    if (next(4) > 0) frame.set(pattern);
    if (pattern.length > 0 && next(3) === 0) frame[next(frame.length)]! ^= 1 << next(8);
    // A view into a larger buffer, as a frame may be.
    const view = new Uint8Array(new Uint8Array([7, ...frame, 7]).buffer, 1, frame.length);
    for (const kind of ['audio', 'video'] as const) {
      const result = parse(kind, view);
      if (!result) continue;
      parsed += 1;
      const { kid, counter, outer } = result;
      assert.ok(view.length >= outer + 8 + 16 && view[outer] === 0xba && counter >= firstCounter && counter <= lastCounter);
      const { stream, generation, leaf, number } = splitKid(kid);
      if (stream <= 4) assert.equal(kidOf(stream as Stream, generation, leaf, number), kid);
      assert.ok(kind === 'video' ? outer === 1 && view[0] === 1 || outer === 10 && isKeyFrame(view) : outer === 0);
    }
  }
  assert.ok(parsed > 1_000, `only ${parsed} were parsed: the fuzz reaches nothing`);
});
