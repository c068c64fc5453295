// The page's side of releasing keys for a recording: when the clinic may have them, and that nothing passes afterwards. It holds no key.
//
// Keys are released while three things are true: the person agreed here to the text as it is now, to recipients that their own link names, and
// the server says that somebody wants to record. That the server says of a consent that it stands is not enough: it could say so of one that was
// withdrawn, or never given. When one of them ends, so does the interval: the generation is raised, and what follows has other
// keys. Whether the server stops recording does not matter then.

import type { Storage, Timers } from '../env';
import { RequestError } from '../errors';
import type { Consent } from '../wire/protocol';
import { refusedRecipients, type RecipientsRefusal } from './recipients';
import type { PageToRelease, ReleaseData, ReleaseToPage, Scope } from './release';

// Between two tries to release keys under a consent that stands already, such as after a reload.
export const againMs = 2_000;
const allScopes: readonly Scope[] = ['recording.audio', 'recording.video'];
// Where it is kept what the person agreed to, for reloads; it goes with the seat.
const key = 'alcove.recording';

interface RecordingParts {
  timers: Timers;
  raise(): number; // the generation
  post(message: PageToRelease): void; // to the keys worker, if there is one
  request(data: ReleaseData): Promise<unknown>;
  withdraw(scope: Scope): Promise<unknown>; // a consent that the person did not give here, or not to these recipients
  storage: Storage;
}

export class RecordingKeys {
  readonly #parts: RecordingParts;
  readonly #named: readonly string[] | undefined;
  #consents: readonly Consent[] = [];
  #recording = 'off';
  readonly #active = new Set<Scope>(); // whose keys may pass
  readonly #answering = new Set<Scope>(); // that the person agrees to just now; until the server has said that it knows
  readonly #withdrawals = new Map<symbol, readonly Scope[]>(); // that the server was not heard to know of
  readonly #beginnings = new Map<number, (ok: boolean) => void>();
  #agreed = new Set<string>(); // scope and the hash of the text
  #participantId = '';
  #lastId = 0;
  #retry: unknown;
  readonly #running = new Set<Promise<void>>();

  // named: the recipients in the person's link, by their hashes.
  constructor(parts: RecordingParts, named: readonly string[] | undefined) {
    this.#parts = parts;
    this.#named = named;
  }

  // The person agrees. Resolves when the server has the first keys; then it may be told.
  async agree(scope: Scope, textHash: string): Promise<void> {
    const consent = this.#consents.find((one) => one.scope === scope);
    this.#answering.add(scope);
    const refusal = consent ? await refusedRecipients(consent, this.#named) : 'none';
    const withdrawn = !this.#answering.has(scope); // meanwhile
    if (consent && !refusal && !withdrawn && await this.#begin(scope, consent.recipients ?? []) && this.#active.has(scope)) {
      this.#agreed.add(`${scope} ${textHash}`);
      return this.#remember();
    }
    this.disagree([scope]);
    if (refusal) throw refusedError(refusal);
    throw new RequestError({ code: 'e2ee_keys', message: 'the keys did not reach the server', retryable: true });
  }

  // The person withdraws, or refuses. When it returns, no key from now on will reach the server: it works without a connection, and
  // without the workers' help.
  disagree(scopes: readonly Scope[]): void {
    for (const agreed of this.#agreed) if (scopes.some((scope) => agreed.startsWith(`${scope} `))) this.#agreed.delete(agreed);
    this.#remember();
    this.#end(scopes);
  }

  #end(scopes: readonly Scope[]): void {
    const ended = scopes.filter((scope) => this.#active.delete(scope));
    for (const scope of scopes) this.#answering.delete(scope);
    if (ended.length === 0) return;
    this.#parts.post({ type: 'release.end', id: ++this.#lastId, scopes: ended });
    this.#parts.raise();
  }

  disagreeToAll(): void {
    this.disagree(allScopes);
  }

  // The person withdraws, and the server is told so. While that is under way it is not told again, whatever it says of the consent.
  async withdraw<T>(scopes: readonly Scope[] = allScopes, request: () => Promise<T>): Promise<T> {
    this.disagree(scopes);
    const underWay = Symbol();
    this.#withdrawals.set(underWay, scopes);
    return request().finally(() => this.#withdrawals.delete(underWay));
  }

  onConsents(consents: readonly Consent[]): void {
    this.#consents = consents;
    for (const { scope, decision } of consents) if (decision === 'granted') this.#answering.delete(scope);
    this.#reconcile();
  }

  // As room.updated says; 'off' for who is not in the group.
  onRecording(recording: string): void {
    this.#recording = recording;
    this.#reconcile();
  }

  // There is a connection again, maybe to a server that was started anew, or a page again, maybe in the same seat as before.
  onConnected(participantId: string): void {
    if (this.#participantId === '') this.#agreed = this.#remembered(participantId);
    else if (this.#participantId !== participantId) this.disagreeToAll();
    this.#participantId = participantId;
    if (this.#active.size > 0) this.#parts.post({ type: 'release.again' });
  }

  // A new keys worker knows of no agreement.
  onNewWorker(): void {
    const scopes = [...this.#active];
    this.#active.clear();
    for (const settle of [...this.#beginnings.values()]) settle(false);
    if (scopes.length > 0) this.#parts.raise();
    this.#reconcile();
  }

  onMessage(message: ReleaseToPage): void {
    if (message.type === 'release.raise') this.#parts.post({ type: 'release.raised', generation: this.#parts.raise() });
    else if (message.type === 'release.begun') this.#beginnings.get(message.id)?.(message.ok);
    else if (message.type === 'release.request') this.#run(this.#send(message.id, message.data));
  }

  // Resolves when nothing is under way.
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #run(work: Promise<void>): void {
    const running = work.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  dispose(): void {
    this.#parts.timers.clear(this.#retry);
    this.#active.clear();
    this.#agreed.clear();
    this.#remember();
    for (const settle of [...this.#beginnings.values()]) settle(false);
  }

  #remember(): void {
    if (this.#agreed.size === 0) this.#parts.storage.removeItem(key);
    else this.#parts.storage.setItem(key, JSON.stringify([this.#participantId, ...this.#agreed]));
  }

  #remembered(participantId: string): Set<string> {
    try {
      const [of, ...agreed] = JSON.parse(this.#parts.storage.getItem(key) ?? '[]') as unknown[];
      return new Set(of === participantId ? agreed.map(String) : []);
    } catch {
      return new Set();
    }
  }

  // The gate: what a worker asks for after the person withdrew does not pass, however late the worker hears of it.
  async #send(id: number, data: ReleaseData): Promise<void> {
    const ok = this.#active.has(data.scope) && await this.#parts.request(data).then(() => true, () => false);
    this.#parts.post({ type: 'release.answer', id, ok });
  }

  #begin(scope: Scope, recipients: readonly string[]): Promise<boolean> {
    this.#active.add(scope);
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#beginnings.set(id, (ok) => {
        this.#beginnings.delete(id);
        resolve(ok);
      });
      this.#parts.post({ type: 'release.begin', id, scopes: [scope], recipients });
    });
  }

  // Ends what does not stand any more, and begins under a consent that the person gave before: in this page before a reload, or to an earlier
  // recording of this session.
  #reconcile(): void {
    const wanted = this.#recording === 'off' ? [] : this.#consents.filter(({ decision }) => decision === 'granted');
    this.#end([...this.#active].filter((scope) => !this.#answering.has(scope) && !wanted.some((one) => one.scope === scope)));
    for (const consent of wanted) {
      if (this.#active.has(consent.scope)) continue;
      if (consent.texts.some(({ textHash }) => this.#agreed.has(`${consent.scope} ${textHash}`))) this.#run(this.#beginAgain(consent));
      else if (![...this.#withdrawals.values()].some((scopes) => scopes.includes(consent.scope))) this.#run(this.withdraw([consent.scope], () => this.#parts.withdraw(consent.scope)).then(() => undefined, () => undefined));
    }
  }

  async #beginAgain(consent: Consent): Promise<void> {
    const { scope, recipients = [] } = consent;
    this.#active.add(scope); // nothing passes before the keys worker has begun
    if (await refusedRecipients(consent, this.#named)) {
      this.disagree([scope]);
      return void await this.#parts.withdraw(scope).catch(() => undefined);
    }
    if (!this.#active.has(scope) || await this.#begin(scope, recipients) || !this.#active.delete(scope)) return;
    this.#parts.timers.clear(this.#retry);
    this.#retry = this.#parts.timers.set(() => this.#reconcile(), againMs);
  }
}

function refusedError(refusal: RecipientsRefusal): RequestError {
  return new RequestError({ code: refusal === 'unnamed' ? 'e2ee_recipients_unnamed' : 'e2ee_recipients', message: refusal, retryable: false });
}
