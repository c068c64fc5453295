// Bundles the unit tests and runs them with Node's own runner. Arguments narrow the files: `npm test -- golden`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { mlsPatch, oneMlKem } from './mls-patch.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(join(here, 'test'), { recursive: true }).map(String).filter((name) => name.endsWith('.test.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
if (files.length === 0) throw new Error('no test file found');

// Beside the packages, so that what is not bundled is found.
const out = mkdtempSync(join(here, 'node_modules/.alcove-test-'));
try {
  await build({
    entryPoints: files.map((name) => join(here, 'test', name)), outdir: out, outbase: join(here, 'test'), external: ['happy-dom', 'esbuild'], plugins: [mlsPatch, oneMlKem], outExtension: { '.js': '.mjs' },
    bundle: true, platform: 'node', format: 'esm', target: 'node20', jsx: 'automatic', jsxImportSource: 'preact', sourcemap: 'inline', logLevel: 'warning',
    define: { 'process.env.ALCOVE_WEB': JSON.stringify(here) },
  });
  const run = spawnSync(process.execPath, ['--test', `--test-concurrency=${availableParallelism()}`, '--enable-source-maps', ...files.map((name) => join(out, name.replace(/\.ts$/, '.mjs')))], { stdio: 'inherit', cwd: out });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(out, { recursive: true });
}
