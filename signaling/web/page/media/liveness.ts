// Whether video is present and moving. A tile has four states: off, starting, live, or stalled. A calm face and a frozen frame look alike,
// so the difference is stated.

export type VideoState = 'starting' | 'live' | 'stalled';
export type TileState = 'off' | VideoState;

// Video without a frame for this long is stalled. Longer than waiting for a requested key frame, or a dim camera's frame interval.
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
  #last = 0; // time of the newest frame, or since when the tile is visible
  #visible = true; // browsers report no frames of hidden tiles, and none are sent
  #timer: unknown;

  constructor(tell: (state: VideoState) => void, clock: Clock = pageClock) {
    this.#onChange = tell;
    this.#clock = clock;
  }

  // A frame was presented. shown: it belongs to the right participant.
  frame(shown: boolean): void {
    if (!shown) return this.#setState('starting');
    this.#last = this.#clock.now();
    this.#setState('live');
  }

  // The tile is visible, or not.
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

// The words on a tile, also read by screen readers.
export const stateWords = {
  off: 'people.cameraOff', starting: 'people.noPicture', stalled: 'people.frozen',
} as const;

// State of the local tile: the device's state precedes what is seen of its video.
export function localTileState(device: 'off' | 'asking' | 'on' | 'interrupted', picture: VideoState): TileState {
  if (device === 'asking') return 'starting';
  if (device === 'interrupted') return 'stalled';
  return device === 'off' ? 'off' : picture;
}
