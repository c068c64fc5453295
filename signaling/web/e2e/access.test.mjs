// Joining and admitting by keyboard alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { stages } from './support/stage.mjs';
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

test('keyboard only', { timeout: 60_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  const typeNameAndJoin = async (person) => {
    await person.sees('name-input');
    await person.tabTo('name-input');
    await person.page.keyboard.press('Control+A');
    await person.page.keyboard.type(person.name);
    if (await person.find('name-continue').isVisible()) {
      await person.tabTo('name-continue');
      await person.page.keyboard.press('Enter');
    }
    await person.sees('join-button');
    await person.tabTo('join-button');
    await until('the button is ready', () => person.find('join-button').isEnabled());
    await person.page.keyboard.press('Enter');
  };
  let lind, mara;
  await stages(t, { people, daemon: () => daemon }, [
    ['join', async () => {
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`);
      await typeNameAndJoin(lind);
      await lind.sees('session');
      mara = await enter('Mara', `${daemon.origin}/dev/join`, watchDialogs);
      await typeNameAndJoin(mara);
      await mara.sees('waiting-room');
    }],
    ['admit', async () => {
      await until('somebody waits', async () => await lind.find('admit').count() === 1);
      await lind.tabTo('admit');
      await lind.page.keyboard.press('Enter');
      await mara.sees('session');
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
    }],
    ['a dialog gives the keyboard back where it was', async () => {
      const focused = () => mara.page.evaluate(() => document.activeElement?.getAttribute('data-testid'));
      await mara.tabTo('leave');
      await mara.page.keyboard.press('Enter');
      await mara.sees('confirm');
      await mara.page.keyboard.press('Escape');
      await until('the dialog is gone', async () => await mara.find('confirm').count() === 0);
      assert.equal(await focused(), 'leave');
      assert.deepEqual(await mara.page.evaluate(() => window.__dialogs), [true], 'a key pressed in time went elsewhere');
    }],
    ['what was said of the group is gone with it', async () => {
      const said = () => mara.find('announcer').innerText();
      const asked = mara.page.getByText('A therapist asks you to turn on your microphone.');
      await lind.find('hand-toggle').click();
      await until('Mara hears of the hand', async () => (await said()).includes('Dr. Lind raised a hand.'));
      await mara.find('mic-toggle').click();
      await lind.find('more').click();
      await lind.page.getByRole('button', { name: 'Ask to unmute' }).click();
      await asked.waitFor();
      await lind.find('send-back').click();
      await mara.sees('waiting-room');
      assert.equal(await said(), '');
      await lind.find('admit').click();
      await mara.sees('session');
      assert.equal(await asked.count(), 0, 'an old wish stands as if it were new');
      await mara.find('mic-toggle').click();
      await mara.receives([lind]);
    }],
    ['raise a hand, mute, leave', async () => {
      await mara.tabTo('hand-toggle');
      await mara.page.keyboard.press('Space');
      await until('the therapist sees the hand', () => lind.heard('participant.updated').at(-1)?.participant.handRaised);
      await mara.tabTo('mic-toggle');
      await mara.page.keyboard.press('Space');
      await until('the therapist sees the mute', () => lind.heard('participant.updated').at(-1)?.participant.publications
        .some((p) => p.source === 'microphone' && p.muted));
      await mara.tabTo('leave');
      await mara.page.keyboard.press('Enter');
      // Where leaving asks first, its button is in reach too.
      if (await mara.find('confirm').isVisible()) {
        await mara.tabTo('confirm');
        await mara.page.keyboard.press('Enter');
      }
      await mara.sees('ending-card');
      await until('she left', () => lind.heard('participant.left').at(-1)?.participantId === mara.id);
      assert.ok((await mara.peerStates()).every((s) => s === 'closed'));
    }],
  ]);
});
