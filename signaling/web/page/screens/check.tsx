// The device check. Nothing of it leaves the device. Who waits has a place already and may be let in meanwhile; they come in when
// they press the button, and nothing of the group is shown or heard before.

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Device } from '../media/devices';
import { Lazy, part } from '../parts';
import { t } from '../text/text';
import { Btn, Heading, Note, State } from '../ui/basics';
import { GrantedConsentCard, WithdrawalBanner } from '../ui/consent';
import { MicCheck, SpeakerCheck } from '../ui/checks';
import { useStore } from '../ui/context';
import { HowToAllow } from '../ui/aids';
import { Choice, DeviceCtls, joinTrouble, SelfVideo } from '../ui/devices';
import { Icon } from '../ui/icon';
import { Banners, LinkBanner, NoticeBanner, ReloadBanner, RestartBanner } from '../ui/messages';
import { ClinicPhone, Top } from '../ui/top';
import { LinkLife, NameField, withName } from './name';
import { WaitingMessages } from './waiting';

interface Props {
  // Of a host, who comes in by pressing the button; all others have their place already.
  door?: { name: string; suggested: string; endsAt: number | undefined; onEnter(name: string): void } | undefined;
}

export function CheckScreen({ door }: Props): JSX.Element {
  const store = useStore();
  const observing = store.observing.value;
  useEffect(() => void store.askDevices(), []);
  const admitted = !door && store.access.value?.state === 'admitted';
  const join = (event: SubmitEvent): void => {
    if (door) return withName(event, door.onEnter);
    event.preventDefault();
    store.finishCheck();
  };
  return (
    <>
      {door ? <Top /> : <Top step="check" />}
      <main class="page">
        {!door && <Told admitted={admitted} />}
        <div class="lead">
          <Heading>{t(observing ? 'check.titleSound' : 'check.title')}</Heading>
          <p>{t(observing ? 'check.observe' : 'check.private')}</p>
        </div>
        <div class="split">
          <div class="stack">
            {!observing && <Preview allowed={(kind) => !admitted || store.may(`publish.${kind}`)} />}
            <Note icon="headphones">{t('check.headphones')}</Note>
            <Protection />
          </div>
          <div class="stack">
            <div class="card rows">{!observing && <MicCheck trouble={joinTrouble(store.microphone)} />}<SpeakerCheck /><ConnectionCheck /></div>
            <form class="stack" onSubmit={join}>
              {door && <NameField {...door} />}
              {door && <LinkLife endsAt={door.endsAt} button={t('check.enter')} />}
              <div class="enter">
                <Btn look="main tall wide" type="submit" data-testid="join-button">
                  {t(door ? 'check.enter' : admitted ? 'check.join' : 'check.toWaiting')}
                </Btn>
                <p class="quiet small">
                  {t(door ? 'check.enterHint' : admitted ? 'check.joinHint' : 'check.waitingHint')}
                </p>
              </div>
            </form>
            {!door && <GrantedConsentCard />}
            {!door && !admitted && <WaitingMessages />}
            {!door && <div class="spread"><ClinicPhone look="line" /><Btn data-testid="leave" onClick={() => void store.leave()}>{t('check.leave')}</Btn></div>}
          </div>
        </div>
      </main>
    </>
  );
}

// What happens to the place meanwhile.
function Told({ admitted }: { admitted: boolean }): JSX.Element {
  const observing = useStore().observing.value;
  return (
    <Banners>
      <WithdrawalBanner />
      <ReloadBanner />
      <RestartBanner />
      <LinkBanner />
      <NoticeBanner />
      {admitted && (
        <div class="banner calm" data-testid="let-in">
          <Icon name="door" />
          <p class="words"><strong>{t('check.admitted')}</strong> <span>{t(observing ? 'check.admittedObserver' : 'check.admittedText', { button: t('check.join') })}</span></p>
        </div>
      )}
    </Banners>
  );
}

function Preview({ allowed }: { allowed(kind: Device['kind']): boolean }): JSX.Element {
  const { camera } = useStore();
  const trouble = joinTrouble(camera);
  return (
    <>
      <figure class={`tile preview p1${camera.track.value ? '' : ' off'}`}>
        {camera.track.value
          ? <SelfVideo label={t('check.preview')} />
          : <p class="quiet">{t(camera.state.value === 'asking' ? 'check.cameraAsking' : 'check.noPicture')}</p>}
        <figcaption class="badge"><Icon name="eye-off" /> {t('check.onlyYou')}</figcaption>
      </figure>
      <div class="preview-bar">
        <DeviceCtls allowed={allowed} />
        <Choice device={camera} label={t('check.cameraToUse')} look="grow" />
      </div>
      <div role="status">{trouble && <Note icon="alert">{trouble}</Note>}</div>
      {camera.state.value === 'denied' && <div><HowToAllow kind="camera" /></div>}
    </>
  );
}

function Protection(): JSX.Element {
  return (
    <details class="card">
      <summary><Icon name="shield" /> {t('shield.summary')}</summary>
      <div class="stack small">
        <p>{t('shield.serverOpens')}</p>
        <p>{t('shield.screenshots')}</p>
      </div>
    </details>
  );
}

type Reach = { kind: 'asking' } | { kind: 'good' | 'slow'; ms: number } | { kind: 'none' };
// Above this a conversation begins to feel delayed (ITU-T G.114 recommends at most 150 ms one way).
const slowMs = 250;

// The middle one of three short questions to the clinic's server.
async function reach(): Promise<Reach> {
  const times: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    const before = performance.now();
    const response = await fetch('/v1/page.json', { cache: 'no-store' });
    if (!response.ok) return { kind: 'none' };
    times.push(performance.now() - before);
  }
  const ms = Math.round(times.sort((a, b) => a - b)[1] ?? 0);
  return { kind: ms > slowMs ? 'slow' : 'good', ms };
}

const measurePart = part(() => import('./measure'));

// Who has a seat can measure the way of media; who has none yet sees whether the server answers.
function Measure(): JSX.Element | null {
  const { session } = useStore();
  const [run, setRun] = useState(0);
  const [running, setRunning] = useState(false);
  if (!session) return null;
  const begin = (): void => {
    setRun(run + 1);
    setRunning(true);
  };
  return (
    <>
      <Btn data-testid="measure" icon="signal" disabled={running} onClick={begin}>{t('measure.measure')}</Btn>
      {run > 0 && <Lazy key={run} of={measurePart}>{({ Measurement }) => <Measurement session={session} onEnd={() => setRunning(false)} />}</Lazy>}
    </>
  );
}

function ConnectionCheck(): JSX.Element {
  const [found, setFound] = useState<Reach>({ kind: 'asking' });
  const ask = (): void => {
    setFound({ kind: 'asking' });
    reach().then(setFound, () => setFound({ kind: 'none' }));
  };
  useEffect(ask, []);
  return (
    <section class="check" aria-labelledby="net-h">
      <h2 id="net-h">{t('check.connection')}</h2>
      <div role="status">
        {found.kind === 'asking' && <State icon="signal" look="quiet">{t('check.checking')}</State>}
        {found.kind === 'good' && <State icon="check" look="good">{t('check.good')}</State>}
        {found.kind === 'slow' && <State icon="signal" look="warn">{t('check.slow')}</State>}
        {found.kind === 'none' && <State icon="alert" look="warn">{t('check.noAnswer')}</State>}
      </div>
      {found.kind === 'good' && <p class="full quiet small">{t('check.goodText', { ms: found.ms })}</p>}
      {found.kind === 'slow' && <p class="full quiet small">{t('check.slowText', { ms: found.ms })}</p>}
      {found.kind === 'none' && <p class="quiet small">{t('check.noAnswerText')}</p>}
      {found.kind === 'none' && <Btn icon="again" onClick={ask}>{t('check.again')}</Btn>}
      <Measure />
    </section>
  );
}
