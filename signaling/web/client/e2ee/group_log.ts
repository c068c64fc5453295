// How far this participant has read the log of the session's groups, in which the server numbers all entries, and the requests for entries
// that are missing.

import { overdueMs, retryMs } from './group_rules';
import type { StepOutputs } from './step_outputs';

const syncTries = 4;

interface Sync {
  request?: number;
  tries: number;
  checkAt: number;
  promised?: number; // the last number that the answer promised
}

// Owned by the group machine.
export class GroupLog {
  readonly #outputs: StepOutputs;
  readonly #onLost: () => void;
  #known = false;
  #read = 0; // the newest number that was read
  #target = 0; // the newest number that is known to exist
  #replayedTo = 0;
  #sync: Sync | undefined;

  // onLost: the server has the missing entries no more, or never sends them.
  constructor(outputs: StepOutputs, onLost: () => void) {
    this.#outputs = outputs;
    this.#onLost = onLost;
  }

  // Whether the server said how long the log is.
  get known(): boolean {
    return this.#known;
  }

  get syncing(): boolean {
    return this.#sync !== undefined;
  }

  // Whether this entry was asked for, so that it is read with a later roster.
  isReplayed(number: number): boolean {
    return number <= this.#replayedTo;
  }

  isNews(number: number): boolean {
    return number > this.#target;
  }

  // The server says how long the log is.
  state(number: number): 'first' | 'read' | 'behind' | 'shrunk' {
    const first = !this.#known;
    this.#known = true;
    this.#sync = undefined;
    this.#target = number;
    if (first) {
      this.#read = number;
      return 'first';
    }
    if (number === this.#read) return 'read';
    if (number < this.#read) return 'shrunk';
    this.#askSync();
    return 'behind';
  }

  // Whether this entry is the next to be read, and counts as read now.
  advance(number: number): boolean {
    this.#target = Math.max(this.#target, number);
    if (!this.#known || number <= this.#read) return false;
    if (number > this.#read + 1) {
      if (!this.#sync) this.#askSync();
      return false;
    }
    this.#read = number;
    if (this.#read >= this.#target) this.#sync = undefined;
    else if (this.#sync) {
      this.#sync.tries = 0;
      if (this.#read === this.#sync.promised) this.#askSync(); // there are more of them
    }
    return true;
  }

  check(): void {
    const sync = this.#sync;
    if (!sync) return;
    if (this.#outputs.now < sync.checkAt) return this.#outputs.wakeAt(sync.checkAt);
    this.#askSync();
  }

  syncIfBehind(): void {
    if (this.#target > this.#read) this.#askSync();
  }

  // What is missing is not asked for any more.
  skip(): void {
    this.#sync = undefined;
    this.#read = this.#replayedTo = this.#target;
  }

  // The next state is the first again.
  forget(): void {
    this.#sync = undefined;
    this.#known = false;
  }

  #askSync(): void {
    const tries = (this.#sync?.tries ?? 0) + 1;
    if (tries > syncTries) return this.#onLost();
    this.#replayedTo = Math.max(this.#replayedTo, this.#target);
    const request = this.#outputs.request('e2ee.sync', { after: this.#read }, (answer) => {
      if (this.#sync?.request !== request) return;
      if (!answer.ok) return answer.code === 'e2ee_gone' ? this.#onLost() : this.#syncLater(retryMs);
      const { number } = answer.data as { number: number };
      // Entries and answers have no order: what was promised may still be under way.
      if (number > this.#read || number >= this.#target) return this.#syncLater(overdueMs, number);
      this.#askSync();
    });
    this.#sync = { request, tries, checkAt: this.#outputs.now + 2 * overdueMs };
  }

  #syncLater(afterMs: number, promised?: number): void {
    if (this.#sync) this.#sync = { tries: this.#sync.tries, checkAt: this.#outputs.now + afterMs, ...(promised !== undefined && { promised }) };
  }
}
