// What is released to the clinic, when, and to whom; opened as the clinic opens it.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Decrypter, generateHybridIdentity, generateIdentity, identityToRecipient } from 'age-encryption';
import { sealWithAge } from '../../../client/e2ee/age';
import { fromBase64 } from '../../../client/e2ee/bytes';
import { consentTextHash, refusedRecipients } from '../../../client/e2ee/recipients';
import { beginMs, keysLimit, Releases, retryMs, sealedMs, type ReleaseData, type ReleaseToPage, type Scope } from '../../../client/e2ee/release';
import { deriveKeyBytes, importBaseKey, kidOf, splitKid } from '../../../client/e2ee/sframe';
import { hex } from '../../support/bytes';
import { FakeTime } from '../../support/time';

const audio: Scope[] = ['recording.audio'];
const both: Scope[] = ['recording.audio', 'recording.video'];
const baseOf = (number: number): Uint8Array<ArrayBuffer> => new Uint8Array(32).fill(number);

// A page and a frames worker that do what they are asked to.
class Setup {
  readonly time = new FakeTime();
  readonly posted: ReleaseToPage[] = [];
  generation = 3;
  number = 0;
  answering: boolean | undefined = true; // what the server answers; undefined: nothing
  readonly releases: Releases;

  constructor(seal = sealWithAge) {
    this.releases = new Releases({
      timers: this.time, seal,
      post: (message) => {
        this.posted.push(message);
        if (message.type === 'release.raise') this.raise();
        if (message.type === 'release.request' && this.answering !== undefined) this.releases.onMessage({ type: 'release.answer', id: message.id, ok: this.answering });
      },
    });
  }

  raise(): void {
    this.generation = (this.generation + 1) % 16;
    this.releases.onMessage({ type: 'release.raised', generation: this.generation });
    if (this.number > 0) this.releases.onSending(this.number, this.generation);
  }

  epoch(number: number, side = false): void {
    this.number = number;
    this.releases.onEpoch(number, baseOf(number), 5, side);
    this.releases.onSending(number, this.generation);
  }

  get requests(): ReleaseData[] {
    return this.posted.flatMap((one) => one.type === 'release.request' ? [one.data] : []);
  }

  get kids(): number[] {
    return this.requests.flatMap(({ keys }) => keys.map(({ kid }) => kid));
  }

  last<T extends ReleaseToPage['type']>(type: T): Extract<ReleaseToPage, { type: T }> | undefined {
    return this.posted.findLast((one) => one.type === type) as Extract<ReleaseToPage, { type: T }> | undefined;
  }
}

async function begun(setup: Setup, id: number): Promise<boolean | undefined> {
  await setup.releases.settled();
  const message = setup.posted.find((one) => one.type === 'release.begun' && one.id === id);
  return message?.type === 'release.begun' ? message.ok : undefined;
}

async function openRk(identity: string, sealed: string): Promise<CryptoKey> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const rk = await decrypter.decrypt(fromBase64(sealed));
  assert.equal(rk.length, 32);
  return crypto.subtle.importKey('raw', Uint8Array.from(rk), 'AES-GCM', false, ['decrypt']);
}

async function openKey(rk: CryptoKey, kid: number, blob: string): Promise<string> {
  const iv = new Uint8Array(12);
  new DataView(iv.buffer).setUint32(8, kid);
  return hex(await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData: iv.subarray(8) }, rk, fromBase64(blob)));
}

async function keyOf(kid: number): Promise<string> {
  return hex(await deriveKeyBytes(await importBaseKey(baseOf(splitKid(kid).number)), kid));
}

for (const [kind, generate] of [['age1', generateIdentity], ['age1pq', generateHybridIdentity]] as const) {
  test(`an agreement gives the clinic the keys of the streams in scope, from its own generation on (${kind})`, async () => {
    const identity = await generate();
    const setup = new Setup();
    setup.epoch(7);
    setup.releases.onMessage({ type: 'release.begin', id: 1, scopes: both, recipients: [await identityToRecipient(identity)] });
    assert.equal(await begun(setup, 1), true);
    assert.deepEqual(setup.posted.map(({ type }) => type), ['release.raise', 'release.request', 'release.request', 'release.begun']);
    assert.deepEqual(setup.requests.map(({ scope, number, keys }) => [scope, number, keys.map(({ kid }) => kid)]), [
      ['recording.audio', 7, [kidOf(0, 4, 5, 7)]],
      ['recording.video', 7, [kidOf(1, 4, 5, 7), kidOf(2, 4, 5, 7), kidOf(3, 4, 5, 7), kidOf(4, 4, 5, 7)]],
    ]);
    for (const { sealed, keys } of setup.requests) {
      const rk = await openRk(identity, sealed ?? '');
      for (const { kid, blob } of keys) assert.equal(await openKey(rk, kid, blob), await keyOf(kid));
      assert.ok((sealed?.length ?? 0) <= 12_288 && keys.every(({ blob }) => blob.length === 80));
    }
  });
}

test('two scopes that are agreed to at once: the server knows of neither consent yet, so each release can be opened alone', async () => {
  const setup = new Setup(async (_, secret) => Uint8Array.from(secret));
  setup.epoch(7);
  setup.releases.onMessage({ type: 'release.begin', id: 1, scopes: audio, recipients: ['age1'] });
  setup.releases.onMessage({ type: 'release.begin', id: 2, scopes: ['recording.video'], recipients: ['age1'] });
  assert.deepEqual([await begun(setup, 1), await begun(setup, 2)], [true, true]);
  assert.ok(setup.requests.length >= 2 && setup.requests.every(({ sealed }) => sealed !== undefined));
});

async function agreed(scopes = audio): Promise<Setup> {
  const setup = new Setup(async (_, secret) => Uint8Array.from(secret)); // nothing is sealed here
  setup.epoch(7);
  setup.releases.onMessage({ type: 'release.begin', id: 1, scopes, recipients: ['age1'] });
  assert.equal(await begun(setup, 1), true);
  setup.time.advance(sealedMs);
  return setup;
}

test('each new number and each new generation is released, without what the clinic has already', async () => {
  const setup = await agreed(both);
  setup.posted.length = 0;
  setup.epoch(8);
  await setup.releases.settled();
  setup.raise(); // another generation, for whatever reason
  await setup.releases.settled();
  setup.releases.onSending(8, setup.generation); // again, by a new frames worker
  await setup.releases.settled();
  assert.deepEqual(setup.requests.map(({ scope, number, sealed, keys }) => [scope, number, sealed, keys.length]), [
    ['recording.audio', 8, undefined, 1], ['recording.video', 8, undefined, 4], ['recording.audio', 8, undefined, 1], ['recording.video', 8, undefined, 4],
  ]);
  assert.equal(new Set(setup.kids).size, 10);
});

test('a late report of the generation before is not released', async () => {
  const posted: ReleaseToPage[] = [];
  const releases = new Releases({ timers: new FakeTime(), seal: async (_, secret) => secret, post: (message) => posted.push(message) });
  const requests = async (): Promise<ReleaseData[]> => {
    await releases.settled();
    return posted.flatMap((one) => one.type === 'release.request' ? [one.data] : []);
  };
  releases.onEpoch(7, baseOf(7), 5, false);
  releases.onSending(7, 3);
  releases.onMessage({ type: 'release.begin', id: 1, scopes: audio, recipients: ['age1'] });
  assert.deepEqual(await requests(), []);
  releases.onSending(7, 3);
  releases.onMessage({ type: 'release.raised', generation: 4 });
  releases.onSending(7, 3);
  assert.deepEqual(await requests(), []);
  releases.onSending(7, 5); // a worker died meanwhile, and the page raised once more
  assert.deepEqual((await requests()).flatMap(({ keys }) => keys.map(({ kid }) => kid)), [kidOf(0, 5, 5, 7)]);
});

test('after a withdrawal nothing is released, whatever comes; other scopes go on with new keys', async () => {
  const setup = await agreed(both);
  setup.releases.onMessage({ type: 'release.end', id: 9, scopes: ['recording.video'] });
  assert.equal(setup.last('release.ended')?.id, 9);
  setup.posted.length = 0;
  setup.raise();
  setup.epoch(8);
  setup.releases.onMessage({ type: 'release.again' });
  await setup.releases.settled();
  assert.ok(setup.kids.length > 0 && setup.requests.every(({ scope }) => scope === 'recording.audio'));
  setup.releases.onMessage({ type: 'release.end', id: 10, scopes: both });
  setup.posted.length = 0;
  setup.raise();
  setup.epoch(9);
  setup.releases.onMessage({ type: 'release.again' });
  setup.time.advance(60_000);
  await setup.releases.settled();
  assert.deepEqual(setup.posted, []);
});

test('keys that are being derived when the person withdraws are not sent', async () => {
  const setup = await agreed(both);
  setup.posted.length = 0;
  setup.epoch(8);
  setup.releases.onMessage({ type: 'release.end', id: 9, scopes: both });
  await setup.releases.settled();
  assert.deepEqual(setup.posted.map(({ type }) => type), ['release.ended']);
});

test('a withdrawal while an agreement is under way fails it', async () => {
  let sealed: (bytes: Uint8Array<ArrayBuffer>) => void = () => undefined;
  const setup = new Setup(() => new Promise((resolve) => (sealed = resolve)));
  setup.epoch(7);
  setup.releases.onMessage({ type: 'release.begin', id: 1, scopes: audio, recipients: ['age1'] });
  setup.releases.onMessage({ type: 'release.end', id: 2, scopes: audio });
  sealed(new Uint8Array(3));
  await setup.releases.settled();
  assert.deepEqual(setup.posted, [{ type: 'release.begun', id: 1, ok: false }, { type: 'release.ended', id: 2 }]);
});

test('the keys of a side room are never released', async () => {
  const setup = await agreed(both);
  setup.posted.length = 0;
  setup.epoch(8, true);
  setup.raise();
  setup.releases.onMessage({ type: 'release.again' });
  await setup.releases.settled();
  assert.deepEqual(setup.kids, []);
  setup.epoch(9);
  await setup.releases.settled();
  assert.deepEqual(setup.requests.map(({ keys }) => keys.map(({ kid }) => splitKid(kid).number)), [[9], [9, 9, 9, 9]]);
});

test('after a connection that was lost all keys in use are released again, with what opens them', async () => {
  const setup = await agreed();
  const [first] = setup.requests;
  setup.posted.length = 0;
  setup.answering = undefined;
  setup.epoch(8);
  await setup.releases.settled();
  setup.epoch(9);
  await setup.releases.settled();
  assert.deepEqual(setup.requests.map(({ keys }) => keys.length), [1], 'one message at a time');
  setup.posted.length = 0;
  setup.answering = true;
  setup.releases.onMessage({ type: 'release.again' });
  await setup.releases.settled();
  assert.equal(setup.requests[0]?.sealed, first?.sealed);
  assert.deepEqual(setup.kids.map((kid) => splitKid(kid).number), [8, 9]);
  setup.posted.length = 0;
  setup.releases.onMessage({ type: 'release.again' });
  await setup.releases.settled();
  assert.deepEqual(setup.requests.map(({ sealed, keys }) => [sealed, keys.map(({ kid }) => splitKid(kid).number)]), [[first?.sealed, [9]]]);
});

test('a release that the server refuses is tried again, and no message has more keys than it takes', async () => {
  const setup = await agreed(both);
  setup.posted.length = 0;
  setup.answering = false;
  for (let number = 8; number < 18; number += 1) {
    setup.epoch(number);
    await setup.releases.settled();
  }
  assert.equal(setup.requests.length, 2, 'one of each scope');
  setup.posted.length = 0;
  setup.answering = true;
  setup.time.advance(retryMs);
  await setup.releases.settled();
  assert.ok(setup.requests.every(({ keys }) => keys.length <= keysLimit));
  assert.equal(new Set(setup.kids).size, 10 + 40);
});

test('an agreement fails where no group adds us in time, and where the recipient is none', async () => {
  const setup = new Setup(async (_, secret) => secret);
  setup.releases.onMessage({ type: 'release.begin', id: 1, scopes: audio, recipients: ['age1'] });
  await setup.releases.settled();
  assert.equal(setup.last('release.begun'), undefined);
  setup.time.advance(beginMs);
  assert.deepEqual(setup.last('release.begun'), { type: 'release.begun', id: 1, ok: false });
  setup.epoch(7);
  await setup.releases.settled();
  assert.deepEqual(setup.kids, []);
  const wrong = new Setup();
  wrong.epoch(7);
  wrong.releases.onMessage({ type: 'release.begin', id: 2, scopes: audio, recipients: ['age1nobody'] });
  assert.equal(await begun(wrong, 2), false);
});

test('of an agreement that waits for the group, the keys are released once it adds us', async () => {
  const setup = new Setup(async (_, secret) => secret);
  setup.releases.onMessage({ type: 'release.begin', id: 1, scopes: audio, recipients: ['age1'] });
  await setup.releases.settled();
  setup.epoch(7);
  assert.equal(await begun(setup, 1), true);
  assert.deepEqual(setup.kids, [kidOf(0, 4, 5, 7)]);
});

test('recipients that the link or the answered text does not name are refused', async () => {
  const ours = 'age1ours', other = 'age1other';
  const hashOf = (text: string): Promise<string> => consentTextHash(text, []);
  const named = [await hashOf(ours)];
  // The server computes the same: room/text_recipients_test.go.
  assert.equal(await consentTextHash('We record.', [await hashOf('age1clinic'), await hashOf('age1other')]), '4f302f2f911a877528c76377a64fb760192e05b78e9d53334ea10a90aaf62aee');
  const consentOf = async (recipients: string[], sealedTo = recipients) => ({
    scope: 'recording.audio' as const, purpose: 'supervision', recipients,
    texts: [{ id: 'a', version: '1', locale: 'en', text: 'We record.', textHash: await consentTextHash('We record.', await Promise.all(sealedTo.map(hashOf))) }],
  });
  assert.equal(await refusedRecipients(await consentOf([ours]), named), undefined);
  assert.equal(await refusedRecipients(await consentOf([ours, other]), [...named, await hashOf(other)]), undefined);
  assert.equal(await refusedRecipients(await consentOf([]), named), 'none');
  assert.equal(await refusedRecipients(await consentOf([ours]), undefined), 'unnamed');
  assert.equal(await refusedRecipients(await consentOf([ours]), []), 'unnamed');
  assert.equal(await refusedRecipients(await consentOf([other]), named), 'others');
  assert.equal(await refusedRecipients(await consentOf([ours, other]), named), 'others');
  assert.equal(await refusedRecipients(await consentOf([ours], [other]), named), 'text');
  assert.equal(await refusedRecipients(await consentOf([ours], []), named), 'text');
});

// The clinic's tools open what this code released: sfu/record reads the same file. ALCOVE_WRITE_VECTORS=1 writes it anew.
test('vectors of releases', async () => {
  const file = join(process.env.ALCOVE_WEB ?? '', 'test/vectors/release_page.json');
  if (process.env.ALCOVE_WRITE_VECTORS) {
    const releases = [];
    for (const generate of [generateIdentity, generateHybridIdentity]) {
      const identity = await generate();
      const setup = new Setup();
      setup.epoch(7);
      setup.releases.onMessage({ type: 'release.begin', id: 1, scopes: both, recipients: [await identityToRecipient(identity)] });
      await begun(setup, 1);
      setup.epoch(70_000 % 256);
      await setup.releases.settled();
      releases.push({ identity, messages: setup.requests, keys: await Promise.all(setup.kids.map(async (kid) => ({ kid, keyAndSalt: await keyOf(kid) }))) });
    }
    writeFileSync(file, `${JSON.stringify({ about: 'Releases that the page made, opened there and by sfu/record. keyAndSalt is hexadecimal.', releases }, undefined, 2)}\n`);
  }
  const { releases } = JSON.parse(readFileSync(file, 'utf8')) as { releases: { identity: string; messages: ReleaseData[]; keys: { kid: number; keyAndSalt: string }[] }[] };
  assert.equal(releases.length, 2);
  for (const { identity, messages, keys } of releases) {
    const rks = new Map<string, CryptoKey>();
    const opened = [];
    for (const { scope, sealed, keys: blobs } of messages) {
      if (sealed) rks.set(scope, await openRk(identity, sealed));
      for (const { kid, blob } of blobs) opened.push({ kid, keyAndSalt: await openKey(rks.get(scope) as CryptoKey, kid, blob) });
    }
    assert.equal(opened.length, 10);
    assert.deepEqual(opened, keys);
  }
});
