// What must be done before a therapist can admit a person: the passcode, the agreement, a second factor.

import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { t } from '../text/text';
import { Btn, refocus } from './basics';
import { useStore } from './context';

// What the person must still do in the waiting room.
export function Requirements(): JSX.Element | null {
  const { selfState } = useStore();
  const needs = selfState.needs.value;
  if (needs.length === 0) return null;
  return (
    <section class="card stack" aria-labelledby="todo-h" data-testid="todo">
      <h2 id="todo-h">{t('todo.title')}</h2>
      {needs.includes('mfa') && <p>{t('todo.mfa')}</p>}
      {needs.includes('passcode') && <PasscodeField />}
      {needs.includes('agreement') && (
        <div class="spread">
          <p>{t('todo.agreement')}</p>
          <Btn data-testid="read-agreement" onClick={() => (selfState.agreementClosed.value = false)}>{t('todo.readAgreement')}</Btn>
        </div>
      )}
      {needs.includes('verification') && <p>{t('todo.verification')}</p>}
    </section>
  );
}

// Some rooms ask hosts for the passcode too, with the hello.
export function HelloPasscode(): JSX.Element {
  const store = useStore();
  return <PasscodeForm trouble={store.passcodeTried ? t('passcode.wrong') : ''} onEnter={(code) => store.retry(code)} />;
}

function PasscodeField(): JSX.Element {
  const store = useStore();
  const [trouble, setTrouble] = useState('');
  const enter = async (code: string): Promise<void> => {
    const error = await store.attempt('passcode.enter', { code });
    const wait = Math.ceil((error?.retryAfterMs ?? 0) / 1000);
    if (error?.code === 'rate_limited') setTrouble(t('passcode.wait', { n: wait }));
    else setTrouble(error ? t('passcode.wrong') : '');
    if (error) return;
    store.announcer.announce(t('passcode.right'));
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
      <label for={id}>{t('passcode.label')}</label>
      <div class="row">
        <input class="input grow" id={id} name="code" autocomplete="off" autocapitalize="off" spellcheck={false} maxLength={128} required
          aria-describedby={`${id}-hint`} aria-invalid={trouble !== ''} data-testid="passcode" />
        <Btn type="submit" data-testid="passcode-enter">{t('passcode.confirm')}</Btn>
      </div>
      <p class="quiet small" id={`${id}-hint`} role="status">{trouble || t('passcode.hint')}</p>
    </form>
  );
}
