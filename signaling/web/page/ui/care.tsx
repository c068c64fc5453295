// The dialogs of agreement and consent, and what stands in the session beside them. Yes and no have the same weight; closing is no
// answer, and no answer is a no.

import type { ComponentChildren, JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { paragraphs, recordingAnnouncements, isRecording } from '../state/self-state';
import { Btn, refocus, State } from './basics';
import { useStore } from './context';
import { Dialog } from './dialog';
import { Icon } from './icon';

// From when on one who is alone is told that it ends.
const soonMinutes = 5;

function ClinicText({ text, label }: { text: string; label: string }): JSX.Element {
  return (
    <div class="paper" tabIndex={0} role="region" aria-label={label}>
      {paragraphs(text).map(({ heading, words }, i) => (heading ? <h3 key={i}>{words}</h3> : <p class="said" key={i}>{words}</p>))}
    </div>
  );
}

function saveCopy(text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  link.download = 'agreement.txt';
  link.click();
  URL.revokeObjectURL(link.href);
}

export function AgreementDialog(): JSX.Element | null {
  const store = useStore();
  const { text, agreementClosed } = store.selfState;
  const { phone } = store.config;
  const shown = text.value;
  if (!shown || agreementClosed.value) return null;
  const close = (): void => void (agreementClosed.value = true);
  return (
    <Dialog key={shown.textHash} title="Our confidentiality agreement" onClose={close}
      about="Please read it before you join the group. You are asked again only when the text changes.">
      <ClinicText text={shown.text} label="Text of the agreement" />
      <p class="quiet small">Version {shown.version}. <button class="link" type="button" onClick={() => saveCopy(shown.text)}>Keep a copy</button></p>
      <div class="actions equal">
        <Btn data-testid="disagree" onClick={close}>I do not agree</Btn>
        <Btn data-testid="agree" onClick={() => void store.act('agreement.acknowledge', { textHash: shown.textHash })}>I agree</Btn>
      </div>
      <p class="quiet small">
        Without agreeing you cannot join this group.
        {phone && <> To talk about it first, call the clinic: <a href={`tel:${phone.replaceAll(/[^\d+]/g, '')}`}>{phone}</a></>}
      </p>
    </Dialog>
  );
}

// A therapist shows what was agreed: there is nothing to answer.
export function ReminderDialog(): JSX.Element | null {
  const { reminder } = useStore().selfState;
  const shown = reminder.value;
  if (!shown) return null;
  const close = (): void => void (reminder.value = undefined);
  return (
    <Dialog key={shown.textHash} title="What we agreed" onClose={close} about="A therapist shows everyone the agreement again.">
      <ClinicText text={shown.text} label="Text of the agreement" />
      <div class="actions"><Btn data-testid="reminder-close" onClick={close}>Close</Btn></div>
    </Dialog>
  );
}

// What the waiting room still asks of the person.
export function Requirements(): JSX.Element | null {
  const { selfState: care } = useStore();
  const needs = care.needs.value;
  if (needs.length === 0) return null;
  return (
    <section class="card stack" aria-labelledby="todo-h" data-testid="todo">
      <h2 id="todo-h">Before you can be let in</h2>
      {needs.includes('mfa') && <p>This session needs a login with a second factor. Log in at the clinic again, and open the new link.</p>}
      {needs.includes('passcode') && <PasscodeField />}
      {needs.includes('agreement') && (
        <div class="spread">
          <p>You have not agreed to the confidentiality agreement.</p>
          <Btn data-testid="read-agreement" onClick={() => (care.agreementClosed.value = false)}>Read the agreement</Btn>
        </div>
      )}
      {needs.includes('verification') && <p>A therapist checks who you are. You do not need to do anything.</p>}
    </section>
  );
}

const wrongPasscode = 'That is not the passcode. Please look again, or ask the clinic.';

// What a room asks before it opens to a host.
export function HelloPasscode(): JSX.Element {
  const store = useStore();
  return <PasscodeForm trouble={store.passcodeTried ? wrongPasscode : ''} onEnter={(code) => store.retry(code)} />;
}

function PasscodeField(): JSX.Element {
  const store = useStore();
  const [trouble, setTrouble] = useState('');
  const enter = async (code: string): Promise<void> => {
    const error = await store.attempt('passcode.enter', { code });
    const wait = Math.ceil((error?.retryAfterMs ?? 0) / 1000);
    if (error?.code === 'rate_limited') setTrouble(`Too many attempts. Please wait ${wait === 1 ? 'one second' : `${wait} seconds`}, then try again.`);
    else setTrouble(error ? wrongPasscode : '');
    if (error) return;
    store.announcer.announce('The passcode is right.');
    refocus();
  };
  return <PasscodeForm trouble={trouble} onEnter={(code) => void enter(code)} />;
}

function PasscodeForm({ trouble, onEnter }: { trouble: string; onEnter(code: string): void }): JSX.Element {
  const id = useId();
  const enter = (event: SubmitEvent): void => {
    event.preventDefault();
    const code = String(new FormData(event.currentTarget as HTMLFormElement).get('code')).trim();
    if (code) onEnter(code);
  };
  return (
    <form class="field" onSubmit={enter}>
      <label for={id}>Passcode of the session</label>
      <div class="row">
        <input class="input grow" id={id} name="code" autocomplete="off" autocapitalize="off" spellcheck={false} maxLength={128} required
          aria-describedby={`${id}-hint`} aria-invalid={trouble !== ''} data-testid="passcode" />
        <Btn type="submit" data-testid="passcode-enter">Enter</Btn>
      </div>
      <p class="quiet small" id={`${id}-hint`} role="status">{trouble || 'The clinic gave it to you, apart from the link.'}</p>
    </form>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

export function ConsentDialog(): JSX.Element | null {
  const store = useStore();
  const { openConsents: open, answeringAgain: again, consentClosed, recordingRule } = store.selfState;
  const asked = open.value;
  if (asked.length === 0 || store.withheld.value || (consentClosed.value && !again.value)) return null;
  const close = (): void => {
    consentClosed.value = true;
    again.value = false;
  };
  const answer = (decision: 'granted' | 'refused'): void => void store.answerConsent(decision);
  const video = asked.some(({ scope }) => scope === 'recording.video');
  const audio = asked.some(({ scope }) => scope === 'recording.audio');
  const what = video && audio ? 'Picture and sound' : video ? 'Picture, not sound' : 'Sound, no picture';
  const purposes = [...new Set(asked.map(({ purpose }) => purpose).filter(Boolean))].join(', ');
  const each = recordingRule.value === 'each';
  return (
    <Dialog title="May this session be recorded?" onClose={close}
      about="The therapists ask everyone. Your answer is yours alone.">
      <dl class="facts">
        {purposes && <Fact name="Why">{purposes}</Fact>}
        <Fact name="What">{what} of this session, not the words of the waiting room.</Fact>
        <Fact name="When">
          {each
            ? 'Only those who say yes are recorded. Of the others nothing is recorded.'
            : 'Only if everyone says yes. One no is enough, and then nothing is recorded.'}
        </Fact>
        <Fact name="Later">You can take back a yes at any time. Recording {each ? 'of you ' : ''}then stops at once.</Fact>
      </dl>
      {asked.map(({ scope, texts }) => store.textOf(texts) && (
        <ClinicText key={scope} text={store.textOf(texts)?.text ?? ''} label={scope === 'recording.audio' ? 'What you say yes or no to: sound' : 'What you say yes or no to: picture'} />
      ))}
      <p class="note"><Icon name="shield" /><span>You stay in the session either way. The other participants are not told how you answered.</span></p>
      <div class="actions equal">
        <Btn data-testid="consent-no" onClick={() => answer('refused')}>No, do not record</Btn>
        <Btn data-testid="consent-yes" onClick={() => answer('granted')}>Yes, record</Btn>
      </div>
      <p class="quiet small">No answer, or closing this, counts as no.</p>
    </Dialog>
  );
}

export function ConsentBanner(): JSX.Element | null {
  const { selfState: care } = useStore();
  if (care.openConsents.value.length === 0 || care.answeringAgain.value || !care.consentClosed.value) return null;
  return (
    <div class="banner calm">
      <Icon name="rec-off" />
      <p class="words"><strong>You have not answered whether the session may be recorded.</strong> <span>That counts as no.</span></p>
      <Btn data-testid="consent-answer" onClick={() => (care.consentClosed.value = false)}>Answer</Btn>
    </div>
  );
}

// Outside the group too: who was sent back, or comes again, may still take back what they gave.
export function GrantedConsentCard(): JSX.Element | null {
  const store = useStore();
  if (store.selfState.granted.value.length === 0) return null;
  return (
    <section class="card spread" aria-label="Recording">
      <p><strong>You said yes to a recording.</strong> Here nothing of you is recorded.</p>
      <WithdrawButton />
    </section>
  );
}

function WithdrawButton({ look = '' }: { look?: string }): JSX.Element | null {
  const store = useStore();
  if (store.withdrawal.delayed.value) return null;
  return <Btn look={look} data-testid="withdraw" onClick={() => void store.withdraw().then(refocus)}>Take back my yes</Btn>;
}

// The server does not know of it yet.
export function WithdrawalBanner(): JSX.Element | null {
  const store = useStore();
  if (!store.withdrawal.delayed.value) return null;
  return (
    <div class="banner" data-testid="withdrawing">
      <Icon name="rec-off" />
      <p class="words">
        <strong>The server could not be told yet that you take back your yes.</strong>{' '}
        <span>It is told as soon as the connection is back. Until then nothing of you is sent, so nothing more of you is recorded.</span>
      </p>
    </div>
  );
}

// Before the first byte, and for as long as it goes on; the way back is in the header too.
export function RecordingBanner(): JSX.Element | null {
  const store = useStore();
  const { recording } = store.room.value;
  const [closed, setClosed] = useState(false);
  if (!isRecording(recording)) {
    if (closed) setClosed(false);
    return null;
  }
  if (closed || store.withdrawal.delayed.value) return null; // there is another word on it
  const each = store.selfState.recordingRule.value === 'each';
  const given = store.selfState.granted.value.length > 0;
  return (
    <div class="banner rec" data-testid="recording-banner">
      <State icon="rec" look="recording">Recording</State>
      <p class="words">
        <strong>{recording === 'on' ? recordingAnnouncements.on : recordingAnnouncements.starting}</strong>{' '}
        <span>
          {each ? (given ? 'You said yes, so you are recorded.' : 'You are not recorded.') : 'Everyone here said yes.'}
          {given && ' You can take back your yes at any time, above, and it then stops.'}
        </span>
      </p>
      <Btn onClick={() => setClosed(true)}>Close</Btn>
    </div>
  );
}

// A recording that ended by itself is said until somebody has read it.
export function FaultBanner(): JSX.Element | null {
  const { recordingFault: fault } = useStore().selfState;
  if (!fault.value) return null;
  return (
    <div class="banner" role="alert" data-testid="recording-fault">
      <Icon name="rec-off" />
      <p class="words"><strong>Recording has stopped: {fault.value}.</strong> <span>Nothing more is recorded. The session goes on.</span></p>
      <Btn onClick={() => (fault.value = '')}>Close</Btn>
    </div>
  );
}

const recordingWords = {
  off: <State icon="rec-off">Not recording</State>,
  asking: <State icon="rec-off">Not recording, asking everyone</State>,
  paused: <State icon="rec-off">Recording paused</State>,
  starting: <State icon="rec" look="recording">Recording is starting</State>,
  on: <State icon="rec" look="recording">Recording</State>,
};

export function RecordingState(): JSX.Element {
  const store = useStore();
  const { recording } = store.room.value;
  const shown = recording in recordingWords ? recordingWords[recording as keyof typeof recordingWords] : recordingWords.on;
  return (
    <>
      <li data-testid="recording" data-state={recording}>{shown}</li>
      {store.selfState.granted.value.length > 0 && (
        <li><WithdrawButton look="slim" /></li>
      )}
      {recording !== 'off' && store.selfState.denied.value && (
        <li><Btn look="slim" data-testid="answer-again" onClick={() => (store.selfState.answeringAgain.value = true)}>Change my answer</Btn></li>
      )}
    </>
  );
}

export function TimeLeft(): JSX.Element | null {
  const { minutesLeft, endsFor } = useStore().selfState;
  const left = minutesLeft.value;
  if (left === undefined || endsFor.value !== 'limit') return null;
  return <li data-testid="time-left"><State icon="clock" look={left <= 10 ? 'num warn' : 'num'}>{left} min left</State></li>;
}

export function WarningBanner(): JSX.Element | null {
  const store = useStore();
  const { warningMinutes: warned } = store.selfState;
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

// Nobody else is there, and the room does not stay open for that.
export function AloneBanner(): JSX.Element | null {
  const { minutesLeft, endsFor } = useStore().selfState;
  const left = minutesLeft.value;
  if (left === undefined || endsFor.value !== 'idle' || left > soonMinutes) return null;
  return (
    <div class="banner" data-testid="alone">
      <Icon name="clock" />
      <p class="words"><strong>You are alone here.</strong> <span>If nobody comes, the session ends in {left} min.</span></p>
    </div>
  );
}

export function AbsenceBanner(): JSX.Element | null {
  const { room, selfState: care } = useStore();
  if (!room.value.hostAbsent) return null;
  const left = care.endsFor.value === 'absent' ? care.minutesLeft.value : undefined;
  return (
    <div class="banner" data-testid="absent">
      <Icon name="people" />
      <p class="words">
        <strong>No therapist is here right now.</strong>{' '}
        <span>Nobody new can enter. {left === undefined ? '' : `If nobody comes back, the session ends in ${left} min.`}</span>
      </p>
    </div>
  );
}

export function SideRoomBanner(): JSX.Element | null {
  const store = useStore();
  const { sideRoom } = store.selfState.latest.value;
  if (!sideRoom) return null;
  const name = store.roster.value.find(({ id }) => id === sideRoom)?.displayName ?? 'a therapist';
  return (
    <div class="banner calm" data-testid="side-room">
      <Icon name="door" />
      <p class="words"><strong>You are in a side room with {name}.</strong> <span>Only the two of you see and hear each other. The group sees that you are away, not why.</span></p>
      <Btn data-testid="side-room-leave" onClick={() => void store.act('sideRoom.leave', {})}>Back to the group</Btn>
    </div>
  );
}

export function HelpCtl(): JSX.Element | null {
  const store = useStore();
  if (!store.may('help.signal')) return null;
  const called = store.selfState.latest.value.helpRaised;
  return (
    <button class={called ? 'ctl help called' : 'ctl help'} type="button" data-testid="help" onClick={() => void store.callHelp()}>
      <Icon name="help" /><span>Help</span><span class="hint">{called ? 'Therapists know' : 'Only therapists see it'}</span>
    </button>
  );
}
