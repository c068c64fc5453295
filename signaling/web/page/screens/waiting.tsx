// The waiting room. It answers one question above all: nobody sees or hears you here.

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { WaitingMessage } from '../state/store';
import { clockOf, t } from '../text/text';
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
              <Heading key={String(back)}>{t(back ? 'waiting.titleBack' : 'waiting.title')}</Heading>
              <p>{t(back ? 'waiting.textBack' : todo ? 'waiting.textTodo' : 'waiting.text')}</p>
              {back && store.access.value?.message && <p>{t('waiting.theyWrote', { message: store.access.value.message })}</p>}
            </div>
            <Requirements />
            <GrantedConsentCard />
            <OwnName />
            <PrivacyAnswer />
            <WaitingMessages />
            <Next />
            <div class="spread">
              <ClinicPhone look="line" />
              <Btn data-testid="leave" onClick={() => void store.leave()}>{t('waiting.leave')}</Btn>
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
          ? <SelfVideo label={t('check.preview')} />
          : <svg class="figure" role="img" aria-label={t('check.noPicture')}><use href="#niche" /></svg>}
        <figcaption class="plate"><span class="name">{t(camera.track.value ? 'check.onlyYou' : 'waiting.cameraOff')}</span></figcaption>
      </figure>
      <div class="preview-bar"><DeviceCtls allowed={allowed}><DevicesCtl allowed={allowed} /></DeviceCtls></div>
    </div>
  );
}

function PrivacyAnswer(): JSX.Element {
  const { observing: { value: observing }, encryption } = useStore();
  return (
    <section class="answer" aria-labelledby="who-h">
      <h2 id="who-h" class="small">{t('waiting.who')}</h2>
      <strong><Icon name="eye-off" /> {t('waiting.nobody')}</strong>
      <p>{t(observing ? 'waiting.staysObserver' : 'waiting.stays')} {t('waiting.therapistsSee')}</p>
      <p>{t('waiting.othersHidden')}</p>
      {observing && <p data-testid="observer-promise">{t('role.observerNext')}</p>}
      {encryption.shield.value !== 'none' && <p data-testid="encryption-promise">{t('shield.promise')}</p>}
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
        <Btn look="slim" icon="chat" onClick={() => setWriting(true)}>{messages.length > 0 ? t('waiting.writeBack') : t('waiting.write')}</Btn>
      </div>
      {writing && (
        <Write title={t('waiting.writeTitle')} hint={t('waiting.writeHint')}
          onSend={(text) => void send(text)} onClose={() => setWriting(false)} />
      )}
    </>
  );
}

function WaitingMessageCard({ message }: { message: WaitingMessage }): JSX.Element {
  const time = clockOf(message.at);
  const from = message.from === 'host' ? t('waiting.fromTherapist') : t('waiting.fromYou');
  return (
    <article class="waiting-message stack" aria-label={message.from === 'host' ? t('waiting.messageFromTherapist') : t('waiting.yourMessage')}>
      <header><span>{from}</span><time>{time}</time></header>
      <p class="said">{message.text}</p>
    </article>
  );
}

function Next(): JSX.Element {
  const { microphone, camera, observing, recording } = useStore();
  const [mic, cam] = [microphone.live.value, camera.live.value];
  return (
    <section class="stack" aria-labelledby="next-h">
      <h2 id="next-h">{t('waiting.next')}</h2>
      <ol class="next">
        <li><p>{t('waiting.nextIn')}</p></li>
        <li><p>{t(observing.value ? 'waiting.nextObserver' : mic && cam ? 'waiting.nextBothOn' : mic ? 'waiting.nextMicOn' : cam ? 'waiting.nextCameraOn' : 'waiting.nextBothOff')}</p></li>
        <li><p>{t(recording.rule.value === 'never' ? 'waiting.notRecorded' : 'waiting.recordedIfYes')}</p></li>
      </ol>
    </section>
  );
}
