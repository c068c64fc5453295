// How a person sees the group: the line below it, and the dialog behind View.

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { presence } from '../state/seats';
import { t } from '../text/text';
import { Lazy } from '../parts';
import { Btn, Ctl } from './basics';
import { dialogsPart } from './dialogs-part';
import { useStore } from './context';
import { Aside } from './tile';

// Who is here without a tile, and the pages. On phones also who leads and watches, and View, for which the bar has no room.
export function StageLine(): JSX.Element | null {
  const { stage } = useStore();
  const phone = stage.phone.value;
  if (!phone && stage.aside.value.length === 0 && stage.pages.value < 2) return null;
  return (
    <div class="stage-line">
      {phone && <Presence />}
      <Pages />
      {phone && <ViewCtl />}
      <Aside people={stage.aside.value} />
    </div>
  );
}

function Presence(): JSX.Element {
  const { therapists, observers } = presence(useStore().stage.people.value);
  const leading = t('stage.therapists', { n: therapists });
  const words = observers > 0 ? t('stage.hereObserved', { therapists: leading, observers: t('stage.observers', { n: observers }) }) : t('stage.here', { therapists: leading });
  return <p class="presence small" data-testid="presence">{words}</p>;
}

function Pages(): JSX.Element | null {
  const { stage } = useStore();
  const { pages, pageShown, view, pinned } = stage;
  if (pages.value < 2 || view.value === 'speaker' || pinned.value) return null;
  const page = pageShown.value + 1;
  return (
    <div class="pages" role="group" aria-label={t('stage.pages')}>
      <Btn look="slim square" icon="previous" aria-label={t('stage.previous')} data-testid="page-previous" disabled={page === 1} onClick={() => stage.turn(-1)} />
      <span class="num small" role="status" data-testid="page"><span class="sr">{t('stage.page', { page, pages: pages.value })}</span><span aria-hidden="true">{page} / {pages.value}</span></span>
      <Btn look="slim square" icon="next" aria-label={t('stage.next')} data-testid="page-next" disabled={page === pages.value} onClick={() => stage.turn(1)} />
    </div>
  );
}

export function ViewCtl({ look }: { look?: string }): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <>
      {look === undefined
        ? <Btn look="slim" icon="layout" data-testid="view-phone" onClick={() => setOpen(true)}>{t('view.open')}</Btn>
        : <Ctl icon="layout" label={t('view.open')} look={look} testid="view" onClick={() => setOpen(true)} />}
      {open && <Lazy of={dialogsPart}>{({ ViewDialog }) => <ViewDialog onClose={() => setOpen(false)} />}</Lazy>}
    </>
  );
}
