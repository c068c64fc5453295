// The session itself: header, stage, bar, and the host's panel.

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Device } from '../media/devices';
import { Ctl, Heading, State } from '../ui/basics';
import { ReminderDialog } from '../ui/agreement';
import { ConsentBanner, ConsentDialog, WithdrawalBanner } from '../ui/consent';
import { EncryptionBanner, EncryptionDialog, ShieldState } from '../ui/encryption';
import { narrow } from '../state/narrow';
import { HelpBanner, HelpCtl } from '../ui/help';
import { AbsenceBanner, SideRoomBanner } from '../ui/side-room';
import { FaultBanner, RecordingBanner, RecordingState } from '../ui/recording';
import { AloneBanner, TimeLeft, WarningBanner } from '../ui/time';
import { DevicesCtl } from '../ui/checks';
import { Captions, MutedBanner, SoundOnlyBanner, WeakLineBanner } from '../ui/aids';
import { useStore } from '../ui/context';
import { DeviceCtls } from '../ui/devices';
import { Mark } from '../ui/icon';
import { Banners, DeviceBanner, LinkBanner, MediaBanner, NoticeBanner, ReloadBanner, RestartBanner, AudioBlockedBanner, SpeakerBanner, UnmuteBanner } from '../ui/messages';
import { GroupAudio } from '../ui/video';
import { RoleBanner, RoleState } from '../ui/role';
import { SharingBanner, SharingState } from '../ui/shared-screen';
import { Stage } from '../ui/stage';
import { StageLine, ViewCtl } from '../ui/view';
import { LeaveDialog } from './leave';
import { Lazy } from '../parts';
import { panelPart } from './panel-part';
import { t } from '../text/text';
import { papersPart } from './papers-part';

export function SessionScreen(): JSX.Element {
  const store = useStore();
  const writing = store.papers.available.value && store.papers.open.value;
  const came = store.papers.received.value.length > 0;
  useEffect(() => void (came && papersPart.load()), [came]);
  const open = store.hosting.value && store.panel.value && !writing;
  return (
    <div class={open ? 'session hosting' : writing ? 'session hosting writing' : 'session'} data-testid="session">
      <a class="skip" href="#controls">{t('session.skip')}</a>
      <Head />
      <main class="stage" id="stage" aria-label={t('session.group')} tabIndex={0}>
        <Banners brief>
          {store.hosting.value && !open && !narrow.value && <Lazy of={panelPart}>{({ HostRequests }) => <HostRequests />}</Lazy>}
          <HelpBanner /><SharingBanner /><NoticeBanner /><EncryptionBanner /><LinkBanner /><MediaBanner /><AudioBlockedBanner /><UnmuteBanner /><SideRoomBanner />
          <MutedBanner /><WeakLineBanner /><SoundOnlyBanner /><WithdrawalBanner /><RecordingBanner /><FaultBanner /><ConsentBanner /><AbsenceBanner /><WarningBanner /><RestartBanner />
          <DeviceBanner kind="microphone" /><DeviceBanner kind="camera" /><SpeakerBanner /><AloneBanner /><RoleBanner /><ReloadBanner />
        </Banners>
        <Stage />
        <StageLine />
      </main>
      <Bar panel={open} setPanel={(now) => { if (now) store.papers.setOpen(false); store.panel.value = now; }} />
      {store.hosting.value && narrow.value && <Lazy of={panelPart}>{({ Calls }) => <Calls />}</Lazy>}
      {open && <Lazy of={panelPart}>{({ Panel }) => <Panel />}</Lazy>}
      {writing && <Lazy of={papersPart}>{({ PapersPanel }) => <PapersPanel />}</Lazy>}
      <EncryptionDialog />
      <ConsentDialog />
      <ReminderDialog />
      <GroupAudio />
      <Captions />
    </div>
  );
}

function Head(): JSX.Element {
  const { room } = useStore();
  const { name, locked } = room.value;
  return (
    <header class="head">
      <p class="brand"><Mark /><span class="sr">Alcove</span></p>
      <Heading>{name || t('session.name')}</Heading>
      <ShieldState />
      <RoleState />
      <ul class="states" aria-label={t('session.states')}>
        <li>{locked ? <State icon="lock">{t('session.locked')}</State> : <State icon="unlock">{t('session.unlocked')}</State>}</li>
        <RecordingState />
        <SharingState />
        <TimeLeft />
      </ul>
    </header>
  );
}

interface BarProps {
  panel: boolean;
  setPanel(open: boolean): void;
}

function Bar({ panel, setPanel }: BarProps): JSX.Element {
  const store = useStore();
  const [leaving, setLeaving] = useState(false);
  const allowed = (kind: Device['kind']): boolean => store.may(`publish.${kind}`);
  const raised = store.self.value?.handRaised ?? false;
  return (
    <section class="bar" id="controls" aria-label={t('session.controls')} tabIndex={-1}>
      <DeviceCtls allowed={allowed}><DevicesCtl allowed={allowed} /></DeviceCtls>
      <div class="bar-group" role="group" aria-label={t('session.takePart')}>
        <ShareCtl />
        <ViewCtl look="laptop" />
        {store.may('hand.raise') && (
          <Ctl icon="hand" label={raised ? t('ctl.handUp') : t('ctl.handDown')} act={raised ? t('ctl.handLower') : t('ctl.handRaise')} on={raised}
            testid="hand-toggle" onClick={() => void store.setHand(!raised)} />
        )}
        {store.papers.available.value && (
          <Ctl icon="chat" label={t('session.chat')} expanded={store.papers.open.value} count={store.papers.unread.value} countOf={t('session.new')}
            testid="papers-toggle" onClick={() => store.papers.setOpen(!store.papers.open.value)} />
        )}
        {store.hosting.value && (
          <Ctl icon="people" label={t('session.people')} expanded={panel} count={store.waiting.value.length} countOf={t('session.waiting')}
            testid="people-toggle" onClick={() => setPanel(!panel)} />
        )}
      </div>
      <div class="bar-group">
        <HelpCtl />
        <Ctl icon="leave" label={t('session.leave')} look="leave" testid="leave" onClick={() => setLeaving(true)} />
      </div>
      {leaving && <LeaveDialog onNo={() => setLeaving(false)} />}
    </section>
  );
}

// Where a browser cannot share a screen, there is no button for it.
function ShareCtl(): JSX.Element | null {
  const store = useStore();
  if (!('getDisplayMedia' in navigator.mediaDevices) || store.self.value?.role === 'observer') return null;
  const allowed = store.may('publish.screen');
  const sharing = store.localMedia.screen.value !== null;
  const words = !allowed ? { label: t('ctl.shareAsk'), act: t('ctl.shareAskHint') }
    : sharing ? { label: t('ctl.sharing'), act: t('ctl.shareStop'), on: true } : { label: t('ctl.share'), act: t('ctl.shareStart'), on: false };
  return <Ctl icon="share" look="laptop" testid="screen-toggle" {...words} onClick={() => void store.share()} />;
}
