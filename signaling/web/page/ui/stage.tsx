// The group: all tiles in one size, or one large and the others small.

import type { JSX, RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Participant, SlotEntry } from '../../client';
import type { Device } from '../media/devices';
import { localTileState, stateWords, type VideoState, type TileState } from '../media/liveness';
import { colourOf, encryptionWarning, gettingReady, initialOf, roleName, isSending, type EncryptionWarning } from '../state/people';
import { EncryptionWords } from './basics';
import { useStore } from './context';
import { SelfVideo } from './devices';
import { Icon, type IconName } from './icon';
import { GuardedVideo } from './video';

export type View = 'gallery' | 'speaker';

export function Stage({ view }: { view: View }): JSX.Element {
  const store = useStore();
  const { sideRoom } = store.selfState.latest.value;
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
      <ul class="strip" aria-label={label} tabIndex={0}>{small.map((p) => <li class="seat" key={p.id}><Tile person={p} /></li>)}</ul>
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
  const camera = self ? store.camera.sending.value : isSending(person, 'camera');
  const muted = self ? !store.microphone.sending.value : !isSending(person, 'microphone');
  const speaking = !muted && store.speakers.value.includes(person.id);
  const entry = store.map.value.find(({ kind, participantId }) => kind === 'video' && participantId === person.id);
  const slot = entry && store.slots.value.find(({ kind, index }) => kind === 'video' && index === entry.index);
  const shown = !self && camera && entry && slot ? { entry, slot } : undefined;
  const [picture, setPicture] = useVideoState(self ? store.camera.track.value?.id ?? '' : shown ? `${shown.slot.track.id}:${shown.entry.csrc}` : '');
  const state = self ? localTileState(ownDevice(store.camera), picture) : camera ? picture : 'off';
  const look = `tile off ${colourOf(person.id)}${speaking ? ' speaking' : ''}`;
  const name = self ? 'You' : person.displayName;
  const ref = useVisibility(entry?.publicationId);
  const warning = store.hosting.value ? encryptionWarning(person) : undefined;
  return (
    <div ref={ref} class={look} data-testid="tile" data-participant={person.id} data-name={person.displayName} data-state={state}>
      <Face name={person.displayName} state={state} warning={warning} />
      {self && <SelfVideo onState={setPicture} />}
      {shown && <GuardedVideo key={`${shown.entry.index}:${shown.entry.csrc}`} slot={shown.slot} csrc={shown.entry.csrc} onState={setPicture} />}
      {state === 'stalled' && <Stalled warning={warning} />}
      {person.handRaised && <div class="badge hand"><Icon name="hand" /><span class="words">Hand raised</span></div>}
      {warning && (!warning.failed || state === 'live') && <div class="badge media" aria-hidden="true"><EncryptionWords warning={warning} /></div>}
      <div class="plate">
        {speaking && <><Icon name="wave" /><span class="sr">Speaking: </span></>}
        {muted && <><Icon name="mic-off" /><span class="sr">Muted: </span></>}
        <span class="name">{name}</span>
        {state !== 'live' && <span class="sr">, {stateWords[state].toLowerCase()}</span>}
        {!person.connected && <span class="role">Reconnecting</span>}
        {person.connected && person.away && <span class="role">Away</span>}
        {!self && gettingReady(person) && <span class="role">Getting ready</span>}
        {person.connected && !person.away && roleName(person.role) && <span class="role">{roleName(person.role)}</span>}
        {warning && <span class="sr">, {warning.what}{warning.detail}</span>}
      </div>
    </div>
  );
}

// The state of the picture that is named by the key; of another one nothing is known yet.
function useVideoState(key: string): [VideoState, (state: VideoState) => void] {
  const [told, setTold] = useState<{ key: string; state: VideoState }>({ key, state: 'starting' });
  const now = useRef(key);
  now.current = key;
  return [told.key === key ? told.state : 'starting', (state) => setTold({ key: now.current, state })];
}

function ownDevice({ track, interrupted, state }: Device): Parameters<typeof localTileState>[0] {
  if (track.value) return interrupted.value ? 'interrupted' : 'on';
  return state.value === 'asking' ? 'asking' : 'off';
}

interface WhyProps {
  state: keyof typeof stateWords;
  warning: EncryptionWarning | undefined;
}

// In place of a picture: who it is, and why there is none. Read out with the name, on the plate.
function Face({ name, state, warning }: { name: string; state: TileState } & Pick<WhyProps, 'warning'>): JSX.Element {
  return (
    <div class="face" aria-hidden="true">
      <span class="initials">{initialOf(name)}</span>
      {(state === 'off' || state === 'starting') && <Why icon={state === 'off' ? 'cam-off' : 'cam'} state={state} warning={warning} />}
    </div>
  );
}

// Over the last picture, which is darkened: nobody shall talk to a face that is not there.
function Stalled({ warning }: Pick<WhyProps, 'warning'>): JSX.Element {
  return <div class="stalled" aria-hidden="true"><Why icon="still" state="stalled" warning={warning} /></div>;
}

// Without a connection the camera does not matter.
function Why({ icon, state, warning }: { icon: IconName } & WhyProps): JSX.Element {
  return <span class="why">{warning?.failed ? <EncryptionWords warning={warning} /> : <><Icon name={icon} /><span class="words">{stateWords[state]}</span></>}</span>;
}

// Lets the server know how large a tile is.
function useVisibility<E extends Element = HTMLDivElement>(publicationId: string | undefined): RefObject<E | null> {
  const { visibility: sight } = useStore();
  const ref = useRef<E>(null);
  useLayoutEffect(() => (ref.current && publicationId ? sight.watch(ref.current, publicationId) : undefined), [publicationId]);
  return ref;
}

function Screen({ entry }: { entry: SlotEntry }): JSX.Element {
  const store = useStore();
  const { participantId: owner, index, csrc, publicationId } = entry;
  const ref = useVisibility<HTMLElement>(publicationId);
  // One that stands still is as it should be: nothing on it changes.
  const [state, setState] = useState<VideoState>('starting');
  const slot = store.slots.value.find((other) => other.kind === 'screen' && other.index === index);
  const name = store.roster.value.find(({ id }) => id === owner)?.displayName ?? '';
  return (
    <figure ref={ref} class="tile screen" data-testid="screen" data-participant={owner}>
      {state === 'starting' && <span class="why" aria-hidden="true"><Icon name="share" /><span class="words">Screen starting</span></span>}
      {slot && <GuardedVideo slot={slot} csrc={csrc} onState={setState} />}
      <figcaption class="plate"><Icon name="share" /><span class="name">{name} shares a screen</span>{state === 'starting' && <span class="sr">, starting</span>}</figcaption>
    </figure>
  );
}
