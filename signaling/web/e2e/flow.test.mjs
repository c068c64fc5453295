// The way of a person through a session, and the therapist's beside it: the name, the agreement on a phone, the waiting list, a call for help, a
// side room and the group that is left behind, and leaving as the last therapist.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const sizes = { laptop: [1280, 800], phone: [390, 844], small: [360, 640] };
const passcode = 'quiet-alcove';

// A picture of the state in each size, light and dark.
async function pictures(person, name) {
  const usual = person.page.viewportSize();
  for (const [size, [width, height]] of Object.entries(sizes)) {
    await person.page.setViewportSize({ width, height });
    for (const colorScheme of ['light', 'dark']) {
      await person.page.emulateMedia({ colorScheme });
      await person.shot(`flow-${name}-${size}-${colorScheme}`);
    }
  }
  await person.page.emulateMedia({ colorScheme: 'light' });
  await person.page.setViewportSize(usual);
}

const box = (person, testid) => person.find(testid).first().evaluate((element) => {
  const { left, top, right, bottom, width, height } = element.getBoundingClientRect();
  return { left, top, right, bottom, width, height, inner: innerHeight };
});

// The element is on the screen, and nothing lies over it.
async function assertInSight(person, testid) {
  const { top, bottom, inner } = await box(person, testid);
  assert.ok(top >= 0 && bottom <= inner + 1, `${testid} lies at ${top} to ${bottom} of ${inner}`);
  assert.ok(await person.find(testid).first().evaluate((element) => {
    const { left, top: y, width, height } = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(left + width / 2, y + height / 2));
  }), `${testid} is covered`);
}

const row = (host, person, testid) => host.page.locator(`[data-participant="${person.id}"] [data-testid="${testid}"]`).first();
const onPhone = (person, [width, height]) => person.page.setViewportSize({ width, height });

test('names, the agreement on a phone, and the waiting list', { timeout: 240_000 }, async (t) => {
  const { daemon, people, enter: open } = await startDemo(t);
  const enter = async (name, role, onFile = name) => open(name, await daemon.guarded(onFile, role, 'care'));
  let lind, mara, other;
  await steps(t, { people, daemon: () => daemon }, [
    ['the name on file is not suggested', async () => {
      lind = await enter('Dr. Lind', 'host');
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara', 'participant', 'Mara Hoffmann');
      await mara.sees('name-input');
      assert.equal(await mara.find('name-input').inputValue(), '');
      assert.equal(await mara.find('also-see').innerText(), 'Therapists also see: Mara Hoffmann');
      await mara.audit('name');
      await pictures(mara, '1-name');
      await mara.fillName();
    }],
    ['on a phone the way in is in sight, whatever is checked', async () => {
      await mara.sees('join-button');
      for (const size of [sizes.phone, sizes.small]) {
        await onPhone(mara, size);
        await mara.page.evaluate(() => scrollTo(0, 0));
        await assertInSight(mara, 'join-button');
      }
      await mara.audit('check on a phone');
      await pictures(mara, '2-check');
      await onPhone(mara, sizes.small);
      await mara.find('join-button').click();
    }],
    ['on a phone Yes and No stand side by side and equal, and it is said that there is more to read', async () => {
      await mara.sees('agree');
      for (const size of [sizes.phone, sizes.small]) {
        await onPhone(mara, size);
        const [yes, no] = [await box(mara, 'agree'), await box(mara, 'disagree')];
        assert.deepEqual([Math.round(yes.width), Math.round(yes.height), Math.round(yes.top)], [Math.round(no.width), Math.round(no.height), Math.round(no.top)]);
        await assertInSight(mara, 'agree');
        await assertInSight(mara, 'disagree');
        assert.ok(yes.height >= 44, `a target of ${yes.height} px`);
      }
      await onPhone(mara, [360, 480]); // part of the text is hidden
      await mara.sees('more-to-read');
      await mara.audit('agreement on a phone');
      await mara.page.locator('.dialog .scroll').evaluate((text) => text.scrollTo(0, text.scrollHeight));
      await until('all is read', async () => await mara.find('more-to-read').count() === 0);
      await pictures(mara, '3-agreement');
      await mara.find('agree').click();
      await mara.find('passcode').fill(passcode);
      await mara.find('passcode-enter').click();
    }],
    ['in the waiting room the name is changed', async () => {
      await onPhone(mara, sizes.laptop);
      await mara.sees('own-name');
      await pictures(mara, '4-waiting');
      await mara.find('rename').click();
      await mara.sees('rename-input');
      await mara.audit('renaming');
      await pictures(mara, '5-rename');
      await mara.find('rename-input').fill('Robin');
      await mara.find('rename-save').click();
      await until('the therapist sees it', async () => await lind.page.locator('[data-testid="waiter"][data-name="Robin"]').count() === 1);
      assert.match(await lind.find('waiter').first().innerText(), /On file: Mara Hoffmann/);
    }],
    ['two of one name are told apart', async () => {
      other = await enter('Robin', 'participant', 'Robin Ade');
      await other.join();
      await other.sees('agree');
      await other.find('agree').click();
      await other.find('passcode').fill(passcode);
      await other.find('passcode-enter').click();
      await until('by the names on file', async () => {
        const names = await lind.page.locator('.waiter .name').allInnerTexts();
        return names.join() === 'Robin (Mara Hoffmann),Robin (Robin Ade)';
      });
      await until('both are here', () => lind.received('waiting.updated').some(({ waiter }) => waiter.participantId === other.id && waiter.needs.join() === 'verification'));
      await lind.audit('waiting list');
      await pictures(lind, '6-waiting-list');
    }],
    ['denying asks once and can be undone', async () => {
      await row(lind, other, 'deny').click();
      await lind.sees('deny-word');
      await lind.audit('denying');
      await pictures(lind, '7-deny');
      await lind.find('confirm').click();
      await lind.sees('undo-deny');
      await lind.audit('denied');
      await pictures(lind, '8-undo');
      await lind.find('undo-deny').click();
      assert.deepEqual(lind.sent('waiting.deny'), []);
      await row(lind, other, 'deny').click();
      await lind.find('deny-word').fill('Please ask for a place next week.');
      await lind.find('confirm').click();
      await other.sees('ending-card', 20_000);
      assert.match(await other.find('ending-card').innerText(), /Please ask for a place next week\./);
    }],
    ['verifying and admitting is one act', async () => {
      assert.equal(await lind.find('admit').innerText(), 'Verify and admit');
      await lind.find('admit').click();
      await mara.sees('join-button').catch(() => undefined);
      await mara.sees('session');
      assert.deepEqual(lind.sent('waiting.admit').map(({ data }) => data.verify), [true]);
      assert.equal(lind.sent('mod.verify').length, 0);
      await until('the group is told the chosen name', () => lind.received('roster').length + lind.received('participant.joined').length > 0);
      assert.ok(!JSON.stringify(mara.received('roster')).includes('Hoffmann'), 'the group is told the name on file');
    }],
  ]);
});

test('help, a side room, and leaving as the last therapist', { timeout: 240_000 }, async (t) => {
  const { daemon, people, enter: open } = await startDemo(t);
  const enter = async (name, role = 'participant') => {
    const person = await open(name, await daemon.link(name, name, daemon.origin, role));
    await person.join();
    return person;
  };
  let lind, mara, jonas;
  await steps(t, { people, daemon: () => daemon }, [
    ['who waits is counted in the title, and stands above the picture on a phone', async () => {
      lind = await enter('Dr. Lind', 'host');
      await lind.sees('session');
      mara = await enter('Mara');
      await until('it is in the title', async () => (await lind.page.title()).startsWith('(1) '));
      await onPhone(lind, sizes.phone);
      await lind.sees('waiting-card');
      await assertInSight(lind, 'waiting-card');
      await lind.audit('somebody waits, on a phone');
      await pictures(lind, '10-waits');
      await onPhone(lind, sizes.laptop);
      await lind.find('admit').click();
      await mara.sees('session');
      jonas = await enter('Jonas');
      await lind.find('admit').click();
      await jonas.sees('session');
      await until('nobody waits', async () => !(await lind.page.title()).startsWith('('));
    }],
    ['one whose page is closed is not let in with all others', async () => {
      const ada = await enter('Ada');
      await until('she waits', async () => await lind.find('waiter').count() === 1);
      await ada.context.close();
      await until('the therapist sees it', () => lind.received('waiting.updated').at(-1)?.waiter.connected === false, 30_000);
      assert.equal(await lind.find('admit-all').count(), 0);
      const noor = await enter('Noor');
      await lind.find('admit-all').click();
      await noor.sees('session');
      assert.equal(await lind.page.locator('[data-testid="waiter"][data-name="Ada"]').count(), 1);
      assert.ok(!JSON.stringify(lind.received('participant.joined')).includes('Ada'));
      await noor.find('leave').click();
      await noor.find('confirm').click();
      await noor.sees('ending-card');
      assert.equal(await noor.find('ask').innerText(), 'To come back, ask the clinic for a new link. A therapist then lets you in.');
    }],
    ['a call for help stands above the picture, and the caller reads what to do', async () => {
      await onPhone(lind, sizes.small);
      await mara.find('help').click();
      await lind.sees('help-alert');
      await assertInSight(lind, 'help-alert');
      assert.ok((await lind.page.title()).startsWith('(1) '));
      await lind.audit('help asked for, on a phone');
      await pictures(lind, '11-help');
      await mara.sees('help-called');
      assert.match(await mara.find('emergency').innerText(), /112/);
      await mara.audit('help called');
      await pictures(mara, '12-called');
    }],
    ['the therapist answers by words, and the caller takes it back', async () => {
      await lind.find('help-reply').click();
      await lind.page.locator('dialog textarea').fill('I see you. One minute, please.');
      await lind.page.locator('dialog button[type="submit"]').click();
      await mara.sees('help-reply-shown');
      assert.match(await mara.find('help-reply-shown').innerText(), /One minute, please\./);
      assert.equal(jonas.received('help.replied').length, 0, 'somebody else is told');
      await pictures(mara, '13-answered');
      await mara.find('help-take-back').click();
      await until('it is taken back', async () => await lind.find('help-alert').count() === 0);
      await until('and shown to nobody', async () => await mara.find('help-called').count() === 0);
    }],
    ['the group that is left behind is told, with words', async () => {
      await onPhone(lind, sizes.laptop);
      await row(lind, mara, 'more').click();
      await lind.find('side-room-open').click();
      await lind.sees('side-room-word');
      await lind.audit('opening a side room');
      await pictures(lind, '14-side-room');
      await lind.find('side-room-word').fill('Back at ten past.');
      await lind.find('confirm').click();
      for (const person of [lind, mara]) await person.sees('side-room');
      await jonas.sees('absent');
      assert.match(await jonas.find('absent').innerText(), /The therapist is away for a moment\.[^]*Back at ten past\.[^]*112/);
      await jonas.audit('left behind');
      await pictures(jonas, '15-left-behind');
      await lind.sees('group-alone');
      await pictures(lind, '16-aside');
      assert.ok(!JSON.stringify(mara.received('participant.updated')).includes('Back at ten past'), 'who is in the side room is told');
      await mara.find('side-room-leave').click();
      await until('the therapist is back', async () => await jonas.find('absent').count() === 0);
    }],
    ['in the session the name is changed, and the group sees it', async () => {
      await mara.find('devices').click();
      await mara.find('rename').click();
      await mara.find('rename-input').fill('Robin');
      await mara.find('rename-save').click();
      await until('Jonas sees it', async () => await jonas.page.locator('[data-testid="tile"][data-name="Robin"]').count() === 1);
      await mara.find('devices-close').click();
      await mara.receives([jonas]);
    }],
    ['the last therapist leaves the group alone for a while, and then it ends', async () => {
      await lind.find('leave').click();
      await lind.sees('leave-alone');
      await lind.find('leave-alone').click();
      await lind.audit('leaving as the last therapist');
      await pictures(lind, '17-last');
      await lind.find('leave-minutes').selectOption('5');
      await lind.find('confirm').click();
      await lind.sees('ending-card');
      await jonas.sees('absent');
      const { endsAt, endsFor, locked } = jonas.received('room.updated').at(-1);
      assert.deepEqual([endsFor, locked], ['absent', true]);
      assert.ok(endsAt - Date.now() < 5 * 60_000 + 1_000, 'longer than was said');
      await pictures(jonas, '18-alone');
      await jonas.audit('without a therapist');
    }],
  ]);
});
