// What stands on every page before and after the session.

import type { JSX } from 'preact';
import { useStore } from './context';
import { Icon, Mark } from './icon';

const steps = [['name', 'Name'], ['check', 'Check'], ['agreement', 'Agreement'], ['waiting', 'Waiting room']] as const;
type Step = (typeof steps)[number][0];

export function Top({ step }: { step?: Step }): JSX.Element {
  const { config, selfState } = useStore();
  const asked = steps.filter(([key]) => key !== 'agreement' || selfState.agreementAsked.value);
  const at = asked.findIndex(([key]) => key === step);
  return (
    <header class="top">
      <p class="brand"><Mark /> Alcove</p>
      {config.clinic && <p class="quiet small">{config.clinic}</p>}
      {step !== undefined && (
        <ol class="steps" aria-label="Steps to join">
          {asked.map(([key, name], i) => (
            <li key={key} class={i < at ? 'done' : ''} aria-current={i === at ? 'step' : undefined}>
              {name}{i < at && <span class="sr">, done</span>}
            </li>
          ))}
        </ol>
      )}
    </header>
  );
}

// Offers the clinic's number, where one is configured.
export function ClinicPhone({ look }: { look: 'button' | 'line' }): JSX.Element | null {
  const { phone } = useStore().config;
  if (!phone) return null;
  const href = `tel:${phone.replaceAll(/[^\d+]/g, '')}`;
  if (look === 'button') return <a class="btn" href={href}><Icon name="phone" /> Call the clinic</a>;
  return <p class="quiet small">Need someone now? Call the clinic: <a href={href}>{phone}</a></p>;
}
