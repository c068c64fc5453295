// Asking a therapist for help: what the caller sees of it.

import type { JSX } from 'preact';
import { t } from '../text/text';
import { Btn } from './basics';
import { useStore } from './context';
import { Emergency } from './emergency';
import { Icon } from './icon';

export function HelpCtl(): JSX.Element | null {
  const store = useStore();
  if (!store.may('help.signal')) return null;
  const called = store.selfState.latest.value.helpRaised;
  return (
    <button class={called ? 'ctl help called' : 'ctl help'} type="button" data-testid="help" onClick={() => void store.callHelp()}>
      <Icon name="help" /><span>{t('help.ctl')}</span><span class="hint">{t(called ? 'help.ctlCalled' : 'help.ctlHint')}</span>
    </button>
  );
}

// For the caller, as long as the call stands: that it was heard, what a therapist answers, and what to do if nobody comes.
export function HelpBanner(): JSX.Element | null {
  const store = useStore();
  const called = store.selfState.latest.value.helpRaised;
  const replies = store.helpReplies.value.get(store.selfId.value) ?? [];
  if (!called) return null;
  return (
    <div class="banner calm help-call" data-testid="help-called">
      <Icon name="help" />
      <div class="words">
        <p><strong>{t('help.called')}</strong> <span>{t('help.calledText')}</span></p>
        {replies.map((text, i) => <p key={i} data-testid="help-reply-shown"><strong>{t('help.response')}</strong> <span class="said">{text}</span></p>)}
        <Emergency />
      </div>
      <Btn data-testid="help-take-back" onClick={() => void store.takeHelpBack()}>{t('help.takeBack')}</Btn>
    </div>
  );
}
