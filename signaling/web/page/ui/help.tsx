// Asking a therapist for help: what the caller sees, and what therapists see of it.

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { HelpCall } from '../state/people';
import { t } from '../text/text';
import { Btn, focusOn } from './basics';
import { useStore } from './context';
import { Write } from './dialog';
import { Emergency } from './emergency';
import { Icon } from './icon';
import { SideRoomDialog } from './side-room';

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

// For therapists. A call for help stays until one of them has seen to it.
export function HelpAlert({ id, name, here }: HelpCall): JSX.Element {
  const store = useStore();
  const ref = useRef<HTMLElement>(null);
  const [writing, setWriting] = useState(false);
  const [opening, setOpening] = useState(false);
  useEffect(() => ref.current?.scrollIntoView({ block: 'nearest' }), []);
  const reply = (text: string): void => {
    void store.act('help.reply', { participantId: id, text });
    setWriting(false);
  };
  return (
    <section ref={ref} class="alert" role="alert" aria-label={t('help.label')} data-testid="help-alert">
      <div class="who">
        <Icon name="help" />
        <p>
          <strong>{t('help.asks', { name })}</strong><br /><span class="small">{t(here ? 'help.onlyYou' : 'help.inWaiting')}</span>
          {(store.helpReplies.value.get(id) ?? []).map((text, i) => <span class="small answered" key={i}>{t('help.answer', { text })}</span>)}
        </p>
      </div>
      <div class="actions">
        <Btn look="slim" aria-label={t('help.replyTo', { name })} data-testid="help-reply" onClick={() => setWriting(true)}>{t('help.respond')}</Btn>
        {here && store.may('sideroom.open') && !store.selfState.latest.value.sideRoom && (
          <Btn look="slim" data-testid="help-side-room" onClick={() => setOpening(true)}>{t('help.sideRoom')}</Btn>
        )}
        <Btn look="slim plain" aria-label={t('help.doneOne', { name })} data-testid="help-done"
          onClick={() => { void store.act('help.clear', { participantId: id }); focusOn('in-h'); }}>{t('help.done')}</Btn>
      </div>
      {writing && <Write title={t('help.replyTo', { name })} hint={t('help.replyHint', { name })} onSend={reply} onClose={() => setWriting(false)} />}
      {opening && <SideRoomDialog participantId={id} name={name} onClose={() => setOpening(false)} />}
    </section>
  );
}
