// The video of a slot and the audio of the group.

import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { FrameGuard, type Slot } from '../../client';
import { Liveness, type VideoState } from '../media/liveness';
import { useStore } from './context';

// Video that is shown only while FrameGuard allows it. The caller keys each pair of slot and source, so an element never outlives the
// participant it was made for.
export function GuardedVideo({ slot, csrc, onState }: { slot: Slot; csrc: number; onState(state: VideoState): void }): JSX.Element {
  const ref = useRef<HTMLVideoElement>(null);
  useLayoutEffect(() => {
    const video = ref.current;
    if (!video) return undefined;
    video.srcObject = new MediaStream([slot.track]);
    onState('starting');
    const alive = watchLiveness(video, onState);
    const stop = guard(video, slot, csrc, (shown) => alive.frame(shown));
    markPortrait(video);
    return () => {
      stop();
      alive.stop();
      video.srcObject = null;
    };
  }, [slot, csrc]);
  return <video ref={ref} class="picture guarded" autoplay muted playsInline aria-hidden="true" />;
}

// A picture that is higher than wide is shown whole: cut to a wide tile, it would lose the face.
export function markPortrait(video: HTMLVideoElement): void {
  video.addEventListener('resize', () => video.toggleAttribute('data-portrait', video.videoHeight > video.videoWidth));
}

// Checks every presented frame; where a browser cannot tell of frames, every repaint. Returns what stops it.
function guard(video: HTMLVideoElement, slot: Slot, csrc: number, tell: (shown: boolean) => void): () => void {
  const gate = new FrameGuard();
  const sources = (): RTCRtpContributingSource[] => slot.receiver.getContributingSources();
  gate.expect(csrc, sources());
  return eachFrame(video, () => Math.max(...sources().map(({ timestamp }) => timestamp)), (anew, rtpTimestamp) => {
    const shown = gate.observe(sources(), rtpTimestamp);
    video.toggleAttribute('data-shown', shown);
    if (anew) tell(shown);
  });
}

// Calls for each presented frame. Where a browser cannot tell of frames, for every repaint, and `anew` says whether `clock` went on.
// Returns what stops it.
export function eachFrame(video: HTMLVideoElement, clock: () => number, look: (anew: boolean, rtpTimestamp?: number) => void): () => void {
  let stopped = false;
  let before = NaN;
  const wait = (): void => {
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback((_, frame) => next(true, frame.rtpTimestamp));
    else requestAnimationFrame(() => next(clock() !== before));
  };
  const next = (anew: boolean, rtpTimestamp?: number): void => {
    if (stopped) return;
    before = clock();
    look(anew, rtpTimestamp);
    wait();
  };
  wait();
  return () => (stopped = true);
}

// Tells whether a picture goes on, as far as somebody looks at it.
export function watchLiveness(video: HTMLVideoElement, tell: (state: VideoState) => void): { frame(shown: boolean): void; stop(): void } {
  const liveness = new Liveness(tell);
  const { ownerDocument: page } = video; // another window's, if it was popped out
  let inside = true;
  const look = (): void => liveness.setVisible(inside && !page.hidden);
  const places = new (page.defaultView ?? globalThis).IntersectionObserver((entries) => {
    inside = entries.at(-1)?.isIntersecting ?? inside;
    look();
  });
  places.observe(video);
  page.addEventListener('visibilitychange', look);
  return {
    frame: (shown) => liveness.frame(shown),
    stop: () => {
      places.disconnect();
      page.removeEventListener('visibilitychange', look);
      liveness.stop();
    },
  };
}

// One element for each audio slot, for as long as the connection lives: sound needs no name to be heard.
export function GroupAudio(): JSX.Element {
  const { slots } = useStore();
  const audio = slots.value.filter(({ kind }) => kind === 'audio');
  return <>{audio.map((slot) => <AudioSlot key={slot.track.id} slot={slot} />)}</>;
}

function AudioSlot({ slot }: { slot: Slot }): JSX.Element {
  const { speaker, audioBlocked: soundBlocked } = useStore();
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
