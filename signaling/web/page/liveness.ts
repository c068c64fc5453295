// Whether a picture is there, and goes on. A tile knows four states: the camera is off, it is starting, its picture is live, or it stands
// still. A calm face and a picture that stands still look the same, so the difference is said.

export type PictureState = 'starting' | 'live' | 'stalled';
export type TileState = 'off' | PictureState;

// Without a frame for so long a picture stands still. Above the gap of a key frame that is asked for anew, and of a dim camera.
export const stalledMs = 2_000;

interface Clock {
  now(): number;
  set(run: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

const pageClock: Clock = {
  now: () => performance.now(),
  set: (run, ms) => setTimeout(run, ms),
  clear: (timer) => clearTimeout(timer as number),
};

export class Liveness {
  readonly #tell: (state: PictureState) => void;
  readonly #clock: Clock;
  #state: PictureState = 'starting';
  #last = 0; // when the newest frame came, or since when it is looked at
  #looked = true; // a browser tells nothing of frames that nobody sees, and they are not sent
  #timer: unknown;

  constructor(tell: (state: PictureState) => void, clock: Clock = pageClock) {
    this.#tell = tell;
    this.#clock = clock;
  }

  // A frame was presented; shown, if it is of the right person.
  frame(shown: boolean): void {
    if (!shown) return this.#become('starting');
    this.#last = this.#clock.now();
    this.#become('live');
  }

  // The tile is in sight, or not.
  look(seen: boolean): void {
    if (seen === this.#looked) return;
    this.#looked = seen;
    this.#last = this.#clock.now();
    this.#watch();
  }

  stop(): void {
    this.#clock.clear(this.#timer);
    this.#looked = false;
  }

  #become(state: PictureState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#watch();
    this.#tell(state);
  }

  // One timer, not one for each frame.
  #watch(): void {
    this.#clock.clear(this.#timer);
    if (this.#state !== 'live' || !this.#looked) return;
    const left = this.#last + stalledMs - this.#clock.now();
    this.#timer = this.#clock.set(() => this.#due(), left);
  }

  #due(): void {
    if (this.#clock.now() - this.#last >= stalledMs) this.#become('stalled');
    else this.#watch();
  }
}

// In words, as they stand on a tile and are read out.
export const stateWords: Record<Exclude<TileState, 'live'>, string> = {
  off: 'Camera off', starting: 'No picture yet', stalled: 'Picture frozen',
};

// Of the own camera: what is known of the device goes before what is seen of it.
export function ownState(device: 'off' | 'asking' | 'on' | 'interrupted', picture: PictureState): TileState {
  if (device === 'asking') return 'starting';
  if (device === 'interrupted') return 'stalled';
  return device === 'off' ? 'off' : picture;
}
