// SFrame (RFC 9605), suite 5, as Alcove uses it: the format of a sealed frame and its keys. Only WebCrypto is needed, so it runs in a
// worker, a page and Node alike.
//
//   frame  = outer | header | ciphertext | tag              what is sealed is the whole frame that the encoder made
//   header = 0xba | KID, 4 bytes | counter, 3 bytes         RFC 9605, section 4.3, with both values in their minimal form
//   outer  = Opus: nothing. VP8 key frame: a copy of its first 10 bytes. VP8 delta frame: the byte 0x01
//   AAD    = header | outer
//   KID    = 1, 1 bit | stream, 3 | generation, 4 | leaf, 8 | number mod 2^16, 16
//
// The outer bytes let packetizers, depacketizers and the server tell key frames and sizes; they are authenticated.

import type { Stream } from './worker_messages';

const suite = 5; // AES_256_GCM_SHA512_128 (RFC 9605, section 8.1)
const configByte = 0xba; // X and Y set, K - 1 = 3 bytes more for the KID, C - 1 = 2 for the counter (RFC 9605, section 4.3)
const headerBytes = 8;
const tagBytes = 16;
const keyBytes = 32;
const saltBytes = 12;
// Of a VP8 key frame (RFC 6386, section 9.1): frame tag, start code, width and height.
const keyFrameHeaderBytes = 10;
const deltaOuter = 0x01;

// All counters have three bytes in minimal form, so that the size of a frame tells nothing of its place in the stream.
export const firstCounter = 0x010000;
export const lastCounter = 0xffffff;
export const generations = 16;
export const numbers = 0x10000;

export type Kind = 'audio' | 'video';

interface Kid {
  stream: number; // Stream, if one of us made it
  generation: number;
  leaf: number;
  number: number; // modulo 2^16
}

// kidOf returns the KID as an unsigned 32-bit number. It throws where a value has no place in it.
export function kidOf(stream: Stream, generation: number, leaf: number, number: number): number {
  if (!(stream <= 4 && generation >= 0 && generation < generations && leaf >= 0 && leaf < 256)) throw new RangeError('no such KID');
  return (0x8000_0000 | (stream << 28) | (generation << 24) | (leaf << 16) | (number % numbers)) >>> 0;
}

export function splitKid(kid: number): Kid {
  return { stream: (kid >>> 28) & 7, generation: (kid >>> 24) & 15, leaf: (kid >>> 16) & 255, number: kid & 0xffff };
}

// A base key is imported once; its bytes are zeroed.
export function importBaseKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const imported = crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveBits']); // copies before it returns (W3C WebCrypto, 14.3.9)
  bytes.fill(0);
  return imported;
}

export interface FrameKey {
  key: CryptoKey;
  salt: Uint8Array<ArrayBuffer>;
}

// deriveKeyBytes returns key | salt (RFC 9605, section 4.4.2), for those who release a key.
export async function deriveKeyBytes(baseKey: CryptoKey, kid: number): Promise<Uint8Array<ArrayBuffer>> {
  const [key, salt] = await Promise.all([expand(baseKey, 'key', kid, keyBytes), expand(baseKey, 'salt', kid, saltBytes)]);
  const both = new Uint8Array(keyBytes + saltBytes);
  both.set(key);
  both.set(salt, keyBytes);
  key.fill(0);
  return both;
}

export async function deriveFrameKey(baseKey: CryptoKey, kid: number): Promise<FrameKey> {
  const bytes = await deriveKeyBytes(baseKey, kid);
  const imported = crypto.subtle.importKey('raw', bytes.subarray(0, keyBytes), 'AES-GCM', false, ['encrypt', 'decrypt']);
  bytes.fill(0, 0, keyBytes);
  return { key: await imported, salt: bytes.slice(keyBytes) };
}

async function expand(baseKey: CryptoKey, what: 'key' | 'salt', kid: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const label = new TextEncoder().encode(`SFrame 1.0 Secret ${what} `);
  const info = new Uint8Array(label.length + 10);
  info.set(label);
  const view = new DataView(info.buffer);
  view.setUint32(label.length + 4, kid);
  view.setUint16(label.length + 8, suite);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-512', salt: new Uint8Array(), info }, baseKey, 8 * length));
}

// RFC 9605, section 4.4.3.
function nonceOf(salt: Uint8Array<ArrayBuffer>, counter: number): Uint8Array<ArrayBuffer> {
  const nonce = salt.slice();
  const view = new DataView(nonce.buffer);
  view.setUint32(saltBytes - 4, view.getUint32(saltBytes - 4) ^ counter);
  return nonce;
}

// encrypt and decrypt are the two operations of section 4.4.3 and 4.4.4 for any header.
export function encrypt({ key, salt }: FrameKey, counter: number, aad: Uint8Array<ArrayBuffer>, plaintext: BufferSource): Promise<ArrayBuffer> {
  return crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonceOf(salt, counter), additionalData: aad, tagLength: 8 * tagBytes }, key, plaintext);
}

export function decrypt({ key, salt }: FrameKey, counter: number, aad: Uint8Array<ArrayBuffer>, ciphertext: BufferSource): Promise<ArrayBuffer> {
  return crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonceOf(salt, counter), additionalData: aad, tagLength: 8 * tagBytes }, key, ciphertext);
}

// outerSize returns how many bytes of a frame are outer: of one to be sealed, that it will have, of a sealed one, that it has. -1 where it
// is no frame of this kind.
function outerSize(kind: Kind, frame: Uint8Array): number {
  if (kind === 'audio') return 0;
  const first = frame[0];
  if (first === undefined) return -1;
  if ((first & 1) === 1) return 1; // RFC 6386, section 9.1: 0 for key frames
  return frame.length >= keyFrameHeaderBytes ? keyFrameHeaderBytes : -1;
}

// isKeyFrame takes a frame, sealed or not.
export function isKeyFrame(frame: Uint8Array): boolean {
  return outerSize('video', frame) === keyFrameHeaderBytes;
}

// seal returns the sealed frame. It throws where the encoder made no frame of this kind.
export async function seal(frameKey: FrameKey, kid: number, counter: number, kind: Kind, frame: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const outer = outerSize(kind, frame);
  if (outer < 0 || counter < firstCounter || counter > lastCounter) throw new RangeError('cannot be sealed');
  const sealed = new Uint8Array(outer + headerBytes + frame.length + tagBytes);
  if (outer === 1) sealed[0] = deltaOuter;
  else if (outer > 0) sealed.set(frame.subarray(0, outer));
  const view = new DataView(sealed.buffer, outer);
  view.setUint8(0, configByte);
  view.setUint32(1, kid);
  view.setUint8(5, counter >>> 16);
  view.setUint16(6, counter & 0xffff);
  sealed.set(new Uint8Array(await encrypt(frameKey, counter, aadOf(sealed, outer), frame)), outer + headerBytes);
  return sealed.buffer;
}

function aadOf(sealed: Uint8Array, outer: number): Uint8Array<ArrayBuffer> {
  const aad = new Uint8Array(headerBytes + outer);
  aad.set(sealed.subarray(outer, outer + headerBytes));
  aad.set(sealed.subarray(0, outer), headerBytes);
  return aad;
}

export interface Sealed {
  kid: number;
  counter: number;
  outer: number; // bytes
}

// parse reads the header. undefined: not a sealed frame of this kind.
export function parse(kind: Kind, frame: Uint8Array): Sealed | undefined {
  const outer = outerSize(kind, frame);
  if (outer < 0 || (outer === 1 && frame[0] !== deltaOuter)) return undefined;
  if (frame.length < outer + headerBytes + tagBytes || frame[outer] !== configByte) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset + outer, headerBytes);
  const kid = view.getUint32(1);
  const counter = (view.getUint8(5) << 16) | view.getUint16(6);
  if (kid < 0x8000_0000 || counter < firstCounter) return undefined;
  return { kid, counter, outer };
}

// open returns the frame that was sealed, or undefined: it was not sealed under this key, was changed since, or its outer bytes are not its
// own, which takes a member of the group.
export async function open(frameKey: FrameKey, kind: Kind, frame: Uint8Array<ArrayBuffer>, { counter, outer }: Sealed): Promise<ArrayBuffer | undefined> {
  const aad = aadOf(frame, outer);
  const opened = await decrypt(frameKey, counter, aad, frame.subarray(outer + headerBytes)).catch(() => undefined);
  if (!opened || kind === 'audio') return opened;
  const inner = new Uint8Array(opened);
  if (outerSize(kind, inner) !== outer) return undefined;
  for (let i = 0; outer === keyFrameHeaderBytes && i < outer; i += 1) if (inner[i] !== aad[headerBytes + i]) return undefined;
  return opened;
}
