// Reports the size of visible tiles to the server, so that no more is sent than is shown. Tiles are measured, not videos: a camera that is
// turned on again is requested at its size at once.

import type { RequestData } from '../../client';

// Width and height in device pixels by publication; null is not visible.
export type VisibleTiles = ReadonlyMap<string, { width: number; height: number } | null>;

// Debounces window resizing; changes below a tenth are not visible.
const settleMs = 300;
const tenth = 0.1;
const maxPixels = 16384;

export function visibilityChanged(before: VisibleTiles, now: VisibleTiles): boolean {
  if (before.size !== now.size) return true;
  for (const [id, size] of now) {
    const then = before.get(id);
    if (then === undefined || (then === null) !== (size === null)) return true;
    if (then && size && (differs(then.width, size.width) || differs(then.height, size.height))) return true;
  }
  return false;
}

function differs(a: number, b: number): boolean {
  return Math.abs(a - b) > a * tenth;
}

export function viewOf(sight: VisibleTiles): RequestData<'view.set'> {
  const view: RequestData<'view.set'> = { views: [], paused: [] };
  for (const [publicationId, size] of sight) {
    if (size) view.views.push({ publicationId, ...size });
    else view.paused.push(publicationId);
  }
  return view;
}

interface Observers {
  sizes: ResizeObserver;
  places: IntersectionObserver;
}

interface WatchedTile {
  publicationId: string;
  width: number;
  height: number;
  visible: boolean;
}

// Returns whether it was heard, or after how many milliseconds it may be said again.
type Report = (sight: VisibleTiles) => Promise<boolean | number>;

// Observes tiles and reports when their visibility has settled.
export class VisibilityWatcher {
  readonly #send: Report;
  readonly #tiles = new Map<Element, WatchedTile>();
  readonly #observers = new Map<typeof globalThis, Observers>(); // by window: one that is hidden observes nothing
  #slots: readonly string[] = [];
  #hidden = false; // the person wants no pictures
  #reported: VisibleTiles = new Map();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: Report) {
    this.#send = tell;
    document.addEventListener('visibilitychange', () => this.#schedule());
  }

  // The publications in video slots; those without a tile are not visible.
  setSlots(publications: readonly string[]): void {
    this.#slots = publications;
    this.#schedule();
  }

  setHidden(hidden: boolean): void {
    if (hidden === this.#hidden) return;
    this.#hidden = hidden;
    this.#schedule();
  }

  // The server has no report of this page: send all again.
  reportAgain(): void {
    this.#reported = new Map();
    this.#schedule();
  }

  // Returns what stops it.
  watch(tile: Element, publicationId: string): () => void {
    const { sizes, places } = this.#observersOf(tile.ownerDocument.defaultView ?? globalThis);
    this.#tiles.set(tile, { publicationId, width: 0, height: 0, visible: true });
    sizes.observe(tile);
    places.observe(tile);
    return () => {
      this.#tiles.delete(tile);
      sizes.unobserve(tile);
      places.unobserve(tile);
      this.#schedule();
    };
  }

  #observersOf(view: typeof globalThis): Observers {
    const known = this.#observers.get(view);
    if (known) return known;
    const observers = {
      sizes: new view.ResizeObserver((entries) => entries.forEach(({ target, contentRect }) => this.#resized(target, contentRect))),
      places: new view.IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => this.#moved(target, isIntersecting))),
    };
    this.#observers.set(view, observers);
    if (view !== globalThis) view.addEventListener('pagehide', () => this.#observers.delete(view));
    return observers;
  }

  #resized(tile: Element, { width, height }: DOMRectReadOnly): void {
    const watched = this.#tiles.get(tile);
    if (!watched) return;
    Object.assign(watched, { width, height });
    this.#schedule();
  }

  #moved(tile: Element, visible: boolean): void {
    const watched = this.#tiles.get(tile);
    if (!watched) return;
    watched.visible = visible;
    this.#schedule();
  }

  #schedule(afterMs = settleMs): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#report(), afterMs);
  }

  async #report(): Promise<void> {
    const now = this.#measure();
    const before = this.#reported;
    if (!visibilityChanged(before, now)) return;
    this.#reported = now;
    const heard = await this.#send(now);
    if (heard === true || this.#reported !== now) return;
    // What was not heard is told with the next change, or when the seat is taken up again; what came too soon, after a while.
    this.#reported = before;
    if (heard !== false) this.#schedule(heard);
  }

  #measure(): VisibleTiles {
    const sight = new Map<string, { width: number; height: number } | null>(this.#slots.map((id) => [id, null]));
    const pixels = (edge: number): number => Math.min(maxPixels, Math.round(edge * devicePixelRatio));
    for (const [{ ownerDocument }, { publicationId, width, height, visible }] of this.#tiles) {
      if (!sight.has(publicationId) || !visible || this.#hidden || ownerDocument.hidden) continue;
      const size = { width: pixels(width), height: pixels(height) };
      const other = sight.get(publicationId);
      if (size.width > 0 && size.height > 0 && (!other || other.height < size.height)) sight.set(publicationId, size);
    }
    return sight;
  }
}
