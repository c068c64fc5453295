// What keeps hosts from missing a call or somebody who waits: on phones a layer above the picture, and the switches of chime and notification.

import type { JSX } from 'preact';
import { t } from '../text/text';
import { Btn } from './basics';
import { useStore } from './context';
import { Icon } from './icon';

export function WaitingCard(): JSX.Element | null {
  const store = useStore();
  const n = store.waiting.value.filter(({ connected }) => connected).length;
  if (n === 0) return null;
  const show = (): void => {
    store.papers.setOpen(false);
    store.panel.value = true;
    requestAnimationFrame(() => {
      const head = document.getElementById('wait-h');
      head?.scrollIntoView({ block: 'start' });
      head?.focus();
    });
  };
  return (
    <section class="alert waiting-card" data-testid="waiting-card">
      <p class="who"><Icon name="people" /><strong role="status">{t('attention.waitCard', { n })}</strong></p>
      <Btn look="slim" data-testid="waiting-show" onClick={show}>{t('attention.waitShow')}</Btn>
    </section>
  );
}

export function AttentionSettings(): JSX.Element {
  const { attention } = useStore();
  const { sound, notify, supported } = attention;
  return (
    <section class="attention small" aria-label={t('attention.label')}>
      <label class="switch">{t('attention.sound')}
        <input type="checkbox" role="switch" checked={sound.value} data-testid="attention-sound" onChange={(event) => attention.setSound(event.currentTarget.checked)} /></label>
      {supported && (
        <label class="switch">{t('attention.notify')}
          <input type="checkbox" role="switch" checked={notify.value === 'on'} disabled={notify.value === 'refused'} data-testid="attention-notify"
            onChange={(event) => void attention.setNotify(event.currentTarget.checked)} /></label>
      )}
      {notify.value === 'refused' && <p class="quiet" role="status">{t('attention.refused')}</p>}
    </section>
  );
}
