// Captions never leave the machine: recognition starts only where the browser does it there, and says so.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { captionAbility, recognitionOf, startCaptions, type Recognition, type RecognitionClass } from '../../page/media/captions';

const track = { kind: 'audio' } as MediaStreamTrack;

// A browser's class, and what was started of it.
function browser({ local = true, answer = 'available', keeps = true, available = true, starts = (): boolean => true } = {}) {
  const started: Fake[] = [];
  class Fake extends EventTarget {
    #local = false;
    lang = '';
    continuous = false;
    interimResults = false;
    onresult: Recognition['onresult'] = null;
    onend: Recognition['onend'] = null;
    onerror: Recognition['onerror'] = null;
    aborted = false;
    track: unknown;
    get local(): boolean { return this.#local; }
    set local(on: boolean) { this.#local = on && keeps; }
    start(of: unknown): void {
      if (!starts()) throw new DOMException('the track has ended', 'InvalidStateError');
      this.track = of;
      started.push(this);
    }
    abort(): void { this.aborted = true; }
  }
  if (local) Object.defineProperty(Fake.prototype, 'processLocally', Object.getOwnPropertyDescriptor(Fake.prototype, 'local')!);
  const asked: unknown[] = [];
  if (available) Object.assign(Fake, { available: async (options: unknown) => (asked.push(options), answer) });
  return { SpeechRecognition: Fake as unknown as RecognitionClass, started, asked };
}

test('recognition is never started unless the browser does it on this machine', async () => {
  const others: [string, Parameters<typeof browser>[0]][] = [
    ['it knows no processLocally', { local: false }], ['it cannot say whether it could', { available: false }], ['it does not keep the property', { keeps: false }],
    ['the language is not there', { answer: 'unavailable' }], ['the language would have to be fetched', { answer: 'downloadable' }],
    ['the language is being fetched', { answer: 'downloading' }], ['it answers something new', { answer: 'remote' }],
  ];
  for (const [what, options] of others) {
    const { started, ...view } = browser(options);
    let ended = 0;
    const stop = await startCaptions(track, 'de', () => undefined, () => (ended += 1), recognitionOf(view));
    assert.equal(started.length, 0, what);
    assert.equal(stop, undefined, what);
  }
  assert.equal(recognitionOf({}), undefined);
  assert.equal(recognitionOf({ webkitSpeechRecognition: browser().SpeechRecognition }), undefined, 'the older name, which sends sound away');
  const { started, asked, ...view } = browser();
  const stop = await startCaptions(track, 'de', () => undefined, () => undefined, recognitionOf(view));
  assert.ok(stop);
  assert.equal(started.length, 1);
  assert.equal((started[0] as unknown as Recognition).processLocally, true);
  assert.equal(started[0]!.track, track, 'it listens to the track, not to the microphone');
  assert.deepEqual(asked, [{ langs: ['de'], processLocally: true }]);
});

test('nothing else of the page starts recognition', () => {
  const page = join(String(process.env.ALCOVE_WEB), 'page');
  const files = readdirSync(page, { recursive: true }).map(String).filter((name) => /\.tsx?$/.test(name));
  const users = files.filter((name) => /speechrecognition/i.test(readFileSync(join(page, name), 'utf8')));
  assert.deepEqual(users, [join('media', 'captions.ts')]);
});

test('lines come as they are heard; it begins again after a pause, and ends with an error', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { started, ...view } = browser();
  const lines: string[] = [];
  let ended = 0;
  const stop = await startCaptions(track, 'en', ({ text, final }) => lines.push(`${text}${final ? '.' : ''}`), () => (ended += 1), recognitionOf(view));
  const result = (text: string, isFinal: boolean) => Object.assign([{ transcript: ` ${text} ` }], { isFinal });
  started[0]!.onresult!({ resultIndex: 1, results: [result('old', true), result('how are', false)] });
  started[0]!.onresult!({ resultIndex: 1, results: [result('old', true), result('how are you', true)] });
  assert.deepEqual(lines, ['how are', 'how are you.']);
  started[0]!.onerror!({ error: 'no-speech' });
  started[0]!.onend!();
  t.mock.timers.tick(500);
  assert.equal(started.length, 2, 'silence ended it');
  assert.equal((started[1] as unknown as Recognition).processLocally, true);
  started[1]!.onerror!({ error: 'network' });
  assert.deepEqual([ended, started[1]!.aborted], [1, true]);
  started[1]!.onend!();
  t.mock.timers.tick(5_000);
  assert.equal(started.length, 2);
  stop!();
});

test('a track that has ended ends the captions, at once or when they begin again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let live = false;
  const { started, ...view } = browser({ starts: () => live });
  let ended = 0;
  const start = () => startCaptions(track, 'en', () => undefined, () => (ended += 1), recognitionOf(view));
  assert.equal(await start(), undefined);
  live = true;
  assert.ok(await start());
  assert.equal(ended, 1);
  live = false;
  started[0]!.onend!();
  t.mock.timers.tick(500);
  assert.deepEqual([ended, started.length], [2, 1]);
});

test('what the browser can do is said', async () => {
  assert.equal(await captionAbility('de', recognitionOf({})), 'none');
  for (const [answer, ability] of [['available', 'ready'], ['downloadable', 'installable'], ['downloading', 'installable'], ['unavailable', 'none']] as const) {
    assert.equal(await captionAbility('de', recognitionOf(browser({ answer }))), ability);
  }
});
