// Asking a therapist for help, and the side room that may follow.

import type { JSX } from 'preact';
import { Btn } from './basics';
import { useStore } from './context';
import { Icon } from './icon';

export function SideRoomBanner(): JSX.Element | null {
  const store = useStore();
  const { sideRoom } = store.selfState.latest.value;
  if (!sideRoom) return null;
  const name = store.roster.value.find(({ id }) => id === sideRoom)?.displayName ?? 'a therapist';
  return (
    <div class="banner calm" data-testid="side-room">
      <Icon name="door" />
      <p class="words"><strong>You are in a side room with {name}.</strong> <span>Only the two of you see and hear each other. The group sees that you are away, not why.</span></p>
      <Btn data-testid="side-room-leave" onClick={() => void store.act('sideRoom.leave', {})}>Back to the group</Btn>
    </div>
  );
}

export function HelpCtl(): JSX.Element | null {
  const store = useStore();
  if (!store.may('help.signal')) return null;
  const called = store.selfState.latest.value.helpRaised;
  return (
    <button class={called ? 'ctl help called' : 'ctl help'} type="button" data-testid="help" onClick={() => void store.callHelp()}>
      <Icon name="help" /><span>Help</span><span class="hint">{called ? 'Therapists know' : 'Only therapists see it'}</span>
    </button>
  );
}
