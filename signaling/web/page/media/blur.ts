// Blurring the background by the browser or the system (`backgroundBlur`, W3C Media Capture and Streams Extensions): on the person's own machine, and
// without a model that this page would bring.

interface BlurTrack extends MediaStreamTrack {
  readonly stats?: { readonly deliveredFrames: number };
}

// One value: the person's system decides, and the page only says what is so.
export type BlurAbility = 'none' | 'always' | 'never' | 'choice';

export function blurAbility(track: MediaStreamTrack | null): BlurAbility {
  const { backgroundBlur } = (track?.getCapabilities?.() ?? {}) as { backgroundBlur?: readonly boolean[] };
  if (!backgroundBlur?.length) return 'none';
  if (backgroundBlur.length > 1) return 'choice';
  return backgroundBlur[0] ? 'always' : 'never';
}

export async function setBlur(track: MediaStreamTrack, on: boolean): Promise<boolean> {
  if (blurAbility(track) !== 'choice') return false;
  return track.applyConstraints({ ...track.getConstraints(), advanced: [{ backgroundBlur: on } as MediaTrackConstraintSet] }).then(() => true, () => false);
}

const leastRate = 10; // frames a second: below it speech and lips part
const patienceSeconds = 6;

// Pure: frames of each second in; true once the machine cannot. The first seconds of a camera are no measure.
export class BlurRule {
  #slow = 0;
  #seen = 0;

  observe(frames: number): boolean {
    this.#seen += 1;
    if (this.#seen <= 2) return false;
    this.#slow = frames < leastRate ? this.#slow + 1 : 0;
    return this.#slow >= patienceSeconds;
  }
}

// Watches what a camera with blur delivers. Browsers that count no frames are left alone.
export function watchBlur(track: BlurTrack, onTooSlow: () => void): () => void {
  let before = track.stats?.deliveredFrames;
  const rule = new BlurRule();
  const timer = setInterval(() => {
    const now = track.stats?.deliveredFrames;
    if (now === undefined || before === undefined || document.hidden || track.muted) return void (before = now);
    if (rule.observe(now - before)) {
      clearInterval(timer);
      onTooSlow();
    }
    before = now;
  }, 1_000);
  return () => clearInterval(timer);
}

// Blurs until stopped, if the browser lets the page choose.
export function blurWhile(track: MediaStreamTrack, onTooSlow: () => void): () => void {
  if (blurAbility(track) !== 'choice') return () => undefined;
  void setBlur(track, true);
  const stop = watchBlur(track, onTooSlow);
  return () => {
    stop();
    if (track.readyState === 'live') void setBlur(track, false);
  };
}
