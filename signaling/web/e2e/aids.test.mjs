// Keys, help with a blocked camera, and captions, in a session of two.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

// Inside the page: a browser that keeps the camera from it.
function blockCamera() {
  const { mediaDevices } = navigator;
  const native = mediaDevices.getUserMedia.bind(mediaDevices);
  window.__blocked = true;
  mediaDevices.getUserMedia = (wanted) => (wanted.video && window.__blocked ? Promise.reject(new DOMException('', 'NotAllowedError')) : native(wanted));
}

// Inside the page: a browser with recognition on the device, which hears one sentence; and what was started of it.
function recogniseHere() {
  window.__started = [];
  window.SpeechRecognition = class extends EventTarget {
    static available = async ({ processLocally }) => (processLocally ? 'available' : 'unavailable');
    #local = false;
    get processLocally() { return this.#local; }
    set processLocally(on) { this.#local = on; }
    start(track) {
      window.__started.push({ local: this.#local, kind: track?.kind });
      const result = Object.assign([{ transcript: 'How was your week?' }], { isFinal: true });
      setTimeout(() => this.onresult?.({ resultIndex: 0, results: [result] }), 100);
    }
    abort() { this.onend?.(); }
  };
}

test('aids', { timeout: 180_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  let lind, mara;
  const muted = (person, source) => lind.received('participant.updated').findLast(({ participant }) => participant.id === person.id)?.participant.publications
    .find((p) => p.source === source)?.muted;
  const press = (key) => mara.page.keyboard.press(key);
  await steps(t, { people, daemon: () => daemon }, [
    ['a blocked camera: what to do in this browser, by keyboard', async () => {
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`);
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara', await daemon.link('mara', 'Mara'), blockCamera);
      await mara.fillName();
      await mara.sees('how-camera');
      await mara.audit('a blocked camera');
      await mara.tabTo('how-camera');
      await mara.page.keyboard.press('Enter');
      await mara.sees('blocked-steps');
      assert.equal(await mara.find('blocked-steps').getAttribute('data-browser'), 'chromium');
      assert.match(await mara.find('blocked-steps').textContent(), /Switch on Camera and Microphone/);
      await mara.audit('steps for a blocked camera');
      await mara.shot('aids-blocked');
      await mara.page.evaluate(() => { window.__blocked = false; });
      await mara.tabTo('blocked-again');
      await mara.page.keyboard.press('Enter');
      await until('the preview is there', () => mara.page.locator('video.picture').count());
      await mara.join();
      await lind.sees('admit');
      await lind.find('admit').click();
      await mara.sees('session');
      await Promise.all([lind.receives([mara], 30_000), mara.receives([lind], 30_000)]);
    }],
    ['M, V, H and Space', async () => {
      await press('m');
      await until('her microphone is off', () => muted(mara, 'microphone') === true);
      await mara.page.keyboard.down('Space');
      await until('it is on while she holds Space', () => muted(mara, 'microphone') === false);
      await mara.page.keyboard.up('Space');
      await until('and off again', () => muted(mara, 'microphone') === true);
      await press('v');
      await until('her camera is off', () => muted(mara, 'camera') === true);
      await press('v');
      await press('h');
      await until('her hand is up', () => lind.received('participant.updated').some(({ participant }) => participant.id === mara.id && participant.handRaised));
    }],
    ['the list of keys, and the switch', async () => {
      await press('?');
      await mara.sees('keys');
      assert.match(await mara.find('keys').textContent(), /Space.*Hold to speak/s);
      await mara.audit('list of keys');
      await mara.shot('aids-keys');
      await mara.tabTo('keys-switch');
      await press('Space');
      await mara.tabTo('keys-close');
      await press('Enter');
      await press('m');
      await press('?');
      await new Promise((done) => setTimeout(done, 300));
      assert.equal(await mara.find('keys').count(), 0, 'a key acts although they are off');
      assert.equal(muted(mara, 'microphone'), true);
    }],
    ['captions: absent here, and said', async () => {
      await mara.tabTo('devices');
      await press('Enter');
      await mara.sees('aids');
      await mara.sees('aid-captions-words');
      assert.match(await mara.find('aid-captions-words').textContent(), /cannot make them on your own device|once it has the language/);
      await mara.find('aid-blur-words').waitFor();
      await mara.audit('devices and aids');
      await mara.shot('aids-devices');
      await mara.find('devices-close').click();
      await mara.find('leave').click();
      await mara.find('confirm').click();
      await mara.sees('ending-card');
    }],
    ['captions where the browser makes them: of the group, on this device alone', async () => {
      const jonas = await enter('Jonas', await daemon.link('jonas', 'Jonas'), recogniseHere);
      await jonas.join();
      await lind.sees('admit');
      await lind.find('admit').click();
      await jonas.sees('session');
      await jonas.receives([lind], 30_000);
      await jonas.find('devices').click();
      await jonas.find('aid-captions').check();
      await jonas.find('devices-close').click();
      await jonas.sees('captions');
      await until('a line is there', async () => /How was your week\?/.test(await jonas.find('captions').textContent()));
      const started = await jonas.page.evaluate(() => window.__started);
      assert.ok(started.length > 0 && started.every(({ local, kind }) => local === true && kind === 'audio'), JSON.stringify(started));
      await jonas.audit('captions');
      await jonas.shot('aids-captions');
      jonas.assertSameOrigin(['localhost:8080']);
    }],
  ]);
});
