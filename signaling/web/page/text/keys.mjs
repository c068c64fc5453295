// Puts the catalogues in order (`npm run keys`): sorts their keys, writes one a line, and makes keys.ts, which says what each message takes. With
// --check nothing is written, and the exit code says whether something would be.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const check = process.argv.includes('--check');
// A merge may leave the last message of one side without its comma.
const read = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8').replaceAll(/(["}])\n(?=\s*")/g, '$1,\n').replaceAll(/,(?=\s*\})/g, ''));

const sentences = (message) => (typeof message === 'string' ? [message] : Object.values(message));

function parametersOf(message) {
  const names = new Set(sentences(message).flatMap((sentence) => [...sentence.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)));
  if (typeof message !== 'string') names.add('n');
  return [...names].sort();
}

const sorted = (messages) => Object.fromEntries(Object.entries(messages).sort(([a], [b]) => (a < b ? -1 : 1)));
// One message a line, so that changes merge.
const written = (messages) => `{\n${Object.entries(sorted(messages)).map(([key, message]) => `  ${JSON.stringify(key)}: ${JSON.stringify(message)}`).join(',\n')}\n}\n`;

function typesOf(messages) {
  const lines = Object.entries(sorted(messages)).map(([key, message]) => {
    const names = parametersOf(message);
    return `  '${key}': ${names.length === 0 ? 'null' : `{ ${names.map((name) => `${name}: ${name === 'n' ? 'number' : 'string | number'}`).join('; ')} }`};`;
  });
  return `// Made from en.json by \`npm run keys\`.\n\nexport interface Texts {\n${lines.join('\n')}\n}\n`;
}

// French has a space before these marks at which no line ends.
const spaced = (name, text) => (name === 'fr.json' ? text.replaceAll(/ (?=[?!:;»])/g, '\u00a0').replaceAll('« ', '«\u00a0') : text);

// What the page says to the server is written like a key, and the build makes numbers of keys.
const protocol = readFileSync(join(folder, '../../client/wire/protocol.ts'), 'utf8');
const taken = Object.keys(read('en.json')).filter((key) => protocol.includes(`'${key}'`) || !/^\w+\.\w+$/.test(key));
if (taken.length > 0) {
  console.error(`not a key, or a word of the protocol: ${taken.join(', ')}`);
  process.exit(1);
}

const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const outputs = [...files.map((name) => [name, spaced(name, written(read(name)).replaceAll('\u00a0', ' '))]), ['keys.ts', typesOf(read('en.json'))]];
for (const [name, contents] of outputs) {
  let before = '';
  try {
    before = readFileSync(join(folder, name), 'utf8');
  } catch {
    // It is not there yet.
  }
  if (before === contents) continue;
  if (check) {
    console.error(`page/text/${name} is out of order: run npm run keys`);
    process.exitCode = 1;
  } else {
    writeFileSync(join(folder, name), contents);
  }
}
