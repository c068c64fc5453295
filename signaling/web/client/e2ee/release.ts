// What a person gives the clinic who agrees to be recorded: the keys of their own streams, for as long as they agree. It runs in the keys
// worker; the page never holds a key.
//
//   agree:    rk is made and sealed to the clinic's recipients ─► generation + 1 ─► keys are released ─► then the server is told
//   meanwhile: each new number or generation ─► its keys are released under the same rk
//   withdraw: rk is forgotten ─► generation + 1 ─► then the server is told. What it goes on recording stays closed for everybody
//
// Keys of frames from before the agreement are never released, nor those of a side room, whatever a server does.

import type { Timers } from '../env';
import type { Consent, RequestData } from '../wire/protocol';
import { toBase64, type Bytes } from './bytes';
import { deriveKeyBytes, generations, importBaseKey, kidOf } from './sframe';
import { cameraEncodings, streams, type Stream } from './worker_messages';

export type Scope = Consent['scope'];
export type ReleaseData = RequestData<'e2ee.release'>;

export type PageToRelease =
  // The person agrees. recipients are those that were shown with the text; the page has checked them (recipients.ts).
  | { type: 'release.begin'; id: number; scopes: readonly Scope[]; recipients: readonly string[] }
  // The generation was raised, to this modulo 16, as release.raise asked.
  | { type: 'release.raised'; generation: number }
  | { type: 'release.answer'; id: number; ok: boolean }
  // The person withdraws, or nothing is recorded any more. release.ended says that nothing more is released.
  | { type: 'release.end'; id: number; scopes: readonly Scope[] }
  // There is a connection again, maybe to a server that knows no releases.
  | { type: 'release.again' };

export type ReleaseToPage =
  | { type: 'release.raise' }
  | { type: 'release.request'; id: number; data: ReleaseData }
  // ok: the server has the keys of all scopes. Otherwise nothing more of them is released.
  | { type: 'release.begun'; id: number; ok: boolean }
  | { type: 'release.ended'; id: number };

interface ReleaseEnv {
  timers: Timers;
  // Seals to age recipients (age.ts).
  seal(recipients: readonly string[], secret: Bytes): Promise<Bytes>;
  post(message: ReleaseToPage): void;
}

// Until the server has the first keys: the group may have to add us, or the connection come back.
export const beginMs = 15_000;
// After a refusal, which there should be none of, such as a limit of messages.
export const retryMs = 1_000;
// For so long after the first release each has the sealed key: the server needs it until it knows of the agreement, which follows.
export const sealedMs = 3_000;
// In one message; the server takes no more.
export const keysLimit = 16;
// An epoch may still be reported as the one that is sent under after the next was told.
const epochsKept = 4;

const scopeStreams: Record<Scope, readonly Stream[]> = {
  'recording.audio': [streams.microphone],
  'recording.video': [...Array.from({ length: cameraEncodings }, (_, at) => (streams.camera + at) as Stream), streams.screen],
};

interface Epoch {
  base: Promise<CryptoKey>;
  leaf: number;
  side: boolean; // of a side room: never recorded
}
interface Interval {
  rk: Bytes;
  key: CryptoKey;
  sealed: string;
  from: number | undefined; // the generation from which on it releases; undefined until it was raised
  open: boolean; // frames are sealed under it
  sealedBy: number; // from then on it is left out
  queue: { number: number; kid: number; blob: string }[];
  released: Set<number>; // KIDs
  sending: number | undefined; // the request under way
  retry: unknown;
}
interface Beginning {
  scopes: Set<Scope>; // whose first keys the server does not have yet
  all: readonly Scope[];
  timer: unknown;
}

export class Releases {
  readonly #env: ReleaseEnv;
  readonly #epochs = new Map<number, Epoch>();
  readonly #intervals = new Map<Scope, Interval>();
  readonly #beginnings = new Map<number, Beginning>();
  readonly #requests = new Map<number, { scope: Scope; interval: Interval; count: number }>();
  #lastRequest = 0;
  #current: { number: number; generation: number } | undefined;
  #work: Promise<void> = Promise.resolve(); // one step after another
  #sealing: Promise<void> = Promise.resolve();

  constructor(env: ReleaseEnv) {
    this.#env = env;
  }

  // A new epoch of the group, or of a side room. baseKey is copied.
  onEpoch(number: number, baseKey: Uint8Array, leaf: number, side: boolean): void {
    this.#epochs.delete(number);
    this.#epochs.set(number, { base: importBaseKey(Uint8Array.from(baseKey)), leaf, side });
    const oldest = this.#epochs.keys().next().value;
    if (this.#epochs.size > epochsKept && oldest !== undefined) this.#epochs.delete(oldest);
  }

  // Outside of every group: nothing is sealed.
  onOutside(): void {
    this.#epochs.clear();
    this.#current = undefined;
  }

  // FramesToKeys: frames are sealed under this from now on.
  onSending(number: number, generation: number): void {
    this.#current = { number, generation };
    for (const interval of this.#intervals.values()) this.#openFrom(interval);
    this.#enqueue();
  }

  onMessage(message: PageToRelease): void {
    if (message.type === 'release.begin') this.#sealing = this.#begin(message);
    else if (message.type === 'release.raised') this.#raised(message.generation);
    else if (message.type === 'release.answer') this.#answered(message.id, message.ok);
    else if (message.type === 'release.again') this.#again();
    else {
      this.#end(message.scopes);
      this.#env.post({ type: 'release.ended', id: message.id });
    }
  }

  // Resolves when nothing is left to derive or to seal.
  async settled(): Promise<void> {
    for (let work; work !== this.#work;) {
      work = this.#work;
      await Promise.all([this.#sealing, work]);
    }
  }

  async #begin({ id, scopes, recipients }: Extract<PageToRelease, { type: 'release.begin' }>): Promise<void> {
    this.#end(scopes); // a new agreement has a new rk, and opens nothing from before
    const beginning = { scopes: new Set(scopes), all: scopes, timer: this.#env.timers.set(() => this.#fail(id), beginMs) };
    this.#beginnings.set(id, beginning);
    const rk = crypto.getRandomValues(new Uint8Array(32));
    try {
      const sealed = toBase64(await this.#env.seal(recipients, rk));
      const key = await crypto.subtle.importKey('raw', rk, 'AES-GCM', false, ['encrypt']);
      if (this.#beginnings.get(id) !== beginning) return void rk.fill(0); // withdrawn meanwhile, or too late
      for (const scope of scopes) {
        this.#intervals.set(scope, {
          rk: rk.slice(), key, sealed, from: undefined, open: false, sealedBy: Infinity, queue: [], released: new Set(), sending: undefined, retry: undefined,
        });
      }
      this.#env.post({ type: 'release.raise' });
    } catch {
      this.#fail(id); // a recipient that is none
    } finally {
      rk.fill(0);
    }
  }

  #raised(generation: number): void {
    for (const interval of this.#intervals.values()) {
      if (interval.from === undefined) interval.from = generation;
      this.#openFrom(interval);
    }
    this.#enqueue();
  }

  // Something else may raise the generation at the same time, so a later one will do; half of the 16 count as later.
  #openFrom(interval: Interval): void {
    if (interval.open || interval.from === undefined || !this.#current) return;
    interval.open = (this.#current.generation - interval.from + generations) % generations < generations / 2;
  }

  // Derives the keys of the present epoch and generation, and releases what is new.
  #enqueue(): void {
    const current = this.#current;
    const epoch = current && this.#epochs.get(current.number);
    if (!current || !epoch || epoch.side) return;
    for (const [scope, interval] of this.#intervals) {
      if (!interval.open) continue;
      this.#work = this.#work.then(async () => {
        for (const stream of scopeStreams[scope]) {
          const kid = kidOf(stream, current.generation, epoch.leaf, current.number);
          if (interval.released.has(kid)) continue;
          const blob = await sealKey(interval.key, kid, await deriveKeyBytes(await epoch.base, kid));
          if (this.#intervals.get(scope) !== interval) return; // withdrawn
          interval.released.add(kid);
          interval.queue.push({ number: current.number, kid, blob });
        }
        this.#flush(scope, interval);
      }).catch(() => undefined); // a key that was not derived is not released
    }
  }

  // Sends what waits, one message at a time.
  #flush(scope: Scope, interval: Interval): void {
    if (this.#intervals.get(scope) !== interval || interval.sending !== undefined || interval.retry !== undefined || interval.queue.length === 0) return;
    const keys = interval.queue.slice(0, keysLimit);
    const id = interval.sending = ++this.#lastRequest;
    this.#requests.set(id, { scope, interval, count: keys.length });
    this.#env.post({
      type: 'release.request', id,
      data: {
        scope, number: Math.max(...keys.map(({ number }) => number)), ...(this.#env.timers.now() < interval.sealedBy ? { sealed: interval.sealed } : {}),
        keys: keys.map(({ kid, blob }) => ({ kid, blob })),
      },
    });
  }

  #answered(id: number, ok: boolean): void {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    const { scope, interval, count } = request ?? {};
    if (!scope || !interval || this.#intervals.get(scope) !== interval || interval.sending !== id) return;
    interval.sending = undefined;
    if (!ok) {
      interval.sealedBy = Infinity;
      interval.retry = this.#env.timers.set(() => {
        interval.retry = undefined;
        this.#flush(scope, interval);
      }, retryMs);
      return;
    }
    if (interval.sealedBy === Infinity) interval.sealedBy = this.#env.timers.now() + sealedMs;
    interval.queue.splice(0, count);
    this.#flush(scope, interval);
    for (const [one, beginning] of this.#beginnings) {
      if (!beginning.scopes.delete(scope) || beginning.scopes.size > 0) continue;
      this.#settle(one, true);
    }
  }

  // All keys of the present epoch, with what opens them.
  #again(): void {
    for (const interval of this.#intervals.values()) {
      this.#env.timers.clear(interval.retry);
      [interval.retry, interval.sending, interval.sealedBy] = [undefined, undefined, Infinity];
      interval.released = new Set(interval.queue.map(({ kid }) => kid));
    }
    for (const [scope, interval] of this.#intervals) this.#flush(scope, interval);
    this.#enqueue();
  }

  #end(scopes: readonly Scope[]): void {
    for (const [id, beginning] of this.#beginnings) {
      if (beginning.all.some((scope) => scopes.includes(scope))) this.#settle(id, false);
    }
    for (const scope of scopes) {
      const interval = this.#intervals.get(scope);
      if (!interval) continue;
      this.#env.timers.clear(interval.retry);
      interval.rk.fill(0);
      interval.queue = [];
      this.#intervals.delete(scope);
    }
  }

  #fail(id: number): void {
    const beginning = this.#beginnings.get(id);
    if (beginning) this.#end(beginning.all);
  }

  #settle(id: number, ok: boolean): void {
    this.#env.timers.clear(this.#beginnings.get(id)?.timer);
    this.#beginnings.delete(id);
    this.#env.post({ type: 'release.begun', id, ok });
  }
}

// blob = AES-256-GCM(rk, nonce = 8 zero bytes | KID, plaintext = key | salt, AAD = KID), as sfu/record/FORMAT.md has it.
async function sealKey(rk: CryptoKey, kid: number, keyAndSalt: Bytes): Promise<string> {
  const iv = new Uint8Array(12);
  new DataView(iv.buffer).setUint32(8, kid);
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: iv.subarray(8) }, rk, keyAndSalt);
  keyAndSalt.fill(0);
  return toBase64(new Uint8Array(sealed));
}
