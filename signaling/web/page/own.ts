// The own devices and screen, and what the group gets of them. What is released here is muted at the server too.

import { effect, signal, type ReadonlySignal } from '@preact/signals';
import type { Media, Session, Source } from '../client';
import { Device, pickScreen, Speaker } from './devices';

// Where it goes, if anywhere yet.
interface Seat {
  readonly ready: ReadonlySignal<boolean>;
  readonly session: Session | undefined;
  readonly media: Media | undefined;
}

export class Own {
  readonly microphone = new Device('microphone');
  readonly camera = new Device('camera');
  readonly speaker = new Speaker();
  readonly screen = signal<MediaStreamTrack | null>(null);
  readonly #seat: Seat;
  #setting = { microphone: 0, camera: 0, screen: 0 };

  constructor(seat: Seat) {
    this.#seat = seat;
    effect(() => this.#publish('microphone', this.microphone.track.value));
    effect(() => this.#publish('camera', this.camera.track.value));
    effect(() => this.#publish('screen', this.screen.value));
    navigator.mediaDevices?.addEventListener('devicechange', () => this.list());
  }

  list(): void {
    void this.microphone.list();
    void this.camera.list();
    void this.speaker.list();
  }

  // The server has not yet answered how the source was set here.
  setting(source: Source): boolean {
    return this.#setting[source] > 0;
  }

  // To a server that knows nothing of it.
  tellAll(): void {
    this.#tell('microphone', this.microphone.track.peek());
    this.#tell('camera', this.camera.track.peek());
    if (this.screen.peek()) this.#tell('screen', this.screen.peek());
  }

  // A picker may stand open for long: who may not share any more, or is not in the group, shows it to nobody later either.
  async pickScreen(): Promise<void> {
    const track = await pickScreen();
    if (!track) return;
    const { session } = this.#seat;
    if (session?.state !== 'admitted' || !session.may('publish.screen')) return track.stop();
    this.stopScreen(); // of another picker
    track.onended = () => this.stopScreen();
    this.screen.value = track;
  }

  stopScreen(): void {
    this.screen.value?.stop();
    this.screen.value = null;
  }

  allOff(): void {
    this.microphone.turnOff();
    this.camera.turnOff();
    this.stopScreen();
  }

  #publish(source: Source, track: MediaStreamTrack | null): void {
    void this.#seat.media?.setTrack(source, track);
    this.#tell(source, track);
  }

  #tell(source: Source, track: MediaStreamTrack | null): void {
    const { session, ready } = this.#seat;
    if (!ready.value || session?.state !== 'admitted' || !session.may(`publish.${source}`)) return;
    this.#setting[source] += 1;
    session.request('publication.set', { source, muted: track === null })
      .catch(() => undefined)
      .finally(() => (this.#setting[source] -= 1));
  }
}
