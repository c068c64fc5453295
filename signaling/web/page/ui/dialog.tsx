// A question that needs an answer before anything else. Escape, or closing it, is a no.

import type { ComponentChildren, JSX } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { Heading, refocus } from './basics';

interface Props {
  title: string;
  about?: string;
  children: ComponentChildren;
  onClose(): void;
}

export function Dialog({ title, about, children, onClose }: Props): JSX.Element {
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
  return (
    <dialog ref={ref} class="dialog modal" aria-labelledby={id} aria-describedby={about ? `${id}-about` : undefined} onClose={() => gone.current || onClose()}>
      <div class="about"><Heading level={2} id={id}>{title}</Heading>{about && <p class="quiet" id={`${id}-about`}>{about}</p>}</div>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  yes: string;
  no: string;
  onYes(): void;
  onNo(): void;
  children?: ComponentChildren;
}

export function Confirm({ title, text, yes, no, onYes, onNo, children }: ConfirmProps): JSX.Element {
  return (
    <Dialog title={title} onClose={onNo}>
      <p>{text}</p>
      {children}
      <div class="actions equal">
        <button class="btn" type="button" onClick={onNo}>{no}</button>
        <button class="btn danger" type="button" data-testid="confirm" onClick={onYes}>{yes}</button>
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
          <label for={id}>Your message</label>
          <textarea class="input" id={id} name="text" rows={4} maxLength={1000} required aria-describedby={`${id}-hint`} />
          <p class="quiet small" id={`${id}-hint`}>{hint}</p>
        </div>
        <div class="actions equal">
          <button class="btn" type="button" onClick={onClose}>Do not send</button>
          <button class="btn" type="submit">Send</button>
        </div>
      </form>
    </Dialog>
  );
}
