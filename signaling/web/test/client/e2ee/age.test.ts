// The page's build of age leaves parts out: what stays seals to both kinds of recipients.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';

const web = process.env.ALCOVE_WEB!;

test('the bundled age seals to age1 and age1pq recipients', () => {
  const program = join(web, 'node_modules/.alcove-age.mjs');
  const source = `
    import { sealWithAge } from '${web}client/e2ee/age';
    import { Decrypter, generateHybridIdentity, generateIdentity, identityToRecipient } from 'age-encryption';
    for (const generate of [generateIdentity, generateHybridIdentity]) {
      const identity = await generate();
      const sealed = await sealWithAge([await identityToRecipient(identity)], new Uint8Array(32).fill(4));
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      console.log(identity.split('1')[0], Buffer.from(await decrypter.decrypt(sealed)).toString('hex') === '04'.repeat(32));
    }`;
  const builder = `
    import { build } from 'esbuild';
    import { mlsPatch, oneMlKem, onlyXWing } from '${web}mls-patch.mjs';
    const stdin = { contents: ${JSON.stringify(source)}, resolveDir: '${web}', loader: 'ts' };
    await build({ stdin, bundle: true, format: 'esm', outfile: '${program}', plugins: [mlsPatch, oneMlKem, onlyXWing] });
    await import('${program}');`;
  const script = join(web, 'node_modules/.alcove-age-build.mjs');
  try {
    writeFileSync(script, builder);
    const said = execFileSync(process.execPath, [script], { encoding: 'utf8' });
    assert.deepEqual(said.trim().split('\n'), ['AGE-SECRET-KEY- true', 'AGE-SECRET-KEY-PQ- true']);
  } finally {
    rmSync(script, { force: true });
    rmSync(program, { force: true });
  }
});

// Builds a program with or without the page's plugins, and returns what it prints.
function printed(source: string, plugins: string): string {
  const program = join(web, `node_modules/.alcove-xwing-${plugins.length}.mjs`);
  const script = join(web, `node_modules/.alcove-xwing-build-${plugins.length}.mjs`);
  try {
    writeFileSync(script, `
      import { build } from 'esbuild';
      import { mlsPatch, oneMlKem, onlyXWing } from '${web}mls-patch.mjs';
      const stdin = { contents: ${JSON.stringify(source)}, resolveDir: '${web}', loader: 'ts' };
      await build({ stdin, bundle: true, platform: 'node', format: 'esm', outfile: '${program}', plugins: [${plugins}] });
      await import('${program}');`);
    return execFileSync(process.execPath, [script], { encoding: 'utf8' });
  } finally {
    rmSync(script, { force: true });
    rmSync(program, { force: true });
  }
}

test('the bundled X-Wing makes the same keys and secrets as the library', () => {
  const source = `
    import { XWing } from '@hpke/hybridkem-x-wing';
    const kem = new XWing();
    const hex = (bytes) => Buffer.from(bytes).toString('hex');
    for (const seed of [1, 2, 3]) {
      const pair = await kem.deriveKeyPair(new Uint8Array(32).fill(seed).buffer);
      const ekm = await kem.generateKeyPair().then(() => new Uint8Array(64).fill(seed + 10).buffer);
      const { sharedSecret, enc } = await kem.encap({ recipientPublicKey: pair.publicKey, ekm });
      const opened = await kem.decap({ recipientKey: pair.privateKey, enc });
      console.log(hex(await kem.serializePublicKey(pair.publicKey)), hex(enc), hex(sharedSecret), hex(opened) === hex(sharedSecret));
    }`;
  const library = printed(source, '');
  assert.match(library, /^([0-9a-f]{2432} [0-9a-f]{2240} [0-9a-f]{64} true\n){3}$/);
  assert.equal(printed(source, 'mlsPatch, oneMlKem, onlyXWing'), library);
});
