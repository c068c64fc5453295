// The list of who waits, for hosts: who they are, what is missing, and the acts that let them in or not.

import type { JSX } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import type { Waiter } from '../../client';
import { t, type PlainKey } from '../text/text';
import { Btn, Count, focusOn } from '../ui/basics';
import { useStore } from '../ui/context';
import { Confirm, Write } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { RenameDialog } from '../ui/rename';

export function WaitingList(): JSX.Element {
  const store = useStore();
  const waiting = store.waiting.value;
  // Made co-therapist in the room: the keys are given by devices with a therapist's link.
  const { mode, state, adds } = store.encryption.status.value;
  const linkOfParticipant = mode === 'required' && state === 'member' && !adds;
  const denied = store.denials.pending.value;
  const here = waiting.filter(({ participantId, connected }) => connected && !denied.has(participantId));
  const admitAll = (): void => {
    // Whoever came since this was drawn is let in too, unless a denial can still be undone.
    void store.act('waiting.admit', { participantIds: denied.size > 0 ? here.map(({ participantId }) => participantId) : '*' });
    focusOn('wait-h');
  };
  return (
    <section aria-labelledby="wait-h">
      <div class="section-head">
        <h2 id="wait-h" tabIndex={-1}>{t('waitList.title')}</h2>
        {waiting.length > 0 && <Count of={waiting.length} />}
        {here.length > 0 && <Btn look="slim" data-testid="admit-all" onClick={admitAll}>{t('waitList.admitAll')}</Btn>}
      </div>
      {linkOfParticipant && <p class="small" data-testid="link-of-participant">{t('waitList.linkOfParticipant')}</p>}
      {waiting.length === 0 ? <p class="quiet small">{t('waitList.nobody')}</p> : (
        <>
          <ul>{waiting.map((waiter) => <WaiterRow key={waiter.participantId} waiter={waiter} />)}</ul>
          <p class="quiet small">{t('waitList.checking')}{waiting.some(({ connected }) => !connected) && ` ${t('waitList.closed')}`}</p>
        </>
      )}
    </section>
  );
}

export function VerifiedMark({ verified }: { verified: boolean }): JSX.Element | null {
  const asked = useStore().verifyAsked.value;
  if (verified) return <><Icon name="verified" /><span class="sr">{t('waitList.verified')}</span></>;
  return asked ? <span class="quiet small">{t('waitList.notVerified')}</span> : null;
}

const needKeys: Record<string, PlainKey> = { mfa: 'need.mfa', passcode: 'need.passcode', agreement: 'need.agreement', verification: 'need.verification' };
const needWords = (need: string): string => (needKeys[need] ? t(needKeys[need]) : need);

function WaiterRow({ waiter }: { waiter: Waiter }): JSX.Element {
  const store = useStore();
  const { participantId, displayName, verifiedName, returning, connected } = waiter;
  const name = store.label(participantId, displayName);
  const messages = store.waitingMessages.value.get(participantId) ?? [];
  if (store.denials.pending.value.has(participantId)) return <DeniedRow participantId={participantId} name={name} />;
  return (
    <li class="waiter" data-testid="waiter" data-participant={participantId} data-name={displayName}>
      <div>
        <span class="person-name"><span class="name">{name}</span> {waiter.verified && <VerifiedMark verified />} <Since at={waiter.since} /></span>
        {verifiedName && verifiedName !== displayName && <span class="person-sub quiet small">{t('waitList.onFile', { name: verifiedName })}</span>}
        {waiter.needs.length > 0 && <span class="person-sub quiet small">{t('waitList.missing', { what: waiter.needs.map(needWords).join(', ') })}</span>}
        {returning && <span class="person-sub quiet small">{t('waitList.earlier')}</span>}
        {!connected && <span class="person-sub quiet small">{t('waitList.away')}</span>}
      </div>
      <WaiterActs waiter={waiter} name={name} />
      {messages.length > 0 && (
        <ul class="waiting-messages small">
          {messages.map(({ from, text }, i) => <li key={i}><span class="quiet">{from === 'host' ? t('waitList.therapist') : name}:</span> {text}</li>)}
        </ul>
      )}
    </li>
  );
}

function WaiterActs({ waiter: { participantId, displayName, verifiedName, verified, needs }, name }: { waiter: Waiter; name: string }): JSX.Element {
  const store = useStore();
  const [open, setOpen] = useState<'write' | 'deny' | 'rename' | ''>('');
  const close = (): void => setOpen('');
  const asked = needs.includes('verification') && store.may('participant.verify');
  const admit = (): void => {
    void store.act('waiting.admit', { participantIds: [participantId], ...(asked ? { verify: true } : {}) });
    focusOn('wait-h');
  };
  const send = (text: string): void => {
    void store.act('waiting.message', { participantId, text });
    close();
  };
  return (
    <div class="actions">
      {(asked || (verified && store.verifyAsked.value)) && (
        <Btn look="slim square" icon="verified" aria-pressed={verified} aria-label={t('waitList.verify', { name })} data-testid="verify-waiter"
          onClick={() => void store.act('mod.verify', { participantId, verified: !verified })} />
      )}
      {store.may('participant.rename') && (
        <Btn look="slim square" icon="name" aria-label={t('name.changeOf', { name })} data-testid="rename-waiter" onClick={() => setOpen('rename')} />
      )}
      <Btn look="slim square" icon="chat" aria-label={t('waitList.message', { name })} data-testid="message-waiter" onClick={() => setOpen('write')} />
      <Btn look="slim danger" aria-label={t('waitList.denyOne', { name })} data-testid="deny" onClick={() => setOpen('deny')}>{t('waitList.deny')}</Btn>
      <Btn look="slim main" aria-label={t(asked ? 'waitList.verifyAdmitOne' : 'waitList.admitOne', { name })} data-testid="admit" onClick={admit}>
        {t(asked ? 'waitList.verifyAdmit' : 'waitList.admit')}
      </Btn>
      {open === 'write' && <Write title={t('waitList.writeTitle', { name })} hint={t('waitList.writeHint')} onSend={send} onClose={close} />}
      {open === 'deny' && <DenyDialog participantId={participantId} name={name} onClose={close} />}
      {open === 'rename' && <RenameDialog participantId={participantId} name={displayName} verifiedName={verifiedName} onClose={close} />}
    </div>
  );
}

function DenyDialog({ participantId, name, onClose }: { participantId: string; name: string; onClose(): void }): JSX.Element {
  const store = useStore();
  const [message, setMessage] = useState('');
  const id = useId();
  const deny = (): void => {
    onClose();
    store.denials.begin(participantId, message.trim());
    focusOn('wait-h');
  };
  return (
    <Confirm title={t('waitList.denyTitle', { name })} text={t('waitList.denyText', { name })} yes={t('waitList.deny')} no={t('waitList.denyKeep')} onNo={onClose} onYes={deny}>
      <div class="field">
        <label for={id}>{t('waitList.word', { name })}</label>
        <textarea class="input" id={id} rows={3} maxLength={1000} value={message} data-testid="deny-word" onInput={(event) => setMessage(event.currentTarget.value)} />
      </div>
    </Confirm>
  );
}

function DeniedRow({ participantId, name }: { participantId: string; name: string }): JSX.Element {
  const store = useStore();
  const undo = (): void => {
    store.denials.undo(participantId);
    focusOn('wait-h');
  };
  return (
    <li class="waiter denied" data-testid="denied" data-participant={participantId}>
      <p class="small" role="status">{t('waitList.denied', { name })}</p>
      <Btn look="slim" aria-label={t('waitList.undoOne', { name })} data-testid="undo-deny" onClick={undo}>{t('waitList.undo')}</Btn>
    </li>
  );
}

// Whole minutes are enough, and do not flicker.
function Since({ at }: { at: number }): JSX.Element {
  const minutes = (): number => Math.max(0, Math.floor((Date.now() - at) / 60_000));
  const [waited, setWaited] = useState(minutes);
  useEffect(() => {
    const timer = setInterval(() => setWaited(minutes()), 15_000);
    return () => clearInterval(timer);
  }, [at]);
  return <span class="quiet small num">{t('waitList.minutes', { n: waited })}</span>;
}
