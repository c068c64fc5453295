// Leaving. The last therapist decides what becomes of the group: it ends, somebody else leads it, or it goes on alone for a while.

import type { JSX } from 'preact';
import { t } from '../text/text';
import { useStore } from '../ui/context';
import { Confirm } from '../ui/dialog';
import { Lazy } from '../parts';
import { panelPart } from './panel-part';
import { framed } from '../state/token';

const isHost = (role: string): boolean => role === 'host' || role === 'cohost';

export function LeaveDialog({ onNo }: { onNo(): void }): JSX.Element {
  const store = useStore();
  const others = store.roster.value.filter(({ id }) => id !== store.selfId.value);
  const hosts = others.some(({ role, connected }) => isHost(role) && connected);
  if (store.hosting.value && !hosts && others.length > 0) return <Lazy of={panelPart}>{({ LastTherapist }) => <LastTherapist onNo={onNo} />}</Lazy>;
  const text = store.hosting.value ? hosts ? t('leave.host') : '' : framed() ? t('leave.text') : `${t('leave.text')} ${t('leave.back')}`;
  return <Confirm title={t('leave.title')} text={text} yes={t('leave.yes')} no={t('leave.stay')} onNo={onNo} onYes={() => void store.leave()} />;
}
