// The agreement that a person reads and answers in the waiting room, and its reminder in the session. Yes and no have the same weight;
// closing is no answer.

import type { JSX } from 'preact';
import { paragraphs } from '../state/texts';
import { rich, t } from '../text/text';
import { Btn } from './basics';
import { useStore } from './context';
import { Dialog } from './dialog';

// lang: of the text, which is the clinic's and may be another than the page's.
export function ClinicText({ text, label, lang }: { text: string; label: string; lang?: string | undefined }): JSX.Element {
  return (
    <div class="paper" tabIndex={0} role="region" aria-label={label} lang={lang}>
      {paragraphs(text).map(({ heading, words }, i) => (heading ? <h3 key={i}>{words}</h3> : <p class="said" key={i}>{words}</p>))}
    </div>
  );
}

function saveCopy(text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  link.download = t('agreement.file');
  link.click();
  URL.revokeObjectURL(link.href);
}

export function AgreementDialog(): JSX.Element | null {
  const store = useStore();
  const { text, agreementClosed } = store.selfState;
  const { phone } = store.config;
  const shown = text.value;
  if (!shown || agreementClosed.value) return null;
  const close = (): void => void (agreementClosed.value = true);
  const answers = (
    <>
      <div class="actions equal">
        <Btn data-testid="disagree" onClick={close}>{t('agreement.no')}</Btn>
        <Btn data-testid="agree" onClick={() => void store.act('agreement.acknowledge', { textHash: shown.textHash })}>{t('agreement.yes')}</Btn>
      </div>
      <p class="quiet small">{t('agreement.without')}</p>
    </>
  );
  return (
    <Dialog key={shown.textHash} title={t('agreement.title')} onClose={close} foot={answers}
      about={t('agreement.about')}>
      <ClinicText text={shown.text} lang={shown.locale} label={t('agreement.text')} />
      <p class="quiet small">{t('agreement.version', { version: shown.version })} <button class="link" type="button" onClick={() => saveCopy(shown.text)}>{t('agreement.copy')}</button></p>
      {phone && <p class="quiet small">{rich('agreement.talk', { phone: <a href={`tel:${phone.replaceAll(/[^\d+]/g, '')}`}>{phone}</a> })}</p>}
    </Dialog>
  );
}

// A therapist shows the agreement again; there is nothing to answer.
export function ReminderDialog(): JSX.Element | null {
  const { reminder } = useStore().selfState;
  const shown = reminder.value;
  if (!shown) return null;
  const close = (): void => void (reminder.value = undefined);
  return (
    <Dialog key={shown.textHash} title={t('agreement.again')} onClose={close} about={t('agreement.againAbout')}>
      <ClinicText text={shown.text} lang={shown.locale} label={t('agreement.text')} />
      <div class="actions"><Btn data-testid="reminder-close" onClick={close}>{t('common.close')}</Btn></div>
    </Dialog>
  );
}
