import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
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
  const texts = names.filter((name) => /\.(js|css|svg|html|json)$/.test(name));
  assert.ok(texts.length >= 4, texts.join());
  for (const name of texts) {
    const contents = readFileSync(join(folder, name));
    const brotli = readFileSync(join(folder, `${name}.br`));
    assert.ok(brotliDecompressSync(brotli).equals(contents), name);
    assert.ok(brotli.length < contents.length, name);
  }
  const languages = readdirSync(join(String(process.env.ALCOVE_WEB), 'page/text')).filter((name) => /^[\w-]+\.json$/.test(name)).map((name) => name.replace('.json', '')).sort();
  assert.ok(languages.length >= 4);
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  const hashed = [...html.matchAll(/<(script|link|meta)[^>]* (?:src|href|content)="\/(assets\/[^"]+\.(?:js|css|json))" (data-)?integrity="sha384-([^"]+)"/g)];
  const kinds = hashed.map(([, tag, name, data]) => `${tag} ${data ?? ''}${String(name).replace(/^assets\/|-.*/g, '')}`).sort();
  assert.deepEqual(kinds.filter((kind) => !/meta data-(keys|frames|panel|papers|aids|dialogs|measure)/.test(kind)), ['link style', ...languages.map((language) => `meta data-${language}`), 'script page']);
  assert.equal(kinds.length, languages.length + 9);
  for (const [, , name, , hash] of hashed) assert.equal(createHash('sha384').update(readFileSync(join(folder, String(name)))).digest('base64'), hash, name);
  const named = [...readFileSync(join(folder, 'index.html'), 'utf8').matchAll(/"\/(assets\/[^"]+)"/g)].map((match) => String(match[1]));
  assert.ok(named.length >= 3 && named.every((name) => names.includes(name)), named.join());
});

// A portal pins what a build gives: it must not depend on when, where, or after what it was built.
test('two builds give the same bytes', (t) => {
  const folders = ['a', 'another-of-a-longer-name'].map((name) => mkdtempSync(join(tmpdir(), `alcove-build-${name}-`)));
  t.after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));
  for (const [i, folder] of folders.entries()) {
    const env = { ...process.env, TZ: i === 0 ? 'UTC' : 'Asia/Tokyo', LANG: i === 0 ? 'C' : 'de_DE.UTF-8' };
    const run = spawnSync(process.execPath, [join(String(process.env.ALCOVE_WEB), 'build.mjs'), folder], { encoding: 'utf8', env, cwd: folder });
    assert.equal(run.status, 0, run.stderr);
  }
  const [a = [], b = []] = folders.map((folder) => readdirSync(folder, { recursive: true }).map(String).sort());
  assert.deepEqual(a, b);
  for (const name of a.filter((file) => file !== 'assets')) {
    assert.ok(readFileSync(join(String(folders[0]), name)).equals(readFileSync(join(String(folders[1]), name))), name);
  }
});
