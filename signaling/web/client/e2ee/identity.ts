// Proofs of who is who in an encrypted session. The clinic's issuer puts a secret `k` into the fragment of each link; the media server never
// has it.
//
//   K, the clinic's ──room, session──► R: the k of a host's link
//   R ──role, verified name, token──► s: the k of everybody else's link
//   s ──key package──► proof to hosts          s ──welcome──► proof to the newcomer
//
// HKDF-SHA256 (RFC 5869) without salt and HMAC-SHA256 (RFC 2104) over `join`. The Go twin is auth/e2ee; both check the same vectors.

import type { Role } from '../wire/protocol';

export type Bytes = Uint8Array<ArrayBuffer>;

const labels = { room: 'alcove e2ee 1 room', person: 'alcove e2ee 1 person', code: 'alcove e2ee 1 code', key: 'key', host: 'host' };
const secretSize = 32;
const codeDigits = 30;
const codeGroup = 5;
const nameLimit = 64;

export interface Person {
  role: Role;
  name: string; // verified, as the token has it or the server shows it; "" for none
  tokenHash: Bytes;
}

// Writes each part behind its length in four bytes, big-endian, so that no two lists of parts give the same bytes. Texts are UTF-8.
export function join(...parts: (Uint8Array | string)[]): Bytes {
  const encoded = parts.map((part) => (typeof part === 'string' ? new TextEncoder().encode(part) : part));
  const joined = new Uint8Array(encoded.reduce((size, part) => size + 4 + part.length, 0));
  const view = new DataView(joined.buffer);
  let at = 0;
  for (const part of encoded) {
    view.setUint32(at, part.length);
    joined.set(part, at + 4);
    at += 4 + part.length;
  }
  return joined;
}

export async function sha256(message: Uint8Array | string): Promise<Bytes> {
  const bytes = typeof message === 'string' ? new TextEncoder().encode(message) : new Uint8Array(message);
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

// Names a token to hosts without giving it to them.
export const hashToken = (token: string): Promise<Bytes> => sha256(token);

// Hosts and cohosts hold R, so they can check everybody, and add everybody to the group.
export const isHostRole = (role: string): boolean => role === 'host' || role === 'cohost';

// R, from the clinic's key. A page never has K: this is for issuers and tests.
export function roomSecret(clinicKey: Uint8Array, room: string, session: string): Promise<Bytes> {
  return derive(clinicKey, join(labels.room, room, session));
}

// s, from R.
export function personSecret(room: Uint8Array, { role, name, tokenHash }: Person): Promise<Bytes> {
  return derive(room, join(labels.person, role, displayName(name), tokenHash));
}

// s of the person whose link has this k: hosts derive it from R, for everybody else k is it.
export async function ownSecret(k: Uint8Array, person: Person): Promise<Bytes> {
  return isHostRole(person.role) ? personSecret(k, person) : new Uint8Array(k);
}

async function derive(from: Uint8Array, info: Bytes): Promise<Bytes> {
  if (from.length !== secretSize) throw new RangeError(`a secret has ${secretSize} bytes`);
  const key = await crypto.subtle.importKey('raw', new Uint8Array(from), 'HKDF', false, ['deriveBits']);
  const bits = await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }, key, 8 * secretSize);
  return new Uint8Array(bits);
}

// A person's proof to hosts that a key package is theirs.
export const proveKeyPackage = (s: Uint8Array, keyPackage: Uint8Array): Promise<Bytes> => prove(s, labels.key, keyPackage);
export const keyPackageProved = (s: Uint8Array, keyPackage: Uint8Array, proof: Uint8Array): Promise<boolean> => proved(s, labels.key, keyPackage, proof);

// A host's proof to a newcomer, whose s this is, that a host made the welcome.
export const proveWelcome = (s: Uint8Array, welcome: Uint8Array): Promise<Bytes> => prove(s, labels.host, welcome);
export const welcomeProved = (s: Uint8Array, welcome: Uint8Array, proof: Uint8Array): Promise<boolean> => proved(s, labels.host, welcome, proof);

async function prove(s: Uint8Array, label: string, message: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign('HMAC', await hmacKey(s), join(label, await sha256(message))));
}

// crypto.subtle.verify compares in constant time.
async function proved(s: Uint8Array, label: string, message: Uint8Array, proof: Uint8Array): Promise<boolean> {
  return crypto.subtle.verify('HMAC', await hmacKey(s), new Uint8Array(proof), join(label, await sha256(message)));
}

function hmacKey(s: Uint8Array): Promise<CryptoKey> {
  if (s.length !== secretSize) throw new RangeError(`a secret has ${secretSize} bytes`);
  return crypto.subtle.importKey('raw', new Uint8Array(s), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
}

// Compares in constant time what is of equal length.
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i % (b.length || 1)] ?? 0);
  return difference === 0;
}

// What people compare aloud: the first 30 decimal digits of SHA-512 over the group's id and the signature keys of its hosts, read as a
// big-endian number. It stays while others come and go.
export async function groupCode(groupId: Uint8Array, hostKeys: readonly Uint8Array[]): Promise<string> {
  const sorted = [...hostKeys].sort(compareBytes);
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-512', join(labels.code, groupId, ...sorted)));
  const digits = sum.reduce((number, byte) => number * 256n + BigInt(byte), 0n).toString().slice(0, codeDigits);
  return digits.match(new RegExp(`.{${codeGroup}}`, 'g'))?.join(' ') ?? digits;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = (a[i] ?? 0) - (b[i] ?? 0);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

const invisible = /[\p{Cc}\p{Bidi_Control}\u200B\uFEFF\u00AD\u2060-\u2064\uFFF9-\uFFFB\uFFFD\p{Cs}]/u;
const markless = /[\u115F\u1160\u3164\uFFA0\u2800]/u;

// The name as the server shows it: auth.DisplayName, of which this is the twin.
export function displayName(given: string): string {
  let shown = '';
  let runes = 0;
  let gap = false;
  let visible = false;
  for (const rune of given) {
    if (/[\t-\r \u0085\u00A0\p{Zs}\p{Zl}\p{Zp}]/u.test(rune)) {
      gap = runes > 0;
      continue;
    }
    if (invisible.test(rune)) continue;
    if (gap) {
      shown += ' ';
      runes++;
      gap = false;
    }
    if (runes >= nameLimit) break;
    shown += rune;
    runes++;
    visible ||= !markless.test(rune) && /[\p{L}\p{N}\p{P}\p{S}]/u.test(rune);
  }
  return visible ? shown.replace(/[ \u200C\u200D]+$/u, '') : '';
}

export function base64(bytes: Uint8Array): string {
  return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ''));
}

// Throws at what is not base64, in either alphabet, padded or not.
export function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
}
