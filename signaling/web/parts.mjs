// Bundles the parts of the page that are loaded when they are needed (page/parts.tsx). What a part shares with the page it imports from the page's
// own file, by the names that this build exports there; so nothing is loaded twice, and the page's file holds nothing that only a part needs.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';

const dynamicImport = /\bimport\('(\.[\w./-]*?([\w-]+))'\)/g;

// Makes loadPart('panel') of import('./panel'). found: the parts, name by path.
const lazily = (here, found) => (path, source) => {
  const made = source.replaceAll(dynamicImport, (_, file, name) => {
    found.set(name, `${join(dirname(path), file)}.tsx`);
    return `loadPartOf('${name}')`;
  });
  return made === source ? source : `import { loadPart as loadPartOf } from '${join(here, 'page/parts')}';\n${made}`;
};

// options: of esbuild. edit: what becomes of a source file of the page. Returns the page's output files, and those of its parts for a page with
// the given address.
export async function bundlePage(here, options, edit) {
  const found = new Map();
  const load = lazily(here, found);
  const sources = {
    name: 'sources',
    setup: ({ onLoad }) => onLoad({ filter: /\/page\/.*\.tsx?$/ }, ({ path }) => ({
      loader: path.endsWith('x') ? 'tsx' : 'ts', contents: load(path, edit(readFileSync(path, 'utf8'))),
    })),
  };
  const plugins = [...options.plugins, sources];
  const lean = await build({ ...options, plugins, entryPoints: { page: 'page/main.tsx' }, metafile: true });
  const inPage = new Set(Object.keys(lean.metafile.inputs).map((path) => join(here, path)));

  const shared = {
    name: 'shared',
    setup: ({ onResolve, resolve }) => onResolve({ filter: /.*/ }, async ({ path, pluginData, kind, ...rest }) => {
      if (pluginData === 'inner' || kind === 'entry-point') return undefined;
      const found = await resolve(path, { ...rest, kind, pluginData: 'inner' });
      return inPage.has(found.path) ? { path: `shared:${relative(here, found.path)}`, external: true } : found;
    }),
  };
  const parts = await Promise.all([...found].sort().map(async ([name, path]) => {
    const contents = `import * as all from '${path}'; import { handOver } from '${join(here, 'page/parts')}'; handOver('${name}', all);`;
    const { outputFiles: [file] } = await build({ ...options, plugins: [shared, ...plugins], stdin: { contents, resolveDir: here } });
    return { name, text: file.text };
  }));

  const names = [...new Set(parts.flatMap(({ text }) => [...importsOf(text)].flatMap(({ from, names }) => names.map(([name]) => `${from} ${name}`))))].sort();
  const exported = new Map(names.map((name, i) => [name, `p${i}`]));
  const exports = names.map((name) => `export { ${name.split(' ')[1]} as ${exported.get(name)} } from '${exportPath(here, name.split(' ')[0])}';`);
  const contents = `import './page/main.tsx';\n${exports.join('\n')}`;
  const page = await build({ ...options, plugins, stdin: { contents, resolveDir: here } });
  return {
    page: page.outputFiles[0].contents,
    parts: (address) => parts.map(({ name, text }) => ({
      path: `${name}.js`,
      contents: Buffer.from(importsOf(text).reduce((made, { all, from, names }) => made.replace(all, names.length === 0 ? ''
        : `import{${names.map(([name, as]) => `${exported.get(`${from} ${name}`)} as ${as}`).join()}}from"${address}";`), text)),
    })),
  };
}

const exportPath = (here, from) => join(here, from);

// The import statements of a minified file whose names begin with shared:.
function importsOf(text) {
  const all = [...text.matchAll(/import(?:\{([^}]*)\}from)?"shared:([^"]+)";?/g)].map(([statement, names, from]) => ({
    all: statement, from, names: (names ?? '').split(',').filter(Boolean).map((name) => name.split(' as ')).map(([name, as = name]) => [name, as]),
  }));
  if (all.length !== text.split('"shared:').length - 1) throw new Error('a part imports from the page in a way that is not known: import names');
  return all;
}
