// The layout at every width from a phone to a desktop, and in forced colours: nothing overlaps, overflows or truncates a name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { until } from './support/wait.mjs';
import { steps } from './support/steps.mjs';

// 640 × 400 is a laptop of 1280 × 800 at 200 %.
const sizes = [[320, 640], [640, 400], [700, 500], [780, 600], [820, 600], [900, 700], [1024, 700], [1280, 800]];

// Inside the page: what is wrong with how it lies.
function faults({ whole }) {
  const list = [];
  const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.scrollingElement;
  if (scrollWidth > clientWidth) list.push(`the page is ${scrollWidth} wide in ${clientWidth}`);
  if (whole && scrollHeight > clientHeight) list.push(`the page is ${scrollHeight} high in ${clientHeight}`);
  const box = (element) => element.getBoundingClientRect();
  for (const button of document.querySelectorAll('button, a, input, select')) {
    const inside = button.closest('.bar, .panel, .head, main');
    const [a, b] = [box(button), inside && box(inside)];
    if (inside && a.width > 0 && (a.left < b.left - 1 || a.right > b.right + 1)) list.push(`${button.textContent} is outside of ${inside.className}`);
  }
  for (const name of document.querySelectorAll('.waiter .name')) {
    if (name.scrollWidth > name.clientWidth + 1) list.push(`${name.textContent} is cut off`);
  }
  for (const banner of document.querySelectorAll('.banner')) {
    const [icon, words] = [banner.querySelector(':scope > .icon'), banner.querySelector('.words')];
    if (icon && box(icon).bottom <= box(words).top) list.push(`the icon stands above “${words.textContent}”`);
  }
  return list;
}

async function assertFits(person, screen, options = {}) {
  const usual = person.page.viewportSize();
  for (const [width, height] of sizes) {
    await person.page.setViewportSize({ width, height });
    assert.deepEqual(await person.page.evaluate(faults, options), [], `${screen} at ${width} × ${height}`);
  }
  await person.page.setViewportSize(usual);
}

test('layout', { timeout: 90_000 }, async (t) => {
  const { daemon, people, enter: open } = await startDemo(t);
  const enter = async (name, role) => open(name, await daemon.guarded(name, role, 'care'));
  let lind, mara;
  await steps(t, { people, daemon: () => daemon }, [
    ['before the session', async () => {
      lind = await enter('Dr. Lind', 'host');
      await lind.sees('join-button');
      await assertFits(lind, 'check of a therapist');
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara Holm-Sørensen', 'participant');
      await mara.sees('name-input');
      await assertFits(mara, 'name');
      await mara.fillName();
      await mara.sees('join-button');
      await assertFits(mara, 'check');
      await mara.find('join-button').click();
      await mara.sees('agree');
      await assertFits(mara, 'agreement');
      await mara.page.keyboard.press('Escape');
      await mara.sees('todo');
      await assertFits(mara, 'waiting room');
    }],
    ['the panel beside people who wait', async () => {
      await lind.sees('waiter');
      await assertFits(lind, 'session of a therapist');
      await lind.shot('layout-1-waiting');
    }],
    ['the group', async () => {
      await mara.find('read-agreement').click();
      await mara.find('agree').click();
      await until('the page behind is free', async () => await mara.find('agree').count() === 0);
      await mara.find('passcode').fill('quiet-alcove');
      await mara.find('passcode-enter').click();
      await until('the passcode is right', async () => await mara.find('passcode').count() === 0);
      await lind.find('verify-waiter').click();
      await until('marked', async () => await lind.find('verify-waiter').getAttribute('aria-pressed') === 'true');
      await lind.find('admit').click();
      await mara.sees('session');
      await lind.page.setViewportSize({ width: 320, height: 640 });
      await mara.find('help').click();
      const inView = () => lind.find('help-alert').evaluate((alert) => {
        const { top, bottom } = alert.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      });
      await until('the therapist sees the call on a phone', inView);
      await lind.find('people-toggle').click();
      await until('and with the panel closed', async () => await lind.page.locator('.calls [data-testid="help-alert"]').count() === 1 && await inView());
      await assertFits(lind, 'a call with the panel closed', { whole: true });
      await lind.shot('layout-3-call');
      await lind.find('people-toggle').click();
      await lind.page.setViewportSize({ width: 1280, height: 800 });
      await mara.sees('help-called');
      await lind.find('more').click();
      await lind.find('send-back').click();
      await until('the call outlasts being sent back', async () => (await lind.find('help-alert').innerText()).includes('In the waiting room.'));
      assert.equal(await lind.find('help-side-room').count(), 0);
      await lind.find('admit').click();
      await mara.sees('session');
      await assertFits(mara, 'session', { whole: true });
    }],
    ['what is on can be told from what is off, and a message from the page, in forced colours', async () => {
      await lind.page.emulateMedia({ forcedColors: 'active' });
      await mara.page.emulateMedia({ forcedColors: 'active' });
      await mara.page.evaluate(() => { window.__alcove.store.notice.value = 'Something happened.'; });
      await lind.find('more').click();
      const edge = (id) => lind.find(id).first().evaluate((button) => getComputedStyle(button).borderTopWidth);
      assert.notEqual(await edge('grant-microphone'), await edge('grant-screen'));
      assert.notEqual(await mara.page.locator('.banner[data-testid="notice"]').evaluate((banner) => getComputedStyle(banner).borderTopWidth), '0px');
      await lind.shot('layout-2-forced');
    }],
  ]);
});
