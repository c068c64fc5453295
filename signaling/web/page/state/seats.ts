// Where people sit in the gallery, as pure functions: who takes a full tile, in which order, and how many fit.

import type { Participant } from '../../client';
import { isSending } from './people';

export interface Box {
  width: number;
  height: number;
}

// The edges that a tile may not fall below, in CSS pixels: a face, and the name on it, can be read.
const least: Box = { width: 136, height: 88 };
// On a phone no page holds more: smaller faces are not seen by somebody who holds it in the hand.
const mostOnPhone = 8;
// A tile is as wide as a camera's picture at most, and little higher than wide (css: .seat .tile).
const [widest, highest] = [16 / 9, 6 / 5];

// Whoever is away, and observers who send nothing, are named in a line and take no tile.
export function isAside(person: Participant): boolean {
  const silent = !isSending(person, 'microphone') && !isSending(person, 'camera') && !isSending(person, 'screen');
  return person.away || (person.role === 'observer' && silent);
}

// A person keeps the seat until the end. Whoever comes sits down last; of whoever leaves the last one takes the seat, so that only one moves.
export function takeSeats(before: readonly string[], present: readonly string[]): string[] {
  const here = new Set(present);
  const seats = [...before];
  for (let i = 0; i < seats.length;) {
    if (here.has(seats[i]!)) i += 1;
    else if (i === seats.length - 1) seats.pop();
    else seats[i] = seats.pop()!;
  }
  return [...seats, ...present.filter((id) => !seats.includes(id))];
}

export interface Speaking {
  page: number;
  perPage: number;
  speakers: readonly string[]; // now, the loudest first
  lastSpoke: ReadonlyMap<string, number>; // when, by person
  keep: string; // never loses the seat: oneself
}

// Whoever speaks out of sight changes seats with the one on this page who has been silent longest.
export function bringIntoSight(seats: readonly string[], { page, perPage, speakers, lastSpoke, keep }: Speaking): string[] {
  const next = [...seats];
  const [from, to] = [page * perPage, Math.min((page + 1) * perPage, seats.length)];
  for (const speaker of speakers) {
    const at = next.indexOf(speaker);
    if (at < 0 || (at >= from && at < to)) continue;
    const others = next.slice(from, to).filter((id) => id !== keep && !speakers.includes(id));
    const silent = others.toSorted((a, b) => (lastSpoke.get(a) ?? 0) - (lastSpoke.get(b) ?? 0))[0];
    if (silent === undefined) continue;
    next[next.indexOf(silent)] = speaker;
    next[at] = silent;
  }
  return next;
}

// The tile of a grid of so many columns and rows.
function tileIn(box: Box, columns: number, rows: number, gap: number): Box {
  const cell = { width: (box.width - gap * (columns - 1)) / columns, height: (box.height - gap * (rows - 1)) / rows };
  return { width: Math.min(cell.width, cell.height * widest), height: Math.min(cell.height, cell.width * highest) };
}

export interface Grid {
  columns: number;
  rows: number;
  tile: Box;
}

// The grid in which so many tiles are largest.
export function gridFor(count: number, box: Box, gap: number): Grid {
  let best: Grid = { columns: 1, rows: Math.max(count, 1), tile: { width: 0, height: 0 } };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const tile = tileIn(box, columns, rows, gap);
    if (tile.width * tile.height > best.tile.width * best.tile.height) best = { columns, rows, tile };
  }
  return best;
}

// How many of so many people are shown at once.
export function perPage(count: number, box: Box, gap: number, phone: boolean): number {
  for (let fit = Math.min(count, phone ? mostOnPhone : count); fit > 1; fit -= 1) {
    const { tile } = gridFor(fit, box, gap);
    if (tile.width >= least.width && tile.height >= least.height) return fit;
  }
  return 1;
}

// Who is here, by what they are here for, oneself included: the therapists, and who only watches.
export function presence(people: readonly Participant[]): { therapists: number; observers: number } {
  const here = people.filter(({ away }) => !away);
  return {
    therapists: here.filter(({ role }) => role === 'host' || role === 'cohost').length,
    observers: here.filter(({ role }) => role === 'observer').length,
  };
}

// The raised hands, the one that has been up longest first. A server of before tells no time: then in the order of the list.
export function raisedHands(people: readonly Participant[]): Participant[] {
  return people.filter(({ handRaised }) => handRaised).toSorted((a, b) => (a.handRaisedAt ?? 0) - (b.handRaisedAt ?? 0));
}
