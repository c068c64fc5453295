// A shared screen: somebody else's, which can be looked at closely, and one's own, of which one is told for as long as it lasts.

import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { SlotEntry } from '../../client';
import type { VideoState } from '../media/liveness';
import { numberOf, t } from '../text/text';
import { Btn, State } from './basics';
import { useStore } from './context';
import { Icon } from './icon';
import { useVisibility } from './tile';
import { GuardedVideo } from './video';

// In parts of the size in which it fits. Each has a class in the CSS.
const zooms = [1, 1.5, 2, 3, 4];

export function SharedScreen({ entry }: { entry: SlotEntry }): JSX.Element {
  const store = useStore();
  const { participantId: owner, index, csrc, publicationId } = entry;
  const ref = useVisibility<HTMLElement>(publicationId);
  // One that stands still is as it should be: nothing on it changes.
  const [state, setState] = useState<VideoState>('starting');
  const [level, setLevel] = useState(0);
  const slot = store.slots.value.find((other) => other.kind === 'screen' && other.index === index);
  const name = store.roster.value.find(({ id }) => id === owner)?.displayName ?? '';
  const percent = numberOf(zooms[level] ?? 1, { style: 'percent' });
  return (
    <figure ref={ref} class="tile screen" data-testid="screen" data-participant={owner}>
      {state === 'starting' && <span class="why" aria-hidden="true"><Icon name="share" /><span class="words">{t('screen.starting')}</span></span>}
      <div class="pan" role="region" aria-label={t('screen.part')} tabIndex={level > 0 ? 0 : undefined}>
        <div class={`canvas zoom-${level}`} data-testid="screen-canvas">{slot && <GuardedVideo slot={slot} csrc={csrc} onState={setState} />}</div>
      </div>
      <div class="zoom" role="group" aria-label={t('screen.zoom')}>
        <Btn look="slim square" icon="minus" aria-label={t('screen.smaller')} data-testid="zoom-out" disabled={level === 0} onClick={() => setLevel(level - 1)} />
        <span class="num" role="status">{percent}</span>
        <Btn look="slim square" icon="plus" aria-label={t('screen.larger')} data-testid="zoom-in" disabled={level === zooms.length - 1} onClick={() => setLevel(level + 1)} />
      </div>
      <figcaption class="plate"><Icon name="share" /><span class="name">{t('screen.by', { name })}</span>{state === 'starting' && <span class="sr">, {t('screen.starting')}</span>}</figcaption>
    </figure>
  );
}

// Said for as long as it is so, with a look at what the others see.
export function SharingBanner(): JSX.Element | null {
  const { screen, stopScreen } = useSharing();
  const ref = useRef<HTMLVideoElement>(null);
  useLayoutEffect(() => {
    if (ref.current) ref.current.srcObject = screen ? new MediaStream([screen]) : null;
  }, [screen]);
  if (!screen) return null;
  return (
    <div class="banner sharing" data-testid="sharing">
      <video ref={ref} class="sharing-preview" autoplay muted playsInline aria-label={t('sharing.preview')} data-testid="sharing-preview" />
      <p class="words"><strong>{t('sharing.title')}</strong> <span>{t('sharing.text')}</span></p>
      <Btn look="danger" data-testid="sharing-stop" onClick={stopScreen}>{t('sharing.stop')}</Btn>
    </div>
  );
}

export function SharingState(): JSX.Element | null {
  const { screen } = useSharing();
  return screen ? <li data-testid="sharing-state"><State icon="share" look="recording">{t('sharing.state')}</State></li> : null;
}

function useSharing(): { screen: MediaStreamTrack | null; stopScreen(): void } {
  const { localMedia } = useStore();
  return { screen: localMedia.screen.value, stopScreen: () => localMedia.stopScreen() };
}
