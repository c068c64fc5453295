// Failures before and during a session: a slow network, devices that are refused or unplugged. The page says what happened where the
// person looks, and to screen readers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

// Inside the page, before its own code: the browser refuses what is in __refused.
function refuse() {
  window.__refused = ['video'];
  const { getUserMedia } = navigator.mediaDevices;
  navigator.mediaDevices.getUserMedia = function ask(wanted) {
    if (window.__refused.some((kind) => wanted[kind])) return Promise.reject(new DOMException('', 'NotAllowedError'));
    return getUserMedia.call(this, wanted);
  };
}

// Inside the page, before its own code: the browser asks and asks, until __allow is called.
function ask() {
  const allowed = new Promise((yes) => { window.__allow = yes; });
  const { getUserMedia } = navigator.mediaDevices;
  navigator.mediaDevices.getUserMedia = async function wait(wanted) {
    await allowed;
    return getUserMedia.call(this, wanted);
  };
}

test('a network that is slow', { timeout: 60_000 }, async (t) => {
  const { daemon, browser } = await startDemo(t);
  const words = (page) => page.getByText('One moment. If this stays, load the page again');
  await t.test('a page that cannot draw itself is not empty', async () => {
    const page = await browser.newPage();
    await page.route('**/assets/page-*.js', (route) => route.abort());
    await page.goto(daemon.origin);
    await words(page).waitFor();
  });
  await t.test('an answer that never comes is not waited for', async () => {
    const page = await browser.newPage();
    await page.route('**/v1/page.json', () => undefined);
    await page.goto(await daemon.link('mara', 'Mara'));
    await words(page).waitFor();
    await page.getByTestId('name-input').waitFor({ timeout: 10_000 });
    assert.equal(await words(page).count(), 0);
  });
});

test('devices that fail', { timeout: 90_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  const troubles = () => mara.page.locator('.banner').count();
  const lights = () => mara.page.evaluate(() => ['camera', 'microphone'].filter((kind) => window.__alcove.store[kind].track.value));
  const muted = (source) => lind.received('participant.updated').at(-1)?.participant.publications.find((p) => p.source === source)?.muted;
  let lind, mara;
  await steps(t, { people, daemon: () => daemon }, [
    ['a refused camera is said in the device check, and not again', async () => {
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`);
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara', await daemon.link('mara', 'Mara'), refuse);
      await mara.fillName();
      const said = mara.page.getByText('This page may not use the camera.');
      await said.waitFor();
      assert.match(await said.innerText(), /You can also join without a picture\.$/);
      const chosen = mara.page.getByLabel('Camera to use').locator('option:checked');
      await until('a choice is offered', async () => await chosen.innerText() === 'Choose one');
      await mara.audit('check without a camera');
      await mara.shot('trouble-1-check');
      await mara.find('join-button').click();
      await mara.sees('waiting-room');
      assert.equal(await troubles(), 0);
      await lind.find('admit').click();
      await mara.sees('session');
      assert.equal(await troubles(), 0);
    }],
    ['what the browser still asks for is not shown as on', async () => {
      const theo = await enter('Theo', await daemon.link('theo', 'Theo'), ask);
      const pressed = () => Promise.all(['mic-toggle', 'camera-toggle'].map((id) => theo.find(id).getAttribute('data-on')));
      await theo.fillName();
      await theo.page.getByText('Waiting for it').waitFor();
      assert.deepEqual(await pressed(), ['false', 'false']);
      await theo.find('join-button').click();
      await theo.sees('waiting-room');
      assert.deepEqual(await pressed(), ['false', 'false']);
      await theo.page.getByText('Your microphone starts off and your camera starts off').waitFor();
      await theo.page.evaluate(() => window.__allow());
      await theo.page.getByText('Your microphone starts on and your camera starts on').waitFor();
      assert.deepEqual(await pressed(), ['true', 'true']);
      await theo.find('leave').click();
      await theo.sees('ending-card');
    }],
    ['that a yes is not taken back yet is said in the device check, too', async () => {
      const noor = await enter('Noor', await daemon.link('noor', 'Noor'));
      await noor.fillName();
      await noor.sees('join-button');
      await noor.page.evaluate(() => {
        WebSocket.prototype.send = () => undefined;
        void window.__alcove.store.withdraw();
      });
      await noor.sees('withdrawing');
      await noor.page.reload();
      await noor.page.getByText('You took back your yes.').waitFor();
      await noor.find('leave').click();
      await noor.sees('ending-card');
    }],
    ['it is said when it is tried again, in a place that is read out', async () => {
      await mara.find('camera-toggle').click();
      await mara.sees('camera-trouble');
      const said = await mara.find('camera-trouble').innerText();
      assert.match(said, /Your camera is off\..*This page may not use the camera/s);
      assert.doesNotMatch(said, /join/);
      assert.equal(await mara.page.locator('.banners[role="status"] .banner').count(), 1);
      await mara.audit('camera refused in the session');
      await mara.page.evaluate(() => { window.__refused = []; });
      await mara.find('camera-toggle').click();
      await until('it works', async () => await troubles() === 0 && muted('camera') === false);
    }],
    ['a microphone that is unplugged', async () => {
      await mara.page.evaluate(() => {
        const track = window.__alcove.store.microphone.track.value;
        track.stop();
        track.dispatchEvent(new Event('ended'));
      });
      await mara.sees('microphone-trouble');
      assert.equal(await mara.find('mic-toggle').getAttribute('data-on'), 'false');
      await until('the others see it', () => muted('microphone') === true);
      await mara.audit('microphone unplugged');
      await mara.shot('trouble-2-unplugged');
      await mara.find('mic-toggle').click();
      await until('it works again', async () => await troubles() === 0 && muted('microphone') === false);
      await lind.receives([mara]);
    }],
    ['who takes back a yes while the server does not answer sends nothing more', async () => {
      daemon.signal('SIGSTOP');
      try {
        await mara.page.evaluate(() => void window.__alcove.store.withdraw());
        await until('the lights are out', async () => (await lights()).length === 0, 4_000);
        await mara.sees('withdrawing');
      } finally {
        daemon.signal('SIGCONT');
      }
      await mara.page.getByText('You took back your yes. Nothing more of you is recorded. You can turn your camera and microphone on again.').waitFor();
      assert.equal(await mara.find('withdrawing').count(), 0);
      for (const id of ['mic-toggle', 'camera-toggle']) await mara.find(id).click();
      await until('the devices are on', async () => (await lights()).length === 2);
      await lind.receives([mara]);
    }],
    ['a screen that is picked too late is shown to nobody', async () => {
      const mayShare = async (granted) => {
        const participantId = await mara.page.evaluate(() => window.__alcove.store.selfId.value);
        await lind.page.evaluate((data) => window.__alcove.store.act('mod.grant', data), { participantId, grant: 'screen', granted });
        await until(`Mara may share: ${granted}`, () => mara.page.evaluate((yes) => window.__alcove.store.may('publish.screen') === yes, granted));
      };
      await mayShare(true);
      await mara.page.evaluate(() => {
        const [track] = document.createElement('canvas').captureStream().getVideoTracks();
        navigator.mediaDevices.getDisplayMedia = () => new Promise((done) => { window.__pick = () => done(new MediaStream([track])); });
        window.__shared = window.__alcove.store.share().then(() => track.readyState);
      });
      await mayShare(false);
      assert.equal(await mara.page.evaluate(() => { window.__pick(); return window.__shared; }), 'ended');
      assert.equal(await mara.page.evaluate(() => window.__alcove.store.localMedia.screen.value), null);
    }],
    ['who takes back a yes while the server is away sends nothing more', async () => {
      assert.equal((await lights()).length, 2);
      await (await enter('Noor', await daemon.link('noor', 'Noor'))).fillName();
      await lind.sees('admit');
      await daemon.stop();
      await mara.sees('banner');
      await mara.page.evaluate(() => window.__alcove.store.withdraw());
      assert.deepEqual(await lights(), []);
      await mara.sees('withdrawing');
      await mara.audit('withdrawn without a server');
    }],
    ['who leaves while the server is away is off at once', async () => {
      for (const id of ['mic-toggle', 'camera-toggle']) await mara.find(id).click();
      await until('the devices are on', async () => (await lights()).length === 2);
      await mara.find('leave').click();
      await mara.find('confirm').click();
      assert.deepEqual(await lights(), []);
      assert.equal(await mara.find('ending-card').count(), 0, 'the server was told: the test looks at nothing');
      await mara.sees('ending-card');
      assert.equal(await mara.find('ending-card').getAttribute('data-code'), 'left');
    }],
    ['a therapist who leaves keeps no name', async () => {
      const names = () => lind.page.evaluate(() => ['waiting', 'barred', 'roster'].map((list) => window.__alcove.store[list].value.length));
      assert.equal((await names())[0], 1, 'nobody waits: the test looks at nothing');
      await lind.page.evaluate(() => window.__alcove.store.leave());
      assert.deepEqual(await names(), [0, 0, 0]);
    }],
  ]);
});
