// The whole page in Node: a document of happy-dom, time and devices in the hands of a test, and a server that the test speaks for.
// What only a browser can prove (layout, focus by Tab, audio and video that flow) is left to e2e.

import type { TestContext } from 'node:test';
import { Window } from 'happy-dom';
import type { EventData, EventType, Participant, Waiter, Welcome } from '../../client/wire/protocol';
import type { Store } from '../../page/state/store';
import { FakeSocket } from './env';
import { fakePeers, type FakePeer } from './peer';
import { FakeTime } from './time';

export const startedAt = 1_790_000_000_000;

const NodeEvent = Event;
const view = new Window({ url: 'http://localhost:8080/', width: 1280, height: 800 });
// @preact/signals and the page find these as in a browser.
const names = [
  'document', 'location', 'history', 'Node', 'Element', 'HTMLElement', 'HTMLDialogElement', 'HTMLMediaElement', 'HTMLVideoElement',
  'HTMLAudioElement', 'HTMLFormElement', 'SVGElement', 'Text', 'Event', 'MessageEvent', 'SubmitEvent', 'FormData', 'Audio', 'MutationObserver',
] as const;
for (const name of names) Object.defineProperty(globalThis, name, { configurable: true, writable: true, value: view[name] });
const frames = new Map<Element, (now: number, frame: object) => void>();
let reloads = 0;
Object.defineProperty(view.location, 'reload', { value: () => (reloads += 1) });
Object.assign(view.HTMLVideoElement.prototype, {
  requestVideoFrameCallback(this: Element, next: (now: number, frame: object) => void) { frames.set(this, next); },
});
for (const [name, value] of Object.entries({ play: async (): Promise<void> => undefined, srcObject: null, setSinkId: async (): Promise<void> => undefined, sinkId: '' })) {
  Object.defineProperty(view.HTMLMediaElement.prototype, name, { configurable: true, writable: true, value });
}
Object.assign(view.Element.prototype, { scrollIntoView() {} });

class Observer {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

// Web Audio, which plays nothing: what a page would have played is in notes, in Hz.
const notes: number[] = [];
class AudioNode {
  gain = { setValueAtTime() {}, linearRampToValueAtTime() {} };
  constructor(_?: unknown, readonly options: { frequency?: number; fftSize?: number } = {}) {}
  get fftSize(): number { return this.options.fftSize ?? 0; }
  connect(next: unknown): unknown { return next; }
  start(): void { notes.push(this.options.frequency ?? 0); }
  stop(): void {}
  getFloatTimeDomainData(): void {}
}
class AudioContext {
  currentTime = 0;
  createMediaStreamDestination = () => ({ stream: {} });
  createMediaStreamSource = () => new AudioNode();
  resume = async () => undefined;
  close = async () => undefined;
}
Object.assign(globalThis, { AudioContext, OscillatorNode: AudioNode, GainNode: AudioNode, AnalyserNode: AudioNode });

// A track of a device. end is what a browser does when the device is unplugged.
export class FakeTrack {
  readyState = 'live';
  enabled = true;
  muted = false;
  contentHint = '';
  onended: (() => void) | null = null;
  onmute: (() => void) | null = null;
  onunmute: (() => void) | null = null;
  constructor(readonly kind: string, readonly id: string) {}
  stop(): void { this.readyState = 'ended'; }
  getSettings(): object { return { deviceId: this.id, width: 1280, height: 720 }; }
  end(): void {
    this.readyState = 'ended';
    this.onended?.();
  }
}

// What the browser has, what it refuses, and which tracks it gave.
class FakeDevices extends EventTarget {
  refuses: Partial<Record<'audio' | 'video', string>> = {};
  readonly tracks: FakeTrack[] = [];
  picked: Promise<FakeTrack | null> = Promise.resolve(null);

  getUserMedia = async (wanted: Partial<Record<'audio' | 'video', { deviceId?: { exact: string } }>>) => {
    const kind = wanted.audio ? 'audio' : 'video';
    const name = this.refuses[kind];
    if (name) throw Object.assign(new Error(), { name });
    const track = new FakeTrack(kind, wanted[kind]?.deviceId?.exact ?? `${kind}-1`);
    this.tracks.push(track);
    return { getTracks: () => [track] };
  };
  getDisplayMedia = async () => {
    const track = await this.picked;
    if (!track) throw new Error('closed');
    return { getVideoTracks: () => [track] };
  };
  enumerateDevices = async () => ['audioinput', 'videoinput', 'audiooutput'].flatMap((kind) => [1, 2].map((n) => (
    { kind, deviceId: `${kind.slice(0, 5)}-${n}`, label: `${kind} ${n}` })));

  // A device was plugged in or out.
  change(): void {
    this.dispatchEvent(new NodeEvent('devicechange'));
  }

  // The kinds that run: a light is on.
  get lights(): string[] {
    return this.tracks.filter(({ readyState }) => readyState === 'live').map(({ kind }) => kind);
  }
}

export function person(id: string, displayName: string, more: Partial<Participant> = {}): Participant {
  return {
    id, displayName, role: 'participant', connected: true, handRaised: false, verified: false, away: false, grants: [], taken: [],
    publications: (['microphone', 'camera'] as const).map((source, i) => ({ id: `${id}-${source}`, source, muted: false, csrc: i })), ...more,
  };
}

export function waiter(participantId: string, displayName: string, more: Partial<Waiter> = {}): Waiter {
  return { participantId, displayName, since: startedAt, returning: false, connected: true, verified: false, needs: [], ...more };
}

export const permissionsOf = {
  participant: ['publish.microphone', 'publish.camera', 'hand.raise', 'help.signal'],
  host: [
    'publish.microphone', 'publish.camera', 'publish.screen', 'hand.raise', 'waiting.manage', 'participant.grant', 'participant.verify', 'participant.role',
    'sideroom.open', 'recording.manage', 'agreement.remind', 'room.extend', 'room.end',
  ],
  observer: [],
};
type RoleName = keyof typeof permissionsOf;

export function welcome(more: Partial<Welcome> = {}): Welcome {
  return {
    sessionId: 's', resumeSecret: 'one', participantId: 'me', state: 'waiting', role: 'participant', permissions: [], pingMs: 5000, resumeMs: 60_000,
    policy: { name: 'default', recording: 'never', scopes: [] }, needs: [], agreement: [], consents: [], helpRaised: false, ...more,
  };
}

export const room = (more: Partial<EventData<'room.updated'>> = {}): EventData<'room.updated'> =>
  ({ name: 'Tuesday', locked: false, absenceLock: false, hostAbsent: false, recording: 'off', ...more });

// A token is read by the page only to fill in a name and to choose words.
export function token(claims: object): string {
  return `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
}

interface Options {
  hash?: string;
  config?: object | null; // null: the server does not answer
  kept?: Map<string, string> | 'refused'; // of this tab, from before a reload
  languages?: string[];
  catalogues?: Record<string, string | undefined>; // files of other languages that index.html names; undefined: fetch refuses the file
  choice?: Map<string, string>; // what this device keeps beyond the tab
  parent?: object; // the window that frames this one
  transforms?: boolean; // the browser can seal frames
  changed?: boolean; // the workers' files are others than index.html names
}

let stop = (): void => undefined;

export async function openPage(t: TestContext, { hash = '', config = {}, kept = new Map(), languages = ['en'], catalogues = {}, choice = new Map(), parent = globalThis, transforms = true, changed = false }: Options = {}) {
  stop();
  const time = new FakeTime(startedAt);
  time.install(t);
  const devices = new FakeDevices();
  const sockets: FakeSocket[] = [];
  const peers: FakePeer[] = fakePeers().made;
  frames.clear();
  notes.length = 0;
  reloads = 0;
  const listeners: [string, (event: never) => void][] = [];
  // Requests are answered with nothing, unless the test says otherwise; undefined leaves a request open.
  const replies = new Map<string, object | undefined>([['hello', undefined], ['ping', {}], ['media.offer', { data: { sdp: '', slots: [] } }]]);
  class Socket extends FakeSocket {
    constructor() {
      super([]);
      sockets.push(this);
    }

    override send(raw: string): void {
      super.send(raw);
      const { id, type } = JSON.parse(raw) as { id: string; type: string };
      const reply = replies.has(type) ? replies.get(type) : {};
      if (reply) queueMicrotask(() => this.receive({ id, ok: true, data: {}, ...reply }));
    }
  }
  const storage = {
    getItem: (key: string) => (kept === 'refused' ? refuse() : kept.get(key) ?? null),
    setItem: (key: string, value: string) => (kept === 'refused' ? refuse() : void kept.set(key, value)),
    removeItem: (key: string) => (kept === 'refused' ? refuse() : void kept.delete(key)),
  };
  view.location.hash = hash;
  view.document.body.innerHTML = '<div id="app"></div>';
  view.document.head.innerHTML = ['frames', 'keys'].map((name) => `<meta name="${name}-worker" content="/assets/${name}.js" data-integrity="sha384-x">`).join('')
    + Object.keys(catalogues).map((name) => `<meta name="text-${name}" content="/assets/${name}.json" data-integrity="sha384-x">`).join('');
  Object.defineProperty(view.document, 'hidden', { configurable: true, value: false });
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { languages, mediaDevices: devices } });
  Object.assign(globalThis, {
    window: globalThis, parent, opener: null, sessionStorage: storage, localStorage: { getItem: (key: string) => choice.get(key) ?? null, setItem: (key: string, value: string) => void choice.set(key, value), removeItem: (key: string) => void choice.delete(key) }, WebSocket: Socket, devicePixelRatio: 1,
    ResizeObserver: Observer, IntersectionObserver: Observer, RTCRtpScriptTransform: transforms ? class {} : undefined,
    Worker: class { postMessage(): void {} terminate(): void {} },
    requestAnimationFrame: (run: () => void) => void queueMicrotask(run), cancelAnimationFrame: () => undefined,
    addEventListener: (type: string, run: (event: never) => void) => listeners.push([type, run]), removeEventListener: () => undefined,
    fetch: async (address: string) => {
      const [, language] = /^\/assets\/([\w-]+)\.json$/.exec(address) ?? [];
      if (language) return catalogues[language] ? new Response(catalogues[language]) : Promise.reject(new TypeError('integrity'));
      if (address.startsWith('/assets/')) return changed ? Promise.reject(new TypeError('integrity')) : new Response('');
      if (config === null) throw new Error('no answer');
      return Response.json({ dev: true, clinic: 'Clinic am Park', phone: '+49 30 1234', origins: [], ...config }, { headers: { date: new Date().toUTCString() } });
    },
  });
  const [{ start }, { forgetLanguages }, { render, options }] = await Promise.all([import('../../page/app'), import('../../page/text/language'), import('preact')]);
  forgetLanguages();
  options.requestAnimationFrame = queueMicrotask; // effects run without time that passes
  const root = view.document.getElementById('app') as unknown as HTMLElement;
  stop = () => render(null, root);
  void start(root);
  const page = new Page({ time, devices, sockets, peers, replies, listeners, root });
  await page.settle();
  return page;
}

// Hashes that are under way: another thread makes them, in its own time.
const hashing = new Set<Promise<ArrayBuffer>>();
const { subtle } = globalThis.crypto;
const digest = subtle.digest.bind(subtle);
subtle.digest = (...of): Promise<ArrayBuffer> => {
  const hash = digest(...of);
  hashing.add(hash);
  const done = (): void => void hashing.delete(hash);
  void hash.then(done, done);
  return hash;
};

function refuse(): never {
  throw new DOMException('The operation is insecure.', 'SecurityError');
}

interface Parts {
  time: FakeTime;
  devices: FakeDevices;
  sockets: FakeSocket[];
  peers: FakePeer[];
  replies: Map<string, object | undefined>;
  listeners: [string, (event: never) => void][];
  root: HTMLElement;
}

export class Page {
  readonly devices: FakeDevices;
  readonly peers: FakePeer[];
  readonly #parts: Parts;
  #seq = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.devices = parts.devices;
    this.peers = parts.peers;
  }

  get store(): Store {
    return (globalThis as unknown as { __alcove: { store: Store } }).__alcove.store;
  }

  get socket(): FakeSocket {
    const socket = this.#parts.sockets.at(-1);
    if (!socket) throw new Error('nothing was dialled');
    return socket;
  }

  get notes(): number[] {
    return notes;
  }

  get reloads(): number {
    return reloads;
  }

  // Lets promises and effects run, and what they hash end.
  async settle(): Promise<void> {
    for (let i = 0; i < 4; i += 1) {
      await Promise.all(hashing);
      await new Promise((done) => setImmediate(done));
    }
  }

  // Stops at each timer, so that what it began goes on before the next.
  async pass(ms: number): Promise<void> {
    const { time } = this.#parts;
    const end = time.now() + ms;
    while (time.now() < end) {
      time.advance((time.due(end) ?? end) - time.now());
      await new Promise((done) => setImmediate(done));
    }
    await this.settle();
  }

  // An event of the window or the document.
  async dispatch(type: string, more: object = {}): Promise<void> {
    for (const [name, run] of this.#parts.listeners) if (name === type) run({ type, preventDefault() {}, ...more } as never);
    view.document.dispatchEvent(new view.Event(type));
    await this.settle();
  }

  async paste(hash: string): Promise<void> {
    view.location.hash = hash;
    await this.dispatch('hashchange');
  }

  get address(): string {
    return view.location.href;
  }

  // ---- what is shown ----

  all(testid: string): HTMLElement[] {
    return [...view.document.querySelectorAll(`[data-testid="${testid}"]`)] as unknown as HTMLElement[];
  }

  find(testid: string): HTMLElement {
    const [found] = this.all(testid);
    if (!found) throw new Error(`no ${testid} on the page: ${this.text}`);
    return found;
  }

  shows(testid: string): boolean {
    return this.all(testid).length > 0;
  }

  query(selector: string): HTMLElement[] {
    return [...view.document.querySelectorAll(selector)] as unknown as HTMLElement[];
  }

  // The words of the page, without markup.
  get text(): string {
    return words(this.#parts.root);
  }

  textOf(testid: string): string {
    return words(this.find(testid));
  }

  get title(): string {
    return view.document.title;
  }

  get announced(): string {
    return this.textOf('announcer');
  }

  get focused(): string {
    return view.document.activeElement?.localName ?? '';
  }

  // ---- what the person does ----

  async click(testid: string | HTMLElement): Promise<void> {
    const element = typeof testid === 'string' ? this.find(testid) : testid;
    element.focus();
    element.click();
    await this.settle();
  }

  // Presses the button with these words.
  async press(name: string): Promise<void> {
    const buttons = this.query('button').filter((button) => words(button) === name || button.getAttribute('aria-label') === name);
    const button = buttons.at(-1);
    if (!button) throw new Error(`no button ${name}: ${this.query('button').map(words).join(' | ')}`);
    await this.click(button);
  }

  async fill(testid: string | HTMLElement, value: string): Promise<void> {
    const input = (typeof testid === 'string' ? this.find(testid) : testid) as HTMLInputElement;
    input.value = value;
    input.dispatchEvent(new view.Event('input', { bubbles: true }) as unknown as Event);
    await this.settle();
  }

  async submit(testid: string): Promise<void> {
    const form = this.find(testid).closest('form');
    form?.dispatchEvent(new view.Event('submit', { bubbles: true, cancelable: true }) as unknown as Event);
    await this.settle();
  }

  async choose(label: string, value: string): Promise<void> {
    const select = this.query(`select[aria-label="${label}"]`).at(-1) as HTMLSelectElement;
    select.value = value;
    select.dispatchEvent(new view.Event('change', { bubbles: true }) as unknown as Event);
    await this.settle();
  }

  // As Escape does.
  async closeDialog(): Promise<void> {
    (this.query('dialog').at(-1) as HTMLDialogElement).close();
    await this.settle();
  }

  // A frame of every video that waits for one.
  async present(rtpTimestamp = 0): Promise<void> {
    for (const [video, next] of [...frames]) {
      frames.delete(video);
      if (video.isConnected) next(performance.now(), { rtpTimestamp });
    }
    await this.settle();
  }

  // ---- what the server does ----

  // data of the requests of this type, oldest first, over all sockets.
  sent(type: string): Record<string, unknown>[] {
    return this.#parts.sockets.flatMap(({ sent }) => sent).filter((frame) => frame.type === type).map(({ data }) => data);
  }

  // Types of all that was sent since the last look, without pings.
  #looked = 0;
  requests(): string[] {
    const all = this.#parts.sockets.flatMap(({ sent }) => sent).filter(({ type }) => type !== 'ping' && type !== 'view.set');
    const fresh = all.slice(this.#looked);
    this.#looked = all.length;
    return fresh.map(({ type }) => type);
  }

  refuse(type: string, code: string, more: object = {}): void {
    this.#parts.replies.set(type, { ok: false, error: { code, message: 'for developers', retryable: false, ...more } });
  }

  accept(type: string, data: object = {}): void {
    this.#parts.replies.set(type, { ok: true, data });
  }

  leaveOpen(type: string): void {
    this.#parts.replies.set(type, undefined);
  }

  async receive<T extends EventType>(type: T, data: EventData<T>): Promise<void> {
    this.#seq += 1;
    this.socket.receive({ seq: this.#seq, type, ts: Date.now(), data });
    await this.settle();
  }

  async welcome(more: Partial<Welcome> = {}): Promise<void> {
    this.socket.open();
    await this.settle();
    this.socket.answer('hello', welcome(more));
    await this.settle();
  }

  async drop(code = 1006): Promise<void> {
    this.socket.drop(code);
    await this.settle();
  }
}

function words(element: Element): string {
  return (element.textContent ?? '').replaceAll(/\s+/g, ' ').trim();
}

// One who has given a name and stands in the device check, with a place in the waiting room.
export async function openCheck(t: TestContext, role: RoleName = 'participant', options: Options = {}, more: Partial<Welcome> = {}): Promise<Page> {
  const page = await openPage(t, { hash: `#t=${token({ name: 'Mara', role, jti: 'link' })}`, ...options });
  await page.fill('name-input', 'Mara');
  await page.submit('name-input');
  await page.welcome({ role, ...more });
  return page;
}

export async function openWaiting(t: TestContext, role: RoleName = 'participant', options: Options = {}, more: Partial<Welcome> = {}): Promise<Page> {
  const page = await openCheck(t, role, options, more);
  await page.submit('join-button');
  return page;
}

export const lind = (more: Partial<Participant> = {}): Participant => person('lind', 'Dr. Lind', { role: 'host', ...more });
export const self = (more: Partial<Participant> = {}): Participant => person('me', 'Mara', more);

// One who is in the group with a therapist and Jonas.
export async function openSession(t: TestContext, options: Options = {}, more: Partial<Welcome> = {}): Promise<Page> {
  const page = await openWaiting(t, 'participant', options, more);
  await page.receive('access.changed', { state: 'admitted', permissions: permissionsOf.participant });
  await page.receive('room.updated', room());
  await page.receive('roster', { participants: [lind(), self(), person('jonas', 'Jonas')] });
  page.requests();
  return page;
}

// A therapist in the session with Jonas, and one who waits.
export async function openHost(t: TestContext, options: Options = {}, more: Partial<Welcome> = {}): Promise<Page> {
  const page = await openPage(t, { hash: `#t=${token({ name: 'Dr. Lind', role: 'host', jti: 'link' })}`, ...options });
  await page.fill('name-input', 'Dr. Lind');
  await page.submit('join-button');
  await page.welcome({ state: 'admitted', role: 'host', permissions: permissionsOf.host, ...more });
  await page.receive('room.updated', room());
  await page.receive('roster', { participants: [self({ displayName: 'Dr. Lind', role: 'host' }), person('jonas', 'Jonas')] });
  await page.receive('waiting.list', { waiting: [waiter('theo', 'Theo')] });
  page.requests();
  return page;
}
