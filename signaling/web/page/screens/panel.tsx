// The host's panel: who waits, who is here, who was taken out, and what concerns all.

import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { Participant } from '../../client';
import { colourOf, encryptionWarning, gettingReady, initialOf, roleName, isSending } from '../state/people';
import { Btn, Count, EncryptionWords, focusOn, State, StateBtn } from '../ui/basics';
import { useStore } from '../ui/context';
import { AttentionSettings, WaitingCard } from '../ui/attention';
import { narrow } from '../state/narrow';
import { Confirm } from '../ui/dialog';
import { EncryptionSection, UnadmittedAlert } from '../ui/encryption';
import { HelpAlert } from '../ui/help-alert';
import { Icon } from '../ui/icon';
import { RenameDialog } from '../ui/rename';
import { SideRoomDialog } from '../ui/side-room-dialog';
import { raisedHands } from '../state/seats';
import { t } from '../text/text';
import { VerifiedMark, WaitingList } from './waiting-list';

export function Panel(): JSX.Element {
  return (
    <aside class="panel" aria-label={t('panel.label')}>
      <div class="panel-scroll" tabIndex={0} role="region" aria-label={t('panel.waitingAndGroup')}>
        {!narrow.value && <HostRequests />}
        <WaitingList />
        <RaisedHands />
        <AttentionSettings />
        <PeopleList />
        <EncryptionSection />
        <BarredList />
      </div>
      <Foot />
    </aside>
  );
}

export { LastTherapist } from './last-therapist';

// Above the picture and every panel, where a phone shows nothing else at once.
export function Calls(): JSX.Element {
  return <div class="calls" role="region" aria-label={t('calls.label')}><HostRequests /><WaitingCard /></div>;
}

// Requests to hosts: at the top of the panel, or above the group while the panel is closed, and on phones.
export function HostRequests(): JSX.Element {
  return <>{useStore().helpCalls.value.map((call) => <HelpAlert key={call.id} {...call} />)}<UnadmittedAlert /><ShareRequests /></>;
}

function ShareRequests(): JSX.Element | null {
  const store = useStore();
  const people = store.shareRequests.value.flatMap((id) => store.roster.value.find((person) => person.id === id) ?? []);
  if (people.length === 0) return null;
  const grant = (participantId: string): void => {
    void store.act('mod.grant', { participantId, grant: 'screen', granted: true });
    store.dismissShareRequest(participantId);
  };
  return (
    <>
      {people.map(({ id, displayName }) => (
        <section class="alert" key={id} aria-label={t('panel.asksShare', { name: displayName })}>
          <div class="who"><Icon name="share" /><p><strong>{t('panel.asksShareScreen', { name: displayName })}</strong><br /><span class="small">{t('help.onlyYou')}</span></p></div>
          <div class="actions">
            <Btn look="slim" onClick={() => grant(id)}>{t('panel.allow')}</Btn>
            <Btn look="slim" onClick={() => store.dismissShareRequest(id)}>{t('panel.notNow')}</Btn>
          </div>
        </section>
      ))}
    </>
  );
}

// In the order in which they were raised.
function RaisedHands(): JSX.Element | null {
  const store = useStore();
  const hands = raisedHands(store.roster.value);
  if (hands.length === 0) return null;
  const lower = (participantIds: string[] | '*'): void => {
    void store.act('mod.lowerHands', { participantIds });
    focusOn(participantIds === '*' || hands.length === 1 ? 'in-h' : 'hands-h');
  };
  return (
    <section aria-labelledby="hands-h">
      <div class="section-head">
        <h2 id="hands-h" tabIndex={-1}>{t('hands.title')}</h2><Count of={hands.length} />
        {hands.length > 1 && <Btn look="slim" data-testid="lower-all" onClick={() => lower('*')}>{t('hands.lowerAll')}</Btn>}
      </div>
      <ol class="hands">
        {hands.map(({ id, displayName: name }) => (
          <li class="person-row" key={id} data-testid="raised-hand" data-participant={id}>
            <Icon name="hand" /><span class="person-name"><span class="name">{name}</span></span>
            <Btn look="slim" aria-label={t('hands.lower', { name })} data-testid="lower-hand" onClick={() => lower([id])}>{t('hands.lowerOne')}</Btn>
          </li>
        ))}
      </ol>
    </section>
  );
}

// Asks once: it interrupts whoever speaks.
function MuteAll(): JSX.Element | null {
  const store = useStore();
  const [asking, setAsking] = useState(false);
  const live = store.roster.value.some((person) => person.role !== 'host' && person.role !== 'cohost' && isSending(person, 'microphone'));
  const mute = (): void => {
    setAsking(false);
    void store.act('mod.muteAll', { source: 'microphone' });
  };
  return (
    <>
      {live && <Btn look="slim" icon="mic-off" data-testid="mute-all" onClick={() => setAsking(true)}>{t('people.muteAll')}</Btn>}
      {asking && (
        <Confirm title={t('people.muteAllTitle')} text={t('people.muteAllText')} yes={t('people.muteAllYes')} no={t('people.muteAllNo')}
          onNo={() => setAsking(false)} onYes={mute} />
      )}
    </>
  );
}

function PeopleList(): JSX.Element {
  const { roster, recorder } = useStore();
  const people = roster.value;
  return (
    <section aria-labelledby="in-h">
      <div class="section-head"><h2 id="in-h" tabIndex={-1}>{t('panel.inGroup')}</h2><span class="quiet num">{people.length}</span><MuteAll /></div>
      <ul>
        {people.map((person) => <PersonRow key={person.id} person={person} />)}
        {recorder.value && <li class="person" data-testid="recorder"><div class="person-row"><Icon name="rec" /><span class="person-name">
          <span class="name">{t('people.recorder')}</span><span class="quiet small">{t('panel.recorderText')}</span></span></div></li>}
      </ul>
    </section>
  );
}

function PersonRow({ person }: { person: Participant }): JSX.Element {
  const store = useStore();
  const [more, setMore] = useState(false);
  const id = useId();
  const self = person.id === store.selfId.value;
  const name = store.label(person.id, person.displayName);
  const warning = encryptionWarning(person);
  const sub = [self ? t('tile.you') : '', roleName(person.role), !self && gettingReady(person) ? t('tile.gettingReady') : ''].filter(Boolean).join(', ');
  return (
    <li class={`person ${colourOf(person.id)}`} data-testid="person" data-participant={person.id} data-name={name}>
      <div class="person-row">
        <span class="initials avatar" aria-hidden="true">{initialOf(name)}</span>
        <span class="person-name"><span class="name">{name}</span>{sub && <span class="quiet small">{sub}</span>}
          {!self && person.role !== 'host' && <VerifiedMark verified={person.verified} />}{person.away && <span class="quiet small">{t('panel.sideRoom')}</span>}</span>
        {self ? <span /> : <MuteOrMuted person={person} />}
        {self || person.role === 'host' ? <span /> : (
          <Btn look="plain slim square" icon="more" aria-expanded={more} aria-controls={id} aria-label={t('panel.moreFor', { name })}
            data-testid="more" onClick={() => setMore(!more)} />
        )}
        {warning && <span class="state warn"><EncryptionWords warning={warning} /></span>}
      </div>
      {more && <More id={id} person={person} />}
    </li>
  );
}

function MuteOrMuted({ person }: { person: Participant }): JSX.Element {
  const store = useStore();
  if (!isSending(person, 'microphone')) return <State icon="mic-off" look="quiet">{t('panel.muted')}</State>;
  return (
    <Btn look="slim" aria-label={t('panel.muteOne', { name: person.displayName })} data-testid="mute"
      onClick={() => void store.act('mod.mute', { participantId: person.id, source: 'microphone' })}>{t('panel.mute')}</Btn>
  );
}

const grantWords = { microphone: 'grant.microphone', camera: 'grant.camera', screen: 'grant.screen' } as const;
const grantIcons = { microphone: ['mic', 'mic-off'], camera: ['cam', 'cam-off'], screen: ['share', 'share'] } as const;

function More({ id, person }: { id: string; person: Participant }): JSX.Element {
  const store = useStore();
  const [open, setOpen] = useState<'remove' | 'rename' | 'sideRoom' | ''>('');
  const close = (): void => setOpen('');
  const { id: participantId } = person;
  const name = store.label(participantId, person.displayName);
  const allowed = {
    microphone: !person.taken.includes('microphone'), camera: !person.taken.includes('camera'),
    screen: store.screenForAll.value ? !person.taken.includes('screen') : person.grants.includes('screen'),
  };
  const grant = (source: keyof typeof allowed): void =>
    void store.act('mod.grant', { participantId, grant: source, granted: !allowed[source] });
  const sendBack = (): void => {
    void store.act('mod.sendBack', { participantId });
    focusOn('in-h');
  };
  return (
    <div class="person-more" id={id} role="group" aria-label={name}>
      {!isSending(person, 'microphone') && person.role !== 'observer' && allowed.microphone && (
        <Btn look="slim" icon="mic" onClick={() => void store.act('mod.askUnmute', { participantId, source: 'microphone' })}>{t('panel.askUnmute')}</Btn>
      )}
      {person.role === 'participant' && store.may('participant.grant') && (
        <>
          {(['microphone', 'camera', 'screen'] as const).map((source) => (
            <StateBtn key={source} look="slim" icon={grantIcons[source][allowed[source] ? 0 : 1]} on={allowed[source]} data-testid={`grant-${source}`}
              state={t(allowed[source] ? 'grant.allowed' : 'grant.taken', { what: t(grantWords[source]) })} act={t(allowed[source] ? 'grant.take' : 'grant.give')}
              onClick={() => grant(source)} />
          ))}
        </>
      )}
      {store.may('participant.verify') && (
        <StateBtn look="slim" icon="verified" on={person.verified} data-testid="verify"
          state={t(person.verified ? 'verify.verified' : 'verify.not')} act={t(person.verified ? 'verify.take' : 'verify.give')}
          onClick={() => void store.act('mod.verify', { participantId, verified: !person.verified })} />
      )}
      {store.may('sideroom.open') && person.role !== 'cohost' && !store.selfState.latest.value.sideRoom && !person.away && (
        <Btn look="slim" icon="door" data-testid="side-room-open" onClick={() => setOpen('sideRoom')}>{t('help.sideRoom')}</Btn>
      )}
      {store.may('participant.role') && (
        <StateBtn look="slim" icon="colead" on={person.role === 'cohost'} data-testid="set-role"
          state={roleName(person.role) || t('role.participant')} act={t(person.role === 'cohost' ? 'role.makeParticipant' : 'role.makeCohost')}
          onClick={() => void store.act('mod.setRole', { participantId, role: person.role === 'cohost' ? 'participant' : 'cohost' })} />
      )}
      {store.may('participant.rename') && (
        <Btn look="slim" icon="name" data-testid="rename-person" onClick={() => setOpen('rename')}>{t('name.change')}</Btn>
      )}
      <Btn look="slim" icon="back" data-testid="send-back" onClick={sendBack}>{t('panel.moveToWaiting')}</Btn>
      <Btn look="slim danger" icon="remove" data-testid="remove" onClick={() => setOpen('remove')}>{t('panel.remove')}</Btn>
      {open === 'remove' && <RemoveDialog participantId={participantId} name={name} onClose={close} />}
      {open === 'rename' && <RenameDialog participantId={participantId} name={person.displayName} verifiedName={person.verifiedName} onClose={close} />}
      {open === 'sideRoom' && <SideRoomDialog participantId={participantId} name={name} onClose={close} />}
    </div>
  );
}

function RemoveDialog({ participantId, name, onClose }: { participantId: string; name: string; onClose(): void }): JSX.Element {
  const store = useStore();
  const [message, setMessage] = useState('');
  const id = useId();
  const remove = (): void => {
    const text = message.trim();
    void store.act('mod.remove', { participantId, ...(text ? { message: text } : {}) });
    onClose();
  };
  return (
    <Confirm title={t('panel.removeTitle', { name })} yes={t('panel.remove')} no={t('panel.removeNo')} onNo={onClose} onYes={remove}
      text={t('panel.removeText', { name })}>
      <div class="field">
        <label for={id}>{t('panel.removeWord', { name })}</label>
        <textarea class="input" id={id} rows={3} maxLength={1000} value={message} onInput={(event) => setMessage(event.currentTarget.value)} />
      </div>
    </Confirm>
  );
}

function BarredList(): JSX.Element | null {
  const store = useStore();
  const barred = store.barred.value;
  if (barred.length === 0) return null;
  return (
    <section aria-labelledby="barred-h">
      <div class="section-head"><h2 id="barred-h">{t('panel.barred')}</h2><span class="quiet num">{barred.length}</span></div>
      <ul>
        {barred.map(({ participantId, displayName }) => (
          <li class="waiter" key={participantId}>
            <span class="person-name"><span class="name">{displayName}</span></span>
            <Btn look="slim" aria-label={t('panel.liftOne', { name: displayName })} data-testid="lift"
              onClick={() => void store.act('mod.lift', { participantId })}>{t('panel.lift')}</Btn>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Foot(): JSX.Element {
  const store = useStore();
  const [ending, setEnding] = useState(false);
  const { locked, recording } = store.room.value;
  const scopes = [...store.recording.scopes.value];
  const record = (): void => void (recording === 'off' ? store.act('recording.start', { scopes }) : store.act('recording.stop', {}));
  return (
    <section class="panel-foot" aria-label={t('panel.session')}>
      <StateBtn icon={locked ? 'lock' : 'unlock'} on={locked} data-testid="lock-toggle" state={t(locked ? 'lock.locked' : 'lock.open')}
        act={t(locked ? 'lock.unlock' : 'lock.lock')} onClick={() => void store.act(locked ? 'room.unlock' : 'room.lock', {})} />
      {store.may('recording.manage') && scopes.length > 0 && (
        <Btn icon={recording === 'off' ? 'rec' : 'rec-off'} data-testid="record" onClick={record}>{t(recording === 'off' ? 'panel.askRecord' : 'panel.stopRecording')}</Btn>
      )}
      {store.may('agreement.remind') && (
        <Btn icon="shield" data-testid="remind" onClick={() => void store.act('agreement.remind', {})}>{t('panel.agreement')}</Btn>
      )}
      {store.may('room.extend') && store.room.value.endsFor === 'limit' && (
        <Btn icon="clock" data-testid="extend" onClick={() => store.extend()}>{t('time.extend')}</Btn>
      )}
      {store.may('room.end') && (
        <Btn look="danger" icon="leave" data-testid="end-for-all" onClick={() => setEnding(true)}>{t('panel.endAll')}</Btn>
      )}
      {ending && (
        <Confirm title={t('panel.endTitle')} yes={t('panel.endAll')} no={t('panel.endNo')} onNo={() => setEnding(false)}
          text={t('panel.endText')}
          onYes={() => void store.act('room.end', {})} />
      )}
    </section>
  );
}
