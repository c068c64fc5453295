import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { brotliDecompressSync } from 'node:zlib';

test('the build writes a Brotli form of each text, and the page names only files that exist', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-build-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const run = spawnSync(process.execPath, [join(String(process.env.ALCOVE_WEB), 'build.mjs'), folder], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  const names = readdirSync(folder, { recursive: true }).map(String);
  const texts = names.filter((name) => /\.(js|css|svg|html)$/.test(name));
  assert.ok(texts.length >= 4, texts.join());
  for (const name of texts) {
    const contents = readFileSync(join(folder, name));
    const brotli = readFileSync(join(folder, `${name}.br`));
    assert.ok(brotliDecompressSync(brotli).equals(contents), name);
    assert.ok(brotli.length < contents.length, name);
  }
  const named = [...readFileSync(join(folder, 'index.html'), 'utf8').matchAll(/"\/(assets\/[^"]+)"/g)].map((match) => String(match[1]));
  assert.ok(named.length >= 3 && named.every((name) => names.includes(name)), named.join());
});
