// Camera, microphone and speaker. A device that is off is released, so its light goes out.

import { batch, computed, signal } from '@preact/signals';
import { cameraLimits, screenLimits } from '../../client';

export type DeviceState = 'off' | 'asking' | 'on' | 'denied' | 'missing' | 'busy' | 'lost';

export const interruptedMs = 500;

export class Device {
  readonly kind: 'microphone' | 'camera';
  readonly state = signal<DeviceState>('off');
  readonly track = signal<MediaStreamTrack | null>(null);
  readonly choices = signal<readonly MediaDeviceInfo[]>([]);
  readonly chosen = signal('');
  readonly failures = signal(0); // counts failures, so that a repeated one is shown again
  readonly on = computed(() => this.state.value === 'on' || this.state.value === 'asking'); // wanted on
  readonly live = computed(() => this.track.value !== null);
  // On, but delivering nothing: a phone call, a closed lid or another program holds it (`muted` of a track, W3C Media Capture and Streams,
  // section 4.3.1). It resumes by itself.
  readonly interrupted = signal(false);
  readonly sending = computed(() => this.live.value && !this.interrupted.value);
  #noiseSuppression = true;
  #round = 0;
  #muteTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(kind: Device['kind']) {
    this.kind = kind;
  }

  async turnOn(): Promise<void> {
    const round = ++this.#round;
    if (!this.live.value) this.state.value = 'asking';
    try {
      const stream = await this.#requestStream(round);
      const [track] = stream.getTracks();
      // Turned off, or another device chosen, while the browser asked.
      if (round !== this.#round || !track) return stream.getTracks().forEach((late) => late.stop());
      this.#setTrack(track);
    } catch (error) {
      if (round === this.#round) this.#fail(stateOf(error));
    }
    await this.list();
  }

  turnOff(): void {
    this.#round += 1;
    this.#release();
    this.state.value = 'off';
  }

  // Call when the page becomes visible: events may have been missed, and phones end the camera of a hidden page.
  checkTrack(): void {
    const track = this.track.value;
    if (!track) return;
    if (track.readyState === 'ended') void this.turnOn();
    else this.#watchMute(track);
  }

  toggle(): void {
    if (this.on.value) this.turnOff();
    else void this.turnOn();
  }

  // A running device goes on until the new one runs; one that is off stays off.
  async choose(id: string): Promise<void> {
    this.chosen.value = id;
    if (this.on.value) await this.turnOn();
  }

  // Of the microphone. One that runs is opened anew: not every browser changes a running one.
  setNoiseSuppression(on: boolean): void {
    if (this.#noiseSuppression === on) return;
    this.#noiseSuppression = on;
    if (this.live.peek()) void this.turnOn();
  }

  async list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    const kind = this.kind === 'microphone' ? 'audioinput' : 'videoinput';
    this.choices.value = all.filter((device) => device.kind === kind && device.deviceId !== '');
  }

  // Falls back to the default when the chosen device is gone. Many phones run one camera at a time: there the current one is stopped first.
  async #requestStream(round: number): Promise<MediaStream> {
    const ask = (): Promise<MediaStream> => navigator.mediaDevices.getUserMedia(this.#constraints());
    try {
      return await ask();
    } catch (error) {
      const gone = nameOf(error) === 'OverconstrainedError';
      const alone = this.live.value && stateOf(error) === 'busy';
      if (round !== this.#round || !(gone || alone)) throw error;
      if (gone) this.chosen.value = '';
      if (alone) this.#release();
      if (!this.live.value) this.state.value = 'asking';
      return ask();
    }
  }

  #setTrack(track: MediaStreamTrack): void {
    const before = this.track.value;
    if (this.kind === 'camera') track.contentHint = 'motion';
    track.onended = () => {
      if (this.track.value === track) this.#fail('lost');
    };
    track.onmute = track.onunmute = () => this.#watchMute(track);
    this.chosen.value = track.getSettings().deviceId ?? '';
    batch(() => {
      this.interrupted.value = false;
      this.track.value = track;
      this.state.value = 'on';
    });
    before?.stop();
    this.#watchMute(track);
  }

  // Switching headphones mutes a track for a moment, which is ignored.
  #watchMute(track: MediaStreamTrack): void {
    if (this.track.value !== track) return;
    clearTimeout(this.#muteTimer);
    if (track.muted) this.#muteTimer = setTimeout(() => (this.interrupted.value = this.track.value === track && track.muted), interruptedMs);
    else this.interrupted.value = false;
  }

  #fail(state: DeviceState): void {
    this.#release();
    this.state.value = state;
    this.failures.value += 1;
  }

  #release(): void {
    clearTimeout(this.#muteTimer);
    this.track.value?.stop();
    batch(() => {
      this.track.value = null;
      this.interrupted.value = false;
    });
  }

  #constraints(): MediaStreamConstraints {
    // A browser may prefer the one it used last to one that is only ideal.
    const deviceId = this.chosen.value ? { exact: this.chosen.value } : undefined;
    if (this.kind === 'microphone') {
      return { audio: { deviceId, echoCancellation: true, noiseSuppression: this.#noiseSuppression, autoGainControl: true, channelCount: 1 } };
    }
    const { width, height, frameRate } = cameraLimits;
    return { video: { deviceId, width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: frameRate, max: 30 } } };
  }
}

// An OverconstrainedError is no DOMException everywhere.
function nameOf(error: unknown): string {
  return error instanceof Object && 'name' in error ? String(error.name) : '';
}

function stateOf(error: unknown): DeviceState {
  const name = nameOf(error);
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing';
  return 'busy';
}

// A screen is picked anew each time; a refused or closed picker is simply no screen.
export async function pickScreen(): Promise<MediaStreamTrack | null> {
  try {
    const video = { frameRate: { max: screenLimits.frameRate } };
    const stream = await navigator.mediaDevices.getDisplayMedia({ video, audio: false });
    const track = stream.getVideoTracks()[0] ?? null;
    if (track) track.contentHint = 'detail';
    return track;
  } catch {
    return null;
  }
}

// One note. Times are in seconds from the beginning, the loudness is of full scale.
export interface Note {
  pitch: number; // Hz
  at: number;
  seconds: number;
  loudness: number;
}

const fadeSeconds = 0.03; // a tone that begins at once clicks
const tailSeconds = 0.2; // what an element still holds when the last note is over

export class Speaker {
  readonly choices = signal<readonly MediaDeviceInfo[]>([]);
  readonly chosen = signal('');
  readonly unplugged = signal(false); // sound comes from elsewhere than before, and nobody has read it yet
  readonly name = signal(''); // of the one in use, as far as the browser tells
  readonly returned = signal(0); // counts how often the one that was chosen came back
  #missed = ''; // chosen, and unplugged
  #systems = ''; // name of the one that the system had chosen
  // Not every browser lets a page choose where sound comes out.
  readonly selectable = 'setSinkId' in HTMLMediaElement.prototype;

  choose(id: string): void {
    this.#missed = '';
    this.chosen.value = id;
    this.unplugged.value = false;
    this.#rename();
  }

  async list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.choices.value = all.filter((device) => device.kind === 'audiooutput' && device.deviceId !== '');
    // An empty list says only that nothing may be named yet.
    if (this.choices.value.length > 0) batch(() => this.#follow());
  }

  // One that was unplugged gives way to the one the system has chosen, and takes its place again when it comes back. The system may choose another
  // one by itself, when headphones are pulled out.
  #follow(): void {
    const there = (id: string): boolean => this.choices.value.some(({ deviceId }) => deviceId === id);
    const before = this.#systems;
    this.#systems = this.#labelOf('default');
    if (this.chosen.value !== '' && !there(this.chosen.value)) {
      this.#missed = this.chosen.value;
      this.chosen.value = '';
      this.unplugged.value = true;
    } else if (this.#missed && this.chosen.value === '' && there(this.#missed)) {
      this.chosen.value = this.#missed;
      this.#missed = '';
      this.unplugged.value = false;
      this.returned.value += 1;
    } else if ((this.chosen.value === '' || this.chosen.value === 'default') && before && this.#systems && before !== this.#systems) {
      this.unplugged.value = true;
    }
    this.#rename();
  }

  #labelOf(id: string): string {
    return this.choices.value.find(({ deviceId }) => deviceId === id)?.label ?? '';
  }

  // "Default - Headphones" is the name that Chromium gives to what the system has chosen.
  #rename(): void {
    this.name.value = this.#labelOf(this.chosen.value || 'default').replace(/^Default - /, '');
  }

  async direct(element: HTMLAudioElement): Promise<void> {
    const { value } = this.chosen;
    if (this.selectable && element.sinkId !== value) await element.setSinkId(value).catch(() => undefined);
  }

  // Plays notes through the chosen speaker until they are over; fails where the browser allows no sound. What could not begin in time
  // stays silent.
  async play(notes: readonly Note[], patienceMs: number): Promise<void> {
    const context = new AudioContext();
    const target = context.createMediaStreamDestination();
    const element = new Audio();
    element.srcObject = target.stream;
    try {
      const ready = Promise.all([context.resume(), this.direct(element).then(() => element.play())]);
      if (!await Promise.race([ready, wait(patienceMs)])) return;
      for (const note of notes) playNote(context, target, note);
      await wait(1000 * (Math.max(...notes.map(({ at, seconds }) => at + seconds)) + tailSeconds));
    } finally {
      element.srcObject = null;
      await context.close();
    }
  }
}

const wait = (ms: number): Promise<void> => new Promise((over) => setTimeout(over, ms));

function playNote(context: AudioContext, target: AudioNode, { pitch, at, seconds, loudness }: Note): void {
  const begin = context.currentTime + at;
  const tone = new OscillatorNode(context, { frequency: pitch });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0, begin);
  volume.gain.linearRampToValueAtTime(loudness, begin + fadeSeconds);
  volume.gain.linearRampToValueAtTime(0, begin + seconds);
  tone.connect(volume).connect(target);
  tone.start(begin);
  tone.stop(begin + seconds);
}

// Tells the loudness of a microphone in sixteenths, ten times a second. Returns what stops it.
export function meter(track: MediaStreamTrack, onLevel: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    // -60 dB to -8 dB, quiet room to loud speech, over the sixteen steps.
    const level = ((10 * Math.log10(power + 1e-9) + 60) / 52) * 16;
    onLevel(Math.max(0, Math.min(16, Math.round(level))));
  }, 100);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
