// The own camera and microphone, before and in the session.

import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Device, DeviceState } from '../media/devices';
import { Ctl } from './basics';
import type { VideoState } from '../media/liveness';
import { useStore } from './context';
import { eachFrame, watchLiveness } from './video';

interface Props {
  allowed?: (kind: Device['kind']) => boolean;
  children?: ComponentChildren;
}

// In a session only what one may send has a control.
export function DeviceCtls({ allowed = () => true, children }: Props): JSX.Element {
  const { microphone, camera } = useStore();
  return (
    <div class="bar-group" role="group" aria-label="Your devices">
      {allowed('microphone') && (
        <Ctl icon="mic" off="mic-off" label="Mic" look="device" pressed={microphone.live.value} testid="mic-toggle"
          onClick={() => microphone.toggle()} />
      )}
      {allowed('camera') && (
        <Ctl icon="cam" off="cam-off" label="Camera" look="device" pressed={camera.live.value} testid="camera-toggle"
          onClick={() => camera.toggle()} />
      )}
      {children}
    </div>
  );
}

export function SelfVideo({ label, onState }: { label?: string; onState?(state: VideoState): void }): JSX.Element | null {
  const { track } = useStore().camera;
  const ref = useRef<HTMLVideoElement>(null);
  const shown = track.value;
  useLayoutEffect(() => {
    const video = ref.current;
    if (!video) return undefined;
    video.srcObject = shown ? new MediaStream([shown]) : null;
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
  const empty = state.value === 'missing' ? 'None found' : 'Named after you allow it';
  const none = !choices.value.some(({ deviceId }) => deviceId === chosen.value);
  return (
    <select class={`input ${look}`} aria-label={label} value={chosen.value} disabled={choices.value.length === 0}
      onChange={(event) => void device.choose(event.currentTarget.value)}>
      {none && <option value={chosen.value}>{choices.value.length === 0 ? empty : 'Choose one'}</option>}
      {choices.value.map((choice, i) => (
        <option key={choice.deviceId} value={choice.deviceId}>{choice.label || `${label} ${i + 1}`}</option>
      ))}
    </select>
  );
}

// What is wrong and what to do, in words without blame.
const words: Record<Device['kind'], Partial<Record<DeviceState, string>>> = {
  microphone: {
    denied: 'This page may not use the microphone. Allow it beside the address of this page, then turn Mic on.',
    missing: 'No microphone was found. Plug one in, then turn Mic on.',
    busy: 'The microphone did not start. Another program may be using it. Close that program, then turn Mic on.',
    lost: 'The microphone stopped. It may have come unplugged. Plug it in, or use another, then turn Mic on.',
  },
  camera: {
    denied: 'This page may not use the camera. Allow it beside the address of this page, then turn Camera on.',
    missing: 'No camera was found. Plug one in, then turn Camera on.',
    busy: 'The camera did not start. Another program may be using it. Close that program, then turn Camera on.',
    lost: 'The camera stopped. It may have come unplugged. Plug it in, or use another, then turn Camera on.',
  },
};
export const speakerTrouble = 'Sound comes from the one that your system has chosen. People near you may hear the group.';
const without: Record<Device['kind'], string> = {
  microphone: 'You can also join and only listen.', camera: 'You can also join without a picture.',
};

export function deviceTrouble(device: Device): string | undefined {
  return words[device.kind][device.state.value];
}

export function interruptedWords(kind: Device['kind']): string {
  const gives = kind === 'microphone' ? 'no sound' : 'no picture';
  return `It gives ${gives}: a phone call, a closed lid or another program may have it. Others see that it is off. It comes back by itself.`;
}

// Before one comes in it is no obstacle.
export function joinTrouble(device: Device): string | undefined {
  if (device.interrupted.value) return interruptedWords(device.kind).replace(' Others see that it is off.', '');
  const trouble = deviceTrouble(device);
  return trouble && `${trouble} ${without[device.kind]}`;
}
