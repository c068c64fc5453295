// What a person sees of the group, and how they choose it: pages, the one who is large, their own picture, and who has no tile.
import assert from 'node:assert/strict';
import test from 'node:test';
import { noticeMs } from '../../page/state/notice';
import { FakeTrack, lind, openHost, openSession, openWaiting, permissionsOf, person, room, self, waiter, type Page } from '../support/page';

const crowd = (n: number) => [lind(), self(), ...Array.from({ length: n - 2 }, (_, i) => person(`p${i}`, `P${i}`))];
const shown = (page: Page): string => page.query('.gallery [data-testid="tile"]').map(({ dataset }) => dataset.participant).join(' ');
const large = (page: Page): string => page.query('.spot-main [data-testid="tile"]').map(({ dataset }) => dataset.participant).join(' ');
const pinOf = (page: Page, id: string): HTMLElement => page.query(`[data-participant="${id}"] [data-testid="pin"]`)[0]!;
const banners = (page: Page): string[] => page.query('.banners > .banner').map(({ textContent }) => textContent ?? '');
// Places for four.
const small = { width: 340, height: 240 };

test('a large group has pages, seats are kept, and who speaks comes into sight', async (t) => {
  const page = await openSession(t);
  await page.receive('roster', { participants: crowd(9) });
  assert.equal(shown(page).split(' ').length, 9);
  assert.ok(!page.shows('page-next'));
  page.store.stage.box.value = small;
  await page.settle();
  assert.equal(shown(page), 'lind me p0 p1');
  assert.match(page.textOf('page'), /Page 1 of 3/);
  await page.click('page-next');
  assert.equal(shown(page), 'p2 p3 p4 p5');
  await page.click('page-next');
  assert.equal(shown(page), 'p6');
  assert.ok((page.find('page-next') as HTMLButtonElement).disabled);
  await page.receive('participant.left', { participantId: 'p3', reason: 'left' });
  await page.click('page-previous');
  assert.equal(shown(page), 'lind me p0 p1', 'the third page is gone, so this is the one before the second');
  await page.click('page-next');
  assert.equal(shown(page), 'p2 p6 p4 p5', 'the last one took the free seat, and nobody else moved');
  await page.click('page-previous');
  await page.receive('speakers', { participantIds: ['lind'] });
  await page.pass(1_000);
  await page.receive('speakers', { participantIds: ['p1'] });
  await page.pass(1_000);
  await page.receive('speakers', { participantIds: ['p4'] });
  assert.equal(shown(page), 'lind me p4 p1', 'in the seat of who never spoke; oneself stays');
  await page.receive('speakers', { participantIds: ['p0'] });
  assert.equal(shown(page), 'p0 me p4 p1', 'whoever spoke longest ago makes room');
});

test('one is kept large whoever speaks, until that ends or the person leaves', async (t) => {
  const page = await openSession(t);
  await page.receive('speakers', { participantIds: ['lind'] });
  assert.equal(pinOf(page, 'jonas').getAttribute('aria-label'), 'Keep Jonas large');
  assert.equal(page.query('[data-participant="me"] [data-testid="pin"]').length, 0);
  await page.click(pinOf(page, 'jonas'));
  assert.equal(large(page), 'jonas');
  assert.equal(pinOf(page, 'jonas').getAttribute('aria-label'), 'Jonas is kept large. Stop that');
  await page.receive('speakers', { participantIds: ['lind'] });
  assert.equal(large(page), 'jonas');
  await page.click(pinOf(page, 'jonas'));
  assert.equal(shown(page), 'lind me jonas');
  await page.click(pinOf(page, 'jonas'));
  await page.receive('participant.left', { participantId: 'jonas', reason: 'left' });
  assert.equal(shown(page), 'lind me');
});

test('the own picture can be hidden from oneself, which is said', async (t) => {
  const page = await openSession(t);
  await page.click('view');
  assert.match(page.textOf('view-dialog'), /Everyone in the same size/);
  page.find('self-shown').dispatchEvent(new Event('change'));
  await page.click('view-close');
  assert.equal(shown(page), 'lind jonas');
  assert.match(page.textOf('aside'), /You.*Hidden from yourself\. The others see you/);
  assert.deepEqual(page.devices.lights, ['audio', 'video'], 'the camera goes on');
});

test('a shared screen is looked at closely, and who shares one is told for as long', async (t) => {
  const page = await openSession(t);
  await page.receive('access.changed', { state: 'admitted', permissions: [...permissionsOf.participant, 'publish.screen'] });
  page.devices.picked = Promise.resolve(new FakeTrack('video', 'screen'));
  assert.ok(!page.shows('sharing') && !page.shows('sharing-state'));
  await page.click('screen-toggle');
  assert.match(page.textOf('sharing'), /You are sharing your screen\./);
  assert.ok(page.shows('sharing-preview'));
  assert.equal(page.textOf('sharing-state'), 'Your screen is shared');
  assert.equal(page.textOf('screen-toggle'), 'Sharing. Stop');
  await page.pass(60_000);
  assert.ok(page.shows('sharing'), 'it is said for as long as it is so');
  await page.click('sharing-stop');
  assert.deepEqual([page.shows('sharing'), page.shows('sharing-state'), page.store.localMedia.screen.value], [false, false, null]);
  assert.deepEqual(page.sent('publication.set').at(-1), { source: 'screen', muted: true });
  await page.receive('slot.map', { slots: [{ kind: 'screen', index: 0, publicationId: 's', participantId: 'jonas', csrc: 9 }] });
  const zoom = () => [page.find('screen-canvas').className, page.query('.zoom .num')[0]?.textContent];
  assert.deepEqual(zoom(), ['canvas zoom-0', '100%']);
  await page.click('zoom-in');
  await page.click('zoom-in');
  assert.deepEqual(zoom(), ['canvas zoom-2', '200%']);
  await page.click('zoom-out');
  assert.deepEqual(zoom(), ['canvas zoom-1', '150%']);
});

test('a notice goes after a while, with its state, or with the group', async (t) => {
  const page = await openSession(t);
  const mute = (source: 'microphone', muted: boolean) => page.receive('participant.updated', {
    participant: self({ publications: self().publications.map((one) => (one.source === source ? { ...one, muted } : one)) }),
  });
  const notice = () => page.shows('notice') && page.textOf('notice');
  await mute('microphone', true);
  assert.match(String(notice()), /turned your microphone off/);
  await page.pass(noticeMs - 100);
  assert.ok(notice());
  await page.pass(200);
  assert.equal(notice(), false);
  await page.click('mic-toggle');
  await mute('microphone', false);
  await mute('microphone', true);
  assert.ok(notice());
  await page.click('mic-toggle');
  assert.equal(notice(), false, 'the microphone is on again');
  page.store.notice.value = 'Something of the group.';
  await page.receive('unmute.asked', { source: 'camera' });
  await page.receive('room.warning', { minutes: 5 });
  await page.receive('access.changed', { state: 'waiting', reason: 'sent_back', permissions: [] });
  assert.doesNotMatch(page.text, /Something of the group/);
  await page.receive('access.changed', { state: 'admitted', permissions: permissionsOf.participant });
  await page.receive('room.updated', room());
  await page.receive('roster', { participants: [lind(), self()] });
  assert.deepEqual(banners(page), [], 'nothing of before comes along');
});

test('banners do not pile up: the others wait behind a button, calls for help never do', async (t) => {
  const page = await openHost(t);
  page.store.notice.value = 'One.';
  await page.receive('room.warning', { minutes: 5 });
  assert.ok(!page.shows('banners-more'));
  await page.receive('room.updated', room({ hostAbsent: true, endsAt: Date.now() + 5 * 60_000, endsFor: 'limit' }));
  page.store.speaker.unplugged.value = true;
  await page.settle();
  assert.equal(page.textOf('banners-more'), '2 more messages');
  assert.equal(page.query('.notices')[0]?.dataset.brief, 'true');
  await page.click('banners-more');
  assert.deepEqual([page.textOf('banners-more'), page.query('.notices')[0]?.dataset.brief], ['Less', 'false']);
  await page.click('banners-more');
  page.store.stage.phone.value = true;
  await page.settle();
  assert.equal(page.textOf('banners-more'), '3 more messages');
  await page.pass(noticeMs);
  assert.equal(page.textOf('banners-more'), '2 more messages');
  await page.click('people-toggle');
  await page.receive('participant.updated', { participant: person('jonas', 'Jonas', { helpRaised: true }) });
  assert.equal(page.textOf('banners-more'), '2 more messages', 'a call for help is none of them');
});

test('a phone says in a line who leads and who watches', async (t) => {
  const page = await openSession(t);
  assert.ok(!page.shows('presence'));
  page.store.stage.phone.value = true;
  await page.settle();
  assert.equal(page.textOf('presence'), '1 therapist here');
  await page.receive('roster', { participants: [lind(), self(), person('c', 'Dr. Ito', { role: 'cohost' }), person('o', 'Olga', { role: 'observer', publications: [] })] });
  assert.equal(page.textOf('presence'), '2 therapists, 1 observer here');
});

test('roles are signs and words, states are words over the picture', async (t) => {
  const page = await openSession(t);
  await page.receive('roster', { participants: [lind({ connected: false }), self(), person('c', 'Dr. Ito', { role: 'cohost', publications: [] })] });
  const tile = (id: string) => page.query(`[data-testid="tile"][data-participant="${id}"]`)[0]!;
  assert.equal(tile('lind').querySelector('.role')?.getAttribute('data-role'), 'host');
  assert.match(tile('lind').querySelector('.why')?.textContent ?? '', /^Reconnecting$/);
  assert.match(tile('c').querySelector('.why')?.textContent ?? '', /^Getting ready$/);
  assert.match(tile('c').querySelector('.plate')?.textContent ?? '', /Dr\. Ito, Co-therapist, getting ready/);
});

test('an observer and a co-therapist see what they may do, and that the group sees them', async (t) => {
  const page = await openWaiting(t, 'observer');
  assert.match(page.textOf('observer-promise'), /Once you are let in, the group sees your name and that you observe\./);
  await page.receive('access.changed', { state: 'admitted', permissions: ['hand.raise', 'help.signal'] });
  await page.receive('room.updated', room());
  await page.receive('roster', { participants: [lind(), self({ role: 'observer', publications: [] })] });
  assert.match(page.textOf('role-banner'), /You observe, and the group sees that\..*The group sees your name here and that you observe\. Nobody sees or hears you\./);
  assert.match(page.textOf('role-state'), /^You observe/);
  await page.click('role-close');
  assert.ok(!page.shows('role-banner') && page.shows('role-state'));
  await page.click('role-state');
  const lists = () => page.query('[data-testid="role-dialog"] ul').map(({ textContent }) => textContent ?? '');
  assert.match(lists()[0]!, /see and hear the group.*raise a hand.*ask the therapists for help/);
  assert.match(lists()[1]!, /speak, or show your camera/);
  assert.doesNotMatch(lists().join(), /end the session/);
  await page.closeDialog();
  await page.receive('access.changed', { state: 'admitted', permissions: permissionsOf.host.filter((one) => one !== 'room.end' && one !== 'participant.role') });
  await page.receive('roster', { participants: [lind(), self({ role: 'cohost' })] });
  assert.match(page.textOf('role-banner'), /You help to lead, and the group sees that\..*sees and hears you as it does everyone else/);
  await page.click('role-state');
  assert.match(lists()[0]!, /let people in/);
  assert.match(lists()[1]!, /change what somebody is here for.*end the session for everyone/);
});

test('hands are a list in the order in which they were raised; a host lowers one, or all', async (t) => {
  const page = await openHost(t);
  const host = self({ displayName: 'Dr. Lind', role: 'host' });
  assert.ok(!page.shows('raised-hand'));
  await page.receive('roster', { participants: [
    host, person('a', 'Ada', { handRaised: true, handRaisedAt: 30 }), person('o', 'Olga', { role: 'observer', publications: [], handRaised: true, handRaisedAt: 10 }), person('b', 'Ben', { handRaised: true, handRaisedAt: 20 }),
  ] });
  assert.deepEqual(page.all('raised-hand').map(({ dataset }) => dataset.participant), ['o', 'b', 'a']);
  assert.match(page.query('[data-testid="tile"][data-participant="a"] [data-testid="hand-badge"]')[0]?.textContent ?? '', /^3Hand raised/);
  await page.click(page.all('lower-hand')[1]!);
  assert.deepEqual(page.sent('mod.lowerHands'), [{ participantIds: ['b'] }]);
  await page.click('lower-all');
  assert.deepEqual(page.sent('mod.lowerHands').at(-1), { participantIds: '*' });
  await page.receive('roster', { participants: [host, person('a', 'Ada')] });
  assert.ok(!page.shows('raised-hand') && !page.shows('hand-badge'));
});

test('all are muted by one act, which asks first', async (t) => {
  const page = await openHost(t);
  await page.click('mute-all');
  assert.match(page.text, /Mute everyone\?.*Each person can turn their own microphone on again\./);
  await page.press('Leave it');
  assert.deepEqual(page.sent('mod.muteAll'), []);
  await page.click('mute-all');
  await page.click('confirm');
  assert.deepEqual(page.sent('mod.muteAll'), [{ source: 'microphone' }]);
  await page.receive('roster', { participants: [self({ displayName: 'Dr. Lind', role: 'host' })] });
  assert.ok(!page.shows('mute-all'), 'there is nobody to mute');
});

test('whose hand a host lowers is told, and who lowers it is not', async (t) => {
  const page = await openSession(t);
  const hand = (up: boolean) => page.receive('participant.updated', { participant: self(up ? { handRaised: true, handRaisedAt: 1 } : {}) });
  assert.equal(page.textOf('hand-toggle'), 'Hand. Raise it');
  await page.click('hand-toggle');
  await hand(true);
  assert.equal(page.textOf('hand-toggle'), 'Hand up. Lower it');
  await page.click('hand-toggle');
  await hand(false);
  assert.ok(!page.shows('notice'));
  await page.click('hand-toggle');
  await hand(true);
  await hand(false);
  assert.match(page.textOf('notice'), /A therapist lowered your hand\./);
});

test('every control of a host says what is so, and what it does', async (t) => {
  const page = await openHost(t);
  await page.click('more');
  const said = () => ['grant-microphone', 'grant-camera', 'grant-screen', 'verify', 'set-role', 'lock-toggle'].map((id) => page.textOf(id));
  assert.deepEqual(said(), [
    'Mic: allowed. Take away', 'Camera: allowed. Take away', 'Screen: not allowed. Allow', 'Not verified. Mark verified', 'Participant. Make co-therapist', 'Not locked. Lock',
  ]);
  await page.receive('room.updated', room({ locked: true }));
  await page.receive('participant.updated', { participant: person('jonas', 'Jonas', { taken: ['microphone'], grants: ['screen'], verified: true }) });
  assert.deepEqual(said(), [
    'Mic: not allowed. Allow', 'Camera: allowed. Take away', 'Screen: allowed. Take away', 'Identity verified. Take the mark back', 'Participant. Make co-therapist', 'Locked. Unlock',
  ]);
  await page.receive('waiting.added', { waiter: waiter('kit', 'Kit') });
  assert.deepEqual(page.query('.panel [aria-pressed], .bar [aria-pressed]').map(({ dataset }) => dataset.testid).filter((id) => id !== 'verify-waiter'), [], 'none is told by its colour alone');
});
