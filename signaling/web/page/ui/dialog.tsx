// A question that needs an answer before anything else. Escape, or closing it, is a no.

import type { ComponentChildren, JSX } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { t } from '../text/text';
import { Heading, refocus } from './basics';

interface Props {
  title: string;
  about?: string;
  lang?: string; // of its words, if they are not the page's
  children: ComponentChildren;
  foot?: ComponentChildren; // the answers: they stay in sight while the text scrolls
  onClose(): void;
}

export function Dialog({ title, about, lang, children, foot, onClose }: Props): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  const gone = useRef(false);
  const before = useRef(document.activeElement).current; // now: the dialog takes the focus
  useLayoutEffect(() => { // before it is painted: what is seen can be answered, and nothing behind it
    const dialog = ref.current;
    dialog?.showModal();
    dialog?.querySelector('h2')?.focus();
    return () => {
      gone.current = true; // taken away, not closed by the person
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      queueMicrotask(refocus); // when all that goes with it is gone, too
    };
  }, []);
  const head = <div class="about"><Heading level={2} id={id}>{title}</Heading>{about && <p class="quiet" id={`${id}-about`}>{about}</p>}</div>;
  return (
    <dialog ref={ref} lang={lang} class={foot ? 'dialog modal asks' : 'dialog modal'} aria-labelledby={id} aria-describedby={about ? `${id}-about` : undefined} onClose={() => gone.current || onClose()}>
      {foot ? <Asking foot={foot}>{head}{children}</Asking> : <>{head}{children}</>}
    </dialog>
  );
}

// A text and its answers. While part of the text is hidden, it is said that there is more.
function Asking({ children, foot }: { children: ComponentChildren; foot: ComponentChildren }): JSX.Element {
  const ref = useRef<HTMLDivElement>(null);
  const [more, setMore] = useState(false);
  const look = (): void => {
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = ref.current ?? {};
    setMore(scrollHeight - scrollTop - clientHeight > hiddenPx);
  };
  useLayoutEffect(() => {
    const observer = new ResizeObserver(look);
    for (const part of [ref.current, ...ref.current?.children ?? []]) if (part) observer.observe(part);
    look();
    return () => observer.disconnect();
  }, []);
  return (
    <>
      <div class="scroll" ref={ref} onScroll={look}>{children}</div>
      <div class="foot">
        {more && <p class="more-to-read" aria-hidden="true" data-testid="more-to-read">↓ {t('read.more')}</p>}
        {foot}
      </div>
    </>
  );
}

const hiddenPx = 8; // less is no line of text

interface ConfirmProps {
  title: string;
  text: string;
  yes: string;
  no: string;
  harmless?: boolean; // nothing is lost by a yes
  onYes(): void;
  onNo(): void;
  children?: ComponentChildren;
}

export function Confirm({ title, text, yes, no, harmless, onYes, onNo, children }: ConfirmProps): JSX.Element {
  return (
    <Dialog title={title} onClose={onNo}>
      {text && <p>{text}</p>}
      {children}
      <div class="actions equal">
        <button class="btn" type="button" onClick={onNo}>{no}</button>
        <button class={harmless ? 'btn' : 'btn danger'} type="button" data-testid="confirm" onClick={onYes}>{yes}</button>
      </div>
    </Dialog>
  );
}

interface WriteProps {
  title: string;
  hint: string;
  onSend(text: string): void;
  onClose(): void;
}

// 1,000 characters: the limit of the protocol.
export function Write({ title, hint, onSend, onClose }: WriteProps): JSX.Element {
  const id = useId();
  const send = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget as HTMLFormElement).get('text')).trim();
    if (text) onSend(text);
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={send}>
        <div class="field">
          <label for={id}>{t('write.label')}</label>
          <textarea class="input" id={id} name="text" rows={4} maxLength={1000} required aria-describedby={`${id}-hint`} />
          <p class="quiet small" id={`${id}-hint`}>{hint}</p>
        </div>
        <div class="actions equal">
          <button class="btn" type="button" onClick={onClose}>{t('write.cancel')}</button>
          <button class="btn" type="submit">{t('write.send')}</button>
        </div>
      </form>
    </Dialog>
  );
}
