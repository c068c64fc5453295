// When keys for a recording may pass, and when not, whatever the server and the keys worker do.

import assert from 'node:assert/strict';
import test from 'node:test';
import { consentTextHash } from '../../../client/e2ee/recipients';
import { againMs, RecordingKeys } from '../../../client/e2ee/recording_keys';
import type { PageToRelease, ReleaseData, Scope } from '../../../client/e2ee/release';
import { RequestError } from '../../../client/errors';
import type { Consent } from '../../../client/wire/protocol';
import { FakeTime } from '../../support/time';

const recipient = 'age1clinic';
const audio: Scope = 'recording.audio';
const video: Scope = 'recording.video';

async function consentOf(scope: Scope, decision?: Consent['decision'], recipients = [recipient]): Promise<Consent> {
  const hashes = await Promise.all(recipients.map((one) => consentTextHash(one, [])));
  return {
    scope, purpose: 'supervision', recipients, ...(decision ? { decision } : {}),
    texts: [{ id: 'a', version: '1', locale: 'en', text: 'We record.', textHash: await consentTextHash('We record.', hashes) }],
  };
}

class Setup {
  readonly time = new FakeTime();
  readonly posted: PageToRelease[] = [];
  readonly released: ReleaseData[] = [];
  readonly withdrawn: Scope[] = [];
  raises = 0;
  begins: boolean | undefined = true; // what the keys worker says; undefined: nothing
  onBegin: (message: PageToRelease) => void = () => undefined;
  keys!: RecordingKeys;

  readonly stored = new Map<string, string>();

  // Agrees to the text as it is.
  async agree(scope: Scope): Promise<void> {
    return this.keys.agree(scope, (await consentOf(scope)).texts[0]?.textHash ?? '');
  }

  static create(...consents: Consent[]): Promise<Setup> {
    return Setup.with(new Map(), ...consents);
  }

  // A page with what the tab has kept of the one before.
  static async with(stored: ReadonlyMap<string, string>, ...consents: Consent[]): Promise<Setup> {
    return Setup.linked([await consentTextHash(recipient, [])], stored, ...consents);
  }

  // named: the recipients in the person's link.
  static async linked(named: readonly string[] | undefined, stored: ReadonlyMap<string, string>, ...consents: Consent[]): Promise<Setup> {
    const setup = new Setup();
    for (const [key, value] of stored) setup.stored.set(key, value);
    setup.keys = new RecordingKeys({
      timers: setup.time, raise: () => ++setup.raises,
      post: (message) => {
        setup.posted.push(message);
        if (message.type === 'release.begin') setup.onBegin(message);
        if (message.type !== 'release.begin' || setup.begins === undefined) return;
        setup.keys.onMessage({ type: 'release.raise' });
        setup.keys.onMessage({ type: 'release.begun', id: message.id, ok: setup.begins });
      },
      request: async (data) => setup.released.push(data),
      withdraw: async (scope) => setup.withdrawn.push(scope),
      storage: {
        getItem: (key) => setup.stored.get(key) ?? null, setItem: (key, value) => void setup.stored.set(key, value), removeItem: (key) => void setup.stored.delete(key),
      },
    }, named);
    setup.keys.onConnected('p1');
    setup.keys.onConsents(consents);
    setup.keys.onRecording('asking');
    return setup;
  }

  // The keys worker asks for a release, as it may at any time.
  async ask(scope: Scope): Promise<boolean> {
    const before = this.released.length;
    this.keys.onMessage({ type: 'release.request', id: 77, data: { scope, number: 1, keys: [{ kid: 1, blob: '' }] } });
    await this.keys.settled();
    const answer = this.posted.findLast((one) => one.type === 'release.answer');
    assert.equal(answer?.type === 'release.answer' && answer.ok, this.released.length > before, 'the worker is told');
    return this.released.length > before;
  }

  get types(): string[] {
    return this.posted.map(({ type }) => type);
  }
}

test('keys pass only while the person agrees', async () => {
  const setup = await Setup.create(await consentOf(audio), await consentOf(video));
  assert.equal(await setup.ask(audio), false);
  await setup.agree(audio);
  assert.deepEqual(setup.types, ['release.answer', 'release.begin', 'release.raised']);
  assert.equal(setup.raises, 1);
  assert.equal(await setup.ask(audio), true);
  assert.equal(await setup.ask(video), false);
  setup.keys.onConsents([await consentOf(audio, 'granted'), await consentOf(video)]);
  setup.keys.onRecording('on');
  assert.equal(await setup.ask(audio), true);
  setup.keys.disagree([audio, video]);
  assert.equal(setup.raises, 2, 'at once');
  assert.equal(setup.posted.at(-1)?.type, 'release.end');
  assert.equal(await setup.ask(audio), false);
  setup.keys.disagree([audio]);
  assert.equal(setup.raises, 2, 'once');
});

test('the interval ends with the recording, the consent on another device, or the place in the group', async () => {
  for (const end of ['recording', 'consent', 'group'] as const) {
    const setup = await Setup.create(await consentOf(audio));
    await setup.agree(audio);
    setup.keys.onRecording('starting'); // before the server has said that it knows
    assert.equal(await setup.ask(audio), true);
    setup.keys.onConsents([await consentOf(audio, 'granted')]);
    if (end === 'consent') setup.keys.onConsents([await consentOf(audio, 'withdrawn')]);
    else setup.keys.onRecording('off');
    assert.equal(setup.raises, 2, end);
    assert.equal(await setup.ask(audio), false, end);
  }
});

test('a consent that stands begins a new interval with each recording, and after a reload', async () => {
  const before = await Setup.create(await consentOf(audio));
  await before.agree(audio);
  const setup = await Setup.with(before.stored);
  setup.keys.onRecording('off');
  setup.keys.onConsents([await consentOf(audio, 'granted')]);
  await setup.keys.settled();
  assert.deepEqual(setup.types, []);
  setup.keys.onRecording('starting');
  await setup.keys.settled();
  assert.deepEqual(setup.types, ['release.begin', 'release.raised']);
  assert.equal(await setup.ask(audio), true);
  setup.keys.onRecording('off');
  setup.keys.onRecording('starting');
  await setup.keys.settled();
  assert.deepEqual(setup.types.filter((type) => type === 'release.begin').length, 2);
});

test('a consent that only the server knows of gives no key, and is withdrawn', async () => {
  const agreed = await Setup.create(await consentOf(audio));
  await agreed.agree(audio);
  const [stored] = [new Map(agreed.stored)];
  const other = await consentOf(audio, 'granted');
  other.texts[0]!.text = 'We record, and broadcast.';
  other.texts[0]!.textHash = await consentTextHash(other.texts[0]!.text, [await consentTextHash(recipient, [])]);
  const cases: [string, Setup, Consent][] = [
    ['never given', await Setup.create(), await consentOf(audio, 'granted')],
    ['given to another text', await Setup.with(stored), other],
    ['of another scope', await Setup.with(stored), await consentOf(video, 'granted')],
  ];
  agreed.keys.disagree([audio]);
  assert.equal(agreed.stored.size, 0);
  cases.push(['withdrawn', agreed, await consentOf(audio, 'granted')], ['withdrawn before a reload', await Setup.with(agreed.stored), await consentOf(audio, 'granted')]);
  for (const [name, setup, consent] of cases) {
    setup.posted.length = 0;
    setup.keys.onConsents([consent]);
    setup.keys.onRecording('on');
    await setup.keys.settled();
    assert.equal(setup.types.includes('release.begin'), false, name);
    assert.ok(setup.withdrawn.includes(consent.scope), name);
    assert.equal(await setup.ask(consent.scope), false, name);
  }
});

test('what was agreed to goes with the seat', async () => {
  const setup = await Setup.create(await consentOf(audio));
  await setup.agree(audio);
  setup.keys.onConsents([await consentOf(audio, 'granted')]);
  setup.keys.onConnected('p2');
  assert.equal(await setup.ask(audio), false);
  const again = await Setup.create(await consentOf(audio));
  await again.agree(audio);
  again.keys.dispose();
  assert.equal(again.stored.size, 0);
});

test('it is tried again while the group has not added us', async () => {
  const before = await Setup.create(await consentOf(audio));
  await before.agree(audio);
  const setup = await Setup.with(before.stored);
  setup.begins = false;
  setup.keys.onConsents([await consentOf(audio, 'granted')]);
  setup.keys.onRecording('on');
  await setup.keys.settled();
  assert.equal(await setup.ask(audio), false);
  setup.begins = true;
  setup.time.advance(againMs);
  await setup.keys.settled();
  assert.equal(await setup.ask(audio), true);
});

test('an agreement that gives no keys, or names recipients of the server\'s own, is none', async () => {
  const setup = await Setup.create(await consentOf(audio, undefined, ['age1server']), await consentOf(video));
  await assert.rejects(setup.agree(audio), (error) => error instanceof RequestError && error.code === 'e2ee_recipients');
  assert.deepEqual(setup.types, []);
  setup.begins = false;
  await assert.rejects(setup.agree(video), (error) => error instanceof RequestError && error.code === 'e2ee_keys');
  assert.equal(await setup.ask(video), false);
});

test('without recipients in the own link nobody is given keys, and the refusal says so', async () => {
  for (const named of [undefined, []]) {
    const setup = await Setup.linked(named, new Map(), await consentOf(audio));
    await assert.rejects(setup.agree(audio), (error) => error instanceof RequestError && error.code === 'e2ee_recipients_unnamed');
    assert.deepEqual(setup.types, []);
  }
});

test('while a withdrawal is under way the server is not told again', async () => {
  const setup = await Setup.create(await consentOf(audio));
  let known = (): void => undefined;
  const request = new Promise<void>((resolve) => (known = resolve));
  const withdrawal = setup.keys.withdraw(undefined, () => request);
  setup.keys.onRecording('on');
  setup.keys.onConsents([await consentOf(audio, 'granted')]);
  await setup.keys.settled();
  assert.deepEqual(setup.withdrawn, []);
  known();
  await withdrawal;
  setup.keys.onConsents([await consentOf(audio, 'granted')]);
  await setup.keys.settled();
  assert.deepEqual(setup.withdrawn, [audio], 'a server that says otherwise is told again');
});

test('a consent that the server changed to recipients of its own is withdrawn', async () => {
  const setup = await Setup.create();
  setup.keys.onConsents([await consentOf(audio, 'granted', ['age1server'])]);
  setup.keys.onRecording('on');
  await setup.keys.settled();
  assert.deepEqual([...new Set(setup.withdrawn)], [audio]);
  assert.equal(setup.posted.some(({ type }) => type === 'release.begin'), false);
  assert.equal(await setup.ask(audio), false);
});

test('another connection asks the worker for everything again, another worker begins anew', async () => {
  const setup = await Setup.create(await consentOf(audio));
  setup.keys.onConnected('p1');
  assert.deepEqual(setup.types, []);
  await setup.agree(audio);
  setup.keys.onConsents([await consentOf(audio, 'granted')]);
  setup.keys.onConnected('p1');
  assert.equal(setup.posted.at(-1)?.type, 'release.again');
  setup.posted.length = 0;
  setup.keys.onNewWorker();
  await setup.keys.settled();
  assert.deepEqual(setup.types, ['release.begin', 'release.raised']);
  assert.equal(await setup.ask(audio), true);
  setup.keys.dispose();
  assert.equal(await setup.ask(audio), false);
});

test('a person who withdraws while the keys are being given has not agreed', async () => {
  const setup = await Setup.create(await consentOf(audio));
  setup.begins = undefined;
  const textHash = (await consentOf(audio)).texts[0]?.textHash ?? '';
  const early = setup.keys.agree(audio, textHash); // the recipients are not checked yet
  setup.keys.disagreeToAll();
  await assert.rejects(early, (error) => error instanceof RequestError && error.code === 'e2ee_keys');
  assert.deepEqual(setup.types, []);
  const begin = new Promise<PageToRelease>((resolve) => (setup.onBegin = resolve));
  const late = setup.keys.agree(audio, textHash);
  const message = await begin;
  setup.keys.disagreeToAll();
  setup.keys.onMessage({ type: 'release.begun', id: message.type === 'release.begin' ? message.id : 0, ok: false }); // as release.end makes it
  await assert.rejects(late, (error) => error instanceof RequestError && error.code === 'e2ee_keys');
  assert.equal(await setup.ask(audio), false);
});
