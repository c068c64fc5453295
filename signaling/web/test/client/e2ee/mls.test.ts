// The library that makes group keys, by random sessions. Without the patch the same sessions fail. `make web-fuzz` runs the long ones.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { mend } from '../../../mls-patch.mjs';
import { fromBase64 } from '../../../client/e2ee/bytes';
import { loadMls, type Change, type MlsGroup, type Mls } from '../../../client/e2ee/mls';
import { fuzzMls } from '../../support/mls-fuzz';

const web = process.env.ALCOVE_WEB!;
const classic = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';
const long = process.env.ALCOVE_LONG === '1';

test('random sessions keep every member in one epoch: classic suite', { timeout: 600_000 }, async () => {
  const mls = await loadMls(classic);
  for (const [seed, steps] of long ? [[1, 300], [2, 150], [3, 150]] as const : [[1, 30]] as const) {
    const { joins, rejoins, both } = await fuzzMls(mls, seed, steps, 12);
    assert.ok(joins > steps / 4 && rejoins > 0 && both > 0, `seed ${seed}: ${joins} joins, ${rejoins} back, ${both} with both`);
  }
});

test('random sessions keep every member in one epoch: X-Wing', { timeout: 600_000 }, async () => {
  const { joins } = await fuzzMls(await loadMls(), 4, long ? 60 : 6, 10);
  assert.ok(joins > 0);
});

test('the same sessions fail without the patch', { timeout: 120_000 }, async () => {
  const out = mkdtempSync(join(web, 'node_modules/.alcove-unpatched-'));
  try {
    const outfile = join(out, 'mls.mjs');
    await build({
      entryPoints: [join(web, 'client/e2ee/mls.ts')], outfile, external: ['@hpke/dhkem-x448', '@hpke/chacha20poly1305'], bundle: true, platform: 'node', format: 'esm', logLevel: 'warning',
    });
    const unpatched = (await import(pathToFileURL(outfile).href)) as { loadMls(name: string): Promise<Mls<MlsGroup>> };
    await assert.rejects(fuzzMls(await unpatched.loadMls(classic), 1, 30, 12), /unmerged_leaves/);
  } finally {
    rmSync(out, { recursive: true });
  }
});

test('the build refuses a library in which the text to mend is not found once', () => {
  assert.throws(() => mend('another version'), /0 places to mend/);
});

async function two() {
  const mls = await loadMls(classic);
  const [hostKeys, guestKeys] = [await mls.makeKeys({ id: 'host', role: 'host' }), await mls.makeKeys({ id: 'guest', role: 'participant' })];
  const made = await mls.make(new Uint8Array([7]), hostKeys);
  const added = await mls.commit(made, [guestKeys.keyPackage], []);
  return { mls, host: added.group, guest: await mls.join(added.welcome!, guestKeys), guestKeys };
}

test('a change is shown before it is accepted, and a refused one leaves the epoch as it was', async () => {
  const { mls, host, guest } = await two();
  const third = await mls.makeKeys({ id: 'third', role: 'participant' });
  const { commit } = await mls.commit(guest, [third.keyPackage], []);
  let shown: Change | undefined;
  const refused = await mls.process(host, commit, (change) => { shown = change; return false; });
  assert.equal(refused.kind, 'refused');
  assert.equal(shown?.sender.role, 'participant');
  assert.deepEqual(shown?.added, [{ id: 'third', role: 'participant' }]);
  assert.equal(shown?.other, false);
});

test('whoever is removed learns it, also if a newcomer takes the leaf in the same commit', async () => {
  const { mls, host, guest } = await two();
  const third = await mls.makeKeys({ id: 'third', role: 'participant' });
  const { commit, group } = await mls.commit(host, [third.keyPackage], [mls.ownLeaf(guest)]);
  assert.equal(mls.members(group).find(({ id }) => id === 'third')?.leaf, mls.ownLeaf(guest));
  assert.deepEqual(await mls.process(guest, commit, () => true), { kind: 'removed' });
  assert.deepEqual(await mls.process(guest, commit, () => false), { kind: 'refused' });
});

test('whoever commits keeps the identity and the signature key of the own leaf', async () => {
  const { mls, host, guest } = await two();
  const own = 2 * mls.ownLeaf(guest);
  const { signatureKey } = await mls.makeKeys({ id: 'guest', role: 'participant' });
  const changed: [string, object][] = [
    ['role', { credential: { credentialType: 'basic', identity: new TextEncoder().encode('{"id":"guest","role":"host"}') } }],
    ['id', { credential: { credentialType: 'basic', identity: new TextEncoder().encode('{"id":"host","role":"participant"}') } }],
    ['signature key', { signaturePublicKey: fromBase64(signatureKey) }],
  ];
  for (const [what, fields] of changed) {
    const ratchetTree = guest.state.ratchetTree.map((node, at) => (at === own && node?.nodeType === 'leaf' ? { ...node, leaf: { ...node.leaf, ...fields } } : node));
    const { commit } = await mls.commit({ ...guest, state: { ...guest.state, ratchetTree } }, [], []);
    // The new key signs nothing here that the library would check first.
    const result = await mls.process(host, commit, () => true).catch(() => ({ kind: 'refused' }));
    assert.equal(result.kind, 'refused', what);
  }
  const honest = await mls.commit(guest, [], []);
  assert.equal((await mls.process(host, honest.commit, () => true)).kind, 'next');
});

test('application messages name their sender, also from the epoch before', async () => {
  const { mls, host, guest } = await two();
  const said = await mls.seal(guest, new TextEncoder().encode('words'));
  const late = await mls.seal(said.group, new TextEncoder().encode('late'));
  const opened = await mls.open(host, said.blob);
  assert.equal(opened.from.id, 'guest');
  assert.equal(new TextDecoder().decode(opened.content), 'words');
  const next = await mls.commit(opened.group, [], []);
  const after = await mls.open(next.group, late.blob);
  assert.equal(new TextDecoder().decode(after.content), 'late');
  await assert.rejects(mls.open(after.group, late.blob));
});

test('keys like others share the signature key and nothing else', async () => {
  const { mls, guestKeys } = await two();
  const spare = await mls.makeKeys({ id: 'guest', role: 'participant' }, guestKeys);
  assert.equal(spare.signatureKey, guestKeys.signatureKey);
  assert.notDeepEqual(spare.keyPackage, guestKeys.keyPackage);
  assert.deepEqual(await mls.readKeyPackage(spare.keyPackage), { id: 'guest', role: 'participant', signatureKey: spare.signatureKey });
});

test('a credential with anything beside id and role is no key package of ours', async () => {
  const { mls, guestKeys } = await two();
  const cut = guestKeys.keyPackage.slice(0, -1);
  await assert.rejects(mls.readKeyPackage(cut));
  const extra = await mls.makeKeys({ id: 'guest', role: 'participant', name: 'Ada' } as never);
  assert.deepEqual(Object.keys(await mls.readKeyPackage(extra.keyPackage)).sort(), ['id', 'role', 'signatureKey']);
});
