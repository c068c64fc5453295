// The group: all tiles in one size, by pages, or one large and the others small.

import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { gridFor } from '../state/seats';
import type { StageStore } from '../state/stage';
import { t } from '../text/text';
import { useStore } from './context';
import { SharedScreen } from './shared-screen';
import { Tile } from './tile';

export function Stage(): JSX.Element {
  const { stage, map } = useStore();
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => (ref.current ? measure(ref.current, stage) : undefined), []);
  const screens = map.value.filter(({ kind }) => kind === 'screen');
  const pinned = stage.large.value?.id === stage.pinned.value && stage.pinned.value !== '';
  const spot = screens.length > 0 || ((pinned || stage.view.value === 'speaker') && stage.large.value !== undefined);
  return <div class="crowd" ref={ref}>{spot ? <Spot pinned={pinned} /> : <Gallery />}</div>;
}

// A banner that comes takes height for a while: nobody loses a place on the page for it.
function measure(crowd: HTMLElement, stage: StageStore): () => void {
  const look = (): void => {
    const { clientWidth: width, clientHeight: height, parentElement } = crowd;
    const banners = parentElement?.querySelector<HTMLElement>('.notices')?.offsetHeight ?? 0;
    if (width > 0) stage.box.value = { width, height: height + banners };
  };
  const sizes = new ResizeObserver(look);
  sizes.observe(crowd);
  return () => sizes.disconnect();
}

const label = (people: number): string => t('stage.people', { n: people });

function Gallery(): JSX.Element {
  const { stage } = useStore();
  const ref = useRef<HTMLUListElement>(null);
  const { shown, box, gap } = stage;
  const people = shown.value;
  useLayoutEffect(() => {
    if (!box.value) return;
    const { columns, rows } = gridFor(people.length, box.value, gap.value);
    for (const [name, value] of [['columns', columns], ['rows', rows], ['gap', `${gap.value}px`]] as const) ref.current?.style.setProperty(`--${name}`, String(value));
  }, [people.length, box.value, gap.value]);
  return <ul ref={ref} class="gallery" aria-label={label(people.length)}>{people.map((p) => <li class="seat" key={p.id}><Tile person={p} /></li>)}</ul>;
}

function Spot({ pinned }: { pinned: boolean }): JSX.Element {
  const { stage, map } = useStore();
  const screens = map.value.filter(({ kind }) => kind === 'screen');
  const large = screens.length === 0 || pinned ? stage.large.value : undefined;
  const small = stage.tiles.value.filter((person) => person !== large);
  return (
    <div class="spot">
      <div class="spot-main">
        {screens.map((entry) => <SharedScreen key={`${entry.index}:${entry.csrc}`} entry={entry} />)}
        {large && <div class="seat"><Tile key={large.id} person={large} /></div>}
      </div>
      {small.length > 0 && <ul class="strip" aria-label={label(small.length)} tabIndex={0}>{small.map((p) => <li class="seat" key={p.id}><Tile person={p} /></li>)}</ul>}
    </div>
  );
}
