// The clinic's own words for an emergency, and its number.

import type { JSX } from 'preact';
import { localized } from '../text/language';
import { rich, t } from '../text/text';
import { useStore } from './context';

export function Emergency(): JSX.Element | null {
  const { emergency, phone } = useStore().config;
  const words = localized(emergency);
  if (!words && !phone) return null;
  const href = `tel:${phone.replaceAll(/[^\d+]/g, '')}`;
  return (
    <div class="emergency" data-testid="emergency">
      <strong>{t('help.emergency')}</strong>
      {words && <p class="said" lang={words.lang}>{words.text}</p>}
      {phone && <p>{rich('help.phone', { phone: <a href={href}>{phone}</a> })}</p>}
    </div>
  );
}
