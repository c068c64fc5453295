// One person of the group: the picture or what stands in its place, the name, and in words what is not as it should be.

import type { ComponentChildren, JSX, RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Participant, Role } from '../../client';
import type { Device } from '../media/devices';
import { localTileState, stateWords, type VideoState, type TileState } from '../media/liveness';
import { colourOf, encryptionWarning, gettingReady, initialOf, roleName, isSending, type EncryptionWarning } from '../state/people';
import { raisedHands } from '../state/seats';
import type { LineLevel } from '../state/lines';
import { t } from '../text/text';
import { LineMark } from './aids';
import { EncryptionWords } from './basics';
import { useStore } from './context';
import { SelfVideo } from './devices';
import { Icon, type IconName } from './icon';
import { GuardedVideo } from './video';

export function Tile({ person }: { person: Participant }): JSX.Element {
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
  const name = self ? t('tile.you') : person.displayName;
  const ref = useVisibility(entry?.publicationId);
  const warning = store.hosting.value ? encryptionWarning(person) : undefined;
  const pinned = store.stage.pinned.value === person.id;
  const paused = shown !== undefined && store.paused.value.includes(shown.entry.publicationId);
  const why = reasonOf(person, state, self, store.lines.of(person.id), paused);
  const over = state === 'live' || state === 'stalled';
  const look = `tile off ${colourOf(person.id)}${speaking ? ' speaking' : ''}${why && over ? ' dim' : ''}`;
  return (
    <div ref={ref} class={look} data-testid="tile" data-participant={person.id} data-name={person.displayName} data-state={state}>
      <div class="face" aria-hidden="true">
        <span class="initials">{initialOf(person.displayName)}</span>
        {!over && <Why why={why} warning={warning} />}
      </div>
      {self && <SelfVideo onState={setPicture} />}
      {shown && <GuardedVideo key={`${shown.entry.index}:${shown.entry.csrc}`} slot={shown.slot} csrc={shown.entry.csrc} onState={setPicture} />}
      {why && over && <div class="stalled" aria-hidden="true"><Why why={why} warning={warning} /></div>}
      <HandBadge person={person} />
      {warning && (!warning.failed || state === 'live') && <div class="badge media" aria-hidden="true"><EncryptionWords warning={warning} /></div>}
      {!self && <PinButton id={person.id} name={name} pinned={pinned} />}
      <div class="plate">
        {speaking && <><Icon name="wave" /><span class="sr">{t('tile.speaking')} </span></>}
        {muted && <><Icon name="mic-off" /><span class="sr">{t('tile.muted')} </span></>}
        <span class="name">{name}</span>
        <RoleMark role={person.role} />
        <LineMark id={person.id} />
        {why && <span class="sr">, {why.words.toLowerCase()}</span>}
        {warning && <span class="sr">, {warning.what}{warning.detail}</span>}
      </div>
    </div>
  );
}

interface Reason {
  icon: IconName;
  words: string;
}

// The first that applies: who has no connection has no camera that matters.
function reasonOf(person: Participant, state: TileState, self: boolean, line: LineLevel, paused: boolean): Reason | undefined {
  if (!person.connected) return { icon: 'again', words: t('tile.reconnecting') };
  if (!self && gettingReady(person)) return { icon: 'clock', words: t('tile.gettingReady') };
  if (!self && line === 'lost' && state !== 'off') return { icon: 'still', words: t('line.lost') }; // before the picture is seen to stand still
  if (state === 'live') return undefined;
  if (paused) return { icon: 'still', words: t('tile.paused') };
  return { icon: ({ off: 'cam-off', starting: 'cam', stalled: 'still' } as const)[state], words: t(stateWords[state]) };
}

// Without a safe connection the camera does not matter.
function Why({ why, warning }: { why: Reason | undefined; warning: EncryptionWarning | undefined }): JSX.Element | null {
  if (warning?.failed) return <span class="why"><EncryptionWords warning={warning} /></span>;
  return why ? <span class="why"><Icon name={why.icon} /><span class="words">{why.words}</span></span> : null;
}

const roleIcons: Partial<Record<Role, IconName>> = { host: 'lead', cohost: 'colead', observer: 'eye' };

// What somebody is here for: as a sign at every size, in words where there is room, and always to a screen reader.
export function RoleMark({ role }: { role: Role }): JSX.Element | null {
  const icon = roleIcons[role];
  if (!icon) return null;
  return <span class="role" data-role={role}><Icon name={icon} /><span class="sr">, </span><span class="words">{roleName(role)}</span></span>;
}

// With several hands up, which one comes first.
export function HandBadge({ person }: { person: Participant }): JSX.Element | null {
  const hands = raisedHands(useStore().stage.people.value);
  const place = hands.findIndex(({ id }) => id === person.id) + 1;
  if (place === 0) return null;
  return (
    <div class="badge hand" data-testid="hand-badge">
      <Icon name="hand" />{hands.length > 1 && <span class="num">{place}</span>}<span class="words">{t('tile.hand')}</span>
    </div>
  );
}

function PinButton({ id, name, pinned }: { id: string; name: string; pinned: boolean }): JSX.Element {
  const { stage } = useStore();
  const words = pinned ? t('tile.unpin', { name }) : t('tile.pin', { name });
  return (
    <button class="pin" type="button" data-testid="pin" data-on={pinned} aria-label={words} title={words} onClick={() => stage.pin(id)}>
      <span aria-hidden="true"><Icon name="pin" />{pinned && <span class="words">{t('tile.pinned')}</span>}</span>
    </button>
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

// Lets the server know how large a tile is.
export function useVisibility<E extends Element = HTMLDivElement>(publicationId: string | undefined): RefObject<E | null> {
  const { visibility: sight } = useStore();
  const ref = useRef<E>(null);
  useLayoutEffect(() => (ref.current && publicationId ? sight.watch(ref.current, publicationId) : undefined), [publicationId]);
  return ref;
}

// Who is here and takes no full tile: who is away, who only watches, and oneself if hidden.
export function Aside({ people }: { people: readonly Participant[] }): JSX.Element | null {
  const { selfId, stage } = useStore();
  if (people.length === 0) return null;
  const word = (person: Participant): ComponentChildren => {
    if (!person.connected) return t('tile.reconnecting');
    if (person.away) return t('tile.away');
    if (person.id === selfId.value && stage.selfHidden.value && person.role !== 'observer') return t('tile.hiddenSelf');
    return undefined;
  };
  return (
    <ul class="asides" aria-label={t('stage.asides')}>
      {people.map((person) => (
        <li key={person.id} class="aside" data-testid="aside" data-participant={person.id}>
          <span class="name">{person.id === selfId.value ? t('tile.you') : person.displayName}</span>
          <RoleMark role={person.role} />
          {word(person) && <span class="quiet">{word(person)}</span>}
          <HandBadge person={person} />
        </li>
      ))}
    </ul>
  );
}
