// Aids around the devices of a person: keys, a reminder of being muted, the screen that stays on, blur, captions, and help when a device is blocked.

import { computed, effect, signal, type ReadonlySignal } from '@preact/signals';
import type { LocalMedia } from '../media/local-media';
import { WakeLock } from '../media/wake-lock';
import { watchShortcuts, type Shortcut } from '../media/shortcuts';
import { aidsPart } from '../screens/aids-part';
import { t } from '../text/text';
import type { Preferences } from './preferences';

interface Context {
  readonly preferences: Preferences;
  readonly localMedia: LocalMedia;
  readonly inSession: ReadonlySignal<boolean>;
  readonly observing: ReadonlySignal<boolean>;
  may(permission: string): boolean;
  setHand(raised: boolean): void;
  readonly handRaised: ReadonlySignal<boolean>;
  announce(sentence: string): void;
  notify(sentence: string): void;
}

const turned = { microphone: ['aid.microphoneOn', 'aid.microphoneOff'], camera: ['aid.cameraOn', 'aid.cameraOff'] } as const;

export type AidDialog = '' | 'shortcuts' | 'microphone' | 'camera';

export class AidsStore {
  readonly #context: Context;
  readonly #wakeLock = new WakeLock();
  readonly dialog = signal<AidDialog>('');
  readonly captions = signal(false); // wanted, in this session
  readonly #speaking = signal(false); // into a microphone that is off, until answered
  #talking = false; // Space turned the microphone on

  // Whether the reminder listens: the microphone is the person's to use, and off.
  readonly #listens = computed(() => {
    const { inSession, observing, preferences, localMedia: { microphone } } = this.#context;
    return inSession.value && !observing.value && preferences.get('mutedReminder') && this.#context.may('publish.microphone') && microphone.state.value === 'off';
  });
  readonly reminding = computed(() => this.#speaking.value && this.#listens.value);

  constructor(context: Context) {
    this.#context = context;
    const { preferences, localMedia: { microphone, camera } } = context;
    effect(() => this.#wakeLock.set(context.inSession.value));
    effect(() => {
      if (!this.#listens.value) return void (this.#speaking.value = false);
      const module = aidsPart.loaded.value;
      if (!module) return void aidsPart.load();
      return module.listen(() => {
        this.#speaking.value = true;
        context.announce(`${t('aid.muted')} ${t('aid.mutedText')}`);
      }, microphone.chosen.peek());
    });
    effect(() => microphone.setNoiseSuppression(preferences.get('noiseSuppression')));
    effect(() => {
      const track = camera.track.value;
      if (!track || !preferences.get('blur')) return undefined;
      const module = aidsPart.loaded.value;
      if (!module) return void aidsPart.load();
      return module.blurWhile(track, () => this.#blurTooSlow());
    });
    effect(() => {
      if (!context.inSession.value) return undefined;
      return watchShortcuts({ enabled: () => preferences.get('shortcuts'), act: (shortcut) => this.#act(shortcut), talk: (on) => this.#talk(on) });
    });
    effect(() => {
      if (!context.inSession.value) this.captions.value = false;
    });
  }

  answerReminder(on: boolean): void {
    this.#speaking.value = false;
    if (on) void this.#context.localMedia.microphone.turnOn();
  }

  #act(shortcut: Exclude<Shortcut, 'talk'>): void {
    const { localMedia: { microphone, camera }, handRaised } = this.#context;
    if (shortcut === 'list') return void (this.dialog.value = 'shortcuts');
    if (shortcut === 'hand') return void (this.#context.may('hand.raise') && this.#context.setHand(!handRaised.peek()));
    const device = { microphone, camera }[shortcut];
    if (!this.#context.may(`publish.${shortcut}`)) return;
    this.#talking = false; // the person decided anew
    device.toggle();
    this.#context.announce(t(turned[shortcut][device.on.peek() ? 0 : 1]));
  }

  // While Space is held. A microphone that is on stays on.
  #talk(on: boolean): void {
    const { microphone } = this.#context.localMedia;
    if (on) {
      if (microphone.on.peek() || !this.#context.may('publish.microphone')) return;
      this.#talking = true;
      void microphone.turnOn();
    } else if (this.#talking) {
      this.#talking = false;
      microphone.turnOff();
    }
  }

  #blurTooSlow(): void {
    this.#context.preferences.set('blur', false);
    this.#context.notify(t('aid.blurTooSlow'));
  }
}
