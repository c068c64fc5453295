// Cameras of low resolution, as many laptops have: the best encoding is always the full captured size. The test asserts what is sent,
// because a busy machine may decode less.
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const patienceMs = 30_000; // of a busy machine; it takes two seconds

// Inside the page, before its own code: cameras give pictures of the size that was set last.
function choosesSize() {
  window.__size = [640, 480];
  const devices = navigator.mediaDevices;
  const ask = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (c) => ask(c.video ? { ...c, video: { ...c.video, width: { exact: window.__size[0] }, height: { exact: window.__size[1] } } } : c);
}

test('small cameras', { timeout: 170_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  let lind, mara;
  const sent = () => mara.page.evaluate(async () => [...(await window.__peers.at(-1).getStats()).values()]
    .filter((r) => r.type === 'outbound-rtp' && r.rid).map((r) => ({ rid: r.rid, active: r.active, lines: r.frameHeight, frames: r.framesEncoded, limited: r.qualityLimitationReason })));
  // From now on it goes out with so many lines, and no bigger one is wanted in vain.
  const goesOut = async (lines) => {
    const before = Object.fromEntries((await sent()).map(({ rid, frames }) => [rid, frames]));
    await until(`${lines} lines are sent`, async () => {
      const now = await sent();
      const best = now.filter(({ active, rid, frames }) => active && frames > before[rid] + 5).map((r) => r.lines);
      if (Math.max(...best) >= 0.9 * lines) return true;
      throw new Error(JSON.stringify(now));
    }, patienceMs);
  };
  const another = async (width, height) => {
    await mara.page.evaluate(async (size) => {
      window.__size = size;
      await window.__alcove.store.camera.turnOn(); // another one takes the place of the one before
    }, [width, height]);
  };
  const look = async (height) => {
    const publicationId = lind.received('slot.map').at(-1).slots.find((s) => s.kind === 'video' && s.participantId === mara.id).publicationId;
    await lind.page.evaluate((view) => window.__alcove.session.request('view.set', { views: [view], paused: [] }), { publicationId, width: height * 2, height });
  };
  await steps(t, { people, daemon: () => daemon }, [
    ['640 x 480', async () => {
      lind = await enter('Dr. Lind', await daemon.guarded('lind', 'host', 'default'));
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara', await daemon.guarded('mara', 'participant', 'default'), choosesSize);
      await mara.join();
      await lind.sees('admit');
      await lind.find('admit').click();
      await mara.sees('session');
      await lind.receives([mara]);
      await look(960);
      await goesOut(480);
    }],
    ['and small beside it for who shows it small', async () => {
      await look(120);
      await until('it goes out with 240 lines', async () => (await sent()).some(({ active, lines }) => active && lines === 240), patienceMs);
      await look(960);
      await goesOut(480);
    }],
    ['320 x 240', async () => {
      await another(320, 240);
      await goesOut(240);
    }],
    ['640 x 360', async () => {
      await another(640, 360);
      await goesOut(360);
    }],
    ['1280 x 720 again', async () => {
      await another(1280, 720);
      await goesOut(720);
    }],
    ['480 x 640, upright', async () => {
      await another(480, 640);
      await goesOut(640);
    }],
  ]);
});
