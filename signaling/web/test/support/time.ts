// Time in the hands of a test. (The mock timers of Node 20 take another timer away when one is cleared that has run.)

import type { TestContext } from 'node:test';

const native = { setTimeout, clearTimeout, setInterval, clearInterval, Date };

interface Timer {
  at: number;
  everyMs: number; // 0: once
  run(): void;
}

export class FakeTime {
  #now: number;
  #timers: Timer[] = [];

  constructor(now = 0) {
    this.#now = now;
  }

  readonly now = (): number => this.#now;

  readonly set = (run: () => void, ms: number, everyMs = 0): unknown => {
    const timer = { at: this.#now + ms, everyMs, run };
    this.#timers.push(timer);
    return timer;
  };

  readonly clear = (timer: unknown): void => {
    this.#timers = this.#timers.filter((other) => other !== timer);
  };

  // When the next timer is due, if it is by then.
  due(by: number): number | undefined {
    const next = Math.min(...this.#timers.map(({ at }) => at));
    return next <= by ? next : undefined;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#now = Math.max(this.#now, next.at);
      if (next.everyMs > 0) next.at += next.everyMs;
      else this.clear(next);
      next.run();
    }
    this.#now = end;
  }

  // For everything in this process, until the test ends.
  install(t: TestContext): void {
    const { now } = this;
    class FakeDate extends native.Date {
      constructor(...args: [] | [number | string]) {
        super(args[0] ?? now());
      }

      static override now = now;
    }
    Object.assign(globalThis, {
      setTimeout: (run: () => void, ms = 0) => this.set(run, ms), clearTimeout: this.clear,
      setInterval: (run: () => void, ms: number) => this.set(run, ms, ms), clearInterval: this.clear, Date: FakeDate,
    });
    t.after(() => Object.assign(globalThis, native));
  }
}
