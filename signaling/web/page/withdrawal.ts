// A yes taken back. From the press of the button until the server knows of it nothing of the person is sent: a connection that is lost
// for words may still carry sound and picture into a recording. What could not be told is told before all else when the connection
// is back, after a reload too.

import { signal } from '@preact/signals';

// Who presses the button is left without a word for no longer. A link that is lost looks open for a while.
const patienceMs = 2_000;
const againMs = 2_000; // after a refusal, which there should be none of

export class Withdrawal {
  readonly pending = signal(false); // nothing may be sent
  readonly late = signal(false); // and the person knows that it takes longer
  readonly #tell: () => Promise<boolean>;
  readonly #told: (late: boolean) => void;
  #telling: symbol | undefined; // the question that is under way
  #again: ReturnType<typeof setTimeout> | undefined;

  // tell says whether the server knows now; told is called when it does.
  constructor(tell: () => Promise<boolean>, told: (late: boolean) => void) {
    this.#tell = tell;
    this.#told = told;
  }

  // Returns when the server knows, or when it is clear that this takes longer.
  async begin(): Promise<void> {
    if (this.pending.value) return;
    this.pending.value = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((over) => (timer = setTimeout(over, patienceMs)));
    await Promise.race([this.attempt(), patience]);
    clearTimeout(timer);
    this.late.value = this.pending.value;
  }

  // As it was before a reload.
  resume(): void {
    this.pending.value = true;
    this.late.value = true;
  }

  // There is a connection, or there may be one.
  async attempt(): Promise<void> {
    if (!this.pending.value || this.#telling) return;
    clearTimeout(this.#again);
    const telling = this.#telling = Symbol();
    const known = await this.#tell();
    if (telling !== this.#telling) return; // the answer of a session that is over
    this.#telling = undefined;
    if (!known) return void (this.#again = setTimeout(() => void this.attempt(), againMs));
    this.#told(this.late.value);
    this.drop();
  }

  // Nobody is left to be told, or somebody was.
  drop(): void {
    this.rest();
    this.pending.value = false;
    this.late.value = false;
  }

  // Until there is a session again.
  rest(): void {
    clearTimeout(this.#again);
    this.#telling = undefined;
  }
}
