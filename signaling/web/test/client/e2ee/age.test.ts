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
    import { mlsPatch, onlyXWing } from '${web}mls-patch.mjs';
    const stdin = { contents: ${JSON.stringify(source)}, resolveDir: '${web}', loader: 'ts' };
    await build({ stdin, bundle: true, format: 'esm', outfile: '${program}', plugins: [mlsPatch, onlyXWing] });
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
