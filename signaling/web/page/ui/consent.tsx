// Consent to a recording, and its withdrawal. Yes and no have the same weight; closing is no answer, and no answer counts as no.

import type { ComponentChildren, JSX } from 'preact';
import { wordsIn } from '../text/language';
import { t } from '../text/text';
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
  // The question is asked in the language of the text that it is about.
  const { lang, say } = wordsIn(store.textOf(asked[0]?.texts ?? [])?.locale ?? '');
  const purposes = [...new Set(asked.map(({ purpose }) => purpose).filter(Boolean))].join(', ');
  const each = store.recording.rule.value === 'each';
  const encrypted = store.encryption.status.value.mode === 'required';
  const answers = (
    <>
      <div class="actions equal">
        <Btn data-testid="consent-no" onClick={() => answer('refused')}>{say('consent.no')}</Btn>
        <Btn data-testid="consent-yes" onClick={() => answer('granted')}>{say('consent.yes')}</Btn>
      </div>
      <p class="quiet small">{say('consent.noAnswer')}</p>
    </>
  );
  return (
    <Dialog title={say('consent.title')} lang={lang} onClose={close} foot={answers} about={say('consent.about')}>
      <dl class="facts">
        {purposes && <Fact name={say('consent.why')}>{purposes}</Fact>}
        <Fact name={say('consent.what')}>{say(video && audio ? 'consent.whatBoth' : video ? 'consent.whatVideo' : 'consent.whatAudio')}</Fact>
        <Fact name={say('consent.when')}>{say(each ? 'consent.whenEach' : 'consent.whenAll')}</Fact>
        {encrypted && <Fact name={say('consent.who')}>{say(video && audio ? 'consent.whoBoth' : video ? 'consent.whoVideo' : 'consent.whoAudio')}</Fact>}
        <Fact name={say('consent.later')}>{say(each ? 'consent.laterEach' : 'consent.laterAll')}{encrypted && ` ${say('consent.laterKeys')}`}</Fact>
      </dl>
      {asked.map(({ scope, texts }) => store.textOf(texts) && (
        <ClinicText key={scope} text={store.textOf(texts)?.text ?? ''} lang={store.textOf(texts)?.locale} label={say(scope === 'recording.audio' ? 'consent.textAudio' : 'consent.textVideo')} />
      ))}
      <p class="note"><Icon name="shield" /><span>{say('consent.stay')}</span></p>
    </Dialog>
  );
}

export function ConsentBanner(): JSX.Element | null {
  const { selfState } = useStore();
  if (selfState.openConsents.value.length === 0 || selfState.answeringAgain.value || !selfState.consentClosed.value) return null;
  return (
    <div class="banner calm">
      <Icon name="rec-off" />
      <p class="words"><strong>{t('consent.unanswered')}</strong> <span>{t('consent.countsAsNo')}</span></p>
      <Btn data-testid="consent-answer" onClick={() => (selfState.consentClosed.value = false)}>{t('consent.answer')}</Btn>
    </div>
  );
}

// Shown outside the group: a person who was sent back, or returns, can still withdraw consent.
export function GrantedConsentCard(): JSX.Element | null {
  const store = useStore();
  if (store.selfState.granted.value.length === 0) return null;
  return (
    <section class="card spread" aria-label={t('consent.section')}>
      <p><strong>{t('consent.given')}</strong> {t('consent.givenHere')}</p>
      <WithdrawButton />
    </section>
  );
}

export function WithdrawButton({ look = '' }: { look?: string }): JSX.Element | null {
  const store = useStore();
  if (store.withdrawal.delayed.value) return null;
  return <Btn look={look} data-testid="withdraw" onClick={() => void store.withdraw().then(refocus)}>{t('consent.takeBack')}</Btn>;
}

// The server does not know of the withdrawal yet.
export function WithdrawalBanner(): JSX.Element | null {
  const store = useStore();
  if (!store.withdrawal.delayed.value) return null;
  return (
    <div class="banner" data-testid="withdrawing">
      <Icon name="rec-off" />
      <p class="words">
        <strong>{t('consent.withdrawing')}</strong>{' '}
        <span>{t('consent.withdrawingText')}</span>
      </p>
    </div>
  );
}
