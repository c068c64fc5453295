// Polite announcements, gathered for a moment so that three arrivals are one sentence, not three interruptions.

import { signal } from '@preact/signals';

const gatherMs = 1200;

export class Announcer {
  readonly text = signal('');
  #waiting: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  // Names of the group do not outlast being in it.
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
    this.text.value = '';
  }

  say(sentence: string): void {
    if (!this.#waiting.includes(sentence)) this.#waiting.push(sentence);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.text.value = this.#waiting.splice(0).join(' ');
    }, gatherMs);
  }
}
