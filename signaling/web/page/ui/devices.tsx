// The own camera and microphone, before and in the session.

import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Device, DeviceState } from '../media/devices';
import { t, type PlainKey } from '../text/text';
import { Ctl } from './basics';
import type { VideoState } from '../media/liveness';
import { useStore } from './context';
import { eachFrame, markPortrait, watchLiveness } from './video';

interface Props {
  allowed?: (kind: Device['kind']) => boolean;
  children?: ComponentChildren;
}

// In a session only what one may send has a control.
export function DeviceCtls({ allowed = () => true, children }: Props): JSX.Element {
  const { microphone, camera } = useStore();
  return (
    <div class="bar-group" role="group" aria-label={t('device.group')}>
      {allowed('microphone') && (
        <Ctl icon="mic" off="mic-off" label={microphone.live.value ? t('ctl.micOn') : t('ctl.micOff')} act={turn(microphone)} look="device" on={microphone.live.value} testid="mic-toggle"
          onClick={() => microphone.toggle()} />
      )}
      {allowed('camera') && (
        <Ctl icon="cam" off="cam-off" label={camera.live.value ? t('ctl.cameraOn') : t('ctl.cameraOff')} act={turn(camera)} look="device" on={camera.live.value} testid="camera-toggle"
          onClick={() => camera.toggle()} />
      )}
      {children}
    </div>
  );
}

const turn = ({ live }: Device): string => (live.value ? t('ctl.turnOff') : t('ctl.turnOn'));

export function SelfVideo({ label, onState }: { label?: string; onState?(state: VideoState): void }): JSX.Element | null {
  const { track } = useStore().camera;
  const ref = useRef<HTMLVideoElement>(null);
  const shown = track.value;
  useLayoutEffect(() => {
    const video = ref.current;
    if (!video) return undefined;
    video.srcObject = shown ? new MediaStream([shown]) : null;
    markPortrait(video);
    if (!shown || !onState) return undefined;
    onState('starting');
    const alive = watchLiveness(video, onState);
    const stop = eachFrame(video, () => video.currentTime, (anew) => anew && alive.frame(true));
    return () => {
      stop();
      alive.stop();
    };
  }, [shown]);
  if (!shown) return null;
  return <video ref={ref} class="picture mirror" autoplay muted playsInline aria-label={label} aria-hidden={label ? undefined : true} />;
}

export function Choice({ device, label, look }: { device: Device; label: string; look: string }): JSX.Element {
  const { choices, chosen, state } = device;
  const empty = t(state.value === 'missing' ? 'device.none' : 'device.unnamed');
  const none = !choices.value.some(({ deviceId }) => deviceId === chosen.value);
  return (
    <select class={`input ${look}`} aria-label={label} value={chosen.value} disabled={choices.value.length === 0}
      onChange={(event) => void device.choose(event.currentTarget.value)}>
      {none && <option value={chosen.value}>{choices.value.length === 0 ? empty : t('device.choose')}</option>}
      {choices.value.map((choice, i) => (
        <option key={choice.deviceId} value={choice.deviceId}>{choice.label || t(device.kind === 'microphone' ? 'device.micNumber' : 'device.cameraNumber', { number: i + 1 })}</option>
      ))}
    </select>
  );
}

// What is wrong and what to do, in words without blame.
const words: Record<Device['kind'], Partial<Record<DeviceState, PlainKey>>> = {
  microphone: { denied: 'device.micDenied', missing: 'device.micMissing', busy: 'device.micBusy', lost: 'device.micLost' },
  camera: { denied: 'device.cameraDenied', missing: 'device.cameraMissing', busy: 'device.cameraBusy', lost: 'device.cameraLost' },
};

export function deviceTrouble(device: Device): string | undefined {
  const key = words[device.kind][device.state.value];
  return key && t(key);
}

export function interruptedWords(kind: Device['kind'], joined = true): string {
  const why = t(kind === 'microphone' ? 'device.micInterrupted' : 'device.cameraInterrupted');
  return `${why} ${joined ? `${t('device.othersSeeOff')} ` : ''}${t('device.comesBack')}`;
}

// Before one comes in it is no obstacle.
export function joinTrouble(device: Device): string | undefined {
  if (device.interrupted.value) return interruptedWords(device.kind, false);
  const trouble = deviceTrouble(device);
  return trouble && `${trouble} ${t(device.kind === 'microphone' ? 'device.withoutMic' : 'device.withoutCamera')}`;
}
