// The first step of who will wait: the name. With it the link is spent and the place is theirs, so that everything after takes the
// time it takes. It comes first because the group must see no name that was not chosen.

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Btn, Heading, Note } from '../ui/basics';
import { useStore } from '../ui/context';
import { framed } from '../state/token';
import { localized } from '../text/language';
import { t } from '../text/text';
import { ClinicPhone, Top } from '../ui/top';

interface Props {
  name: string; // as the clinic knows it
  suggested: string;
  observer: boolean;
  endsAt: number | undefined;
  onName(name: string): void;
}

export function NameScreen({ name, suggested, observer, endsAt, onName }: Props): JSX.Element {
  const welcome = localized(useStore().config.welcome);
  return (
    <>
      <Top step="name" />
      <main class="page">
        <form class="stack narrow" onSubmit={(event) => withName(event, onName)}>
          <div class="lead">
            <Heading>{t('name.title')}</Heading>
            {welcome && <p class="said" lang={welcome.lang} dir="auto" data-testid="clinic-welcome">{welcome.text}</p>}
            <p>{t(observer ? 'name.textObserver' : 'name.text')}</p>
          </div>
          <NameField name={name} suggested={suggested} />
          <LinkLife endsAt={endsAt} button={t('name.continue')} />
          <Btn look="main tall wide" type="submit" data-testid="name-continue">{t('name.continue')}</Btn>
          <p class="quiet small">{t('name.after')}</p>
        </form>
      </main>
    </>
  );
}

export function withName(event: SubmitEvent, use: (name: string) => void): void {
  event.preventDefault();
  const typed = String(new FormData(event.currentTarget as HTMLFormElement).get('name')).trim();
  if (typed) use(typed);
}

// The field is empty: what the clinic has on file stands beside it, and is never suggested as the name that the group sees.
export function NameField({ name, suggested }: { name: string; suggested: string }): JSX.Element {
  return (
    <div class="field">
      <label for="name">{t('name.label')}</label>
      <input class="input" id="name" name="name" defaultValue={suggested} autocomplete="nickname" maxLength={128} required pattern=".*\S.*"
        aria-describedby="name-hint" data-testid="name-input" />
      <p class="quiet small" id="name-hint">{name && <span class="on-file" data-testid="also-see">{t('name.alsoSee', { name })}</span>} {t('name.hint')}</p>
    </div>
  );
}

// Time enough to finish a sentence and press the button.
const soonMs = 45_000;

// Says in time that the link ends, and what to do when it has. It refuses nothing: the server decides, and forgives a little.
export function LinkLife({ endsAt, button }: { endsAt: number | undefined; button: string }): JSX.Element {
  const { config } = useStore();
  const left = (endsAt ?? Infinity) - config.aheadMs - Date.now();
  const phase = left > soonMs ? 'fresh' : left > 0 ? 'soon' : 'over';
  const [, look] = useState(0);
  useEffect(() => {
    if (phase === 'over' || left === Infinity) return undefined;
    const timer = setTimeout(() => look((times) => times + 1), phase === 'fresh' ? left - soonMs : left);
    return () => clearTimeout(timer);
  }, [phase]);
  return (
    <div role="status">
      {phase === 'soon' && <div data-testid="link-soon"><Note icon="clock">{t('linkLife.soon', { button })}</Note></div>}
      {phase === 'over' && (
        <div class="stack" data-testid="link-over">
          <Note icon="clock">{t('linkLife.over')} {!framed() && t('ending.askLink')}</Note>
          <ClinicPhone look="line" />
        </div>
      )}
    </div>
  );
}
