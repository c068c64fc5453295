import assert from 'node:assert/strict';
import test from 'node:test';
import { Device } from '../../page/media/devices';

interface FakeTrack {
  id: string;
  live: boolean;
  onended: (() => void) | null;
  stop(): void;
  getSettings(): { deviceId: string };
}

// The browser: what it has, and what it does not start.
function browser({ has, busy = [], alone = false }: { has: string[]; busy?: string[]; alone?: boolean }) {
  const tracks: FakeTrack[] = [];
  const running = (): string => tracks.filter(({ live }) => live).map(({ id }) => id).join();
  const named = (name: string): Error => Object.assign(new Error(), { name });
  const mediaDevices = {
    getUserMedia: async ({ video }: { video: { deviceId?: { exact: string } } }) => {
      const id = video.deviceId?.exact ?? has[0] ?? '';
      if (!has.includes(id)) throw named('OverconstrainedError');
      if (busy.includes(id) || (alone && running())) throw named('NotReadableError');
      const track = { id, live: true, onended: null, stop: () => void (track.live = false), getSettings: () => ({ deviceId: id }) };
      tracks.push(track);
      return { getTracks: () => [track] };
    },
    enumerateDevices: async () => has.map((deviceId) => ({ kind: 'videoinput', deviceId })),
  };
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { mediaDevices } });
  return { running, asked: () => tracks.length };
}

// What was sent, one after the other.
function sent(device: Device): string[] {
  const list: string[] = [];
  device.track.subscribe((track) => list.push((track as unknown as FakeTrack | null)?.id ?? '-'));
  return list;
}

test('one camera takes over from another without a gap', async () => {
  const { running } = browser({ has: ['a', 'b'] });
  const camera = new Device('camera');
  const seen = sent(camera);
  await camera.turnOn();
  await camera.choose('b');
  assert.deepEqual(seen, ['-', 'a', 'b']);
  assert.equal(running(), 'b', 'the light of the first one stays on');
});

test('what is off stays off, and the choice is kept', async () => {
  const { running, asked } = browser({ has: ['a', 'b'] });
  const camera = new Device('camera');
  await camera.choose('b');
  assert.equal(asked(), 0);
  await camera.turnOn();
  assert.equal(running(), 'b');
});

test('turned off while the other one starts, neither runs', async () => {
  const { running } = browser({ has: ['a', 'b'] });
  const camera = new Device('camera');
  await camera.turnOn();
  const choosing = camera.choose('b');
  camera.turnOff();
  await choosing;
  assert.equal(running(), '');
  assert.equal(camera.state.value, 'off');
});

test('where one camera runs at a time, the first makes way', async () => {
  const { running } = browser({ has: ['a', 'b'], alone: true });
  const camera = new Device('camera');
  const seen = sent(camera);
  await camera.turnOn();
  await camera.choose('b');
  assert.deepEqual(seen, ['-', 'a', '-', 'b']);
  assert.equal(running(), 'b');
});

test('one that does not start leaves nothing on that was not chosen', async () => {
  const { running } = browser({ has: ['a', 'b'], busy: ['b'] });
  const camera = new Device('camera');
  await camera.turnOn();
  await camera.choose('b');
  assert.equal(camera.state.value, 'busy');
  assert.equal(running(), '');
});

test('another one takes the place of one that is gone', async () => {
  const { running } = browser({ has: ['a'] });
  const camera = new Device('camera');
  camera.chosen.value = 'gone';
  await camera.turnOn();
  assert.equal(running(), 'a');
  assert.equal(camera.chosen.value, 'a');
});
