// A session by keyboard alone, with axe on every screen and dialog, on a phone and in forced colours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

// Inside the page: notes of each dialog whether it was modal as soon as it was there.
function watchDialogs() {
  window.__dialogs = [];
  new MutationObserver((changes) => {
    const added = changes.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node instanceof Element);
    for (const dialog of added.flatMap((node) => [node, ...node.querySelectorAll('dialog')])) {
      if (dialog.localName === 'dialog') window.__dialogs.push(dialog.matches(':modal'));
    }
  }).observe(document, { childList: true, subtree: true });
}

const passcode = 'quiet-alcove';

// The two answers of a question look alike: same size, same style, same height.
async function assertSameStyle(person, one, other) {
  const [a, b] = await Promise.all([one, other].map((id) => person.find(id).evaluate((button) => {
    const { width, height, top } = button.getBoundingClientRect();
    const { color, backgroundColor, borderColor, fontWeight, fontSize } = getComputedStyle(button);
    return { width: Math.round(width), height: Math.round(height), top: Math.round(top), color, backgroundColor, borderColor, fontWeight, fontSize };
  })));
  assert.deepEqual(a, b);
}

// Nothing is pushed out of the page, on a phone and on a laptop at 200 %.
async function assertFits(person, screen) {
  const usual = person.page.viewportSize();
  for (const [width, height] of [[320, 640], [640, 400]]) {
    await person.page.setViewportSize({ width, height });
    const wide = await person.page.evaluate(() => [document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]);
    assert.ok(wide[0] <= wide[1], `${screen} is ${wide[0]} wide in ${wide[1]}`);
  }
  await person.page.setViewportSize(usual);
}

test('keyboard only', { timeout: 240_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  const focused = (person) => person.page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? document.activeElement?.tagName);
  const key = async (person, testid, name = 'Enter') => {
    await person.tabTo(testid);
    await person.page.keyboard.press(name);
  };
  const type = async (person, testid, words) => {
    await person.tabTo(testid);
    await person.page.keyboard.press('Control+A');
    await person.page.keyboard.type(words);
    await person.page.keyboard.press('Enter');
  };
  let lind, mara;
  await steps(t, { people, daemon: () => daemon }, [
    ['join', async () => {
      lind = await enter('Dr. Lind', await daemon.guarded('Dr. Lind', 'host', 'care'));
      await lind.sees('join-button');
      await lind.audit('check of a therapist');
      await type(lind, 'name-input', 'Dr. Lind');
      await lind.sees('session');
      mara = await enter('Mara', await daemon.guarded('Mara', 'participant', 'care'), watchDialogs);
      await mara.sees('name-input');
      await mara.audit('name');
      await assertFits(mara, 'name');
      await type(mara, 'name-input', 'Mara');
      await mara.sees('join-button');
      await mara.audit('check');
      await assertFits(mara, 'check');
      await key(mara, 'join-button');
    }],
    ['the agreement and the passcode', async () => {
      await mara.sees('agree');
      assert.equal(await focused(mara), 'H2');
      await assertSameStyle(mara, 'agree', 'disagree');
      await mara.audit('agreement');
      await mara.page.keyboard.press('Escape');
      await mara.sees('todo');
      assert.deepEqual(mara.sent('agreement.acknowledge'), [], 'escape was taken for a yes');
      await mara.audit('waiting room with things to do');
      await assertFits(mara, 'waiting room');
      await key(mara, 'read-agreement');
      await mara.sees('agree');
      await key(mara, 'agree');
      await until('it is known', () => mara.received('self.updated').at(-1)?.needs.includes('agreement') === false);
      await until('the keyboard goes on at the head', async () => await focused(mara) === 'H1');
      await type(mara, 'passcode', passcode);
      await until('the passcode is right', async () => await mara.find('passcode').count() === 0);
    }],
    ['admit', async () => {
      await until('somebody waits', async () => await lind.find('verify-waiter').count() === 1);
      await lind.audit('session of a therapist, with one who waits');
      await key(lind, 'verify-waiter');
      await until('nothing is missing', () => lind.received('waiting.updated').at(-1)?.waiter.needs.length === 0);
      await key(lind, 'admit');
      await mara.sees('session');
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
      await mara.audit('session');
      await Promise.all([assertFits(lind, 'session of a therapist'), assertFits(mara, 'session')]);
    }],
    ['consent: closing is no answer, and a yes begins the recording', async () => {
      await key(lind, 'record');
      await Promise.all([lind.sees('consent-yes'), mara.sees('consent-yes')]);
      await assertSameStyle(mara, 'consent-yes', 'consent-no');
      await mara.audit('consent');
      await mara.page.keyboard.press('Escape');
      await mara.sees('consent-answer');
      assert.deepEqual(mara.sent('consent.respond'), [], 'escape was taken for an answer');
      await key(mara, 'consent-answer');
      await mara.sees('consent-yes');
      await key(mara, 'consent-yes');
      await key(lind, 'consent-yes');
      await until('it records', async () => await mara.find('recording').getAttribute('data-state') === 'on');
      await mara.audit('recording');
      await key(lind, 'record');
      await until('it is off', async () => await mara.find('recording').getAttribute('data-state') === 'off');
    }],
    ['a dialog gives the keyboard back where it was', async () => {
      await key(mara, 'leave');
      await mara.sees('confirm');
      await mara.page.keyboard.press('Escape');
      await until('the dialog is gone', async () => await mara.find('confirm').count() === 0);
      assert.equal(await focused(mara), 'leave');
      const modal = await mara.page.evaluate(() => window.__dialogs);
      assert.ok(modal.length >= 4 && modal.every(Boolean), `a key pressed in time went elsewhere: ${modal}`);
    }],
    ['help, on a phone and in forced colours', async () => {
      await lind.page.setViewportSize({ width: 320, height: 640 });
      await key(mara, 'help');
      await lind.sees('help-alert');
      await until('the therapist sees the call on a phone', () => lind.find('help-alert').evaluate((alert) => {
        const { top, bottom } = alert.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      }));
      await lind.page.setViewportSize({ width: 1280, height: 800 });
      await lind.audit('help asked for');
      await lind.page.emulateMedia({ forcedColors: 'active' });
      await key(lind, 'more');
      const edge = (id) => lind.find(id).first().evaluate((button) => getComputedStyle(button).borderTopWidth);
      assert.notEqual(await edge('grant-microphone'), await edge('grant-screen'), 'what is on looks like what is off');
      await lind.shot('access-1-forced');
      await lind.page.emulateMedia({ forcedColors: 'none' });
    }],
    ['raise a hand, mute, leave', async () => {
      await key(mara, 'hand-toggle', 'Space');
      await until('the therapist sees the hand', () => lind.received('participant.updated').some(({ participant }) => participant.handRaised));
      await key(mara, 'mic-toggle', 'Space');
      await until('the therapist sees the mute', () => lind.received('participant.updated').at(-1)?.participant.publications
        .some((p) => p.source === 'microphone' && p.muted));
      await key(mara, 'leave');
      await mara.sees('confirm');
      await key(mara, 'confirm');
      await mara.sees('ending-card');
      await mara.audit('the end');
      await until('she left', () => lind.received('participant.left').at(-1)?.participantId === mara.id);
      assert.ok((await mara.peerStates()).every((s) => s === 'closed'));
    }],
  ]);
});
