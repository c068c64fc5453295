// Withdrawal of consent. Until the server has confirmed it, nothing of the person is sent: without signaling, media may still flow into a
// recording. An unconfirmed withdrawal is the first request after a reconnect or a reload.

import { signal } from '@preact/signals';

// When the person is told that it takes longer. A lost connection looks open for a while.
const delayNoticeMs = 2_000;
const retryMs = 2_000; // after a refusal, which there should be none of

export class Withdrawal {
  readonly pending = signal(false); // nothing may be sent
  readonly delayed = signal(false); // and the person knows that it takes longer
  readonly #request: () => Promise<boolean>;
  readonly #onConfirmed: (late: boolean) => void;
  #attemptId: symbol | undefined; // the question that is under way
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  // tell says whether the server knows now; told is called when it does.
  constructor(tell: () => Promise<boolean>, told: (late: boolean) => void) {
    this.#request = tell;
    this.#onConfirmed = told;
  }

  // Returns when the server knows, or when it is clear that this takes longer.
  async begin(): Promise<void> {
    if (this.pending.value) return;
    this.pending.value = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((over) => (timer = setTimeout(over, delayNoticeMs)));
    await Promise.race([this.attempt(), patience]);
    clearTimeout(timer);
    this.delayed.value = this.pending.value;
  }

  // As it was before a reload.
  resume(): void {
    this.pending.value = true;
    this.delayed.value = true;
  }

  // There is a connection, or there may be one.
  async attempt(): Promise<void> {
    if (!this.pending.value || this.#attemptId) return;
    clearTimeout(this.#retryTimer);
    const telling = this.#attemptId = Symbol();
    const known = await this.#request();
    if (telling !== this.#attemptId) return; // the answer of a session that is over
    this.#attemptId = undefined;
    if (!known) return void (this.#retryTimer = setTimeout(() => void this.attempt(), retryMs));
    this.#onConfirmed(this.delayed.value);
    this.clear();
  }

  // Nobody is left to be told, or somebody was.
  clear(): void {
    this.suspend();
    this.pending.value = false;
    this.delayed.value = false;
  }

  // Until there is a session again.
  suspend(): void {
    clearTimeout(this.#retryTimer);
    this.#attemptId = undefined;
  }
}
