// What stands on every page before and after the session.

import type { JSX } from 'preact';
import { rich, t } from '../text/text';
import { useStore } from './context';
import { Icon, Mark } from './icon';
import { LanguageChoice } from './language';

const steps = [['name', 'top.name'], ['check', 'top.check'], ['agreement', 'top.agreement'], ['waiting', 'top.waiting']] as const;
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
        <ol class="steps" aria-label={t('top.steps')}>
          {asked.map(([key, name], i) => (
            <li key={key} class={i < at ? 'done' : ''} aria-current={i === at ? 'step' : undefined}>
              {t(name)}{i < at && <span class="sr">{t('top.done')}</span>}
            </li>
          ))}
        </ol>
      )}
      <LanguageChoice />
    </header>
  );
}

// Offers the clinic's number, where one is configured.
export function ClinicPhone({ look }: { look: 'button' | 'line' }): JSX.Element | null {
  const { phone } = useStore().config;
  if (!phone) return null;
  const href = `tel:${phone.replaceAll(/[^\d+]/g, '')}`;
  if (look === 'button') return <a class="btn" href={href}><Icon name="phone" /> {t('phone.button')}</a>;
  return <p class="quiet small">{rich('phone.line', { phone: <a href={href}>{phone}</a> })}</p>;
}
