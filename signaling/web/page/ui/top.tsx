// What stands on every page before and after the session.

import type { JSX } from 'preact';
import { useStore } from './context';
import { Icon, Mark } from './icon';

export function Top({ step, agreement }: { step?: number; agreement?: boolean }): JSX.Element {
  const steps = agreement ? ['Check', 'Agreement', 'Waiting room'] : ['Check', 'Waiting room'];
  const { config } = useStore();
  return (
    <header class="top">
      <p class="brand"><Mark /> Alcove</p>
      {config.clinic && <p class="quiet small">{config.clinic}</p>}
      {step !== undefined && (
        <ol class="steps" aria-label="Steps to join">
          {steps.map((name, i) => (
            <li key={name} class={i < step ? 'done' : ''} aria-current={i === step ? 'step' : undefined}>
              {name}{i < step && <span class="sr">, done</span>}
            </li>
          ))}
        </ol>
      )}
    </header>
  );
}

// Offers the clinic's number, where one is configured.
export function Call({ look }: { look: 'button' | 'line' }): JSX.Element | null {
  const { phone } = useStore().config;
  if (!phone) return null;
  const href = `tel:${phone.replaceAll(/[^\d+]/g, '')}`;
  if (look === 'button') return <a class="btn" href={href}><Icon name="phone" /> Call the clinic</a>;
  return <p class="quiet small">Need someone now? Call the clinic: <a href={href}>{phone}</a></p>;
}
