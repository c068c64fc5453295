// Announcements for screen readers (aria-live polite), batched so that three arrivals interrupt once.

import { signal } from '@preact/signals';

const gatherMs = 1200;

export class Announcer {
  readonly text = signal('');
  #pending: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  // Names must not outlive membership in the group.
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
