// The smallest parts: buttons, controls, states in words.

import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { EncryptionWarning } from '../state/people';
import { Icon, type IconName } from './icon';

type BtnProps = Omit<JSX.IntrinsicElements['button'], 'class' | 'type' | 'icon'> & {
  look?: string;
  icon?: IconName;
  type?: 'button' | 'submit';
};

export function Btn({ look = '', icon, type = 'button', children, ...rest }: BtnProps): JSX.Element {
  return <button {...rest} type={type} class={`btn ${look}`.trim()}>{icon && <Icon name={icon} />}{children}</button>;
}

interface CtlProps {
  icon: IconName;
  off?: IconName;
  label: string;
  look?: string;
  pressed?: boolean;
  expanded?: boolean;
  count?: number;
  countOf?: string;
  testid?: string;
  onClick(): void;
}

// A control of the bar. Its name never changes; whether it is on is said by aria-pressed.
export function Ctl({ icon, off, label, look = '', pressed, expanded, count, countOf, testid, onClick }: CtlProps): JSX.Element {
  return (
    <button class={`ctl ${look}`.trim()} type="button" aria-pressed={pressed} aria-expanded={expanded} data-testid={testid}
      onClick={onClick}>
      <Icon name={icon} {...(off ? { when: 'on' as const } : {})} />
      {off && <Icon name={off} when="off" />}
      <span>{label}</span>
      {count ? <span class="count"><span class="sr">{countOf}: </span>{count}</span> : null}
    </button>
  );
}

export function State({ icon, look = '', children }: { icon: IconName; look?: string; children: ComponentChildren }): JSX.Element {
  return <span class={`state ${look}`.trim()}><Icon name={icon} /> {children}</span>;
}

export function EncryptionWords({ warning: { failed, what, detail } }: { warning: EncryptionWarning }): JSX.Element {
  return <><Icon name={failed ? 'link' : 'shield-weak'} /><span class="words encryption">{what}<span class="detail">{detail}</span></span></>;
}

export function Note({ icon, children }: { icon: IconName; children: ComponentChildren }): JSX.Element {
  return <p class="note"><Icon name={icon} /><span>{children}</span></p>;
}

export function Count({ of }: { of: number }): JSX.Element {
  return <span class="count num">{of}</span>;
}

// A heading that takes the focus when its screen appears, so that a change is read out and the keyboard starts there: at once, or it
// would take it from one who has gone on.
export function Heading({ level = 1, id, children }: { level?: 1 | 2; id?: string; children: ComponentChildren }): JSX.Element {
  const ref = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => ref.current?.focus(), []);
  const Tag = level === 1 ? 'h1' : 'h2';
  return <Tag ref={ref} id={id} tabIndex={-1}>{children}</Tag>;
}

// When what the keyboard stood on is gone, it goes on at the head of the page.
export function refocus(): void {
  const { activeElement } = document;
  if (!activeElement || activeElement === document.body) document.querySelector<HTMLElement>('h1')?.focus();
}

// When a row goes away with the button that was pressed, the keyboard goes on at the head of its list, or of the page.
export function focusOn(id: string): void {
  (document.getElementById(id) ?? document.querySelector('h1'))?.focus();
}
