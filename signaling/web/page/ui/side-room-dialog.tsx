// Opening a side room: said once what it means, with a word for the group that is left behind.

import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { t } from '../text/text';
import { useStore } from './context';
import { Confirm } from './dialog';

export function SideRoomDialog({ participantId, name, onClose }: { participantId: string; name: string; onClose(): void }): JSX.Element {
  const store = useStore();
  const [word, setWord] = useState('');
  const id = useId();
  const { roster, selfId } = store;
  const other = roster.value.some((person) => person.id !== selfId.value && (person.role === 'host' || person.role === 'cohost') && person.connected && !person.away);
  const left = roster.value.some((person) => person.id !== selfId.value && person.id !== participantId && !person.away);
  const open = (): void => {
    const message = word.trim();
    void store.act('mod.sideRoom', { participantId, ...(message ? { message } : {}) });
    onClose();
  };
  return (
    <Confirm title={t('side.openTitle', { name })} text={t('side.openText')} yes={t('side.open')} no={t('side.stay')} harmless onNo={onClose} onYes={open}>
      {!other && left && <p>{t('side.openAlone')}</p>}
      {left && (
        <div class="field">
          <label for={id}>{t('side.word')}</label>
          <textarea class="input" id={id} rows={2} maxLength={200} value={word} data-testid="side-room-word" onInput={(event) => setWord(event.currentTarget.value)} />
        </div>
      )}
    </Confirm>
  );
}
