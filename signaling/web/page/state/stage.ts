// What is shown of the group, and how: all in one size, by pages, or one person large. It is this person's own choice; nobody is told.

import { batch, computed, signal, type ReadonlySignal } from '@preact/signals';
import type { Participant } from '../../client';
import { bringIntoSight, isAside, perPage, takeSeats, type Box } from './seats';

export type View = 'gallery' | 'speaker';

interface Group {
  readonly roster: ReadonlySignal<readonly Participant[]>;
  readonly selfId: ReadonlySignal<string>;
  readonly sideRoom: ReadonlySignal<string | undefined>; // the other one of it
}

// Narrow or low: a phone, upright or not. The same as in the CSS.
const phones = '(max-width: 40rem), (max-height: 32rem)';

export class StageStore {
  readonly view = signal<View>('gallery');
  readonly pinned = signal(''); // a participant, or nobody
  readonly selfHidden = signal(false);
  readonly page = signal(0);
  readonly box = signal<Box | undefined>(undefined); // where the tiles are; unknown before it was measured
  readonly phone = signal(false);
  readonly gap = computed(() => (this.phone.value ? 8 : 12));
  readonly #group: Group;
  readonly #seats = signal<readonly string[]>([]);
  readonly #speaker = signal(''); // who speaks, or spoke last, oneself excepted
  readonly #lastSpoke = new Map<string, number>();

  constructor(group: Group) {
    this.#group = group;
    const media = globalThis.matchMedia?.(phones);
    const look = (): void => void (this.phone.value = media?.matches ?? false);
    media?.addEventListener('change', look);
    look();
  }

  // Who is here for this person: in a side room the two are all there is.
  readonly people = computed(() => {
    const { roster, sideRoom, selfId } = this.#group;
    const other = sideRoom.value;
    return other ? roster.value.filter(({ id }) => id === other || id === selfId.value) : roster.value;
  });

  // The full tiles in the order of the seats, and who else is here.
  readonly tiles = computed(() => this.#seated().filter((person) => !this.#isAside(person)));
  readonly aside = computed(() => this.#seated().filter((person) => this.#isAside(person)));

  readonly perPage = computed(() => {
    const count = Math.max(this.tiles.value.length, 1);
    return this.box.value ? perPage(count, this.box.value, this.gap.value, this.phone.value) : count;
  });
  readonly pages = computed(() => Math.max(1, Math.ceil(this.tiles.value.length / this.perPage.value)));
  readonly pageShown = computed(() => Math.min(this.page.value, this.pages.value - 1));
  readonly shown = computed(() => this.tiles.value.slice(this.pageShown.value * this.perPage.value, (this.pageShown.value + 1) * this.perPage.value));

  // Who is shown large: who is pinned; else who speaks or spoke last; before anybody spoke the first other person.
  readonly large = computed(() => {
    const others = this.tiles.value.filter(({ id }) => id !== this.#group.selfId.value);
    return others.find(({ id }) => id === this.pinned.value) ?? others.find(({ id }) => id === this.#speaker.value) ?? others[0];
  });

  onRoster(roster: readonly Participant[]): void {
    batch(() => {
      this.#seats.value = takeSeats(this.#seats.value, roster.map(({ id }) => id));
      if (!this.#seats.value.includes(this.pinned.value)) this.pinned.value = '';
    });
  }

  onSpeakers(speakers: readonly string[], now = Date.now()): void {
    const self = this.#group.selfId.value;
    for (const id of speakers) this.#lastSpoke.set(id, now);
    batch(() => {
      this.#speaker.value = speakers.find((id) => id !== self && this.tiles.value.some((person) => person.id === id)) ?? this.#speaker.value;
      if (this.pages.value < 2) return;
      const before = this.tiles.value.map(({ id }) => id);
      const after = bringIntoSight(before, {
        page: this.pageShown.value, perPage: this.perPage.value, speakers, lastSpoke: this.#lastSpoke, keep: self,
      });
      this.#seats.value = this.#seats.value.map((id) => (before.includes(id) ? after[before.indexOf(id)]! : id));
    });
  }

  pin(id: string): void {
    this.pinned.value = this.pinned.value === id ? '' : id;
  }

  turn(by: 1 | -1): void {
    this.page.value = Math.min(Math.max(this.pageShown.value + by, 0), this.pages.value - 1);
  }

  // Another group, or none.
  reset(): void {
    batch(() => {
      this.pinned.value = '';
      this.page.value = 0;
      this.#seats.value = [];
      this.#speaker.value = '';
      this.#lastSpoke.clear();
    });
  }

  #isAside(person: Participant): boolean {
    return isAside(person) || (person.id === this.#group.selfId.value && this.selfHidden.value);
  }

  #seated(): Participant[] {
    const people = this.people.value;
    return this.#seats.value.flatMap((id) => people.find((person) => person.id === id) ?? []);
  }
}
