// Who is here for what, in every size; controls that say what is so; a shared screen; messages that end; hands in their order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const looks = [['desktop', 1280, 800], ['phone', 390, 844], ['small', 360, 640]];

// Inside the page, before its own code: a screen to share, without a picker, and a camera that is held upright.
function drawn() {
  const { mediaDevices } = navigator;
  const picture = (width, height) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const paint = canvas.getContext('2d');
    let frame = 0;
    setInterval(() => {
      frame += 1;
      paint.fillStyle = '#cdbfa8';
      paint.fillRect(0, 0, width, height);
      paint.fillStyle = '#4b3a2f';
      paint.font = `${Math.round(height / 12)}px sans-serif`;
      paint.fillText(`Shared page, line ${frame % 10}`, width / 12, height / 3);
      paint.fillRect(width / 12, height / 2, width / 3 + 10 * Math.sin(frame / 8), height / 12);
    }, 100);
    return canvas.captureStream(10);
  };
  mediaDevices.getDisplayMedia = async () => picture(1280, 720);
  const ask = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wanted) => (wanted.video && window.__upright ? picture(540, 960) : ask(wanted));
}
function upright() {
  window.__upright = true;
}

test('roles, hands, screens and messages', { timeout: 240_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  let lind, ito, mara, jonas, noor;
  const shots = async (person, name) => {
    for (const [where, width, height] of looks) {
      await person.page.setViewportSize({ width, height });
      for (const colorScheme of ['light', 'dark']) {
        await person.page.emulateMedia({ colorScheme });
        await person.page.waitForTimeout(300);
        await person.shot(`roles-${name}-${where}-${colorScheme}`);
        await person.audit(`${name} ${where} ${colorScheme}`);
      }
    }
    await person.page.emulateMedia({ colorScheme: 'light' });
    await person.page.setViewportSize({ width: 1280, height: 800 });
  };
  const come = async (name, role, ...scripts) => {
    const person = await enter(name, await daemon.link(name, name, daemon.origin, role), drawn, ...scripts);
    await person.join();
    if (role === 'host' || role === 'cohost') return person;
    await lind.page.locator(`[data-testid="waiter"][data-name="${name}"] [data-testid="admit"]`).click();
    await person.sees('session');
    return person;
  };
  const sign = (viewer, of) => viewer.page.locator(`[data-participant="${of.id}"] .role`).first();

  await steps(t, { people, daemon: () => daemon }, [
    ['roles are signs at every size, and a phone says who leads and who watches', async () => {
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`, drawn);
      await lind.join();
      await lind.sees('session');
      ito = await come('Dr. Ito', 'cohost');
      await ito.sees('session');
      mara = await come('Mara', 'participant');
      jonas = await come('Jonas', 'participant', upright);
      noor = await come('Noor', 'observer');
      await until('all are there', async () => await mara.find('tile').count() === 4 && await mara.find('aside').count() === 1);
      for (const [, width, height] of looks) {
        await mara.page.setViewportSize({ width, height });
        for (const [of, role] of [[lind, 'host'], [ito, 'cohost'], [noor, 'observer']]) {
          assert.equal(await sign(mara, of).getAttribute('data-role'), role);
          assert.ok(await sign(mara, of).locator('svg').isVisible(), `${of.name} at ${width}`);
        }
      }
      assert.equal(await mara.find('presence').innerText(), '2 therapists, 1 observer here');
      assert.match(await mara.find('aside').innerText(), /Noor/);
      await shots(mara, 'group');
    }],
    ['an upright camera is shown whole', async () => {
      const video = mara.page.locator(`[data-testid="tile"][data-participant="${jonas.id}"] video.guarded`);
      await until('it is known to be upright', async () => await video.getAttribute('data-portrait') !== null, 20_000);
      assert.equal(await video.evaluate((element) => getComputedStyle(element).objectFit), 'contain');
    }],
    ['an observer and a co-therapist read what they may do, and that the group sees them', async () => {
      assert.match(await noor.find('role-banner').innerText(), /The group sees your name here and that you observe/);
      assert.match(await ito.find('role-banner').innerText(), /sees and hears you as it does everyone else/);
      await shots(noor, 'observer');
      await noor.find('role-state').click();
      await noor.sees('role-dialog');
      assert.match(await noor.find('role-dialog').innerText(), /You may\s+see and hear the group/);
      await noor.audit('what an observer may do');
      await noor.shot('roles-dialog');
      await noor.page.keyboard.press('Escape');
      await noor.find('role-close').click();
      await ito.find('role-close').click();
      assert.equal(await noor.find('role-banner').count(), 0);
      assert.ok(await noor.find('role-state').isVisible());
    }],
    ['a state stands in words over the picture', async () => {
      await jonas.context.setOffline(true);
      const words = mara.page.locator(`[data-testid="tile"][data-participant="${jonas.id}"] .why .words`);
      await until('Jonas reconnects, and it is said', async () => await words.isVisible() && await words.innerText() === 'Reconnecting', 60_000);
      await mara.page.setViewportSize({ width: 360, height: 640 });
      assert.ok(await words.isVisible());
      await mara.shot('roles-reconnecting-small');
      await mara.page.setViewportSize({ width: 1280, height: 800 });
      await jonas.context.setOffline(false);
      await until('he is back', async () => await words.count() === 0, 60_000);
    }],
    ['every control says what is so and what it does', async () => {
      const row = lind.page.locator(`[data-testid="person"][data-participant="${mara.id}"]`);
      await row.getByTestId('more').click();
      const microphone = row.getByTestId('grant-microphone');
      assert.match(await microphone.innerText(), /Mic: allowed[\s.]+Take away/);
      await microphone.click();
      await until('it is taken, and says so', async () => /not allowed[\s.]+Allow/.test(await microphone.innerText()));
      await until('Mara has none', async () => await mara.find('mic-toggle').count() === 0);
      await microphone.click();
      await until('it is given back', async () => /: allowed[\s.]+Take away/.test(await microphone.innerText()));
      await lind.shot('roles-controls');
      await lind.audit('controls of a host');
      await row.getByTestId('more').click();
      assert.match(await lind.find('lock-toggle').innerText(), /Not locked[\s.]+Lock/);
      assert.match(await lind.find('mic-toggle').innerText(), /Mic on/);
    }],
    ['hands are a list in their order; a host lowers one, then all', async () => {
      for (const person of [noor, jonas, mara]) {
        await person.find('hand-toggle').click();
        await until(`${person.name}’s hand is up`, () => lind.received('participant.updated').some(({ participant }) => participant.id === person.id && participant.handRaised));
      }
      const order = () => lind.find('raised-hand').evaluateAll((rows) => rows.map(({ dataset }) => dataset.participant));
      await until('three hands in order', async () => (await order()).join() === [noor.id, jonas.id, mara.id].join());
      await shots(lind, 'hands');
      await lind.page.locator(`[data-testid="raised-hand"][data-participant="${jonas.id}"]`).getByTestId('lower-hand').click();
      await until('two are left', async () => (await order()).join() === [noor.id, mara.id].join());
      await until('Jonas is told', async () => /lowered your hand/.test(await jonas.find('notice').innerText()));
      await lind.find('lower-all').click();
      await until('none is left', async () => (await order()).length === 0);
    }],
    ['all are muted by one act, and each may speak again', async () => {
      await lind.find('mute-all').click();
      await lind.find('confirm').click();
      for (const person of [mara, jonas]) await until(`${person.name} is muted`, async () => await person.find('mic-toggle').getAttribute('data-on') === 'false');
      assert.equal(await ito.find('mic-toggle').getAttribute('data-on'), 'true');
      await until('the button is gone', async () => await lind.find('mute-all').count() === 0);
    }],
    ['a notice ends with what it is about, or after a while', async () => {
      await mara.sees('notice');
      await mara.find('mic-toggle').click();
      await until('the notice is gone with the mute', async () => await mara.find('notice').count() === 0, 5_000);
      await until('and the other one by itself', async () => await jonas.find('notice').count() === 0, 20_000);
      assert.equal(await jonas.find('mic-toggle').getAttribute('data-on'), 'false');
    }],
    ['on a phone one short line stands above the faces', async () => {
      await mara.page.setViewportSize({ width: 360, height: 640 });
      await mara.page.evaluate(() => {
        const { store } = window.__alcove;
        store.speaker.unplugged.value = true;
        store.audioBlocked.value = true;
      });
      await until('one of two is shown', async () => await mara.page.locator('.banners > .banner').count() === 2 && await mara.page.locator('.banners > .banner:visible').count() === 1);
      const height = await mara.page.locator('.notices').evaluate((element) => element.getBoundingClientRect().height);
      assert.ok(height <= 72, `${height} px`);
      await mara.shot('roles-banner-small');
      await mara.audit('one of two messages');
      await mara.find('banners-more').click();
      await until('both are shown', async () => await mara.page.locator('.banners > .banner:visible').count() === 2);
      await mara.shot('roles-banners-small');
      await mara.page.evaluate(() => {
        const { store } = window.__alcove;
        store.speaker.unplugged.value = false;
        store.audioBlocked.value = false;
      });
      await mara.page.setViewportSize({ width: 1280, height: 800 });
    }],
    ['who shares a screen sees it said, and the others can look closely', async () => {
      await lind.find('screen-toggle').click();
      await lind.sees('sharing');
      await until('with what the others see', () => lind.find('sharing-preview').evaluate((video) => video.videoWidth > 0), 20_000);
      assert.match(await lind.find('sharing-state').innerText(), /Your screen is shared/);
      await shots(lind, 'sharing');
      await until('Mara sees it', async () => await mara.page.locator('[data-testid="screen"] video[data-shown]').count() === 1, 30_000);
      const width = () => mara.find('screen-canvas').evaluate((element) => element.getBoundingClientRect().width);
      const before = await width();
      for (let i = 0; i < 2; i += 1) await mara.find('zoom-in').click();
      assert.ok(Math.abs(await width() - 2 * before) < 4, `${await width()} of ${before}`);
      await mara.page.locator('.pan').focus();
      await mara.page.keyboard.press('ArrowRight');
      await until('it moves', () => mara.page.locator('.pan').evaluate((element) => element.scrollLeft > 0));
      await mara.audit('a shared screen, enlarged');
      await mara.shot('roles-screen');
      await lind.find('sharing-stop').click();
      await until('nobody sees it', async () => await mara.find('screen').count() === 0);
      assert.equal(await lind.find('sharing-state').count(), 0);
    }],
    ['in each language the words have room', async () => {
      for (const language of ['de', 'es', 'fr']) {
        for (const person of [lind, mara]) {
          await person.page.evaluate((chosen) => localStorage.setItem('alcove.language', chosen), language);
          await person.page.reload();
          await person.sees('session', 20_000);
          await until(`the page is in ${language}`, () => person.page.evaluate((wanted) => document.documentElement.lang === wanted, language));
          for (const [where, width, height] of looks) {
            await person.page.setViewportSize({ width, height });
            const wide = await person.page.evaluate(() => [document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth, ...[...document.querySelectorAll('.bar .ctl')].flatMap((ctl) => (ctl.scrollWidth > ctl.clientWidth + 1 ? [ctl.textContent] : []))]);
            assert.deepEqual(wide, [width, width], `${language} ${where}`);
            await person.shot(`roles-${language}-${person.name}-${where}`);
          }
          await person.page.setViewportSize({ width: 1280, height: 800 });
        }
      }
      for (const person of [lind, mara]) await person.page.evaluate(() => localStorage.removeItem('alcove.language'));
    }],
    ['nothing of the group comes along to the waiting room and back', async () => {
      await mara.page.evaluate(() => { window.__alcove.store.notice.value = 'Something of the group.'; });
      const row = lind.page.locator(`[data-testid="person"][data-participant="${mara.id}"]`);
      await row.getByTestId('more').click();
      await row.getByTestId('send-back').click();
      await mara.sees('waiting-room');
      assert.equal(await mara.page.getByText('Something of the group.').count(), 0);
    }],
  ]);
});
