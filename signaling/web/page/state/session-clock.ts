// When the session ends, why, and the warning before.

import { batch, computed, signal } from '@preact/signals';
import type { Session } from '../../client';

const minuteMs = 60_000;
// How often the minutes are counted again: the header shows whole minutes.
const tickMs = 10_000;

export class SessionClock {
  readonly endsAt = signal<number | undefined>(undefined); // on this device's clock
  readonly endsFor = signal(''); // limit, absent or idle
  readonly warningMinutes = signal<number | null>(null); // until closed
  readonly now = signal(Date.now());
  readonly minutesLeft = computed(() => {
    const end = this.endsAt.value;
    return end === undefined ? undefined : Math.max(0, Math.ceil((end - this.now.value) / minuteMs));
  });
  #timer: ReturnType<typeof setInterval> | undefined;

  subscribe(session: Session): void {
    session.on('room', ({ endsAt, endsFor }) => batch(() => {
      this.endsFor.value = endsFor ?? '';
      this.endsAt.value = endsAt === undefined ? undefined : endsAt - session.serverAheadMs;
      this.now.value = Date.now();
      const left = this.minutesLeft.value;
      if (left === undefined || left > (this.warningMinutes.value ?? 0)) this.warningMinutes.value = null;
    }));
    session.on('warning', ({ minutes }) => batch(() => {
      this.now.value = Date.now();
      this.warningMinutes.value = minutes;
    }));
    session.on('ended', () => this.stop());
    this.#timer ??= setInterval(() => (this.now.value = Date.now()), tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    batch(() => {
      this.endsAt.value = undefined;
      this.warningMinutes.value = null;
    });
  }
}
