// The application messages of a session: those that wait until there is a group to send them in, and those of others, each opened once.

import { fromBase64, toBase64 } from './bytes';
import type { Joined } from './commits';
import type { Mls } from './mls';
import type { StepOutputs } from './step_outputs';
import type { EventData } from '../wire/protocol';

const sendTries = 6;
// So many are remembered, so that none is opened twice across a commit.
const openedLimit = 2_000;
// The last bytes of an application message that tell it from others: its tag, of 16 bytes, and some of the ciphertext before.
const markBytes = 24;

interface Waiting {
  message: number;
  content: Uint8Array;
  to: readonly string[] | undefined;
  tries: number;
}

// Owned by the group machine.
export class ApplicationMessages<G> {
  readonly #mls: Mls<G>;
  readonly #outputs: StepOutputs;
  #waiting: Waiting[] = [];
  readonly #opened = new Set<string>();

  constructor(mls: Mls<G>, outputs: StepOutputs) {
    this.#mls = mls;
    this.#outputs = outputs;
  }

  queue(message: number, content: Uint8Array, to: readonly string[] | undefined): void {
    this.#waiting.push({ message, content, to, tries: 0 });
  }

  async send(joined: Joined<G>): Promise<void> {
    for (const waiting of this.#waiting.splice(0)) {
      const sealed = await this.#mls.seal(joined.group, waiting.content);
      this.#mls.retire(sealed.group);
      joined.group = sealed.group;
      const to = waiting.to ? { to: [...waiting.to] } : {};
      this.#outputs.request('e2ee.app', { group: joined.id, after: joined.number, blob: toBase64(sealed.blob), ...to }, (answer) => {
        if (!answer.ok && answer.code === 'e2ee_stale' && ++waiting.tries < sendTries) this.#waiting.push(waiting);
        else this.#outputs.push({ type: 'sent', message: waiting.message, ok: answer.ok });
      });
    }
  }

  // Returns false if its sender is not the one whom the server names.
  async open(joined: Joined<G>, { from, blob }: EventData<'e2ee.app'>): Promise<boolean> {
    const message = fromBase64(blob);
    // The end of a message holds its tag, and is another for each. The bytes are compared: base64 writes the same ones in many ways.
    const mark = toBase64(message.subarray(-markBytes));
    if (this.#opened.has(mark)) return true;
    const opened = await this.#mls.open(joined.group, message).catch(() => undefined);
    if (!opened) return true;
    joined.group = opened.group;
    this.#mls.retire(opened.group);
    this.#opened.add(mark);
    if (this.#opened.size > openedLimit) this.#opened.delete(this.#opened.values().next().value!);
    if (opened.from.id !== from) return false;
    this.#outputs.push({ type: 'opened', from, content: opened.content });
    return true;
  }
}
