// What must be done before a therapist can admit a person: the passcode, the agreement, a second factor.

import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { Btn, refocus } from './basics';
import { useStore } from './context';

// What the person must still do in the waiting room.
export function Requirements(): JSX.Element | null {
  const { selfState } = useStore();
  const needs = selfState.needs.value;
  if (needs.length === 0) return null;
  return (
    <section class="card stack" aria-labelledby="todo-h" data-testid="todo">
      <h2 id="todo-h">Before you can be let in</h2>
      {needs.includes('mfa') && <p>This session needs a login with a second factor. Log in at the clinic again, and open the new link.</p>}
      {needs.includes('passcode') && <PasscodeField />}
      {needs.includes('agreement') && (
        <div class="spread">
          <p>You have not agreed to the confidentiality agreement.</p>
          <Btn data-testid="read-agreement" onClick={() => (selfState.agreementClosed.value = false)}>Read the agreement</Btn>
        </div>
      )}
      {needs.includes('verification') && <p>A therapist checks who you are. You do not need to do anything.</p>}
    </section>
  );
}

const wrongPasscode = 'That is not the passcode. Please look again, or ask the clinic.';

// Some rooms ask hosts for the passcode too, with the hello.
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
