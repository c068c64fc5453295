// The name that the group sees, and how its owner, or a host, changes it. The name on file is never suggested for it.

import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { t } from '../text/text';
import { Btn } from './basics';
import { useStore } from './context';
import { Dialog } from './dialog';

// The own name, with the way to change it.
export function OwnName(): JSX.Element | null {
  const { displayName, verifiedName } = useStore().selfState.latest.value;
  const [changing, setChanging] = useState(false);
  if (displayName === undefined) return null;
  return (
    <div class="spread own-name" data-testid="own-name">
      <p>
        {t('name.groupSees')} <strong class="said">{displayName}</strong>
        {verifiedName && <span class="quiet small on-file">{t('name.alsoSee', { name: verifiedName })}</span>}
      </p>
      <Btn data-testid="rename" onClick={() => setChanging(true)}>{t('name.change')}</Btn>
      {changing && <RenameDialog name={displayName} verifiedName={verifiedName} onClose={() => setChanging(false)} />}
    </div>
  );
}

interface RenameProps {
  participantId?: string; // of somebody else
  name: string;
  verifiedName: string | undefined;
  onClose(): void;
}

export function RenameDialog({ participantId, name, verifiedName, onClose }: RenameProps): JSX.Element {
  const store = useStore();
  const [refused, setRefused] = useState(false);
  const id = useId();
  const rename = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const displayName = String(new FormData(event.currentTarget as HTMLFormElement).get('name')).trim();
    const error = participantId === undefined ? await store.attempt('self.rename', { displayName })
      : await store.attempt('participant.rename', { participantId, displayName });
    if (error) return setRefused(true);
    if (participantId === undefined) store.announcer.announce(t('name.changed', { name: displayName }));
    onClose();
  };
  return (
    <Dialog title={participantId === undefined ? t('name.changeTitle') : t('name.changeOf', { name })} onClose={onClose}
      {...(participantId === undefined ? {} : { about: t('name.changeOfText') })}>
      <form class="stack" onSubmit={(event) => void rename(event)}>
        <div class="field">
          <label for={id}>{t('name.label')}</label>
          <input class="input" id={id} name="name" defaultValue={participantId === undefined ? '' : name} autocomplete={participantId === undefined ? 'nickname' : 'off'} maxLength={128}
            required pattern=".*\S.*" aria-describedby={`${id}-hint`} data-testid="rename-input" />
          <p class="quiet small" id={`${id}-hint`} role="status">{refused ? t('name.refused') : verifiedName && t('name.alsoSee', { name: verifiedName })}</p>
        </div>
        <div class="actions equal">
          <Btn onClick={onClose}>{t('name.keep')}</Btn>
          <Btn type="submit" data-testid="rename-save">{t('name.save')}</Btn>
        </div>
      </form>
    </Dialog>
  );
}
