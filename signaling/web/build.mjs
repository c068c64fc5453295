// Bundles the page into dist/ (or the folder that is named), which the daemon embeds: index.html and hashed files it names. Nothing inline, so that
// the content policy can stay strict; no source maps, they would carry the builder's paths.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';
import { mlsPatch, oneMlKem, onlyXWing } from './mls-patch.mjs';
import { bundlePage } from './parts.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = process.argv[2] ?? join(here, 'dist');

// Workers are files of their own. The page finds each by a meta element of index.html: <meta name="frames-worker" content="/frames.js">.
const workers = { frames: 'client/e2ee/frames.ts', keys: 'client/e2ee/keys.ts' };

// In what is delivered, the keys of messages are numbers, and a language is a list. Of the English words the page itself holds those that are
// said when no file of words comes.
const readWords = (name) => JSON.parse(readFileSync(join(here, 'page/text', name), 'utf8'));
const keys = Object.keys(readWords('en.json'));
execFileSync(process.execPath, [join(here, 'page/text/keys.mjs'), '--check'], { stdio: 'inherit' });
const numberOf = new Map(keys.map((key, number) => [key, number]));
const basicWords = {
  name: 'basic-words',
  setup: ({ onLoad }) => onLoad({ filter: /page\/text\/en\.json$/ }, () => {
    const basic = Object.entries(readWords('en.json')).filter(([key]) => key.startsWith('basic.'));
    return { loader: 'json', contents: JSON.stringify(Object.fromEntries(basic.map(([key, message]) => [numberOf.get(key), message]))) };
  }),
};
const numbered = (source) => source.replaceAll(/'(\w+\.\w+)'/g, (literal, key) => numberOf.get(key) ?? literal);

const options = {
  absWorkingDir: here, outdir: dist, write: false, bundle: true, minify: true, format: 'esm', target: ['es2022', 'chrome120', 'firefox128', 'safari17.4'],
  jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none', logLevel: 'warning', plugins: [mlsPatch, oneMlKem, onlyXWing, basicWords],
};
const bundled = await build({ ...options, entryPoints: { style: 'page/css/style.css', ...workers } });
const { page, parts } = await bundlePage(here, options, numbered);

mkdirSync(dist, { recursive: true });
for (const name of readdirSync(dist)) {
  // Kept in the repository so that go:embed finds a folder before the first build.
  if (name !== '.gitkeep') rmSync(join(dist, name), { recursive: true });
}
mkdirSync(join(dist, 'assets'));

let html = readFileSync(join(here, 'page/index.html'), 'utf8');

// Each language is a file of data, which the page loads when a person reads it (page/text/language.ts).
const languages = readdirSync(join(here, 'page/text')).filter((name) => name.endsWith('.json')).sort().map((name) => ({
  path: name, contents: Buffer.from(JSON.stringify(Object.entries(readWords(name)).sort(([a], [b]) => numberOf.get(a) - numberOf.get(b)).map(([, message]) => message))),
}));
const icon = { path: 'icon.svg', contents: readFileSync(join(here, 'page/icon.svg')) };

// The file's name holds its hash, so that browsers may keep it for good.
function nameOf(path, contents) {
  const [, name, ending] = /([a-zA-Z-]+)\.(js|css|svg|json)$/.exec(path) ?? [];
  return `${name}-${createHash('sha256').update(contents).digest('hex').slice(0, 8).toUpperCase()}.${ending}`;
}

const pageFile = { path: 'page.js', contents: page };
const partFiles = parts(`/assets/${nameOf('page.js', page)}`);
const meta = (kind, { path }) => `  <meta name="${kind}-${path.replace(/\.\w+$/, '')}" content="/${path}">\n`;
html = html.replace('  <script', `${[...languages.map((file) => meta('text', file)), ...partFiles.map((file) => meta('part', file))].join('')}  <script`);
for (const { path, contents } of [...bundled.outputFiles, pageFile, ...partFiles, icon, ...languages]) {
  const name = path.split('/').at(-1);
  const file = `assets/${nameOf(path, contents)}`;
  writeFileSync(join(dist, file), contents);
  if (!html.includes(`"/${name}"`)) throw new Error(`index.html does not name ${name}`);
  // Browsers check scripts and styles by it (W3C SRI), and the page what it fetches itself (client/checked_file.ts, page/parts.tsx).
  const integrity = `${name === 'page.js' || name.endsWith('.css') ? '' : 'data-'}integrity="sha384-${createHash('sha384').update(contents).digest('base64')}"`;
  html = html.replaceAll(`"/${name}"`, `"/${file}"${name.endsWith('.svg') ? '' : ` ${integrity}`}`);
}
writeFileSync(join(dist, 'index.html'), html);

// The Brotli form of each text stands beside it: the daemon serves it, and Go's standard library cannot make one.
for (const name of readdirSync(dist, { recursive: true }).map(String).filter((name) => /\.(js|css|svg|html|json)$/.test(name))) {
  const contents = readFileSync(join(dist, name));
  const params = { [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT, [constants.BROTLI_PARAM_SIZE_HINT]: contents.length };
  writeFileSync(join(dist, `${name}.br`), brotliCompressSync(contents, { params }));
}
