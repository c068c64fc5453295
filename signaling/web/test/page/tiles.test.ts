// Tiles: whose picture is in which, and what is said in place of one. Slots and frames are a browser's, whose part the test plays.
import assert from 'node:assert/strict';
import test from 'node:test';
import { stalledMs } from '../../page/media/liveness';
import { lind, openSession, person, self, type Page } from '../support/page';

const words = { off: 'Camera off', starting: 'No picture yet', stalled: 'Picture frozen' };
const entry = (participantId: string, index: number, csrc: number, kind: 'video' | 'screen' = 'video') =>
  ({ kind, index, publicationId: `${participantId}-${kind}`, participantId, csrc });

const tile = (page: Page, id: string): HTMLElement => page.all('tile').find(({ dataset }) => dataset.participant === id)!;

function says(page: Page, id: string, state: keyof typeof words | 'live'): void {
  const element = tile(page, id);
  assert.equal(element.dataset.state, state);
  const read = element.querySelector('.plate')?.textContent ?? '';
  for (const [other, text] of Object.entries(words)) {
    assert.equal((element.textContent ?? '').includes(text), other === state, `${id} is ${state}: ${element.textContent}`);
    assert.equal(read.includes(text.toLowerCase()), other === state, `${id} is ${state}, read as ${read}`);
  }
}

// A connection with two slots for video and one for a screen.
async function connected(t: Parameters<typeof openSession>[0]) {
  const page = await openSession(t);
  page.accept('media.offer', { sdp: '', slots: [
    { mid: '3', kind: 'audio', index: 0 }, { mid: '4', kind: 'video', index: 0 }, { mid: '6', kind: 'video', index: 1 }, { mid: '7', kind: 'screen', index: 0 },
  ] });
  await page.receive('media.ready', { generation: 0, iceServers: [], slots: { pairs: 2, screens: 1 }, codecs: { audio: [], video: [] } });
  const [, first, , second, screen] = page.peers[0]!.receivers;
  let rtp = 0;
  // The next picture of a slot is of this source.
  const frame = async (slot: typeof first, source: number) => {
    rtp += 3_000;
    slot!.sources.splice(0, 10, { source, timestamp: rtp, rtpTimestamp: rtp });
    await page.present(rtp);
  };
  return { page, first, second, screen, frame };
}

test('a tile says off, starting, live or stalled, in words and to a screen reader', async (t) => {
  const { page, first, frame } = await connected(t);
  await page.receive('slot.map', { slots: [entry('lind', 0, 7)] });
  says(page, 'lind', 'starting');
  says(page, 'jonas', 'starting');
  await frame(first, 7);
  says(page, 'lind', 'live');
  await page.pass(stalledMs * 2);
  await frame(first, 7);
  says(page, 'lind', 'live');
  await page.receive('participant.updated', { participant: lind({ publications: lind().publications.map((one) => ({ ...one, muted: true })) }) });
  says(page, 'lind', 'off');
  assert.match(tile(page, 'lind').textContent ?? '', /Muted:/);
});

test('a slot that changes hands shows nothing of the person before', async (t) => {
  const { page, first, frame } = await connected(t);
  await page.receive('slot.map', { slots: [entry('lind', 0, 7)] });
  await frame(first, 7);
  const shown = () => page.query('video.guarded[data-shown]').length;
  assert.equal(shown(), 1);
  await page.receive('slot.map', { slots: [entry('jonas', 0, 8)] });
  assert.equal(shown(), 0);
  await frame(first, 7);
  says(page, 'jonas', 'starting');
  await frame(first, 8);
  says(page, 'jonas', 'live');
  says(page, 'lind', 'starting');
  assert.equal(shown(), 1);
});

test('the own tile knows its camera', async (t) => {
  const { page } = await connected(t);
  says(page, 'me', 'starting');
  await page.present();
  says(page, 'me', 'live');
  assert.match(tile(page, 'me').textContent ?? '', /You/);
  await page.click('camera-toggle');
  says(page, 'me', 'off');
});

test('who speaks is large, in silence who spoke last, and a screen goes before all', async (t) => {
  const { page, screen, frame } = await connected(t);
  assert.equal(page.query('.gallery .seat').length, 3);
  const choose = async (view: 'gallery' | 'speaker') => {
    await page.click('view');
    page.find(`view-${view}`).dispatchEvent(new Event('change'));
    await page.click('view-close');
  };
  await choose('speaker');
  const large = () => page.query('.spot-main [data-testid="tile"]').map(({ dataset }) => dataset.name).join();
  assert.equal(large(), 'Dr. Lind');
  await page.receive('speakers', { participantIds: ['jonas'] });
  assert.equal(large(), 'Jonas');
  assert.match(tile(page, 'jonas').textContent ?? '', /Speaking:/);
  await page.receive('speakers', { participantIds: ['me'] });
  assert.equal(large(), 'Jonas', 'the own picture is not what one looks at');
  await choose('gallery');
  await page.receive('slot.map', { slots: [entry('jonas', 0, 9, 'screen')] });
  assert.match(page.textOf('screen'), /Screen starting.*Jonas shares a screen/);
  assert.equal(page.query('.strip .seat').length, 3);
  await frame(screen, 9);
  assert.doesNotMatch(page.textOf('screen'), /Screen starting/);
});

test('people who get ready, observe or help have it on their tile', async (t) => {
  const { page } = await connected(t);
  await page.receive('roster', { participants: [
    self(), person('g', 'Gil', { publications: [] }), person('o', 'Olga', { role: 'observer', publications: [] }), person('c', 'Dr. Ito', { role: 'cohost' }),
  ] });
  const text = (id: string) => tile(page, id).textContent ?? '';
  assert.match(text('g'), /Getting ready/);
  assert.match(page.textOf('aside'), /Olga, Observer/);
  assert.match(text('c'), /Co-therapist/);
  assert.equal(page.query('.gallery')[0]?.getAttribute('aria-label'), '3 people');
});
