// The choice of the page's language: on the first screens and, in a session, in the dialog of devices. Each language stands there by its own name.

import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { chooseLanguage, languages, nameOf } from '../text/language';
import { catalogue, t } from '../text/text';

export function LanguageChoice(): JSX.Element | null {
  const id = useId();
  const [failed, setFailed] = useState(false);
  const { language } = catalogue.value;
  const all = languages();
  if (all.length < 2) return null;
  const choose = (select: HTMLSelectElement): void => {
    setFailed(false);
    void chooseLanguage(select.value).then((done) => {
      if (done) return;
      select.value = language;
      setFailed(true);
    });
  };
  return (
    <div class="language" data-testid="language">
      <label class="sr" for={id}>{t('language.label')}</label>
      <select class="input" id={id} value={language} data-testid="language-choice" onChange={(event) => choose(event.currentTarget)}>
        {all.map((tag) => <option key={tag} value={tag} lang={tag}>{nameOf(tag)}</option>)}
      </select>
      {failed && <p class="problem small" role="alert">{t('language.failed')}</p>}
    </div>
  );
}
