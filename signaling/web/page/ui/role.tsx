// What a co-therapist or an observer is here for: said in the header at all times, in a banner when it begins, and in full on request.

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../text/text';
import { Lazy } from '../parts';
import { Btn } from './basics';
import { useStore } from './context';
import { dialogsPart } from './dialogs-part';
import { Icon } from './icon';

const roles = {
  observer: { icon: 'eye', name: 'role.observing', brief: 'role.observingBrief', seen: 'role.observerSeen' },
  cohost: { icon: 'colead', name: 'role.coleading', brief: 'role.coleadingBrief', seen: 'role.cohostSeen' },
} as const;

export function useRole(): (typeof roles)[keyof typeof roles] | undefined {
  const role = useStore().role.value;
  return role === 'observer' || role === 'cohost' ? roles[role] : undefined;
}

export function RoleState(): JSX.Element | null {
  const role = useRole();
  const [open, setOpen] = useState(false);
  if (!role) return null;
  return (
    <>
      <button class="shield" type="button" data-testid="role-state" onClick={() => setOpen(true)}>
        <Icon name={role.icon} />{t(role.name)}<span class="sr">. {t('role.what')}</span>
      </button>
      {open && <Lazy of={dialogsPart}>{({ RoleDialog }) => <RoleDialog onClose={() => setOpen(false)} />}</Lazy>}
    </>
  );
}

// Said once for each role that the person gets.
export function RoleBanner(): JSX.Element | null {
  const store = useStore();
  const role = useRole();
  const [open, setOpen] = useState(false);
  const { roleTold } = store;
  if (!role || roleTold.value === store.role.value) return null;
  const close = (): void => void (roleTold.value = store.role.value);
  return (
    <div class="banner calm" data-testid="role-banner">
      <Icon name={role.icon} />
      <p class="words"><strong>{t(role.brief)}</strong> <span>{t(role.seen)}</span></p>
      <div class="actions">
        <Btn onClick={() => setOpen(true)}>{t('role.what')}</Btn>
        <Btn look="dismiss" data-testid="role-close" onClick={close}>{t('role.close')}</Btn>
      </div>
      {open && <Lazy of={dialogsPart}>{({ RoleDialog }) => <RoleDialog onClose={() => { setOpen(false); close(); }} />}</Lazy>}
    </div>
  );
}
