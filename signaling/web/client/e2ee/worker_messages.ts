// The messages among the page, the keys worker (MLS) and the frames worker (SFrame).
//
//   page ── KeysPort ──► keys worker ◄── KeysToFrames, FramesToKeys by a MessagePort ──► frames worker ◄── PageToFrames, FramesToPage ── page
//
// Base keys go from the keys worker straight to the frames worker. The page never holds one.

import type { Kind } from './sframe';

// The streams of one sender, as the KID of a frame names them. The three encodings of a camera's simulcast are 1 to 3, in order of
// appearance.
export const streams = { microphone: 0, camera: 1, screen: 4 } as const;
export const cameraEncodings = 3;
export type Stream = 0 | 1 | 2 | 3 | 4;

// Whose packets carry a CSRC: the leaf of the sender in the group's tree, and the first stream of the source (a camera is 1, whatever
// encoding comes). From the roster's publications and the tree.
export interface Owner {
  csrc: number;
  leaf: number;
  stream: (typeof streams)[keyof typeof streams];
}

export type KeysToFrames =
  // A new epoch: its number, base key (32 bytes, transferred), the own leaf and the owners, in one message. With two, frames that wait for
  // the key would be opened in between and refused as an impostor's. It becomes the epoch that is sent under; the others open for
  // oldEpochMs more. The same number with the same key again: only the owners change.
  | { type: 'keys'; number: number; baseKey: ArrayBuffer; leaf: number; owners: readonly Owner[] }
  // The roster changed, and the epoch did not.
  | { type: 'owners'; owners: readonly Owner[] }
  // Outside of every group: all keys are zeroed, nothing is sealed or opened.
  | { type: 'outside' }
  // The keys worker works, and nothing changed: every aliveMs.
  | { type: 'alive' };

export const aliveMs = 2_000;

export type FramesToKeys =
  // Frames are sealed under this number and generation from now on, once for each change of either. Which keys a recording needs follows
  // from it: the KIDs of kidOf(stream, generation, leaf, number).
  | { type: 'sending'; number: number; generation: number }
  // The KIDs of this number are used up: an empty commit is needed. Nothing is sealed until the next number.
  | { type: 'exhausted'; number: number };

// How often the page has raised the generation since it was loaded; the generation of a KID is this modulo 16. Under the numbers of
// `spent` that generation may have been used before, so nothing is sealed under them.
export interface Generation {
  raises: number;
  spent: readonly number[];
}

export type PageToFrames =
  // First, with the port to the keys worker. A new frames worker gets a port of its own, and the keys worker the other end (KeysPort).
  | { type: 'start'; generation: Generation; keys: MessagePort }
  | { type: 'generation'; generation: Generation }
  | { type: 'ping'; id: number };

export type FramesToPage =
  | { type: 'pong'; id: number }
  // As FramesToKeys, with the count of raises.
  | { type: 'sending'; number: number; raises: number }
  // Counts since the last report, at most one report a second.
  | { type: 'refused'; counts: Readonly<Partial<Record<Refusal, number>>> }
  // The first frame of a CSRC that was opened under this leaf, and each change: names on tiles follow the leaf.
  | { type: 'opened'; csrc: number; leaf: number };

// Why a frame was not passed on. See opener.ts for the order of the checks.
export const refusals = [
  'no_key', // own: no epoch to seal under, or no KID left in it
  'unsealable', // own: no frame of its kind
  'plain', // not of the shape of a sealed frame
  'no_csrc', // names no source
  'future', // sealed under a number that is not known after holdMs
  'past', // sealed under a number that opens no more, or of a source that has left
  'impostor', // the KID is of another leaf or stream than the CSRC, or the CSRC is nobody's after holdMs
  'replay', // this counter was opened before, or is older than the window
  'forged', // the tag is wrong
] as const;
export type Refusal = (typeof refusals)[number];

// What a transform is made with: new RTCRtpScriptTransform(worker, options).
export type TransformOptions =
  | { direction: 'send'; stream: Owner['stream'] }
  | { direction: 'receive'; kind: Kind };

// From the page to the keys worker: where the frames worker listens. Again for each new frames worker; the keys worker then says its epoch
// and owners again.
export interface KeysPort {
  type: 'frames';
  port: MessagePort;
}
