// Weak lines and small aids in a session. What is needed seldom is in the part "aids".

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Lazy } from '../parts';
import { aidsPart } from '../screens/aids-part';
import { t } from '../text/text';
import { Btn } from './basics';
import { useStore } from './context';
import { Icon } from './icon';

// Offered once, when it is likely to help.
export function WeakLineBanner(): JSX.Element | null {
  const { lines } = useStore();
  if (!lines.offer.value) return null;
  return (
    <div class="banner calm" data-testid="weak-line">
      <Icon name="signal" />
      <p class="words"><strong class="short">{t('line.ownWeak')}</strong> <span>{t('line.ownWeakText')}</span></p>
      <div class="actions">
        <Btn data-testid="sound-only" onClick={() => lines.setSoundOnly(true)}>{t('line.soundOnly')}</Btn>
        <Btn data-testid="keep-video" onClick={() => lines.keepVideo()}>{t('line.keepVideo')}</Btn>
      </div>
    </div>
  );
}

export function SoundOnlyBanner(): JSX.Element | null {
  const { lines } = useStore();
  if (!lines.soundOnly.value) return null;
  return (
    <div class="banner calm" data-testid="sound-only-on">
      <Icon name="speaker" />
      <p class="words"><strong class="short">{t('line.soundOnlyTitle')}</strong> <span>{t('line.soundOnlyText')}</span></p>
      <Btn data-testid="video-again" onClick={() => lines.setSoundOnly(false)}>{t('line.videoAgain')}</Btn>
    </div>
  );
}

export function MutedBanner(): JSX.Element | null {
  const { aids } = useStore();
  if (!aids.reminding.value) return null;
  return (
    <div class="banner calm" data-testid="muted-reminder">
      <Icon name="mic-off" />
      <p class="words"><strong class="short">{t('aid.muted')}</strong> <span>{t('aid.mutedText')}</span></p>
      <div class="actions">
        <Btn onClick={() => aids.answerReminder(false)}>{t('aid.stayMuted')}</Btn>
        <Btn data-testid="reminder-on" onClick={() => aids.answerReminder(true)}>{t('aid.turnMicOn')}</Btn>
      </div>
    </div>
  );
}

const lineWords = { weak: 'line.weak', lost: 'line.lost' } as const;

// On a tile: a sign and words, and nothing where all is well.
export function LineMark({ id }: { id: string }): JSX.Element | null {
  const level = useStore().lines.of(id);
  if (level === 'good') return null;
  return <span class={`line ${level}`} data-testid="line-mark" data-level={level}><Icon name={level === 'lost' ? 'link' : 'signal'} /><span class="sr">, </span><span class="line-words">{t(lineWords[level])}</span></span>;
}

// Seconds since something was lost. A screen reader is told at the beginning and the end, not each second.
export function Since({ at }: { at: number }): JSX.Element | null {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [at]);
  if (at === 0) return null;
  const seconds = Math.max(0, Math.floor((now - at) / 1_000));
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  return <span class="num since" aria-hidden="true" data-testid="since">{t('line.since', { time })}</span>;
}

// Beside the words about a device that the browser keeps from this page.
export function HowToAllow({ kind }: { kind: 'microphone' | 'camera' }): JSX.Element {
  const { aids } = useStore();
  return <Btn look="slim" data-testid={`how-${kind}`} onClick={() => (aids.dialog.value = kind)}>{t('blocked.how')}</Btn>;
}

export function Captions(): JSX.Element | null {
  return useStore().aids.captions.value ? <Lazy of={aidsPart}>{({ Captions: Lines }) => <Lines />}</Lazy> : null;
}

// The list of keys, or how to allow a device.
export function AidDialogs(): JSX.Element | null {
  const { aids } = useStore();
  const { value: open } = aids.dialog;
  const close = (): void => void (aids.dialog.value = '');
  if (!open) return null;
  return (
    <Lazy of={aidsPart}>
      {({ ShortcutsDialog, BlockedDialog }) => (open === 'shortcuts' ? <ShortcutsDialog onClose={close} /> : <BlockedDialog kind={open} onClose={close} />)}
    </Lazy>
  );
}

// In the dialog of devices.
export function AidSwitches(): JSX.Element {
  return <Lazy of={aidsPart}>{({ Switches }) => <Switches />}</Lazy>;
}
