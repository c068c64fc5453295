// An observer receives the group's audio and video, is never asked for a device, and sends nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

// Inside the page, before its own code: counts what it asks of the browser.
function countAsks() {
  window.__asks = Number(sessionStorage.getItem('asks'));
  const { getUserMedia } = navigator.mediaDevices;
  navigator.mediaDevices.getUserMedia = function ask(...args) {
    sessionStorage.setItem('asks', ++window.__asks);
    return getUserMedia.apply(this, args);
  };
}

const asks = (person) => person.page.evaluate(() => window.__asks);

test('an observer', { timeout: 60_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  const noDevices = async (where) => {
    for (const id of ['mic-toggle', 'camera-toggle']) assert.equal(await noor.find(id).count(), 0, `${where}: ${id}`);
    assert.equal(await asks(noor), 0, `${where}: asked for a device`);
  };
  let lind, noor;
  await steps(t, { people, daemon: () => daemon }, [
    ['the check is of sound alone', async () => {
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`, countAsks);
      await lind.join();
      await lind.sees('session');
      assert.equal(await asks(lind), 2, 'the test counts nothing');
      noor = await enter('Noor', await daemon.link('noor', 'Noor', daemon.origin, 'observer'), countAsks);
      await noor.sees('name-input');
      assert.equal(await noor.page.getByText('camera').count(), 0);
      await noor.fillName();
      await noor.sees('join-button');
      assert.equal(await noor.page.locator('h1').innerText(), 'Check your sound');
      assert.equal(await noor.page.title(), 'Check your sound – Alcove');
      assert.deepEqual(await noor.page.locator('h2').allInnerTexts(), ['Speaker', 'Connection']);
      await noDevices('check');
      await noor.audit('device check of an observer');
      await noor.shot('observer-1-check');
    }],
    ['nor are they asked in the waiting room', async () => {
      await noor.find('join-button').click();
      await noor.sees('waiting-room');
      await noDevices('waiting room');
      await noor.audit('waiting room of an observer');
      await noor.shot('observer-2-waiting');
    }],
    ['nor in the group, which they see and hear', async () => {
      await lind.find('admit').click();
      await noor.sees('session');
      await noor.receives([lind]);
      await noDevices('session');
      await noor.audit('session of an observer');
      await noor.shot('observer-3-session');
      assert.deepEqual(lind.received('roster').at(-1).participants.concat(lind.received('participant.joined').map(({ participant }) => participant))
        .filter(({ role }) => role === 'observer').flatMap(({ publications }) => publications), []);
    }],
    ['nor after a reload', async () => {
      await noor.page.reload();
      await noor.sees('session');
      await noor.receives([lind]);
      await noDevices('reload');
    }],
    ['who is made a co-therapist may turn devices on, and is told so once', async () => {
      const row = lind.page.locator(`[data-testid="person"][data-participant="${noor.id}"]`);
      await row.getByTestId('more').click();
      await row.getByTestId('set-role').click();
      await until('Noor is told', async () => await noor.page.getByText('lets you use your microphone and camera').count() === 1);
      assert.equal(await asks(noor), 0, 'it turned on by itself');
      await noor.find('mic-toggle').click();
      await until('Noor is asked now', async () => await asks(noor) === 1);
      await noor.find('camera-toggle').click();
      await lind.receives([noor]);
    }],
    ['and observes again, with nothing on, when that is taken back', async () => {
      const live = () => noor.page.evaluate(() => window.__alcove.store.microphone.live.value);
      await until('the microphone is on', live);
      await lind.find('set-role').click();
      await until('no device is left', async () => await noor.find('mic-toggle').count() === 0 && !await live());
      await until('Lind hears of it', () => lind.received('participant.updated').at(-1).participant.role === 'observer');
      await noor.find('devices').click();
      await noor.sees('devices-dialog');
      assert.deepEqual(await noor.find('devices-dialog').locator('h3').allInnerTexts(), ['Speaker']);
      await noor.audit('devices of an observer');
    }],
  ]);
});
