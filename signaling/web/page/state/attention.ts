// That a call for help, and somebody who waits, is not missed while a host looks elsewhere: a chime, the title of the tab, and, for who wants it,
// a notification of the browser. No name is in any of them: they may be seen by others.

import { effect, signal, type ReadonlySignal } from '@preact/signals';
import { deviceStorage } from '../../client/storage';
import type { Chime } from '../media/chime';
import { t } from '../text/text';

const soundKey = 'alcove.sound';
const notifyKey = 'alcove.notify';
// A call that nobody has answered is heard again.
const againMs = 20_000;

type Alert = Chime & ('help' | 'waits');

interface Parts {
  calls: ReadonlySignal<number>;
  waiting: ReadonlySignal<number>;
  ready: ReadonlySignal<boolean>; // before it nothing of the group is heard
  chime(which: Chime): void;
}

export class Attention {
  readonly sound = signal(kept(soundKey) !== 'off');
  // off: the person has not asked for it, or does not want it; refused: the browser does not allow it.
  readonly notify = signal<'off' | 'on' | 'refused'>('off');
  readonly supported = typeof Notification === 'function';
  readonly #parts: Parts;
  readonly #shown = new Map<Alert, Notification>();

  constructor(parts: Parts) {
    this.#parts = parts;
    if (this.supported) this.notify.value = Notification.permission === 'denied' ? 'refused' : Notification.permission === 'granted' && kept(notifyKey) === 'on' ? 'on' : 'off';
    this.#watch(parts.calls, 'help');
    this.#watch(parts.waiting, 'waits');
    effect(() => {
      if (parts.calls.value === 0) return undefined;
      const timer = setInterval(() => this.#alert('help'), againMs);
      return () => clearInterval(timer);
    });
  }

  // How many things want an answer.
  get count(): number {
    return this.#parts.calls.value + this.#parts.waiting.value;
  }

  setSound(on: boolean): void {
    this.sound.value = on;
    keep(soundKey, on);
  }

  // Asks the browser, which asks the person, by this act only.
  async setNotify(on: boolean): Promise<void> {
    const permission = on ? await Notification.requestPermission().catch(() => 'denied' as const) : 'default';
    this.notify.value = permission === 'granted' ? 'on' : on && permission === 'denied' ? 'refused' : 'off';
    keep(notifyKey, this.notify.value === 'on');
  }

  #watch(count: ReadonlySignal<number>, which: Alert): void {
    let before = 0;
    count.subscribe((now) => {
      if (now > before) this.#alert(which);
      if (now === 0) this.#shown.get(which)?.close();
      before = now;
    });
  }

  #alert(which: Alert): void {
    if (!this.#parts.ready.peek()) return;
    if (this.sound.peek()) this.#parts.chime(which);
    if (this.notify.peek() === 'on' && document.hidden) this.#show(which);
  }

  #show(which: Alert): void {
    try {
      const shown = new Notification(t(which === 'help' ? 'attention.help' : 'attention.waits'), { tag: `alcove-${which}`, body: t('attention.body') });
      shown.onclick = () => {
        window.focus();
        shown.close();
      };
      this.#shown.set(which, shown); // one that is shown again has the tag of the one before, and replaces it
    } catch {
      this.notify.value = 'refused'; // phones show none without a worker that outlives the page
    }
  }
}

const kept = (key: string): string | null => deviceStorage().getItem(key);
const keep = (key: string, on: boolean): void => deviceStorage().setItem(key, on ? 'on' : 'off');
