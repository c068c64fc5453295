// What can be found in the memory of a process and in folders, by who has taken the machine.
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

const wordBytes = 16; // of a frame: so many equal bytes are no chance

// The words of encoded media: pieces that are like no other.
export function wordsOf(media, most = 3_000) {
  const words = [];
  const step = Math.max(wordBytes, Math.floor(media.length / most));
  for (let at = 0; at + wordBytes <= media.length; at += step) {
    const word = media.subarray(at, at + wordBytes);
    if (new Set(word).size >= 12) words.push(Buffer.from(word));
  }
  return words;
}

// How many of the words are in the bytes. One pass, whatever their number.
export class Search {
  #byStart = new Map(); // first four bytes → words
  #starts = new Uint8Array(1 << 24);

  constructor(words) {
    for (const word of words) {
      const start = word.readUInt32BE(0);
      this.#starts[start >>> 8] = 1;
      this.#byStart.set(start, [...this.#byStart.get(start) ?? [], word]);
    }
  }

  in(bytes, found) {
    for (let at = 0; at + 4 <= bytes.length; at++) {
      if (bytes[at] === 0 || !this.#starts[(bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]]) continue;
      for (const word of this.#byStart.get(bytes.readUInt32BE(at)) ?? []) {
        if (bytes.subarray(at, at + word.length).equals(word)) found.add(word.toString('hex'));
      }
    }
  }
}

// All memory that the process can write: what it holds, not its program.
export function memoryOf(pid) {
  const regions = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').flatMap((line) => {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    return from ? [[parseInt(from, 16), parseInt(to, 16)]] : [];
  });
  const fd = openSync(`/proc/${pid}/mem`, 'r');
  const pieces = [];
  const piece = Buffer.alloc(1 << 20);
  try {
    for (const [from, to] of regions) {
      for (let at = from; at < to; at += piece.length) {
        let read = 0;
        try {
          read = readSync(fd, piece, 0, Math.min(piece.length, to - at), at);
        } catch {
          continue; // a page that is gone
        }
        // What was never touched is zeros.
        if (piece.subarray(0, read).some((byte) => byte !== 0)) pieces.push(Buffer.from(piece.subarray(0, read)));
      }
    }
  } finally {
    closeSync(fd);
  }
  return Buffer.concat(pieces);
}

// Everything in the files below a folder.
export function filesIn(folder) {
  return Buffer.concat(readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath ?? entry.path, entry.name))));
}

// A secret in the forms in which programs keep and print it.
export function formsOf(secret) {
  return [secret, ...['hex', 'base64', 'base64url'].map((form) => Buffer.from(secret.toString(form).replace(/=+$/, '')))];
}

// A text in the forms in which programs keep it: as it is, in two bytes a letter, and inside base64, wherever it begins there.
export function textForms(text) {
  const inside = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]).toString('base64').replace(/=+$/, '');
    // The letters at both ends are made of other bytes, too.
    return Buffer.from(encoded.slice(before === 0 ? 0 : before + 1, (before + Buffer.byteLength(text)) % 3 === 0 ? undefined : -1));
  });
  return [Buffer.from(text), Buffer.from(text, 'utf16le'), ...inside];
}
