// A link pasted into an open tab changes only the fragment, so the browser does not load the page again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

test('another link in the same tab', { timeout: 90_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  const paste = (link) => mara.page.evaluate((fragment) => { location.hash = fragment; }, new URL(link).hash);
  const nothingInTheAddress = async () => assert.equal(await mara.page.evaluate(() => location.href), `${daemon.origin}/`);
  const asksForTheNameOf = async (name) => {
    await until(`the name of ${name} is asked for`, () => mara.find('also-see').innerText({ timeout: 1000 }).then((words) => words === `Therapists also see: ${name}`));
    await nothingInTheAddress();
  };
  const ended = async (code) => {
    await mara.sees('ending-card', 20_000); // a denial can be undone for ten
    assert.equal(await mara.find('ending-card').getAttribute('data-code'), code);
  };
  const hears = () => mara.received('access.changed').length;
  let lind, mara, used;
  await steps(t, { people, daemon: () => daemon }, [
    ['before one has a place it is opened at once', async () => {
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`);
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara', `${daemon.origin}/`);
      await ended('no_link');
      await paste(await daemon.link('mara', 'Maria'));
      await asksForTheNameOf('Maria');
      used = await daemon.link('mara', 'Mara');
      await paste(used);
      await asksForTheNameOf('Mara');
    }],
    ['who waits is asked first, and may stay', async () => {
      await mara.join();
      await mara.sees('waiting-room');
      const heard = hears();
      await paste(await daemon.link('other', 'Other'));
      await mara.sees('confirm');
      await nothingInTheAddress();
      await mara.audit('asked about a new link');
      await mara.shot('link-1-waiting');
      await mara.page.keyboard.press('Escape');
      await until('the question is gone', async () => await mara.find('confirm').count() === 0);
      await mara.sees('waiting-room');
      assert.equal(hears(), heard);
      assert.equal(await lind.find('waiter').count(), 1);
    }],
    ['the link of this very place asks for nothing', async () => {
      await paste(used);
      await until('it is out of the address', () => mara.page.evaluate(() => location.hash === ''));
      assert.equal(await mara.find('confirm').count(), 0);
      await mara.sees('waiting-room');
    }],
    ['nor does the link to the controls', async () => {
      await lind.find('admit').click();
      await mara.sees('session');
      await mara.page.locator('.skip').focus();
      await mara.page.keyboard.press('Enter');
      await until('the keyboard is at the controls', () => mara.page.evaluate(() => document.activeElement?.id === 'controls'));
      assert.equal(await mara.find('confirm').count(), 0);
      await until('the address is plain', () => mara.page.evaluate(() => location.hash === ''));
    }],
    ['who is in a session is asked first, and leaves only by that', async () => {
      const seat = mara.id;
      await paste(await daemon.link('other', 'Other'));
      await mara.sees('confirm');
      await nothingInTheAddress();
      await mara.shot('link-2-session');
      assert.equal(lind.received('participant.left').length, 0);
      await mara.find('confirm').click();
      await asksForTheNameOf('Other');
      await until('the others see that she left', () => lind.received('participant.left').at(-1)?.participantId === seat);
    }],
    ['and comes in with the new one', async () => {
      await mara.join();
      await mara.sees('waiting-room');
      await until('the therapist sees the other name', () => lind.received('waiting.added').at(-1)?.waiter.verifiedName === 'Other');
    }],
    ['after a denial, and after leaving, it is opened at once', async () => {
      await lind.find('deny').click();
      await lind.find('confirm').click();
      await ended('denied');
      await paste(await daemon.link('mara', 'Mara'));
      await asksForTheNameOf('Mara');
      await mara.join();
      await mara.sees('waiting-room');
      await mara.find('leave').click();
      await ended('left');
      await paste(await daemon.link('co', 'Dr. Ito', daemon.origin, 'cohost'));
      await mara.sees('join-button');
      await asksForTheNameOf('Dr. Ito');
      await mara.join();
      await mara.sees('session');
    }],
  ]);
});
