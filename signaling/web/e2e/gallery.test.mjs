// The gallery from two people to thirty: who sits where, pages, who speaks, who is kept large, and what the server is told is seen of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirefoxPerson, launchFirefox } from './support/firefox.mjs';
import { start } from './support/group.mjs';
import * as inPage from './support/in-page.mjs';
import { launch, Person } from './support/person.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const looks = [['desktop', 1280, 800], ['phone', 390, 844], ['small', 360, 640]];
const laptop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

// Inside the page, before its own code: the newest WebSocket.
function keepSocket() {
  window.WebSocket = class WebSocket extends window.WebSocket {
    constructor(...args) {
      super(...args);
      window.__socket = this;
    }
  };
}

test('a gallery of two to thirty', { timeout: 300_000 }, async (t) => {
  const { daemon, guests, link } = await start(t);
  const browser = await launch();
  t.after(() => browser.close());
  const lind = await Person.open(browser, 'Dr. Lind', link, inPage.watchPeople, keepSocket);
  const tiles = () => lind.page.evaluate(() => [...document.querySelectorAll('.crowd [data-testid="tile"]')].map((tile) => {
    const { width, height } = tile.getBoundingClientRect();
    return { id: tile.dataset.participant, width, height };
  }));
  const count = (n) => until(`${n} tiles`, async () => (await tiles()).length === n, 20_000);
  // What the page last asked the server for.
  const asked = () => {
    const { views, paused } = lind.sent('view.set').at(-1).data;
    return { views: views.length, paused: paused.length, highest: Math.max(...views.map(({ height }) => height)) };
  };
  const grow = async (to) => {
    const before = (await lind.page.evaluate(inPage.people)).tiles.length;
    guests.setCount(to - 1);
    await until('they wait', async () => (await lind.page.evaluate(inPage.people)).waiting >= to - before, 60_000);
    await lind.page.$eval('[data-testid="admit-all"]', (button) => button.click());
    await guests.sending(to - 1, 60_000);
  };
  const shots = async (name) => {
    for (const [where, width, height] of looks) {
      await lind.page.setViewportSize({ width, height });
      for (const colorScheme of ['light', 'dark']) {
        await lind.page.emulateMedia({ colorScheme });
        await lind.page.waitForTimeout(400);
        await lind.shot(`gallery-${name}-${where}-${colorScheme}`);
        await lind.audit(`gallery ${name} ${where} ${colorScheme}`);
      }
    }
    await lind.page.emulateMedia({ colorScheme: 'light' });
    await lind.page.setViewportSize(laptop);
  };
  const view = async (...acts) => {
    await lind.page.locator('[data-testid="view"]:visible, [data-testid="view-phone"]:visible').click();
    for (const act of acts) await lind.find(act).click();
    await lind.find('view-close').click();
  };

  await steps(t, { people: [lind], daemon: () => daemon }, [
    ['two and eight', async () => {
      await lind.join();
      await lind.sees('session');
      await grow(2);
      await count(2);
      await lind.find('people-toggle').click();
      await shots('2');
      await lind.find('people-toggle').click();
      await grow(8);
      await lind.find('people-toggle').click();
      await count(8);
      await shots('8');
      await lind.find('people-toggle').click();
    }],
    ['thirty on a laptop are seen at once', async () => {
      await grow(30);
      await lind.find('people-toggle').click();
      await count(30);
      assert.equal(await lind.find('page-next').count(), 0);
      await shots('30');
    }],
    ['on a phone they have pages of eight, and the server is asked for those alone', async () => {
      await lind.page.setViewportSize(phone);
      await count(8);
      assert.match(await lind.find('presence').innerText(), /1 therapist here/);
      await until('seven others are asked for', () => asked().views === 7 && asked().paused === 22, 10_000);
      const [first] = await tiles();
      assert.ok(first.width >= 136 && first.height >= 88, JSON.stringify(first));
      const before = (await tiles()).map(({ id }) => id);
      await lind.find('page-next').click();
      await count(8);
      assert.equal((await tiles()).filter(({ id }) => before.includes(id)).length, 0);
      await until('the next eight are asked for', () => asked().views === 8 && asked().paused === 21, 10_000);
      await lind.find('page-previous').click();
      await count(8);
    }],
    ['who speaks comes into sight, and nobody else moves', async () => {
      for (let page = 1; page < 4; page += 1) await lind.find('page-next').click();
      await count(6);
      const speaker = (await tiles()).at(-1).id;
      for (let page = 1; page < 4; page += 1) await lind.find('page-previous').click();
      await count(8);
      const before = (await tiles()).map(({ id }) => id);
      // Whoever the light clients let speak does not matter: the page is told of one out of sight.
      await lind.page.evaluate((id) => window.__socket.dispatchEvent(new MessageEvent('message', {
        data: JSON.stringify({ seq: 1, type: 'speakers', ts: Date.now(), data: { participantIds: [id] } }),
      })), speaker);
      await until('the speaker is seen', async () => (await tiles()).some(({ id }) => id === speaker));
      const after = (await tiles()).map(({ id }) => id);
      assert.equal(after.filter((id, place) => before[place] !== id).length, 1, 'more than one seat changed');
    }],
    ['speaker view on a phone, and one who is kept large is asked for in full', async () => {
      await view('view-speaker');
      await until('one is large', async () => await lind.page.locator('.spot-main [data-testid="tile"]').count() === 1);
      await lind.shot('gallery-speaker-phone');
      await lind.audit('speaker view on a phone');
      await view('view-gallery');
      await count(8);
      const other = lind.page.locator('.gallery [data-testid="tile"]').nth(2);
      const id = await other.getAttribute('data-participant');
      await other.getByTestId('pin').click();
      await until('it is large', async () => await lind.page.locator('.spot-main [data-testid="tile"]').getAttribute('data-participant') === id);
      await until('and asked for in its size', () => asked().highest > 300, 10_000);
      await lind.shot('gallery-pinned-phone');
      await lind.page.locator('.spot-main').getByTestId('pin').click();
      await count(8);
    }],
    ['the own picture can be hidden from oneself', async () => {
      await view('self-shown');
      await until('it is not there', async () => await lind.page.locator('.crowd [data-name="Dr. Lind"]').count() === 0);
      assert.match(await lind.find('aside').innerText(), /Hidden from yourself/);
      await lind.shot('gallery-hidden-self-phone');
      await view('self-shown');
      await lind.page.setViewportSize(laptop);
    }],
    ['full screen, and a small window above others that goes on when the page is not seen', async () => {
      await lind.find('view').click();
      await lind.sees('view-dialog');
      await lind.audit('view');
      await lind.shot('gallery-view');
      await lind.find('full-screen').click();
      await until('the page is all there is', () => lind.page.evaluate(() => document.fullscreenElement !== null));
      await lind.page.evaluate(() => document.exitFullscreen());
      if (await lind.find('pop-out').count() === 0) return t.diagnostic('this browser has no window above others');
      await lind.find('pop-out').click();
      const popped = (ask) => lind.page.evaluate(ask);
      await until('the window shows a picture', () => popped(() => {
        const out = window.documentPictureInPicture.window;
        return out?.document.querySelector('video.guarded[data-shown]') !== null && out?.document.styleSheets.length > 0;
      }), 20_000);
      await lind.page.evaluate(() => {
        Object.defineProperty(document, 'hidden', { value: true, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      });
      await until('only that one is asked for', () => asked().views === 1, 10_000);
      await lind.page.evaluate(() => {
        Object.defineProperty(document, 'hidden', { value: false, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
        window.documentPictureInPicture.window.close();
      });
    }],
    ['seats are kept while people leave', async () => {
      const order = async () => (await tiles()).map(({ id }) => id);
      const before = await order();
      guests.setCount(20);
      await guests.sending(20, 60_000);
      await count(21);
      const after = await order();
      const kept = after.filter((id, place) => before[place] === id).length;
      assert.ok(kept >= 11, `${kept} of 21 kept their seats though nine left`);
    }],
  ]);
});

test('a gallery in Firefox', { timeout: 240_000 }, async (t) => {
  const { daemon, guests, link } = await start(t);
  const browser = await launchFirefox();
  t.after(() => browser.close());
  const lind = await FirefoxPerson.open(browser, 'Dr. Lind', link, inPage.watchPeople);
  const look = () => lind.page.evaluate(inPage.people);
  const click = (testid) => lind.page.$eval(`[data-testid="${testid}"]`, (button) => button.click());
  await steps(t, { people: [lind], daemon: () => daemon }, [
    ['twelve on a phone have two pages', async () => {
      await lind.join();
      await lind.sees('session');
      guests.setCount(11);
      await until('they wait', async () => (await look()).waiting >= 11, 60_000);
      await click('admit-all');
      await guests.sending(11, 60_000);
      await click('people-toggle');
      await until('all are seen', async () => (await look()).tiles.filter(({ shown }) => shown).length === 11, 60_000);
      await lind.page.setViewport(phone);
      await until('a page of eight', async () => (await look()).tiles.length === 8, 20_000);
      await lind.shot('gallery-firefox-phone');
      await click('page-next');
      await until('and one of four, with pictures', async () => {
        const { tiles } = await look();
        return tiles.length === 4 && tiles.every(({ shown }) => shown);
      }, 30_000);
    }],
    ['one is kept large', async () => {
      await click('pin');
      await until('large', () => lind.page.evaluate(() => document.querySelectorAll('.spot-main [data-testid="tile"]').length === 1), 20_000);
      await lind.shot('gallery-firefox-pinned');
    }],
  ]);
});
