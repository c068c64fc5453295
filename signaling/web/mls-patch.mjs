// An esbuild plugin that mends ts-mls while it is bundled. The library's check of a ratchet tree compares whole lists of unmerged leaves
// up to the root and so refuses trees that are valid: after some joins and leaves nobody can join any more. RFC 9420, section
// 12.4.3.1, asks only that the nodes between a leaf and the parent that lists it as unmerged list that leaf, too.
// Each text must be found exactly once, so that another version of the library fails the build instead of going unmended.
import { fileURLToPath } from 'node:url';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const replacements = [
  [
    'for (const parentIdx of dp) {\n                    const dpNode',
    'for (const parentIdx of dp) {\n                    if (parentIdx === i) break;\n                    const dpNode',
  ],
  [
    '!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves)',
    '!dpNode.parent.unmergedLeaves.includes(unmergedLeaf)',
  ],
];

// What the library imports while it runs, for suites that we do not use, or where there is no WebCrypto. Others import some of it, too.
const unused = [
  '@hpke/dhkem-x448', '@hpke/chacha20poly1305', '@noble/ciphers/chacha.js', '@noble/curves/ed25519.js', '@noble/curves/ed448.js', '@noble/curves/nist.js',
  '@noble/post-quantum/ml-dsa.js',
];

export function mend(source) {
  return replacements.reduce((text, [from, to]) => {
    const parts = text.split(from);
    if (parts.length !== 2) throw new Error(`ts-mls: ${parts.length - 1} places to mend instead of 1: ${from}`);
    return parts.join(to);
  }, source);
}

export const mlsPatch = {
  name: 'mls-patch',
  setup(build) {
    let bundled = false;
    let mended = false;
    build.onStart(() => { bundled = mended = false; });
    build.onLoad({ filter: /[\\/]ts-mls[\\/]dist[\\/]src[\\/](index|clientState)\.js$/ }, async ({ path }) => {
      bundled = true;
      if (!path.endsWith('clientState.js')) return undefined;
      mended = true;
      return { contents: mend(await readFile(path, 'utf8')), loader: 'js' };
    });
    build.onResolve({ filter: /^@(hpke|noble)\// }, ({ path, importer, kind }) => (
      kind === 'dynamic-import' && unused.includes(path) && /[\\/]ts-mls[\\/]/.test(importer) ? { path, external: true } : undefined));
    // An implementation that we do not use: dropped, unless somebody does.
    build.onResolve({ filter: /implementation\/noble\/provider\.js$/ }, ({ path, resolveDir }) => ({ path: join(resolveDir, path), sideEffects: false }));
    build.onEnd(() => (bundled && !mended ? { errors: [{ text: 'ts-mls is bundled without its mended file' }] } : undefined));
  },
};

// X-Wing of hpke-js brings an ML-KEM, a SHA-3 and a SHA-2 of its own; age brings those of @noble. One of each is enough: X-Wing gets age's, through
// the functions that it calls. Tests compare the two (test/client/e2ee/xwing.test.ts).
export const oneMlKem = {
  name: 'one-ml-kem',
  setup(build) {
    build.onResolve({ filter: /^mlkem$/ }, ({ path, importer }) => (
      /[\\/]hybridkem-x-wing[\\/]/.test(importer) ? { path, namespace: 'ml-kem' } : undefined));
    build.onLoad({ filter: /.*/, namespace: 'ml-kem' }, () => ({
      contents: `import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
        export { sha3_256, shake256 } from '@noble/hashes/sha3.js';
        export class MlKem768 {
          async deriveKeyPair(seed) {
            const { publicKey, secretKey } = ml_kem768.keygen(seed);
            return [publicKey, secretKey];
          }
          async encap(publicKey, seed) {
            const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, seed);
            return [cipherText, sharedSecret];
          }
          async decap(cipherText, secretKey) {
            return ml_kem768.decapsulate(cipherText, secretKey);
          }
        }`,
      resolveDir: fileURLToPath(new URL('node_modules/age-encryption', import.meta.url)),
    }));
    build.onLoad({ filter: /[\\/]dhkem-x25519[\\/]esm[\\/]src[\\/]hkdfSha256\.js$/ }, async ({ path }) => {
      const parts = (await readFile(path, 'utf8')).split('hmac, sha256, toArrayBuffer } from "@hpke/common";');
      if (parts.length !== 2) throw new Error('hpke-js: another HKDF');
      const own = "toArrayBuffer } from '@hpke/common'; import { hmac } from '@noble/hashes/hmac.js'; import { sha256 } from '@noble/hashes/sha2.js';";
      return { contents: parts.join(own), loader: 'js' };
    });
  },
};

// For the page alone: of all key encapsulations only that of its suite, of all signatures Ed25519 of WebCrypto, and of age's recipients only age1… and age1pq…, which alone may be
// configured: no NIST curves and no passphrases. Tests in Node use others, too.
export const onlyXWing = {
  name: 'only-x-wing',
  setup(build) {
    build.onResolve({ filter: /^@noble\/(curves\/nist|hashes\/scrypt)\.js$/ }, ({ path }) => ({ path, namespace: 'unused', sideEffects: false }));
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
      // Some of it is built on while modules load, so the curves have a shape.
      contents: `const unused = () => { throw new Error('not part of the page'); };
        export { unused as scrypt };
        const curve = { getPublicKey: unused, getSharedSecret: unused, lengths: { secretKey: 32, publicKey: 33, publicKeyUncompressed: 65, seed: 48 }, Point: { Fn: {} } };
        export { curve as p256, curve as p384, curve as p521 };`,
    }));
    build.onLoad({ filter: /[\\/]ts-mls[\\/]dist[\\/]src[\\/]crypto[\\/]implementation[\\/]default[\\/]makeNobleSignatureImpl\.js$/ }, async ({ path }) => {
      const parts = (await readFile(path, 'utf8')).split('            try {\n                const { ed25519 }');
      if (parts.length !== 2) throw new Error('ts-mls: another implementation of signatures');
      return { contents: `${parts[0]}        }\n    }\n    throw new Error('another suite');\n}`, loader: 'js' };
    });
    build.onLoad({ filter: /[\\/]ts-mls[\\/]dist[\\/]src[\\/]crypto[\\/]implementation[\\/]default[\\/]makeDhKem\.js$/ }, () => ({
      contents: `import { XWing } from '@hpke/hybridkem-x-wing';
        export async function makeDhKem(kem) {
          if (kem !== 'X-Wing') throw new Error('another suite');
          return new XWing();
        }`,
      loader: 'js',
    }));
  },
};
