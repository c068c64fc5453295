// How well each person is connected, as the server rates it, and what this page knows of its own line. "Sound only" is offered when it helps, and
// remembered on this device.

import { computed, effect, signal, type ReadonlySignal } from '@preact/signals';
import type { LinkState, Session } from '../../client';
import { t } from '../text/text';
import type { Preferences } from './preferences';

export type LineLevel = 'good' | 'weak' | 'lost';

// A line that is weak for a moment needs no decision.
export const offerAfterMs = 8_000;
// Once somebody said that they keep their video, they are not asked again soon.
export const askAgainMs = 5 * 60_000;

interface Context {
  readonly selfId: ReadonlySignal<string>;
  readonly link: ReadonlySignal<LinkState>;
  readonly mediaState: ReadonlySignal<RTCPeerConnectionState>;
  readonly preferences: Preferences;
  readonly inSession: ReadonlySignal<boolean>;
  announce(sentence: string): void;
}

export class LinesStore {
  readonly #context: Context;
  readonly #levels = signal<ReadonlyMap<string, LineLevel>>(new Map());
  readonly #offered = signal(false);
  #keepUntil = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // When the signaling connection or the media was lost, in milliseconds of Date.now(); 0: they are there.
  readonly lostAt = signal(0);

  readonly soundOnly = computed(() => this.#context.preferences.get('soundOnly'));
  readonly own = computed<LineLevel>(() => (this.lostAt.value > 0 ? 'lost' : this.#levels.value.get(this.#context.selfId.value) ?? 'good'));
  readonly offer = computed(() => this.#offered.value && !this.soundOnly.value && this.own.value === 'weak');

  constructor(context: Context) {
    this.#context = context;
    effect(() => {
      const { link, mediaState, inSession } = context;
      const lost = inSession.value && (link.value === 'lost' || mediaState.value === 'failed' || mediaState.value === 'disconnected');
      const since = this.lostAt.peek();
      if (!lost && since > 0) context.announce(t('line.back', { n: Math.round((Date.now() - since) / 1_000) }));
      if (!lost) this.lostAt.value = 0;
      else if (this.lostAt.peek() === 0) this.lostAt.value = Date.now();
    });
    effect(() => this.#onOwn(this.own.value));
  }

  subscribe(session: Session): void {
    session.on('lines', (lines) => (this.#levels.value = new Map(lines.map(({ participantId, level }) => [participantId, level === 'lost' ? 'lost' : 'weak']))));
    session.on('ended', () => (this.#levels.value = new Map()));
  }

  // Without our own connection nobody's is known; then all of them stand still.
  of(id: string): LineLevel {
    return id === this.#context.selfId.value || this.lostAt.value > 0 ? this.own.value : this.#levels.value.get(id) ?? 'good';
  }

  setSoundOnly(on: boolean): void {
    this.#context.preferences.set('soundOnly', on);
    this.#offered.value = false;
    if (!on) this.#keepUntil = Date.now() + askAgainMs;
    this.#context.announce(on ? t('line.soundOnlyOn') : t('line.soundOnlyOff'));
  }

  keepVideo(): void {
    this.#keepUntil = Date.now() + askAgainMs;
    this.#offered.value = false;
  }

  #onOwn(level: LineLevel): void {
    clearTimeout(this.#timer);
    if (level !== 'weak') return void (this.#offered.value = false);
    this.#timer = setTimeout(() => {
      if (this.own.peek() !== 'weak' || this.soundOnly.peek() || Date.now() < this.#keepUntil) return;
      this.#offered.value = true;
    }, offerAfterMs);
  }
}
