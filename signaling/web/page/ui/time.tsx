// How long the session still takes, and why it ends.

import type { JSX } from 'preact';
import { t } from '../text/text';
import { Btn, State } from './basics';
import { useStore } from './context';
import { Icon } from './icon';

// Minutes before the end at which a person who is alone is warned.
const soonMinutes = 5;

export function TimeLeft(): JSX.Element | null {
  const { minutesLeft, endsFor } = useStore().clock;
  const left = minutesLeft.value;
  if (left === undefined || endsFor.value !== 'limit') return null;
  return <li data-testid="time-left"><State icon="clock" look={left <= 10 ? 'num warn' : 'num'}>{t('time.left', { n: left })}</State></li>;
}

export function WarningBanner(): JSX.Element | null {
  const store = useStore();
  const { warningMinutes: warned } = store.clock;
  const minutes = warned.value;
  if (minutes === null) return null;
  return (
    <div class="banner" data-testid="warning">
      <Icon name="clock" />
      <p class="words"><strong>{t('time.ends', { n: minutes })}</strong></p>
      <div class="actions">
        {store.may('room.extend') && <Btn data-testid="extend-banner" onClick={() => store.extend()}>{t('time.extend')}</Btn>}
        <Btn onClick={() => (warned.value = null)}>{t('common.close')}</Btn>
      </div>
    </div>
  );
}

// An idle room ends by itself.
export function AloneBanner(): JSX.Element | null {
  const { minutesLeft, endsFor } = useStore().clock;
  const left = minutesLeft.value;
  if (left === undefined || endsFor.value !== 'idle' || left > soonMinutes) return null;
  return (
    <div class="banner" data-testid="alone">
      <Icon name="clock" />
      <p class="words"><strong>{t('time.alone')}</strong> <span>{t('time.aloneText', { n: left })}</span></p>
    </div>
  );
}
