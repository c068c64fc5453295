// Consent to a recording, and its withdrawal. Yes and no have the same weight; closing is no answer, and no answer counts as no.

import type { ComponentChildren, JSX } from 'preact';
import { ClinicText } from './agreement';
import { Btn, refocus } from './basics';
import { useStore } from './context';
import { Dialog } from './dialog';
import { Icon } from './icon';

function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

export function ConsentDialog(): JSX.Element | null {
  const store = useStore();
  const { openConsents: open, answeringAgain: again, consentClosed } = store.selfState;
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
  const each = store.recording.rule.value === 'each';
  const encrypted = store.encryption.status.value.mode === 'required';
  const answers = (
    <>
      <div class="actions equal">
        <Btn data-testid="consent-no" onClick={() => answer('refused')}>No, do not record</Btn>
        <Btn data-testid="consent-yes" onClick={() => answer('granted')}>Yes, record</Btn>
      </div>
      <p class="quiet small">No answer, or closing this, counts as no.</p>
    </>
  );
  return (
    <Dialog title="May this session be recorded?" onClose={close} foot={answers}
      about="The therapists ask everyone. Your answer is yours alone.">
      <dl class="facts">
        {purposes && <Fact name="Why">{purposes}</Fact>}
        <Fact name="What">{what} of this session, not the words of the waiting room.</Fact>
        <Fact name="When">
          {each
            ? 'Only those who say yes are recorded. Of the others nothing is recorded.'
            : 'Only if everyone says yes. One no is enough, and then nothing is recorded.'}
        </Fact>
        {encrypted && (
          <Fact name="Who can open it">
            Only the clinic, not the video server. With a yes your device gives the clinic the keys of your own {video && audio ? 'picture and sound' : video ? 'picture' : 'sound'}, for as long as
            your yes lasts.
          </Fact>
        )}
        <Fact name="Later">
          You can take back a yes at any time. Recording {each ? 'of you ' : ''}then stops at once.
          {encrypted && ' Your device then takes other keys, which it gives to nobody outside this group.'}
        </Fact>
      </dl>
      {asked.map(({ scope, texts }) => store.textOf(texts) && (
        <ClinicText key={scope} text={store.textOf(texts)?.text ?? ''} label={scope === 'recording.audio' ? 'What you say yes or no to: sound' : 'What you say yes or no to: picture'} />
      ))}
      <p class="note"><Icon name="shield" /><span>You stay in the session either way. The other participants are not told how you answered.</span></p>
    </Dialog>
  );
}

export function ConsentBanner(): JSX.Element | null {
  const { selfState } = useStore();
  if (selfState.openConsents.value.length === 0 || selfState.answeringAgain.value || !selfState.consentClosed.value) return null;
  return (
    <div class="banner calm">
      <Icon name="rec-off" />
      <p class="words"><strong>You have not answered whether the session may be recorded.</strong> <span>That counts as no.</span></p>
      <Btn data-testid="consent-answer" onClick={() => (selfState.consentClosed.value = false)}>Answer</Btn>
    </div>
  );
}

// Shown outside the group: a person who was sent back, or returns, can still withdraw consent.
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

export function WithdrawButton({ look = '' }: { look?: string }): JSX.Element | null {
  const store = useStore();
  if (store.withdrawal.delayed.value) return null;
  return <Btn look={look} data-testid="withdraw" onClick={() => void store.withdraw().then(refocus)}>Take back my yes</Btn>;
}

// The server does not know of the withdrawal yet.
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
