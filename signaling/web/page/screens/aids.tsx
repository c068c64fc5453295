// The part "aids": switches, the list of keys, steps for a blocked device, and captions.

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { blurAbility } from '../media/blur';
import { browserKind } from '../media/browser';
import { captionAbility, startCaptions, type CaptionAbility } from '../media/captions';
import { keyOf, type Shortcut } from '../media/shortcuts';
import type { Preference } from '../state/preferences';
import { catalogue, locale, t } from '../text/text';
import { Btn } from '../ui/basics';
import { useStore } from '../ui/context';
import { Dialog } from '../ui/dialog';

export { blurWhile } from '../media/blur';
export { listen } from '../media/speech';

interface SwitchProps {
  label: string;
  hint: string;
  on: boolean;
  testid: string;
  onChange(on: boolean): void;
  children?: ComponentChildren;
}

function Switch({ label, hint, on, testid, onChange, children }: SwitchProps): JSX.Element {
  return (
    <div class="aid">
      <label class="switch"><span>{label}<br /><span class="quiet small">{hint}</span></span>
        <input type="checkbox" role="switch" checked={on} data-testid={testid} onChange={(event) => onChange(event.currentTarget.checked)} /></label>
      {children}
    </div>
  );
}

export function Switches(): JSX.Element {
  const store = useStore();
  const { preferences, aids, observing, lines } = store;
  const change = (name: Preference): Pick<SwitchProps, 'on' | 'onChange' | 'testid'> =>
    ({ on: preferences.get(name), onChange: (on) => preferences.set(name, on), testid: `aid-${name}` });
  const session = store.screen.value === 'session';
  return (
    <section class="aids" aria-labelledby="aids-h" data-testid="aids">
      <h3 id="aids-h">{t('aid.title')}</h3>
      {!observing.value && <Switch label={t('aid.noise')} hint={t('aid.noiseHint')} {...change('noiseSuppression')} />}
      {!observing.value && <Switch label={t('aid.reminder')} hint={t('aid.reminderHint')} {...change('mutedReminder')} />}
      {!observing.value && <Blur />}
      {session && <Switch label={t('line.soundOnly')} hint={t('line.soundOnlyText')} on={lines.soundOnly.value} testid="aid-soundOnly" onChange={(on) => lines.setSoundOnly(on)} />}
      {session && <CaptionsSwitch />}
      <Switch label={t('aid.shortcuts')} hint={t('aid.shortcutsHint')} {...change('shortcuts')}>
        <Btn look="slim" data-testid="shortcuts-list" onClick={() => (aids.dialog.value = 'shortcuts')}>{t('aid.shortcutsList')}</Btn>
      </Switch>
    </section>
  );
}

function Blur(): JSX.Element {
  const { preferences, camera } = useStore();
  const ability = blurAbility(camera.track.value);
  if (ability === 'choice') return <Switch label={t('aid.blur')} hint={t('aid.blurHint')} on={preferences.get('blur')} testid="aid-blur" onChange={(on) => preferences.set('blur', on)} />;
  const words = { none: t('aid.blurNone'), always: t('aid.blurAlways'), never: t('aid.blurNever') }[ability];
  return <p class="quiet small" data-testid="aid-blur-words">{words}</p>;
}

// Absent where the browser makes none on this machine, and said.
function CaptionsSwitch(): JSX.Element | null {
  const { aids } = useStore();
  const language = catalogue.value.language;
  const [ability, setAbility] = useState<CaptionAbility | undefined>();
  useEffect(() => {
    let gone = false;
    void captionAbility(language).then((found) => gone || setAbility(found));
    return () => void (gone = true);
  }, [language]);
  if (ability === undefined) return null;
  if (ability !== 'ready') return <p class="quiet small" data-testid="aid-captions-words">{ability === 'none' ? t('aid.captionsNone') : t('aid.captionsInstall')}</p>;
  return <Switch label={t('aid.captions')} hint={t('aid.captionsHint')} on={aids.captions.value} testid="aid-captions" onChange={(on) => (aids.captions.value = on)} />;
}

// Whole keys: the build replaces them by numbers.
const keyWords = { microphone: 'keys.microphone', camera: 'keys.camera', hand: 'keys.hand', talk: 'keys.talk', list: 'keys.list' } as const;
const blockedTitles = { microphone: 'blocked.microphone', camera: 'blocked.camera' } as const;
const blockedSteps = {
  chromium: 'blocked.chromium', firefox: 'blocked.firefox', safari: 'blocked.safari', android: 'blocked.android', ios: 'blocked.ios', frame: 'blocked.frame',
} as const;

export function ShortcutsDialog({ onClose }: { onClose(): void }): JSX.Element {
  const { preferences } = useStore();
  const rows: Shortcut[] = ['microphone', 'camera', 'hand', 'talk', 'list'];
  return (
    <Dialog title={t('keys.title')} about={t('keys.about')} onClose={onClose}>
      <dl class="keys" data-testid="keys">
        {rows.map((name) => <div key={name}><dt><kbd>{name === 'talk' ? t('keys.space') : keyOf[name]}</kbd></dt><dd>{t(keyWords[name])}</dd></div>)}
      </dl>
      <label class="switch">{t('keys.switch')}
        <input type="checkbox" role="switch" checked={preferences.get('shortcuts')} data-testid="keys-switch" onChange={(event) => preferences.set('shortcuts', event.currentTarget.checked)} /></label>
      <div class="actions equal"><Btn data-testid="keys-close" onClick={onClose}>{t('aid.close')}</Btn></div>
    </Dialog>
  );
}

export function BlockedDialog({ kind, onClose }: { kind: 'microphone' | 'camera'; onClose(): void }): JSX.Element {
  const device = useStore()[kind];
  const browser = browserKind(navigator, parent !== window);
  const again = (): void => {
    onClose();
    void device.turnOn();
  };
  return (
    <Dialog title={t(blockedTitles[kind])} about={t('blocked.about')} onClose={onClose}>
      <ol class="next" data-testid="blocked-steps" data-browser={browser}>{t(blockedSteps[browser]).split('\n').map((step) => <li key={step}><p>{step}</p></li>)}</ol>
      {browser !== 'frame' && <p class="quiet small">{t('blocked.system')}</p>}
      <div class="actions equal"><Btn onClick={onClose}>{t('aid.close')}</Btn><Btn data-testid="blocked-again" onClick={again}>{t('blocked.again')}</Btn></div>
    </Dialog>
  );
}

const shownLines = 3;

interface Spoken {
  id: number;
  name: string;
  text: string;
  final: boolean;
}

// What the group says, by the sound that this page plays. Who speaks is named as the server names speakers.
export function Captions(): JSX.Element | null {
  const store = useStore();
  const { aids, slots, speakers, roster } = store;
  const [lines, setLines] = useState<readonly Spoken[]>([]);
  useEffect(() => {
    const sound = slots.value.filter(({ kind }) => kind === 'audio').map(({ track }) => track);
    if (sound.length === 0) return undefined;
    const context = new AudioContext();
    const mix = context.createMediaStreamDestination();
    for (const track of sound) context.createMediaStreamSource(new MediaStream([track])).connect(mix);
    const nameNow = (): string => roster.peek().find(({ id }) => id === speakers.peek().find((speaker) => speaker !== store.selfId.peek()))?.displayName ?? '';
    let id = 0;
    let stopped = false;
    let stop: (() => void) | undefined;
    const onLine = ({ text, final }: { text: string; final: boolean }): void => setLines((before) => {
      const last = before.at(-1);
      const name = last && !last.final ? last.name || nameNow() : nameNow();
      const kept = last && !last.final ? before.slice(0, -1) : before;
      return [...kept, { id: last && !last.final ? last.id : ++id, name, text, final }].slice(-shownLines);
    });
    const end = (): void => {
      aids.captions.value = false;
      store.notice.value = t('aid.captionsEnded');
    };
    void startCaptions(mix.stream.getAudioTracks()[0]!, catalogue.peek().language, onLine, end).then((started) => {
      if (!started) return end();
      stop = started;
      if (stopped) started();
    });
    return () => {
      stopped = true;
      stop?.();
      void context.close();
    };
  }, [slots.value]);
  return (
    <section class="captions" aria-label={t('aid.captions')} lang={locale.value} data-testid="captions">
      {lines.map(({ id, name, text }) => <p key={id}>{name && <strong>{name}: </strong>}{text}</p>)}
    </section>
  );
}
