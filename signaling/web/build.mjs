// Bundles the page into dist/ (or the folder that is named), which the daemon embeds: index.html and hashed files it names. Nothing inline, so that
// the content policy can stay strict; no source maps, they would carry the builder's paths.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';
import { mlsPatch, oneMlKem, onlyXWing } from './mls-patch.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = process.argv[2] ?? join(here, 'dist');

// Workers are files of their own. The page finds each by a meta element of index.html: <meta name="frames-worker" content="/frames.js">.
const workers = { frames: 'client/e2ee/frames.ts', keys: 'client/e2ee/keys.ts' };

// Of the English words the page itself holds those that are said when no file of words comes.
const basicWords = {
  name: 'basic-words',
  setup: ({ onLoad }) => onLoad({ filter: /page\/text\/en\.json$/ }, ({ path }) => {
    const basic = Object.entries(JSON.parse(readFileSync(path, 'utf8'))).filter(([key]) => key.startsWith('basic.'));
    return { loader: 'json', contents: JSON.stringify(Object.fromEntries(basic)) };
  }),
};

const bundled = await build({
  absWorkingDir: here,
  entryPoints: { page: 'page/main.tsx', style: 'page/css/style.css', ...workers },
  outdir: dist, write: false, bundle: true, minify: true, format: 'esm', target: ['es2022', 'chrome120', 'firefox128', 'safari17.4'],
  jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none', logLevel: 'warning',
  plugins: [mlsPatch, oneMlKem, onlyXWing, basicWords],
});

mkdirSync(dist, { recursive: true });
for (const name of readdirSync(dist)) {
  // Kept in the repository so that go:embed finds a folder before the first build.
  if (name !== '.gitkeep') rmSync(join(dist, name), { recursive: true });
}
mkdirSync(join(dist, 'assets'));

let html = readFileSync(join(here, 'page/index.html'), 'utf8');

// Each language is a file of data, which the page loads when a person reads it (page/text/language.ts).
const languages = readdirSync(join(here, 'page/text')).filter((name) => name.endsWith('.json')).sort().map((name) => ({
  path: name, contents: Buffer.from(JSON.stringify(JSON.parse(readFileSync(join(here, 'page/text', name), 'utf8')))),
}));
const metas = languages.map(({ path }) => `  <meta name="text-${path.replace('.json', '')}" content="/${path}">\n`);
html = html.replace('  <script', `${metas.join('')}  <script`);
const icon = { path: 'icon.svg', contents: readFileSync(join(here, 'page/icon.svg')) };
for (const { path, contents } of [...bundled.outputFiles, icon, ...languages]) {
  const [, name, ending] = /([a-zA-Z-]+)\.(js|css|svg|json)$/.exec(path) ?? [];
  const hash = createHash('sha256').update(contents).digest('hex').slice(0, 8).toUpperCase();
  const file = `assets/${name}-${hash}.${ending}`;
  writeFileSync(join(dist, file), contents);
  if (!html.includes(`/${name}.${ending}`)) throw new Error(`index.html does not name ${name}.${ending}`);
  // Browsers check scripts and styles by it (W3C SRI), and the page what it fetches itself (client/checked_file.ts).
  const integrity = `sha384-${createHash('sha384').update(contents).digest('base64')}`;
  const attribute = { js: ` ${name === 'page' ? '' : 'data-'}integrity="${integrity}"`, css: ` integrity="${integrity}"`, svg: '', json: ` data-integrity="${integrity}"` }[ending];
  html = html.replaceAll(`"/${name}.${ending}"`, `"/${file}"${attribute}`);
}
writeFileSync(join(dist, 'index.html'), html);

// The Brotli form of each text stands beside it: the daemon serves it, and Go's standard library cannot make one.
for (const name of readdirSync(dist, { recursive: true }).map(String).filter((name) => /\.(js|css|svg|html|json)$/.test(name))) {
  const contents = readFileSync(join(dist, name));
  const params = { [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT, [constants.BROTLI_PARAM_SIZE_HINT]: contents.length };
  writeFileSync(join(dist, `${name}.br`), brotliCompressSync(contents, { params }));
}
