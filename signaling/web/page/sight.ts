// What this page shows of others, told to the server so that no more is sent than is seen. Tiles are measured, not pictures: a
// camera that is turned on again is asked for in its size at once.

import type { RequestData } from '../client';

// Heights and widths in device pixels by publication; null is not seen.
export type Sight = ReadonlyMap<string, { width: number; height: number } | null>;

// A drag of the window's edge is one change; below a tenth nobody sees the difference.
const settleMs = 300;
const tenth = 0.1;
const maxPixels = 16384;

export function changed(before: Sight, now: Sight): boolean {
  if (before.size !== now.size) return true;
  for (const [id, size] of now) {
    const then = before.get(id);
    if (then === undefined || (then === null) !== (size === null)) return true;
    if (then && size && (far(then.width, size.width) || far(then.height, size.height))) return true;
  }
  return false;
}

function far(a: number, b: number): boolean {
  return Math.abs(a - b) > a * tenth;
}

export function viewOf(sight: Sight): RequestData<'view.set'> {
  const view: RequestData<'view.set'> = { views: [], paused: [] };
  for (const [publicationId, size] of sight) {
    if (size) view.views.push({ publicationId, ...size });
    else view.paused.push(publicationId);
  }
  return view;
}

interface Watched {
  publicationId: string;
  width: number;
  height: number;
  visible: boolean;
}

// Returns whether it was heard, or after how many milliseconds it may be said again.
type Tell = (sight: Sight) => Promise<boolean | number>;

// Watches tiles and tells when what they show has settled.
export class Watcher {
  readonly #tell: Tell;
  readonly #tiles = new Map<Element, Watched>();
  readonly #sizes = new ResizeObserver((entries) => entries.forEach(({ target, contentRect }) => this.#resized(target, contentRect)));
  readonly #places = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => this.#moved(target, isIntersecting)));
  #slots: readonly string[] = [];
  #told: Sight = new Map();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: Tell) {
    this.#tell = tell;
    document.addEventListener('visibilitychange', () => this.#soon());
  }

  // The publications that the server has in a video slot: those without a tile are not seen.
  slots(publications: readonly string[]): void {
    this.#slots = publications;
    this.#soon();
  }

  // The server knows nothing of us: tell all again.
  forget(): void {
    this.#told = new Map();
    this.#soon();
  }

  // Returns what stops it.
  watch(tile: Element, publicationId: string): () => void {
    this.#tiles.set(tile, { publicationId, width: 0, height: 0, visible: true });
    this.#sizes.observe(tile);
    this.#places.observe(tile);
    return () => {
      this.#tiles.delete(tile);
      this.#sizes.unobserve(tile);
      this.#places.unobserve(tile);
      this.#soon();
    };
  }

  #resized(tile: Element, { width, height }: DOMRectReadOnly): void {
    const watched = this.#tiles.get(tile);
    if (!watched) return;
    Object.assign(watched, { width, height });
    this.#soon();
  }

  #moved(tile: Element, visible: boolean): void {
    const watched = this.#tiles.get(tile);
    if (!watched) return;
    watched.visible = visible;
    this.#soon();
  }

  #soon(afterMs = settleMs): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#report(), afterMs);
  }

  async #report(): Promise<void> {
    const now = this.#see();
    const before = this.#told;
    if (!changed(before, now)) return;
    this.#told = now;
    const heard = await this.#tell(now);
    if (heard === true || this.#told !== now) return;
    // What was not heard is told with the next change, or when the seat is taken up again; what came too soon, after a while.
    this.#told = before;
    if (heard !== false) this.#soon(heard);
  }

  #see(): Sight {
    const sight = new Map<string, { width: number; height: number } | null>(this.#slots.map((id) => [id, null]));
    const pixels = (edge: number): number => Math.min(maxPixels, Math.round(edge * devicePixelRatio));
    for (const { publicationId, width, height, visible } of this.#tiles.values()) {
      if (!sight.has(publicationId) || !visible || document.hidden) continue;
      const size = { width: pixels(width), height: pixels(height) };
      const other = sight.get(publicationId);
      if (size.width > 0 && size.height > 0 && (!other || other.height < size.height)) sight.set(publicationId, size);
    }
    return sight;
  }
}
