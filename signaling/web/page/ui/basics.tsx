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

interface StateBtnProps extends Omit<BtnProps, 'children'> {
  state: string; // what is so now
  act: string; // what the button does
  on?: boolean;
}

// A button that changes a state: says above what is so, and below what it does.
export function StateBtn({ state, act, on, look = '', ...rest }: StateBtnProps): JSX.Element {
  return (
    <Btn {...rest} look={`two-lines ${look}`.trim()} data-on={on}>
      <span class="lines"><span class="quiet small">{state}</span><span class="sr">. </span><span>{act}</span></span>
    </Btn>
  );
}

interface CtlProps {
  icon: IconName;
  off?: IconName;
  label: string; // what is so now
  act?: string; // what the button then does
  look?: string;
  on?: boolean;
  expanded?: boolean;
  count?: number;
  countOf?: string;
  testid?: string;
  onClick(): void;
}

// A control of the bar: says in words what is so now and what it does, for a colour may mean either.
export function Ctl({ icon, off, label, act, look = '', on, expanded, count, countOf, testid, onClick }: CtlProps): JSX.Element {
  return (
    <button class={`ctl ${look}`.trim()} type="button" data-on={on} aria-expanded={expanded} data-testid={testid}
      title={act} onClick={onClick}>
      <Icon name={icon} {...(off ? { when: 'on' as const } : {})} />
      {off && <Icon name={off} when="off" />}
      <span>{label}</span>
      {act && <span class="hint"><span class="sr">. </span>{act}</span>}
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
