// Local devices and screen, and what is sent of them. A released device is muted at the server too.

import { effect, signal, type ReadonlySignal } from '@preact/signals';
import { pauseOf, type Media, type Session, type Source } from '../../client';
import { Device, pickScreen, Speaker } from './devices';
import type { ChosenDevices } from '../state/reload';

// The session that media is sent to, if there is one.
interface SessionContext {
  readonly ready: ReadonlySignal<boolean>;
  readonly session: Session | undefined;
  readonly media: Media | undefined;
  readonly withheld: ReadonlySignal<boolean>; // nothing may be sent
}

// From the rotation of a device until its camera delivers rotated frames.
const rotationMs = 1_000;

export class LocalMedia {
  readonly microphone = new Device('microphone');
  readonly camera = new Device('camera');
  readonly speaker = new Speaker();
  readonly screen = signal<MediaStreamTrack | null>(null);
  readonly #context: SessionContext;
  #screenStops = 0; // a picker opened before the latest stop is ignored
  #knownLive: Partial<Record<Source, boolean>> = {}; // the server has confirmed it as live
  #requestsPending = { microphone: 0, camera: 0, screen: 0 };
  #latest = { microphone: 0, camera: 0, screen: 0 }; // number of the newest publication.set

  constructor(seat: SessionContext) {
    this.#context = seat;
    for (const { kind, track, sending } of [this.microphone, this.camera]) {
      effect(() => this.#send(kind, track.value));
      effect(() => this.#publish(kind, sending.value)); // switching devices changes nothing here
    }
    effect(() => this.#send('screen', this.screen.value));
    effect(() => this.#publish('screen', this.screen.value !== null));
    navigator.mediaDevices?.addEventListener('devicechange', () => this.list());
    document.addEventListener('visibilitychange', () => document.hidden || this.#onVisible());
    globalThis.screen?.orientation?.addEventListener('change', () => setTimeout(() => this.#context.media?.refit('camera'), rotationMs));
  }

  #onVisible(): void {
    this.microphone.checkTrack();
    this.camera.checkTrack();
    this.#context.media?.refit('camera');
  }

  list(): void {
    void this.microphone.list();
    void this.camera.list();
    void this.speaker.list();
  }

  chosen(): ChosenDevices {
    return { microphone: this.microphone.chosen.value, camera: this.camera.chosen.value, speaker: this.speaker.chosen.value };
  }

  // Restores earlier choices without turning a device on.
  choose({ microphone, camera, speaker }: ChosenDevices): void {
    this.microphone.chosen.value = microphone;
    this.camera.chosen.value = camera;
    this.speaker.choose(speaker);
    this.list();
  }

  // A publication.set of the source is unanswered.
  isSetting(source: Source): boolean {
    return this.#requestsPending[source] > 0;
  }

  // After a new connection: sends all tracks, and assumes that the server knows nothing.
  sendAll(): void {
    this.#knownLive = {};
    for (const { kind, track } of [this.microphone, this.camera]) this.#send(kind, track.peek());
    this.#send('screen', this.screen.peek());
  }

  // To a server that may have forgotten. What it knows is on is not said again: a host may have muted it while words did not get
  // through.
  publishAll(): void {
    for (const { kind, sending } of [this.microphone, this.camera]) {
      if (!sending.peek() || !this.#knownLive[kind]) this.#publish(kind, sending.peek());
    }
    if (this.screen.peek()) this.#publish('screen', true);
  }

  // A picker can stay open for long. A screen picked after the permission or the group was lost is not shared.
  async pickScreen(): Promise<void> {
    const stops = this.#screenStops;
    const track = await pickScreen();
    if (!track) return;
    const { session } = this.#context;
    if (stops !== this.#screenStops || session?.state !== 'admitted' || !session.may('publish.screen')) return track.stop();
    this.screen.value?.stop(); // of another picker
    track.onended = () => this.stopScreen();
    this.screen.value = track;
  }

  stopScreen(): void {
    this.#screenStops += 1;
    this.screen.value?.stop();
    this.screen.value = null;
  }

  allOff(): void {
    this.microphone.turnOff();
    this.camera.turnOff();
    this.stopScreen();
  }

  // Withheld audio is replaced by silence: without a track Chromium's audio clock stops, and later audio would be early in a recording.
  #send(source: Source, track: MediaStreamTrack | null): void {
    const withheld = this.#context.withheld.value; // read first, so that the effect depends on it even without a connection
    if (track) track.enabled = !withheld;
    const silent = source === 'microphone';
    const sent = this.#context.media?.setTrack(source, withheld && !silent ? null : track);
    // The track is enabled again for the local preview once the sender has released it.
    if (withheld && track && !silent) void Promise.resolve(sent).then(() => (track.enabled = true));
  }

  #publish(source: Source, live: boolean): void {
    const { session, ready } = this.#context;
    this.#knownLive[source] = false;
    if (!ready.value || session?.state !== 'admitted' || !session.may(`publish.${source}`)) return;
    this.#requestsPending[source] += 1;
    const turn = (this.#latest[source] += 1);
    void this.#publishUntilAccepted(session, source, live, turn).finally(() => (this.#requestsPending[source] -= 1));
  }

  // Said again as long as it is only refused for its pace, and nothing newer is to be said: what the server does not know, it may keep from
  // the group, or not.
  async #publishUntilAccepted(session: Session, source: Source, live: boolean, turn: number): Promise<void> {
    while (this.#latest[source] === turn && this.#context.session === session && session.state === 'admitted') {
      const pause = await session.request('publication.set', { source, muted: !live }).then(() => {
        this.#knownLive[source] = live;
        return undefined;
      }, pauseOf);
      if (pause === undefined) return;
      await new Promise((done) => setTimeout(done, pause));
    }
  }
}
