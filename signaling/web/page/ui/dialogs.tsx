// The dialogs of the stage: how a person sees the group, and what a role may do. A part that is loaded when one of them is opened.

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { View } from '../state/stage';
import type { PlainKey } from '../text/text';
import { t } from '../text/text';
import { Btn } from './basics';
import { useStore } from './context';
import { Dialog } from './dialog';
import { Icon } from './icon';
import { canPopOut, popOut } from './pop-out';
import { useRole } from './role';

const views = { gallery: 'view.gallery', speaker: 'view.speaker' } as const;

export function ViewDialog({ onClose }: { onClose(): void }): JSX.Element {
  const { stage } = useStore();
  const choose = (view: View): void => {
    stage.view.value = view;
    if (view === 'gallery') stage.pinned.value = '';
  };
  return (
    <Dialog title={t('view.title')} about={t('view.about')} onClose={onClose}>
      <fieldset class="choices" data-testid="view-dialog">
        <legend class="sr">{t('view.title')}</legend>
        {(['gallery', 'speaker'] as const).map((view) => (
          <label key={view}>
            <input type="radio" name="view" checked={stage.view.value === view} data-testid={`view-${view}`} onChange={() => choose(view)} /> {t(views[view])}
          </label>
        ))}
      </fieldset>
      <label class="switch">
        <span>{t('view.self')}<br /><span class="quiet small">{t('view.selfHint')}</span></span>
        <input type="checkbox" checked={!stage.selfHidden.value} data-testid="self-shown" onChange={() => (stage.selfHidden.value = !stage.selfHidden.value)} />
      </label>
      <div class="actions">
        <FullScreen />
        {canPopOut() && <PopOut onDone={onClose} />}
        <Btn look="main" data-testid="view-close" onClick={onClose}>{t('view.done')}</Btn>
      </div>
    </Dialog>
  );
}

// Telephones of Apple have none.
function FullScreen(): JSX.Element | null {
  const [on, setOn] = useState(Boolean(document.fullscreenElement));
  useEffect(() => {
    const look = (): void => setOn(Boolean(document.fullscreenElement));
    document.addEventListener('fullscreenchange', look);
    return () => document.removeEventListener('fullscreenchange', look);
  }, []);
  if (!document.fullscreenEnabled) return null;
  const toggle = (): void => void (on ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => undefined);
  return <Btn icon="expand" data-testid="full-screen" onClick={toggle}>{on ? t('view.fullScreenOff') : t('view.fullScreenOn')}</Btn>;
}

function PopOut({ onDone }: { onDone(): void }): JSX.Element {
  const store = useStore();
  return <Btn icon="pop-out" data-testid="pop-out" onClick={() => { void popOut(store); onDone(); }}>{t('view.popOut')}</Btn>;
}

// By permission, so that what a host gives or takes is told, too. The first needs none.
const acts: readonly [permission: string | undefined, words: PlainKey, leaders?: true][] = [
  [undefined, 'roleCan.see'], ['publish.microphone', 'roleCan.speak'], ['publish.screen', 'roleCan.screen'], ['hand.raise', 'roleCan.hand'],
  ['help.signal', 'roleCan.help'], ['waiting.manage', 'roleCan.admit', true], ['participant.mute', 'roleCan.mute', true],
  ['sideroom.open', 'roleCan.aside', true], ['recording.manage', 'roleCan.record', true], ['room.lock', 'roleCan.lock', true],
  ['participant.role', 'roleCan.roles', true], ['room.end', 'roleCan.end', true],
];

export function RoleDialog({ onClose }: { onClose(): void }): JSX.Element {
  const store = useStore();
  const role = useRole();
  const may = (permission: string | undefined): boolean => permission === undefined || store.may(permission);
  // To an observer it says nothing that hosts end a session.
  const told = acts.filter(([permission, words, leaders]) => may(permission) || (store.hosting.value ? words !== 'roleCan.help' : !leaders));
  const list = (allowed: boolean): JSX.Element => (
    <ul class="bullets">{told.filter(([permission]) => may(permission) === allowed).map(([, words]) => <li key={words}>{t(words)}</li>)}</ul>
  );
  return (
    <Dialog title={t('role.what')} onClose={onClose}>
      <div class="stack" data-testid="role-dialog">
        {role && <p class="note"><Icon name={role.icon} /><span>{t(role.seen)}</span></p>}
        <div><h3>{t('role.may')}</h3>{list(true)}</div>
        <div><h3>{t('role.mayNot')}</h3>{list(false)}</div>
        <Btn look="main" onClick={onClose}>{t('role.close')}</Btn>
      </div>
    </Dialog>
  );
}
