// A tile shows whether the camera is off, starting, live or frozen: in text, visually, and to a screen reader.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const words = { off: 'Camera off', starting: 'No picture yet', stalled: 'Picture frozen' };

// Inside the page, before its own code: a camera that can be stopped while it stays on, as a driver that hangs.
function stoppable() {
  const { mediaDevices } = navigator;
  const ask = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wanted) => {
    if (!wanted.video) return ask(wanted);
    const canvas = Object.assign(document.createElement('canvas'), { width: 960, height: 540 });
    const paint = canvas.getContext('2d');
    let frame = 0;
    window.__stopped = false;
    setInterval(() => {
      if (window.__stopped) return;
      frame += 1;
      const light = paint.createLinearGradient(0, 0, 960, 540);
      light.addColorStop(0, '#c9b79c');
      light.addColorStop(1, '#7d8f86');
      paint.fillStyle = light;
      paint.fillRect(0, 0, 960, 540);
      paint.fillStyle = '#4b3a2f';
      paint.beginPath();
      paint.arc(480 + 20 * Math.sin(frame / 8), 230, 110, 0, 7);
      paint.arc(480, 620, 260, 0, 7);
      paint.fill();
    }, 50);
    return canvas.captureStream();
  };
}

test('the states of a tile', { timeout: 150_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  let lind, mara, jonas, ada;
  const tile = (of, viewer = lind) => viewer.page.locator(`[data-testid="tile"][data-participant="${of.id}"]`);
  const is = (of, state, viewer = lind) => until(`${of.name} is ${state} for ${viewer.name}`, async () => {
    const now = await tile(of, viewer).getAttribute('data-state');
    if (now === state) return true;
    throw new Error(`it is ${now}`);
  }, 20_000);
  const says = async (of, state, viewer = lind) => {
    await is(of, state, viewer);
    const shown = await tile(of, viewer).innerText();
    const read = await tile(of, viewer).locator('.plate').textContent();
    for (const [other, text] of Object.entries(words)) {
      assert.equal(shown.includes(text), other === state, `${state}: ${shown}`);
      assert.equal(read.includes(text.toLowerCase()), other === state, `${state} is read as ${read}`);
    }
  };
  const stop = (person, now) => person.page.evaluate((value) => { window.__stopped = value; }, now);
  const looks = async (name) => {
    for (const [where, width, height] of [['desktop', 1280, 800], ['phone', 390, 844]]) {
      for (const colorScheme of ['light', 'dark']) {
        await lind.page.setViewportSize({ width, height });
        await lind.page.emulateMedia({ colorScheme });
        await lind.shot(`tiles-${name}-${where}-${colorScheme}`);
        await lind.audit(`tiles ${name} ${where} ${colorScheme}`);
      }
    }
    await lind.page.setViewportSize({ width: 1280, height: 800 });
    await lind.page.emulateMedia({ colorScheme: 'light' });
  };

  await steps(t, { people, daemon: () => daemon }, [
    ['all are live', async () => {
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`, stoppable);
      await lind.join();
      await lind.sees('session');
      for (const name of ['Mara', 'Jonas', 'Ada']) {
        const person = await enter(name, await daemon.link(name, name), stoppable);
        await person.join();
        await lind.sees('admit');
        await lind.find('admit').click();
        await person.sees('session');
      }
      [, mara, jonas, ada] = people;
      for (const person of people) await says(person, 'live');
      await lind.find('people-toggle').click();
    }],
    ['one is off, one stands still, and that is told apart', async () => {
      await mara.find('camera-toggle').click();
      await says(mara, 'off');
      await stop(jonas, true);
      await says(jonas, 'stalled');
      await says(jonas, 'stalled', jonas); // who is not seen knows it too
      await says(ada, 'live');
    }],
    ['one starts: the camera is on and no picture came', async () => {
      await ada.find('camera-toggle').click();
      await says(ada, 'off');
      await ada.page.evaluate(() => {
        const { getUserMedia } = navigator.mediaDevices;
        navigator.mediaDevices.getUserMedia = async function slow(wanted) {
          const stream = await getUserMedia.call(this, wanted);
          window.__stopped = true;
          return stream;
        };
      });
      await ada.find('camera-toggle').click();
      await says(ada, 'starting');
      await looks('states');
      const choose = async (view) => {
        await lind.find('view').click();
        await lind.find(view).click();
        await lind.find('view-close').click();
      };
      await choose('view-speaker');
      await looks('strip');
      await choose('view-gallery');
    }],
    ['all go on by themselves', async () => {
      await stop(jonas, false);
      await stop(ada, false);
      await mara.find('camera-toggle').click();
      for (const person of people) await says(person, 'live');
    }],
    ['a page that nobody looked at has time', async () => {
      await lind.page.evaluate(() => {
        Object.defineProperty(document, 'hidden', { value: true, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      });
      await until('nothing is sent to who does not look', () => lind.sent('view.set').at(-1)?.data.paused.length === 3);
      const changes = await lind.page.evaluate(() => new Promise((done) => {
        const seen = [];
        new MutationObserver((all) => all.forEach(({ target }) => seen.push(target.dataset.state)))
          .observe(document, { subtree: true, attributeFilter: ['data-state'] });
        setTimeout(() => done(seen), 4000);
      }));
      assert.deepEqual(changes, [], 'a picture that is not looked at stands still');
      await lind.page.evaluate(() => {
        Object.defineProperty(document, 'hidden', { value: false, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      });
      for (const person of people) await says(person, 'live');
    }],
  ]);
});
