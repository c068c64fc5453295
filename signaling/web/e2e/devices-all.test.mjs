// A participant changes devices during a session: audio and video go on, and the others see no change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

// Inside the page, before its own code: keeps every track that the browser gave, fails what is in __busy, hides what is in __unplugged,
// and notes in __played on which speaker the page plays notes of its own.
function watchDevices() {
  const { mediaDevices } = navigator;
  const { getUserMedia, enumerateDevices } = mediaDevices;
  Object.assign(window, { __tracks: [], __busy: [], __unplugged: [], __alone: false, __played: [] });
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function note() {
    if (!this.isConnected) window.__played.push(this.sinkId);
    return play.call(this);
  };
  mediaDevices.getUserMedia = async function ask(wanted) {
    const { deviceId } = wanted.video ?? wanted.audio;
    const others = window.__tracks.some((track) => track.kind === 'video' && track.readyState === 'live');
    if (window.__busy.includes(deviceId?.exact) || (window.__alone && wanted.video && others)) throw new DOMException('', 'NotReadableError');
    const stream = await getUserMedia.call(this, wanted);
    window.__tracks.push(...stream.getTracks());
    return stream;
  };
  mediaDevices.enumerateDevices = async function list() {
    return (await enumerateDevices.call(this)).filter(({ label }) => !window.__unplugged.includes(label));
  };
}

// Inside the page: all that was ever heard of the others.
async function energy() {
  const stats = await window.__alcove.connection.getStats();
  return [...stats.values()].reduce((sum, { type, totalAudioEnergy = 0 }) => (type === 'inbound-rtp' ? sum + totalAudioEnergy : sum), 0);
}

test('devices changed in the session', { timeout: 120_000 }, async (t) => {
  // Nobody encodes the second of the fake ones, and the third is slow.
  const { daemon, people, enter: begin } = await startDemo(t, { cameras: 5 });
  const enter = (name, url) => begin(name, url, watchDevices);
  let lind, mara;
  const dialog = () => mara.page.locator('dialog[open]');
  const list = (label) => dialog().getByRole('combobox', { name: label, exact: true });
  const names = (label) => list(label).locator('option').allInnerTexts();
  // What runs, by name; a device that nobody uses any more has its light off.
  const sinks = () => mara.page.evaluate(() => [...new Set([...document.querySelectorAll('audio')].map(({ sinkId }) => sinkId))]);
  const running = () => mara.page.evaluate(() => window.__tracks.filter((track) => track.readyState === 'live').map(({ label }) => label).sort());
  const asked = () => mara.page.evaluate(() => window.__tracks.length);
  const sent = () => mara.page.evaluate(() => window.__alcove.connection.getSenders().flatMap(({ track }) => (track ? [track.label] : [])).sort());
  const chooses = async (label, name) => {
    await list(label).selectOption({ label: name });
    await until(`${name} is chosen`, async () => await list(label).locator('option:checked').innerText() === name);
  };
  const open = async () => {
    await mara.find('devices').click();
    await mara.sees('devices-dialog');
  };
  const close = async () => {
    await mara.find('devices-close').click();
    await until('it is closed', async () => await dialog().count() === 0);
  };
  const plug = (...unplugged) => mara.page.evaluate((labels) => {
    window.__unplugged = labels;
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  }, unplugged);
  const trouble = () => dialog().getByText('The camera did not start. Another program may be using it.').count();

  await steps(t, { people, daemon: () => daemon }, [
    ['in the waiting room, where what is off stays off', async () => {
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`);
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara', await daemon.link('mara', 'Mara'));
      await mara.join();
      await mara.sees('waiting-room');
      await until('both are on', async () => (await running()).length === 2);
      await mara.find('camera-toggle').click();
      const before = await asked();
      await open();
      assert.ok((await names('Microphone')).length > 1 && (await names('Camera')).length === 5, 'there is nothing to choose');
      await chooses('Camera', 'fake_device_3');
      assert.equal(await asked(), before, 'the light went on');
      await chooses('Microphone', 'Fake Audio Input 1');
      await until('the other microphone runs alone', async () => (await running()).join() === 'Fake Audio Input 1');
      await mara.audit('devices in the waiting room');
      await mara.shot('devices-1-waiting');
      await close();
      await mara.find('camera-toggle').click();
      await until('the camera that was chosen', async () => (await running()).includes('fake_device_3'));
      await lind.find('admit').click();
      await mara.sees('session');
      await lind.receives([mara]);
    }],

    ['in the group, by keyboard, and nobody is told', async () => {
      const told = () => [mara.sent('media.offer'), mara.sent('publication.set'), lind.received('participant.updated')].map((all) => all.length);
      await until('what came before is over', async () => (await mara.peerStates()).at(-1) === 'connected' && mara.answers('publication.set').length === mara.sent('publication.set').length);
      const before = told();
      await mara.tabTo('devices');
      await mara.page.keyboard.press('Enter');
      await mara.sees('devices-dialog');
      assert.equal(await mara.page.evaluate(() => document.activeElement?.tagName), 'H2');
      await mara.page.keyboard.press('Tab');
      assert.equal(await mara.page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Microphone');
      const frames = async () => (await lind.media()).inbound[lind.linesOf(mara).video].frames;
      const seen = await frames();
      await mara.page.keyboard.press('ArrowDown');
      await until('the next microphone', async () => (await running()).includes('Fake Audio Input 2'));
      await chooses('Camera', 'fake_device_4');
      await until('they alone run', async () => (await running()).join() === 'Fake Audio Input 2,fake_device_4');
      assert.deepEqual(await sent(), ['Fake Audio Input 2', 'fake_device_4']);
      await lind.receives([mara]);
      assert.ok(await frames() > seen, 'a new line');
      const loud = await lind.page.evaluate(energy);
      await until('it is no silence', async () => await lind.page.evaluate(energy) > loud);
      const meter = dialog().getByRole('meter');
      await until('and shown to her', async () => Number(await meter.getAttribute('aria-valuenow')) > 0);
      assert.deepEqual(told(), before);
      await mara.audit('devices in the session');
      await mara.shot('devices-2-session');
    }],

    ['it lies well', async () => {
      const usual = mara.page.viewportSize();
      for (const [width, height] of [[320, 640], [640, 400], [1280, 800]]) {
        await mara.page.setViewportSize({ width, height });
        assert.deepEqual(await dialog().evaluate((box) => [...box.querySelectorAll('button, select, figure, .meter')].filter((part) => {
          const [a, b] = [part.getBoundingClientRect(), box.getBoundingClientRect()];
          return a.left < b.left || a.right > b.right || box.scrollWidth > box.clientWidth;
        }).map((part) => part.outerHTML)), [], `${width} × ${height}`);
        if (width === 320) await mara.shot('devices-3-phone');
      }
      await mara.page.setViewportSize(usual);
      await mara.page.emulateMedia({ colorScheme: 'dark' });
      await mara.audit('devices in the dark');
      await mara.shot('devices-4-dark');
      await mara.page.emulateMedia({ colorScheme: 'light', forcedColors: 'active' });
      await mara.shot('devices-5-forced');
      await mara.page.emulateMedia({ forcedColors: 'none' });
    }],

    ['what is plugged in or out while one looks', async () => {
      await plug('fake_device_0', 'Fake Audio Input 1');
      await until('it is gone', async () => !(await names('Camera')).includes('fake_device_0'));
      assert.equal((await names('Microphone')).includes('Fake Audio Input 1'), false);
      await plug();
      await until('it is back', async () => (await names('Camera')).includes('fake_device_0') && (await names('Microphone')).includes('Fake Audio Input 1'));
    }],

    ['the group sounds from the chosen speaker, and so do the notes of the page', async () => {
      const [, other] = await names('Speaker');
      await chooses('Speaker', other);
      const wanted = await list('Speaker').inputValue();
      await until('it sounds there', async () => (await sinks()).join() === wanted);
      await dialog().getByRole('button', { name: 'Play tone' }).click();
      await until('a tone too', async () => (await mara.page.evaluate(() => window.__played)).join() === wanted);
    }],

    ['a speaker that is unplugged is said, once', async () => {
      const [, other] = await names('Speaker');
      const said = () => mara.find('speaker-trouble').count();
      assert.equal(await said(), 0);
      await plug(other);
      await until('the system chooses', async () => (await sinks()).join() === '');
      await until('it is said in the dialog', async () => /People near you may hear/.test(await dialog().locator('[role=status]').last().innerText()));
      await close();
      await mara.find('speaker-trouble').getByRole('button', { name: 'Close' }).click();
      await until('it is closed', async () => await said() === 0);
      await plug();
      await open();
      await chooses('Speaker', other);
      await plug(other);
      await mara.sees('speaker-trouble');
      assert.equal(await mara.page.locator('.banners[role="status"] [data-testid="speaker-trouble"]').count(), 1);
      await mara.audit('a speaker that is gone');
      await plug();
      await chooses('Speaker', other);
      await until('another one is chosen', async () => await said() === 0);
    }],

    ['who is muted stays muted', async () => {
      await dialog().getByTestId('mic-toggle').click();
      const before = await asked();
      await chooses('Microphone', 'Fake Audio Input 1');
      assert.equal(await asked(), before);
      assert.deepEqual(await running(), ['fake_device_4']);
      await dialog().getByTestId('mic-toggle').click();
      await until('on by the own hand', async () => (await running()).join() === 'Fake Audio Input 1,fake_device_4');
    }],

    ['one that runs only alone, and one that does not start', async () => {
      await mara.page.evaluate(() => { window.__alone = true; });
      await chooses('Camera', 'fake_device_0');
      await until('it runs', async () => (await running()).includes('fake_device_0'));
      assert.equal(await trouble(), 0);
      const busy = await list('Camera').locator('option', { hasText: 'fake_device_3' }).getAttribute('value');
      await mara.page.evaluate((id) => Object.assign(window, { __alone: false, __busy: [id] }), busy);
      await list('Camera').selectOption(busy);
      await until('it is said', async () => await trouble() === 1);
      assert.deepEqual(await running(), ['Fake Audio Input 1']);
      assert.equal(await dialog().getByTestId('camera-toggle').getAttribute('data-on'), 'false');
      await until('the others see it', () => lind.received('participant.updated').at(-1)?.participant.publications.find((p) => p.source === 'camera')?.muted);
      await mara.audit('a camera that does not start');
      await mara.shot('devices-6-busy');
      await chooses('Camera', 'fake_device_4');
      await dialog().getByTestId('camera-toggle').click();
      await until('another one runs', async () => (await running()).includes('fake_device_4'));
      await close();
      assert.equal(await mara.page.evaluate(() => document.activeElement?.getAttribute('data-testid')), 'devices');
    }],

    ['after a reload they are used again', async () => {
      await mara.page.reload();
      await mara.sees('session');
      await until('the same run', async () => (await running()).join() === 'Fake Audio Input 1,fake_device_4');
      await lind.receives([mara]);
      await open();
      const [, other] = await names('Speaker');
      assert.equal(await list('Speaker').locator('option:checked').innerText(), other);
    }],
    ['a camera that another program has, and that comes back', async () => {
      const muted = (now) => mara.page.evaluate((value) => {
        const track = window.__alcove.store.camera.track.value;
        Object.defineProperty(track, 'muted', { value, configurable: true });
        track.dispatchEvent(new Event(value ? 'mute' : 'unmute'));
      }, now);
      const off = () => lind.received('participant.updated').at(-1)?.participant.publications.find(({ source }) => source === 'camera')?.muted;
      await close();
      await muted(true);
      await mara.sees('camera-interrupted');
      await until('the group sees it', () => off() === true);
      await mara.audit('a camera that has stopped');
      await mara.shot('devices-7-interrupted');
      await muted(false);
      await until('the group sees her again', () => off() === false);
      await until('the words are gone', async () => await mara.find('camera-interrupted').count() === 0);
      await lind.receives([mara]);
    }],
  ]);
});
