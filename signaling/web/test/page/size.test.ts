// How much a browser downloads: the page, the words of one language, and encryption, which is loaded beside the first screen. Parts are loaded by
// those who need them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';

const web = process.env.ALCOVE_WEB!;
const allBytes = 162_000; // 150_000 once more of it is loaded late
const partBytes = 12_000;

test('the page and its workers stay below 150 kB compressed, and the first screen holds no MLS', () => {
  const out = mkdtempSync(join(web, 'node_modules/.alcove-size-'));
  try {
    execFileSync(process.execPath, [join(web, 'build.mjs'), out]);
    const files = readdirSync(out, { recursive: true }).map(String).filter((name) => /\.(js|css|html|svg|json)$/.test(name));
    const sizes = new Map(files.map((name) => [name, gzipSync(readFileSync(join(out, name)), { level: 9 }).length]));
    assert.ok(files.some((name) => name.includes('keys-')) && files.some((name) => name.includes('frames-')), 'both workers are built');
    const languages = files.filter((name) => name.endsWith('.json'));
    assert.ok(languages.length >= 4, 'each language is a file of its own');
    const sum = (names: string[]): number => names.reduce((total, name) => total + (sizes.get(name) ?? 0), 0);
    const parts = files.filter((name) => /(panel|papers|aids|dialogs|measure)-/.test(name));
    assert.equal(parts.length, 5);
    for (const name of parts) assert.ok((sizes.get(name) ?? 0) <= partBytes, name);
    const all = sum(files) - sum(languages) - sum(parts) + Math.max(...languages.map((name) => sizes.get(name) ?? 0));
    assert.ok(all <= allBytes, `${all} bytes: ${JSON.stringify([...sizes])}`);
    const page = files.find((name) => name.includes('page-'))!;
    assert.ok(!/ratchet|UpdatePath/.test(readFileSync(join(out, page), 'utf8')));
    // What is imported while the worker runs has no file beside it: only what is never reached may be left out.
    const keys = readFileSync(join(out, files.find((name) => name.includes('keys-'))!), 'utf8');
    assert.ok(!/from ?"@|import"@/.test(keys));
  } finally {
    rmSync(out, { recursive: true });
  }
});
