// Polite announcements, gathered for a moment so that three arrivals are one sentence, not three interruptions.

import { signal } from '@preact/signals';

const gatherMs = 1200;

export class Announcer {
  readonly text = signal('');
  #pending: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  // Names of the group do not outlast being in it.
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending = [];
    this.text.value = '';
  }

  announce(sentence: string): void {
    if (!this.#pending.includes(sentence)) this.#pending.push(sentence);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.text.value = this.#pending.splice(0).join(' ');
    }, gatherMs);
  }
}
