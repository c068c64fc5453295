// How long the session still takes, and why it ends.

import type { JSX } from 'preact';
import { Btn, State } from './basics';
import { useStore } from './context';
import { Icon } from './icon';

// Minutes before the end at which a person who is alone is warned.
const soonMinutes = 5;

export function TimeLeft(): JSX.Element | null {
  const { minutesLeft, endsFor } = useStore().clock;
  const left = minutesLeft.value;
  if (left === undefined || endsFor.value !== 'limit') return null;
  return <li data-testid="time-left"><State icon="clock" look={left <= 10 ? 'num warn' : 'num'}>{left} min left</State></li>;
}

export function WarningBanner(): JSX.Element | null {
  const store = useStore();
  const { warningMinutes: warned } = store.clock;
  const minutes = warned.value;
  if (minutes === null) return null;
  return (
    <div class="banner" data-testid="warning">
      <Icon name="clock" />
      <p class="words"><strong>The session ends in {minutes === 1 ? 'one minute' : `${minutes} minutes`}.</strong></p>
      <div class="actions">
        {store.may('room.extend') && <Btn data-testid="extend-banner" onClick={() => store.extend()}>Add 15 min</Btn>}
        <Btn onClick={() => (warned.value = null)}>Close</Btn>
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
      <p class="words"><strong>You are alone here.</strong> <span>If nobody comes, the session ends in {left} min.</span></p>
    </div>
  );
}
