// Small aids: keys, speech into a microphone that is off, the screen that stays on, blur.
import assert from 'node:assert/strict';
import test from 'node:test';
import '../support/page';
import { BlurRule, blurAbility, setBlur } from '../../page/media/blur';
import { shortcutOf } from '../../page/media/shortcuts';
import { SpeechRule } from '../../page/media/speech';
import { WakeLock } from '../../page/media/wake-lock';

const press = (key: string, more: Partial<KeyboardEvent> = {}): KeyboardEvent => ({ key, code: '', ctrlKey: false, metaKey: false, altKey: false, isComposing: false, ...more }) as KeyboardEvent;

test('a key means something only where nobody types, and Space only where it presses nothing', () => {
  document.body.innerHTML = `<main id="main"><button id="button"></button><input id="input"><textarea id="area"></textarea><select id="select"></select>
    <p contenteditable="true"><b id="rich"></b></p><a id="link" href="#x"></a><details><summary id="summary"></summary></details><dialog open><p id="dialog"></p></dialog></main>`;
  const at = (id: string): Element => document.getElementById(id)!;
  for (const [key, wanted] of [['m', 'microphone'], ['M', 'microphone'], ['v', 'camera'], ['h', 'hand'], ['?', 'list'], [' ', 'talk'], ['x', undefined], ['Tab', undefined]] as const) {
    assert.equal(shortcutOf(press(key), at('main')), wanted, key);
    for (const place of ['input', 'area', 'select', 'rich', 'dialog']) assert.equal(shortcutOf(press(key), at(place)), undefined, `${key} in ${place}`);
    for (const with_ of ['ctrlKey', 'metaKey', 'altKey', 'isComposing'] as const) assert.equal(shortcutOf(press(key, { [with_]: true }), at('main')), undefined, `${with_} and ${key}`);
  }
  for (const place of ['button', 'link', 'summary']) {
    assert.equal(shortcutOf(press(' '), at(place)), undefined, `Space presses the ${place}`);
    assert.equal(shortcutOf(press('m'), at(place)), 'microphone');
  }
  assert.equal(shortcutOf(press('ь', { code: 'KeyM' }), null), 'microphone', 'by its place, on a keyboard of another script');
});

function reminders(levels: [number, number][]): number[] {
  const rule = new SpeechRule();
  const told: number[] = [];
  let at = 0;
  for (const [db, seconds] of levels) {
    for (const end = at + seconds * 1_000; at < end; at += 100) if (rule.observe({ at, db })) told.push(at);
  }
  return told;
}

test('speech into a microphone that is off is noticed; a quiet room, a cough and a sentence that goes on are not', () => {
  assert.deepEqual(reminders([[-70, 60]]), []);
  assert.deepEqual(reminders([[-60, 5], [-20, 0.4], [-60, 5], [-20, 0.4], [-60, 5]]), []);
  assert.equal(reminders([[-60, 5], [-25, 4]]).length, 1);
  const long = reminders([[-60, 5], [-25, 70]]);
  assert.equal(long.length, 3);
  assert.ok(long.every((at, i) => i === 0 || at - long[i - 1]! >= 30_000), long.join());
});

test('a page that was asleep heard nothing meanwhile', () => {
  const rule = new SpeechRule();
  assert.equal(rule.observe({ at: 0, db: -20 }), false);
  assert.equal(rule.observe({ at: 60_000, db: -20 }), false);
});

test('blur is given up where a camera becomes too slow, and not for one slow second', () => {
  const run = (...rates: number[]): number => {
    const rule = new BlurRule();
    return rates.findIndex((rate) => rule.observe(rate));
  };
  assert.equal(run(0, 0, ...Array(20).fill(24)), -1, 'a camera that starts');
  assert.equal(run(24, 24, 24, 4, 5, 24, 4, 24, 24), -1);
  assert.equal(run(24, 24, 24, 6, 6, 6, 6, 6, 6), 8);
});

test('blur is what the browser says of the camera', async () => {
  const camera = (backgroundBlur?: boolean[], refuses = false) => {
    const applied: object[] = [];
    const track = {
      getCapabilities: () => ({ backgroundBlur }), getConstraints: () => ({ width: 640 }),
      applyConstraints: async (constraints: object) => (refuses ? Promise.reject(new Error()) : void applied.push(constraints)),
    } as unknown as MediaStreamTrack;
    return { track, applied };
  };
  assert.equal(blurAbility(null), 'none');
  for (const [values, ability] of [[undefined, 'none'], [[], 'none'], [[false], 'never'], [[true], 'always'], [[false, true], 'choice']] as const) {
    const { track, applied } = camera(values ? [...values] : undefined);
    assert.equal(blurAbility(track), ability);
    assert.equal(await setBlur(track, true), ability === 'choice');
    assert.deepEqual(applied, ability === 'choice' ? [{ width: 640, advanced: [{ backgroundBlur: true }] }] : []);
  }
  assert.equal(await setBlur(camera([false, true], true).track, true), false);
});

test('the screen stays on while it is wanted, also after the page was hidden', async (t) => {
  const locks: { released: boolean; release(): Promise<void> }[] = [];
  const held = () => locks.filter(({ released }) => !released).length;
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  t.after(() => (before ? Object.defineProperty(globalThis, 'navigator', before) : Reflect.deleteProperty(globalThis, 'navigator')));
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { wakeLock: { request: async () => {
    const lock = { released: false, release: async () => void (lock.released = true) };
    locks.push(lock);
    return lock;
  } } } });
  const settle = () => new Promise((done) => setImmediate(done));
  const visible = async (hidden: boolean) => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: hidden });
    document.dispatchEvent(new document.defaultView!.Event('visibilitychange'));
    await settle();
  };
  const lock = new WakeLock();
  await visible(false);
  assert.equal(held(), 0, 'nobody wants it yet');
  lock.set(true);
  lock.set(true);
  await settle();
  assert.equal(locks.length, 1);
  locks[0]!.released = true; // as a browser does with a page that is hidden
  await visible(true);
  assert.equal(held(), 0);
  await visible(false);
  assert.equal(held(), 1);
  lock.set(false);
  await settle();
  assert.equal(held(), 0);
  lock.set(true);
  lock.set(false);
  await settle();
  assert.equal(held(), 0, 'one that came late is kept');
});
