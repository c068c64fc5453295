// Who sits where: stable seats, pages, speakers who come into sight, and how many tiles fit.
import assert from 'node:assert/strict';
import test from 'node:test';
import { bringIntoSight, gridFor, isAside, perPage, presence, raisedHands, takeSeats } from '../../page/state/seats';
import { person } from '../support/page';
import { seeded } from '../support/random';

test('a seat is kept, whoever comes and goes', () => {
  for (const [what, before, present, want] of [
    ['the first', '', 'abc', 'abc'],
    ['who comes sits last', 'abc', 'abcd', 'abcd'],
    ['the list of the server is another order', 'abc', 'cab', 'abc'],
    ['the last takes a free seat', 'abcd', 'acd', 'adc'],
    ['the last leaves', 'abcd', 'abc', 'abc'],
    ['two leave, the last one too', 'abcde', 'bcd', 'dbc'],
    ['one leaves while another comes', 'abc', 'bcd', 'cbd'],
    ['all leave', 'abc', '', ''],
    ['all are others', 'abc', 'def', 'def'],
  ] as const) assert.equal(takeSeats([...before], [...present]).join(''), want, what);
});

test('of one who leaves, at most one other person moves', () => {
  const random = seeded(7);
  let seats = takeSeats([], [...'abcdefghijkl']);
  for (let round = 0; seats.length > 1; round += 1) {
    const gone = seats[Math.floor(random() * seats.length)]!;
    const next = takeSeats(seats, seats.filter((id) => id !== gone));
    const moved = next.filter((id, i) => seats[i] !== id);
    assert.ok(moved.length <= 1, `round ${round}: ${moved.join()} moved`);
    assert.deepEqual([...next].sort(), seats.filter((id) => id !== gone).sort());
    seats = next;
  }
});

test('who speaks comes into sight, in the seat of who was silent longest', () => {
  const lastSpoke = new Map([['a', 50], ['b', 10], ['c', 20], ['me', 1]]);
  for (const [what, page, speakers, want] of [
    ['one out of sight', 0, 'x', 'axc|b'],
    ['one in sight', 0, 'c', 'abc|x'],
    ['nobody', 0, '', 'abc|x'],
    ['one who is not here', 0, 'z', 'abc|x'],
    ['the silent one speaks too', 0, 'xb', 'abx|c'],
    ['on the page that is looked at', 1, 'a', 'xbc|a'],
  ] as const) {
    const got = bringIntoSight([...'abcx'], { page, perPage: 3, speakers: [...speakers], lastSpoke, keep: 'me' });
    assert.equal(`${got.slice(0, 3).join('')}|${got.slice(3).join('')}`, want, what);
  }
  assert.deepEqual(bringIntoSight(['me', 'b', 'x'], { page: 0, perPage: 2, speakers: ['x'], lastSpoke, keep: 'me' }), ['me', 'x', 'b'], 'oneself stays');
  assert.deepEqual(bringIntoSight(['me', 'b', 'x'], { page: 0, perPage: 2, speakers: ['x', 'b'], lastSpoke, keep: 'me' }), ['me', 'b', 'x'], 'nobody is free to go');
});

test('tiles are as large as they can be, and pages hold what can be recognised', () => {
  const gap = 12;
  const laptop = { width: 1248, height: 640 };
  for (const [what, box, count, columns] of [
    ['one', laptop, 1, 1], ['two side by side', laptop, 2, 2], ['two on a phone, one above the other', { width: 366, height: 640 }, 2, 1],
    ['four', laptop, 4, 2], ['eight', laptop, 8, 4], ['thirty', laptop, 30, 6], ['eight on a phone', { width: 366, height: 640 }, 8, 2],
  ] as const) assert.equal(gridFor(count, box, gap).columns, columns, what);
  for (const [what, box, count, phone, want] of [
    ['all of thirty on a laptop', laptop, 30, false, 30],
    ['all of thirty beside the panel', { width: 888, height: 640 }, 30, false, 30],
    ['a phone', { width: 366, height: 660 }, 30, true, 8],
    ['a small phone', { width: 336, height: 470 }, 30, true, 8],
    ['five on a phone', { width: 366, height: 660 }, 5, true, 5],
    ['a window of nothing', { width: 0, height: 0 }, 30, false, 1],
    ['a laptop at 200 %', { width: 616, height: 260 }, 30, true, 8],
  ] as const) assert.equal(perPage(count, box, gap, phone), want, what);
});

test('every page of every size holds tiles of at least the smallest size, and the grid holds them all', () => {
  const random = seeded(3);
  for (let i = 0; i < 2_000; i += 1) {
    const box = { width: 150 + random() * 1800, height: 100 + random() * 1000 };
    const count = 1 + Math.floor(random() * 30);
    const fit = perPage(count, box, 8, random() < 0.5);
    const { columns, rows, tile } = gridFor(fit, box, 8);
    assert.ok(fit >= 1 && fit <= count && columns * rows >= fit && columns * (rows - 1) < fit);
    assert.ok(fit === 1 || (tile.width >= 136 && tile.height >= 88), JSON.stringify({ box, count, fit, tile }));
    assert.ok(columns * tile.width + 8 * (columns - 1) <= box.width + 1e-6 && rows * tile.height + 8 * (rows - 1) <= box.height + 1e-6);
  }
});

test('who is away, and an observer who sends nothing, take no full tile', () => {
  const silent = { publications: person('x', 'X').publications.map((one) => ({ ...one, muted: true })) };
  assert.equal(isAside(person('a', 'A', { away: true })), true);
  assert.equal(isAside(person('a', 'A', silent)), false, 'a participant with nothing on has a place');
  assert.equal(isAside(person('a', 'A', { role: 'observer', publications: [] })), true);
  assert.equal(isAside(person('a', 'A', { role: 'observer' })), false, 'one who sends');
  assert.equal(isAside(person('a', 'A', { connected: false })), false);
});

test('who is here, and whose hand is up first', () => {
  const group = [
    person('h', 'H', { role: 'host', handRaised: true, handRaisedAt: 30 }), person('c', 'C', { role: 'cohost' }), person('d', 'D', { role: 'cohost', away: true }),
    person('o', 'O', { role: 'observer', handRaised: true, handRaisedAt: 10 }), person('p', 'P', { handRaised: true, handRaisedAt: 20 }), person('q', 'Q'),
  ];
  assert.deepEqual(presence(group), { therapists: 2, observers: 1 });
  assert.deepEqual(raisedHands(group).map(({ id }) => id), ['o', 'p', 'h']);
  assert.deepEqual(raisedHands([person('b', 'B', { handRaised: true }), person('a', 'A', { handRaised: true })]).map(({ id }) => id), ['b', 'a']);
});
