// What is known of each device, and which one is used: in the device check, and in the dialog that changes devices later.

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { meter, type Device, type Note } from '../media/devices';
import { Btn, Ctl, State } from './basics';
import { useStore } from './context';
import { Choice, DeviceCtls, deviceTrouble, SelfVideo, speakerTrouble } from './devices';
import { Dialog } from './dialog';
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
      <Tag id="mic-h">Microphone</Tag>
      <Status device={microphone} />
      <Choice device={microphone} label="Microphone" look="full" />
      <Meter />
      {trouble && <p class="full quiet small">{trouble}</p>}
    </section>
  );
}

function CameraCheck({ trouble, level = 2 }: Props): JSX.Element {
  const { camera } = useStore();
  const Tag = `h${level}` as const;
  return (
    <section class="check" aria-labelledby="cam-h">
      <Tag id="cam-h">Camera</Tag>
      <Status device={camera} />
      <Choice device={camera} label="Camera" look="full" />
      {camera.live.value && <figure class="tile preview p1 full"><SelfVideo label="Your camera preview" /></figure>}
      {trouble && <p class="full quiet small">{trouble}</p>}
    </section>
  );
}

function Status({ device }: { device: Device }): JSX.Element {
  const [on, off] = device.kind === 'microphone' ? ['mic', 'mic-off'] as const : ['cam', 'cam-off'] as const;
  const state = device.state.value;
  return (
    <div role="status">
      {device.sending.value && state === 'on' && <State icon="check" look="good">Working</State>}
      {device.interrupted.value && <State icon={off} look="warn">Stopped for now</State>}
      {state === 'asking' && <State icon={on} look="quiet">Waiting for it</State>}
      {state === 'off' && <State icon={off} look="quiet">Off</State>}
      {deviceTrouble(device) && <State icon="alert" look="warn">Not working</State>}
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
    <div class="meter full" role="meter" aria-label="Microphone level" aria-valuemin={0} aria-valuemax={16} aria-valuenow={level}>
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
      <Tag id="spk-h">Speaker</Tag>
      <p class="state quiet">Did you hear a soft tone?</p>
      {speaker.selectable && choices.length > 0 ? (
        <select class="input" aria-label="Speaker" value={speaker.chosen.value || (choices[0]?.deviceId ?? '')}
          onChange={(event) => speaker.choose(event.currentTarget.value)}>
          {choices.map((choice, i) => <option key={choice.deviceId} value={choice.deviceId}>{choice.label || `Speaker ${i + 1}`}</option>)}
        </select>
      ) : <p class="quiet small">The speaker your system has chosen</p>}
      <Btn icon="speaker" disabled={playing} onClick={() => void play()}>Play tone</Btn>
      <p class="full quiet small" role="status">{speaker.unplugged.value && `Your speaker is not there any more. ${speakerTrouble}`}</p>
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
      <Ctl icon="devices" label="Devices" testid="devices" onClick={() => setOpen(true)} />
      {open && <DevicesDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function DevicesDialog({ allowed = () => true, onClose }: Allowed & { onClose(): void }): JSX.Element {
  const { localMedia: own, microphone, camera } = useStore();
  useEffect(() => own.list(), []);
  return (
    <Dialog title="Devices" about="What you choose is used at once. What is off stays off." onClose={onClose}>
      <div class="rows" data-testid="devices-dialog">
        {allowed('microphone') && <MicCheck level={3} trouble={deviceTrouble(microphone)} />}
        {allowed('camera') && <CameraCheck level={3} trouble={deviceTrouble(camera)} />}
        <SpeakerCheck level={3} />
        <OwnName />
      </div>
      <div class="spread">
        <DeviceCtls allowed={allowed} />
        <Btn data-testid="devices-close" onClick={onClose}>Close</Btn>
      </div>
    </Dialog>
  );
}
