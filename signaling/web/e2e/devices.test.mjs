// Devices that change in the middle of a group: who changes theirs is seen and heard all along, a tile says what its picture does, and of
// a small camera all is sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const slowMs = 45_000; // of a busy machine; it takes two seconds

// Inside the page, before its own code: keeps every track that the browser gave, gives cameras the size in __size, and in place of a camera
// a drawing that stands still while __stopped, if __drawn.
function watchDevices() {
  const { mediaDevices } = navigator;
  const { getUserMedia } = mediaDevices;
  Object.assign(window, { __tracks: [], __size: null, __drawn: false, __stopped: false });
  const draw = () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const paint = canvas.getContext('2d');
    let frame = 0;
    setInterval(() => {
      if (window.__stopped) return;
      paint.fillStyle = `hsl(${frame++ % 360} 40% 60%)`;
      paint.fillRect(0, 0, 640, 360);
    }, 50);
    return canvas.captureStream();
  };
  mediaDevices.getUserMedia = async function ask(wanted) {
    const [width, height] = window.__size ?? [];
    const asked = wanted.video && width ? { video: { ...wanted.video, width: { exact: width }, height: { exact: height } } } : wanted;
    const stream = wanted.video && window.__drawn ? draw() : await getUserMedia.call(this, asked);
    window.__tracks.push(...stream.getTracks());
    return stream;
  };
}

test('devices, tiles and small cameras', { timeout: 240_000 }, async (t) => {
  // Nobody encodes the second of the fake ones, and the third is slow.
  const { daemon, people, enter: open } = await startDemo(t, { cameras: 5 });
  const enter = async (name, role) => {
    const person = await open(name, await daemon.guarded(name, role, 'default'), watchDevices);
    await person.join();
    return person;
  };
  let lind, mara;
  const set = (values) => mara.page.evaluate((all) => void Object.assign(window, all), values);
  const running = () => mara.page.evaluate(() => window.__tracks.filter((track) => track.readyState === 'live').map(({ label }) => label).sort());
  const sent = () => mara.page.evaluate(() => window.__alcove.connection.getSenders().flatMap(({ track }) => (track ? [track.label] : [])).sort());
  const encodings = () => mara.page.evaluate(async () => [...(await window.__peers.at(-1).getStats()).values()]
    .filter((r) => r.type === 'outbound-rtp' && r.rid).map((r) => ({ rid: r.rid, active: r.active, lines: r.frameHeight, frames: r.framesEncoded })));
  const dialog = () => mara.page.locator('dialog[open]');
  const state = (viewer, of, wanted) => until(`${of.name} is ${wanted} for ${viewer.name}`, async () => {
    const now = await viewer.page.locator(`[data-testid="tile"][data-participant="${of.id}"]`).getAttribute('data-state');
    if (now === wanted) return true;
    throw new Error(`it is ${now}`);
  }, slowMs);
  const look = async (height) => {
    const publicationId = lind.received('slot.map').at(-1).slots.find((s) => s.kind === 'video' && s.participantId === mara.id).publicationId;
    await lind.page.evaluate((view) => window.__alcove.session.request('view.set', { views: [view], paused: [] }), { publicationId, width: height * 2, height });
  };
  // Another camera, of this size: what is captured goes out, all of it.
  const goesOut = async (width, height) => {
    await set({ __size: [width, height] });
    await mara.page.evaluate(() => window.__alcove.store.camera.turnOn());
    const before = Object.fromEntries((await encodings()).map(({ rid, frames }) => [rid, frames]));
    await until(`${height} lines are sent`, async () => {
      const now = await encodings();
      const lines = now.filter(({ active, rid, frames }) => active && frames > before[rid] + 5).map((r) => r.lines);
      if (Math.abs(Math.max(...lines) - height) <= 0.1 * height) return true;
      throw new Error(JSON.stringify(now));
    }, slowMs);
  };

  await steps(t, { people, daemon: () => daemon }, [
    ['two are in a session', async () => {
      lind = await enter('Dr. Lind', 'host');
      await lind.sees('session');
      mara = await enter('Mara', 'participant');
      await lind.sees('admit');
      await lind.find('admit').click();
      await mara.sees('session');
      await Promise.all([lind.receives([mara]), mara.receives([lind])]);
    }],
    ['devices change by keyboard on the same connection, and nobody is told', async () => {
      const told = () => [mara.sent('media.offer'), mara.sent('publication.set'), lind.received('participant.updated')].map((all) => all.length);
      await until('what came before is over', () => mara.answers('publication.set').length === mara.sent('publication.set').length);
      const before = told();
      await mara.tabTo('devices');
      await mara.page.keyboard.press('Enter');
      await mara.sees('devices-dialog');
      await mara.page.keyboard.press('Tab');
      await mara.page.keyboard.press('ArrowDown');
      await dialog().getByRole('combobox', { name: 'Camera', exact: true }).selectOption({ label: 'fake_device_4' });
      await until('the new ones run alone', async () => /^Fake Audio Input 1,fake_device_4$/.test((await running()).join()));
      assert.deepEqual(await sent(), ['Fake Audio Input 1', 'fake_device_4']);
      await lind.receives([mara]);
      assert.deepEqual(told(), before);
      const [, other] = await dialog().getByRole('combobox', { name: 'Speaker', exact: true }).locator('option').allInnerTexts();
      await dialog().getByRole('combobox', { name: 'Speaker', exact: true }).selectOption({ label: other });
      await until('the group sounds from the chosen speaker', () => mara.page.evaluate(() => [...document.querySelectorAll('audio')].every(({ sinkId }) => sinkId !== '')));
      await mara.audit('devices in the session');
      await mara.shot('devices-1-session');
      await mara.find('devices-close').click();
      await until('it is closed', async () => await dialog().count() === 0);
      assert.equal(await mara.page.evaluate(() => document.activeElement?.getAttribute('data-testid')), 'devices');
    }],
    ['after a reload they are used again', async () => {
      await mara.page.reload();
      await mara.sees('session');
      await until('the same run', async () => (await running()).join() === 'Fake Audio Input 1,fake_device_4');
      await lind.receives([mara]);
    }],
    ['a tile says live, off, starting and stalled', async () => {
      await state(lind, mara, 'live');
      await mara.find('camera-toggle').click();
      await state(lind, mara, 'off');
      await set({ __drawn: true, __stopped: true });
      await mara.find('camera-toggle').click();
      await state(lind, mara, 'starting');
      await set({ __stopped: false });
      await state(lind, mara, 'live');
      await set({ __stopped: true });
      await Promise.all([state(lind, mara, 'stalled'), state(mara, mara, 'stalled')]); // who is not seen knows it too
      await lind.audit('a picture that stands still');
      await lind.page.emulateMedia({ colorScheme: 'dark' });
      await lind.audit('a picture that stands still, in the dark');
      await lind.shot('devices-2-stalled');
      await lind.page.emulateMedia({ colorScheme: 'light' });
      await set({ __stopped: false });
      await Promise.all([state(lind, mara, 'live'), state(mara, mara, 'live')]);
    }],
    ['of a small camera all is sent, and of a larger one after it', async () => {
      await set({ __drawn: false });
      await look(960);
      for (const [width, height] of [[640, 480], [320, 240], [1280, 720]]) await goesOut(width, height);
    }],
  ]);
});
