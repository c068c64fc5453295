// Side rooms: for the two who are in one, and for the group that they left behind.

import type { JSX } from 'preact';
import { t } from '../text/text';
import { Btn } from './basics';
import { useStore } from './context';
import { Emergency } from './emergency';
import { Icon } from './icon';

export function SideRoomBanner(): JSX.Element | null {
  const store = useStore();
  const { sideRoom } = store.selfState.latest.value;
  if (!sideRoom) return null;
  const name = store.roster.value.find(({ id }) => id === sideRoom)?.displayName ?? t('side.therapist');
  const left = store.hosting.value && store.clock.endsFor.value === 'absent' ? store.clock.minutesLeft.value : undefined;
  return (
    <div class="banner calm" data-testid="side-room">
      <Icon name="door" />
      <p class="words">
        <strong>{t('side.with', { name })}</strong> <span>{t('side.withText')}</span>
        {left !== undefined && <strong data-testid="group-alone">{t('side.groupAlone', { n: left })}</strong>}
      </p>
      <Btn data-testid="side-room-leave" onClick={() => void store.act('sideRoom.leave', {})}>{t('side.back')}</Btn>
    </div>
  );
}

// For everybody who is left behind: by a therapist who is in a side room, or by all therapists.
export function AbsenceBanner(): JSX.Element | null {
  const store = useStore();
  const { room, clock, roster } = store;
  const alone = room.value.hostAbsent;
  const away = roster.value.filter(({ role, away: aside }) => aside && (role === 'host' || role === 'cohost'));
  if (!alone && away.length === 0) return null;
  const left = alone && clock.endsFor.value === 'absent' ? clock.minutesLeft.value : undefined;
  const words = away.map(({ awayMessage }) => awayMessage).filter((text) => text !== undefined);
  return (
    <div class={alone ? 'banner' : 'banner calm'} data-testid="absent">
      <Icon name={away.length > 0 ? 'door' : 'people'} />
      <div class="words">
        <p>
          <strong>{t(away.length === 0 ? 'absent.gone' : alone ? 'absent.moment' : 'absent.one')}</strong>{' '}
          <span>{[away.length === 0 && t('absent.locked'), left !== undefined && t('absent.ends', { n: left })].filter(Boolean).join(' ')}</span>
        </p>
        {words.map((text, i) => <p class="said" key={i}>{t('absent.wrote', { text })}</p>)}
        {alone && <Emergency />}
      </div>
    </div>
  );
}
