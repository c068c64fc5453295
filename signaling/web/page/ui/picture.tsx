// A slot's picture and the group's sound.

import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { FrameGate, type Slot } from '../../client';
import { useStore } from './context';

// Shown only while the newest picture is known to be the named source's (see FrameGate). The caller gives each pair of
// slot and source a key of its own, so an element never outlives the person it was made for.
export function Picture({ slot, csrc }: { slot: Slot; csrc: number }): JSX.Element {
  const ref = useRef<HTMLVideoElement>(null);
  useLayoutEffect(() => {
    const video = ref.current;
    if (!video) return undefined;
    video.srcObject = new MediaStream([slot.track]);
    const stop = guard(video, slot, csrc);
    return () => {
      stop();
      video.srcObject = null;
    };
  }, [slot, csrc]);
  return <video ref={ref} class="picture guarded" autoplay muted playsInline aria-hidden="true" />;
}

// Checks every presented frame; where a browser cannot tell of frames, every repaint. Returns what stops it.
function guard(video: HTMLVideoElement, slot: Slot, csrc: number): () => void {
  const gate = new FrameGate();
  const sources = (): RTCRtpContributingSource[] => slot.receiver.getContributingSources();
  gate.expect(csrc, sources());
  let stopped = false;
  const look = (rtpTimestamp?: number): void => {
    if (stopped) return;
    video.toggleAttribute('data-shown', gate.observe(sources(), rtpTimestamp));
    wait();
  };
  const wait = (): void => {
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback((_, frame) => look(frame.rtpTimestamp));
    else requestAnimationFrame(() => look());
  };
  wait();
  return () => (stopped = true);
}

// One element for each audio slot, for as long as the connection lives: sound needs no name to be heard.
export function Sound(): JSX.Element {
  const { slots } = useStore();
  const audio = slots.value.filter(({ kind }) => kind === 'audio');
  return <>{audio.map((slot) => <Voice key={slot.track.id} slot={slot} />)}</>;
}

function Voice({ slot }: { slot: Slot }): JSX.Element {
  const { speaker, soundBlocked } = useStore();
  const ref = useRef<HTMLAudioElement>(null);
  const blocked = soundBlocked.value;
  const { chosen, choices } = speaker;
  useLayoutEffect(() => {
    if (ref.current) ref.current.srcObject = new MediaStream([slot.track]);
  }, [slot]);
  useEffect(() => {
    if (ref.current) void speaker.direct(ref.current);
  }, [chosen.value, choices.value]);
  useEffect(() => {
    if (blocked) return;
    ref.current?.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') soundBlocked.value = true;
    });
  }, [blocked, slot]);
  return <audio ref={ref} autoplay />;
}
