// What therapists see of a call for help.

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { HelpCall } from '../state/people';
import { t } from '../text/text';
import { Btn, focusOn } from './basics';
import { useStore } from './context';
import { Write } from './dialog';
import { Icon } from './icon';
import { SideRoomDialog } from './side-room-dialog';

// A call for help stays until one of them has seen to it.
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
