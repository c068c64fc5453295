// One message about what has just happened. It goes with the state that it is about, or after a while: what stays on the screen is what
// still is.

import { effect, signal } from '@preact/signals';

// Long enough to read two short sentences twice.
export const noticeMs = 8_000;

export class Notice {
  readonly #text = signal('');
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stop: (() => void) | undefined;

  get value(): string {
    return this.#text.value;
  }

  set value(text: string) {
    this.show(text);
  }

  peek(): string {
    return this.#text.peek();
  }

  // over reads signals: when it says so, what the notice is about has passed.
  show(text: string, over?: () => boolean): void {
    this.#end();
    this.#text.value = text;
    if (!text) return;
    this.#timer = setTimeout(() => this.show(''), noticeMs);
    if (over) this.#stop = effect(() => { if (over()) this.show(''); });
    if (!this.#text.peek()) this.#end(); // it was over at once
  }

  // Somebody reads it, or its button has the focus.
  hold(): void {
    clearTimeout(this.#timer);
  }

  release(): void {
    clearTimeout(this.#timer);
    if (this.#text.peek()) this.#timer = setTimeout(() => this.show(''), noticeMs);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#stop?.();
    this.#stop = undefined;
  }
}
