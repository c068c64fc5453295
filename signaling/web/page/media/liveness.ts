// Whether a picture is there, and goes on. A tile knows four states: the camera is off, it is starting, its picture is live, or it stands
// still. A calm face and a picture that stands still look the same, so the difference is said.

export type VideoState = 'starting' | 'live' | 'stalled';
export type TileState = 'off' | VideoState;

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
  readonly #onChange: (state: VideoState) => void;
  readonly #clock: Clock;
  #state: VideoState = 'starting';
  #last = 0; // when the newest frame came, or since when it is looked at
  #visible = true; // a browser tells nothing of frames that nobody sees, and they are not sent
  #timer: unknown;

  constructor(tell: (state: VideoState) => void, clock: Clock = pageClock) {
    this.#onChange = tell;
    this.#clock = clock;
  }

  // A frame was presented; shown, if it is of the right person.
  frame(shown: boolean): void {
    if (!shown) return this.#setState('starting');
    this.#last = this.#clock.now();
    this.#setState('live');
  }

  // The tile is in sight, or not.
  setVisible(seen: boolean): void {
    if (seen === this.#visible) return;
    this.#visible = seen;
    this.#last = this.#clock.now();
    this.#schedule();
  }

  stop(): void {
    this.#clock.clear(this.#timer);
    this.#visible = false;
  }

  #setState(state: VideoState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#schedule();
    this.#onChange(state);
  }

  // One timer, not one for each frame.
  #schedule(): void {
    this.#clock.clear(this.#timer);
    if (this.#state !== 'live' || !this.#visible) return;
    const left = this.#last + stalledMs - this.#clock.now();
    this.#timer = this.#clock.set(() => this.#onTimer(), left);
  }

  #onTimer(): void {
    if (this.#clock.now() - this.#last >= stalledMs) this.#setState('stalled');
    else this.#schedule();
  }
}

// In words, as they stand on a tile and are read out.
export const stateWords: Record<Exclude<TileState, 'live'>, string> = {
  off: 'Camera off', starting: 'No picture yet', stalled: 'Picture frozen',
};

// Of the own camera: what is known of the device goes before what is seen of it.
export function localTileState(device: 'off' | 'asking' | 'on' | 'interrupted', picture: VideoState): TileState {
  if (device === 'asking') return 'starting';
  if (device === 'interrupted') return 'stalled';
  return device === 'off' ? 'off' : picture;
}
