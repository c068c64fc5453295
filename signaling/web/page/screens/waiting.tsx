// The waiting room. It answers one question above all: nobody sees or hears you here.

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { WaitingMessage } from '../state/store';
import { Btn, Heading } from '../ui/basics';
import { DevicesCtl } from '../ui/checks';
import { useStore } from '../ui/context';
import { DeviceCtls, SelfVideo } from '../ui/devices';
import { Write } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { Banners, DeviceBanner, LinkBanner, NoticeBanner, ReloadBanner, RestartBanner, SpeakerBanner } from '../ui/messages';
import { AgreementDialog } from '../ui/agreement';
import { GrantedConsentCard, WithdrawalBanner } from '../ui/consent';
import { OwnName } from '../ui/rename';
import { Requirements } from '../ui/requirements';
import { ClinicPhone, Top } from '../ui/top';

export function WaitingScreen(): JSX.Element {
  const store = useStore();
  const back = store.access.value?.reason === 'sent_back';
  const todo = store.selfState.needs.value.some((need) => need !== 'verification');
  return (
    <>
      <Top step={store.selfState.needs.value.includes('agreement') ? 'agreement' : 'waiting'} />
      <main class="page" data-testid="waiting-room">
        <Banners><WithdrawalBanner /><ReloadBanner /><RestartBanner /><LinkBanner /><NoticeBanner /><DeviceBanner kind="microphone" /><DeviceBanner kind="camera" /><SpeakerBanner /></Banners>
        <div class="split waiting">
          <Self />
          <div class="stack">
            <div class="lead" role="status">
              <Heading key={String(back)}>{back ? 'You are back in the waiting room' : 'You are in the waiting room'}</Heading>
              <p>
                {back
                  ? 'A therapist moved you here. Nobody sees or hears you now. They can let you in again.'
                  : `A therapist decides when to let you in. ${todo ? 'Before that, please do what stands below.' : 'You do not need to do anything, and this page changes by itself.'}`}
              </p>
              {back && store.access.value?.message && <p>They wrote: “{store.access.value.message}”</p>}
            </div>
            <Requirements />
            <GrantedConsentCard />
            <OwnName />
            <PrivacyAnswer />
            <WaitingMessages />
            <Next />
            <div class="spread">
              <ClinicPhone look="line" />
              <Btn data-testid="leave" onClick={() => void store.leave()}>Leave the waiting room</Btn>
            </div>
          </div>
        </div>
      </main>
      <AgreementDialog />
    </>
  );
}

function Self(): JSX.Element {
  const { camera, observing } = useStore();
  const allowed = (): boolean => !observing.value;
  return (
    <div class="self">
      <figure class={`tile niche p1${camera.track.value ? '' : ' off'}`}>
        {camera.track.value
          ? <SelfVideo label="Your camera preview" />
          : <svg class="figure" role="img" aria-label="No picture"><use href="#niche" /></svg>}
        <figcaption class="plate"><span class="name">{camera.track.value ? 'Only you see this' : 'Camera off'}</span></figcaption>
      </figure>
      <div class="preview-bar"><DeviceCtls allowed={allowed}><DevicesCtl allowed={allowed} /></DeviceCtls></div>
    </div>
  );
}

function PrivacyAnswer(): JSX.Element {
  const { observing: { value: observing }, encryption } = useStore();
  return (
    <section class="answer" aria-labelledby="who-h">
      <h2 id="who-h" class="small">Who can see or hear me?</h2>
      <strong><Icon name="eye-off" /> Nobody</strong>
      <p>{observing ? 'Your camera and microphone are not used, here or in the group.' : 'Your picture and sound stay on this device until you are let in.'} Therapists see the name you chose, the name the clinic has for you, and how long you have waited.</p>
      <p>You do not see who else is here either.</p>
      {encryption.shield.value !== 'none' && <p data-testid="encryption-promise">In the group, only the devices of the group can open your picture and sound. The video server cannot hear you. You trust your clinic’s page.</p>}
    </section>
  );
}

export function WaitingMessages(): JSX.Element {
  const store = useStore();
  const [writing, setWriting] = useState(false);
  const messages = store.waitingMessages.value.get(store.selfId.value) ?? [];
  const send = async (text: string): Promise<void> => {
    setWriting(false);
    await store.act('waiting.message', { text });
  };
  return (
    <>
      <div class="stack" aria-live="polite">
        {messages.map((message, i) => <WaitingMessageCard key={i} message={message} />)}
      </div>
      <div>
        <Btn look="slim" icon="chat" onClick={() => setWriting(true)}>{messages.length > 0 ? 'Write back' : 'Write to a therapist'}</Btn>
      </div>
      {writing && (
        <Write title="Write to the therapists" hint="Only the therapists of this session see it. Nothing of it is kept."
          onSend={(text) => void send(text)} onClose={() => setWriting(false)} />
      )}
    </>
  );
}

function WaitingMessageCard({ message }: { message: WaitingMessage }): JSX.Element {
  const time = new Date(message.at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  const from = message.from === 'host' ? 'A therapist, only to you' : 'You, to the therapists';
  return (
    <article class="waiting-message stack" aria-label={message.from === 'host' ? 'Message from a therapist' : 'Your message'}>
      <header><span>{from}</span><time>{time}</time></header>
      <p class="said">{message.text}</p>
    </article>
  );
}

function Next(): JSX.Element {
  const { microphone, camera, observing, recording } = useStore();
  const starts = (on: boolean): string => (on ? 'starts on' : 'starts off');
  return (
    <section class="stack" aria-labelledby="next-h">
      <h2 id="next-h">What happens next</h2>
      <ol class="next">
        <li><p>A therapist lets you in and you see the group.</p></li>
        <li><p>{observing.value ? 'You see and hear the group. It sees your name, and that you observe.'
          : `Your microphone ${starts(microphone.live.value)} and your camera ${starts(camera.live.value)}, as set here.`}</p></li>
        <li><p>{recording.rule.value === 'never' ? 'The session is not recorded.' : 'Nothing of you is recorded unless you have said yes first.'}</p></li>
      </ol>
    </section>
  );
}
