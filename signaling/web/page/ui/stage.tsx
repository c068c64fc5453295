// The people: everyone the same size, or one large and the others small.

import type { JSX, RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Participant, SlotEntry } from '../../client';
import { colourOf, gettingReady, initialOf, roleName, sends } from '../people';
import { useStore } from './context';
import { SelfVideo } from './devices';
import { Icon } from './icon';
import { Picture } from './picture';

export type View = 'gallery' | 'speaker';

export function Stage({ view }: { view: View }): JSX.Element {
  const store = useStore();
  const { sideRoom } = store.care.care.value;
  // In a side room the two are all there is.
  const people = sideRoom ? store.roster.value.filter(({ id }) => id === sideRoom || id === store.selfId.value) : store.roster.value;
  const screens = store.map.value.filter(({ kind }) => kind === 'screen');
  const large = useLarge(people);
  const label = people.length === 1 ? '1 person' : `${people.length} people`;
  if (screens.length === 0 && (view === 'gallery' || !large)) {
    return <ul class="gallery" aria-label={label}>{people.map((p) => <li class="seat" key={p.id}><Tile person={p} /></li>)}</ul>;
  }
  const small = screens.length > 0 ? people : people.filter((person) => person !== large);
  return (
    <div class="spot">
      <div class="spot-main">
        {screens.map((entry) => <Screen key={`${entry.index}:${entry.csrc}`} entry={entry} />)}
        {screens.length === 0 && large && <div class="seat"><Tile key={large.id} person={large} /></div>}
      </div>
      <ul class="strip" aria-label={label}>{small.map((p) => <li class="seat" key={p.id}><Tile person={p} /></li>)}</ul>
    </div>
  );
}

// Who speaks; in silence who spoke last; before anybody spoke the first other person.
function useLarge(people: readonly Participant[]): Participant | undefined {
  const { speakers, selfId } = useStore();
  const last = useRef('');
  const others = people.filter(({ id }) => id !== selfId.value);
  const now = speakers.value.find((id) => others.some((person) => person.id === id));
  if (now) last.current = now;
  return others.find(({ id }) => id === last.current) ?? others[0];
}

function Tile({ person }: { person: Participant }): JSX.Element {
  const store = useStore();
  const self = person.id === store.selfId.value;
  const camera = self ? store.camera.sending.value : sends(person, 'camera');
  const muted = self ? !store.microphone.sending.value : !sends(person, 'microphone');
  const speaking = !muted && store.speakers.value.includes(person.id);
  const entry = store.map.value.find(({ kind, participantId }) => kind === 'video' && participantId === person.id);
  const slot = entry && store.slots.value.find(({ kind, index }) => kind === 'video' && index === entry.index);
  const look = `tile off ${colourOf(person.id)}${speaking ? ' speaking' : ''}`;
  const name = self ? 'You' : person.displayName;
  const ref = useSight(entry?.publicationId);
  return (
    <div ref={ref} class={look} data-testid="tile" data-participant={person.id} data-name={person.displayName}>
      <span class="initials" aria-hidden="true">{initialOf(person.displayName)}</span>
      {self && <SelfVideo />}
      {!self && camera && entry && slot && <Picture key={`${entry.index}:${entry.csrc}`} slot={slot} csrc={entry.csrc} />}
      {person.handRaised && <div class="badge hand"><Icon name="hand" /><span class="words">Hand raised</span></div>}
      <div class="plate">
        {speaking && <><Icon name="wave" /><span class="sr">Speaking: </span></>}
        {muted && <><Icon name="mic-off" /><span class="sr">Muted: </span></>}
        <span class="name">{name}</span>
        {!camera && <span class="sr">, camera off</span>}
        {!person.connected && <span class="role">Reconnecting</span>}
        {person.connected && person.away && <span class="role">Away</span>}
        {!self && gettingReady(person) && <span class="role">Getting ready</span>}
        {person.connected && !person.away && roleName(person.role) && <span class="role">{roleName(person.role)}</span>}
      </div>
    </div>
  );
}

// Lets the server know how large a tile is.
function useSight<E extends Element = HTMLDivElement>(publicationId: string | undefined): RefObject<E | null> {
  const { sight } = useStore();
  const ref = useRef<E>(null);
  useLayoutEffect(() => (ref.current && publicationId ? sight.watch(ref.current, publicationId) : undefined), [publicationId]);
  return ref;
}

function Screen({ entry }: { entry: SlotEntry }): JSX.Element {
  const store = useStore();
  const { participantId: owner, index, csrc, publicationId } = entry;
  const ref = useSight<HTMLElement>(publicationId);
  const slot = store.slots.value.find((other) => other.kind === 'screen' && other.index === index);
  const name = store.roster.value.find(({ id }) => id === owner)?.displayName ?? '';
  return (
    <figure ref={ref} class="tile screen" data-testid="screen" data-participant={owner}>
      {slot && <Picture slot={slot} csrc={csrc} />}
      <figcaption class="plate"><Icon name="share" /><span class="name">{name} shares a screen</span></figcaption>
    </figure>
  );
}
