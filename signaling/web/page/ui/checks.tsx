// What is known of each device, and which one is used: in the device check, and in the dialog that changes devices later.

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { meter, type Device, type Note } from '../media/devices';
import { t } from '../text/text';
import { AidSwitches, HowToAllow } from './aids';
import { Btn, Ctl, State } from './basics';
import { useStore } from './context';
import { Choice, DeviceCtls, deviceTrouble, SelfVideo } from './devices';
import { Dialog } from './dialog';
import { LanguageChoice } from './language';
import { OwnName } from './rename';

interface Props {
  trouble: string | undefined;
  level?: 2 | 3;
}

export function MicCheck({ trouble, level = 2 }: Props): JSX.Element {
  const { microphone } = useStore();
  const Tag = `h${level}` as const;
  return (
    <section class="check" aria-labelledby="mic-h">
      <Tag id="mic-h">{t('check.mic')}</Tag>
      <Status device={microphone} />
      <Choice device={microphone} label={t('check.mic')} look="full" />
      <Meter />
      {trouble && <p class="full quiet small">{trouble}</p>}
      {microphone.state.value === 'denied' && <HowToAllow kind="microphone" />}
    </section>
  );
}

function CameraCheck({ trouble, level = 2 }: Props): JSX.Element {
  const { camera } = useStore();
  const Tag = `h${level}` as const;
  return (
    <section class="check" aria-labelledby="cam-h">
      <Tag id="cam-h">{t('check.camera')}</Tag>
      <Status device={camera} />
      <Choice device={camera} label={t('check.camera')} look="full" />
      {camera.live.value && <figure class="tile preview p1 full"><SelfVideo label={t('check.preview')} /></figure>}
      {trouble && <p class="full quiet small">{trouble}</p>}
      {camera.state.value === 'denied' && <HowToAllow kind="camera" />}
    </section>
  );
}

function Status({ device }: { device: Device }): JSX.Element {
  const [on, off] = device.kind === 'microphone' ? ['mic', 'mic-off'] as const : ['cam', 'cam-off'] as const;
  const state = device.state.value;
  return (
    <div role="status">
      {device.sending.value && state === 'on' && <State icon="check" look="good">{t('check.working')}</State>}
      {device.interrupted.value && <State icon={off} look="warn">{t('check.paused')}</State>}
      {state === 'asking' && <State icon={on} look="quiet">{t('check.asking')}</State>}
      {state === 'off' && <State icon={off} look="quiet">{t('check.off')}</State>}
      {deviceTrouble(device) && <State icon="alert" look="warn">{t('check.notWorking')}</State>}
    </div>
  );
}

function Meter(): JSX.Element {
  const track = useStore().microphone.track.value;
  const [level, setLevel] = useState(0);
  useEffect(() => {
    setLevel(0);
    return track ? meter(track, setLevel) : undefined;
  }, [track]);
  return (
    <div class="meter full" role="meter" aria-label={t('check.level')} aria-valuemin={0} aria-valuemax={16} aria-valuenow={level}>
      {Array.from({ length: 16 }, (_, i) => <i key={i} class={i < level ? 'lit' : ''} />)}
    </div>
  );
}

// Two soft notes of a second together.
const testNotes: readonly Note[] = [{ pitch: 392, at: 0, seconds: 0.7, loudness: 0.2 }, { pitch: 523, at: 0.45, seconds: 0.7, loudness: 0.2 }];
const testPatienceMs = 3_000;

export function SpeakerCheck({ level = 2 }: { level?: 2 | 3 }): JSX.Element {
  const { speaker } = useStore();
  const [playing, setPlaying] = useState(false);
  const choices = speaker.choices.value;
  const Tag = `h${level}` as const;
  const play = async (): Promise<void> => {
    setPlaying(true);
    await speaker.play(testNotes, testPatienceMs).catch(() => undefined);
    setPlaying(false);
  };
  return (
    <section class="check" aria-labelledby="spk-h">
      <Tag id="spk-h">{t('check.speaker')}</Tag>
      <p class="state quiet">{t('check.tone')}</p>
      {speaker.selectable && choices.length > 0 ? (
        <select class="input" aria-label={t('check.speaker')} value={speaker.chosen.value || (choices[0]?.deviceId ?? '')}
          onChange={(event) => speaker.choose(event.currentTarget.value)}>
          {choices.map((choice, i) => <option key={choice.deviceId} value={choice.deviceId}>{choice.label || t('device.speakerNumber', { number: i + 1 })}</option>)}
        </select>
      ) : <p class="quiet small">{t('check.systemSpeaker')}</p>}
      <Btn icon="speaker" disabled={playing} onClick={() => void play()}>{t('check.playTone')}</Btn>
      <p class="full quiet small" role="status">{speaker.unplugged.value && `${t('device.speakerGone')} ${t('device.systemSpeaker')}`}</p>
    </section>
  );
}

interface Allowed {
  allowed?: (kind: Device['kind']) => boolean;
}

// Opens the dialog. Nothing is turned on by looking at it.
export function DevicesCtl(props: Allowed): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Ctl icon="devices" label={t('check.devices')} testid="devices" onClick={() => setOpen(true)} />
      {open && <DevicesDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function DevicesDialog({ allowed = () => true, onClose }: Allowed & { onClose(): void }): JSX.Element {
  const { localMedia: own, microphone, camera } = useStore();
  useEffect(() => own.list(), []);
  return (
    <Dialog title={t('check.devices')} about={t('check.devicesAbout')} onClose={onClose}>
      <div class="rows" data-testid="devices-dialog">
        {allowed('microphone') && <MicCheck level={3} trouble={deviceTrouble(microphone)} />}
        {allowed('camera') && <CameraCheck level={3} trouble={deviceTrouble(camera)} />}
        <SpeakerCheck level={3} />
        <OwnName />
        <LanguageChoice />
      </div>
      <AidSwitches />
      <div class="spread">
        <DeviceCtls allowed={allowed} />
        <Btn data-testid="devices-close" onClick={onClose}>{t('common.close')}</Btn>
      </div>
    </Dialog>
  );
}
