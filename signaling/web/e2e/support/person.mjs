// One person in Chromium: a context, a page, and all WebSocket frames and requests.
import assert from 'node:assert/strict';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';
import * as inPage from './in-page.mjs';
import { until } from './wait.mjs';

export const out = new URL('../out/', import.meta.url).pathname;

const flags = (cameras) => [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', `--use-fake-device-for-media-stream=device-count=${cameras}`, '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required',
];

export function launch({ cameras = 1, executablePath = '/usr/bin/chromium', args = [] } = {}) {
  return chromium.launch({ executablePath, args: [...flags(cameras), ...args] });
}

// A context with a profile of its own, and what that profile's settings say.
export function launchWithProfile(profile) {
  return chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium', args: flags(1), viewport: { width: 1280, height: 800 }, permissions: ['camera', 'microphone'],
  });
}

// The requests that left for elsewhere.
export function foreignRequests(requests, hosts) {
  return requests.filter((url) => {
    const { protocol, host } = new URL(url);
    return protocol !== 'data:' && protocol !== 'blob:' && !hosts.includes(host);
  });
}

export class Person {
  frames = []; // { sent, at, frame } of every WebSocket, in order
  requests = [];
  lines = []; // what the page's console said

  static async open(browser, name, url, ...scripts) {
    const person = new Person();
    person.name = name;
    person.context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ['camera', 'microphone'] });
    for (const script of [inPage.watchPeers, ...scripts]) await person.context.addInitScript(script);
    person.page = await person.context.newPage();
    person.#listen();
    await person.page.goto(url);
    return person;
  }

  #listen() {
    const { page } = this;
    page.on('console', (line) => this.lines.push(`${line.type()}: ${line.text()}`));
    page.on('pageerror', (error) => this.lines.push(`error: ${error.stack ?? error}`));
    page.on('request', (request) => this.requests.push(request.url()));
    page.on('websocket', (socket) => {
      this.requests.push(socket.url());
      const keep = (sent) => ({ payload }) => this.frames.push({ sent, at: performance.now(), frame: JSON.parse(payload) });
      socket.on('framesent', keep(true));
      socket.on('framereceived', keep(false));
    });
  }

  find(testid) {
    return this.page.locator(`[data-testid="${testid}"]`);
  }

  async sees(testid, ms = 30_000) {
    await this.find(testid).first().waitFor({ state: 'visible', timeout: ms });
  }

  // Up to the device check. Hosts give their name there; of others it is asked before.
  async fillName() {
    await this.page.locator('[data-testid="name-input"], [data-testid="join-button"]').first().waitFor();
    if (await this.find('name-input').isVisible()) await this.find('name-input').fill(this.name);
    if (await this.find('name-continue').isVisible()) await this.find('name-continue').click();
  }

  // From the link to the waiting room, or for hosts into the session.
  async join() {
    await this.fillName();
    await this.sees('join-button');
    await until(`${this.name} can join`, () => this.find('join-button').isEnabled());
    await this.find('join-button').click();
  }

  sent(type) {
    return this.frames.filter((f) => f.sent && f.frame.type === type).map((f) => f.frame);
  }

  received(type) {
    return this.frames.filter((f) => !f.sent && f.frame.type === type).map((f) => f.frame.data);
  }

  // The answers to requests of this type, oldest first.
  answers(type) {
    const ids = new Map();
    const answers = [];
    for (const { sent, frame } of this.frames) {
      if (sent) ids.set(frame.id, frame.type);
      else if (frame.id !== undefined && ids.get(frame.id) === type) answers.push(frame);
    }
    return answers;
  }

  get welcome() {
    return this.answers('hello').findLast((a) => a.ok)?.data;
  }

  get id() {
    return this.welcome.participantId;
  }

  // The m-lines on which this person now receives the other: { audio, video, screen }.
  linesOf(other) {
    const lines = this.answers('media.offer').findLast((a) => a.ok)?.data.slots ?? [];
    const owners = this.received('slot.map').at(-1)?.slots.filter((s) => s.participantId === other.id) ?? [];
    return Object.fromEntries(owners.map((o) => [o.kind, lines.find((l) => l.kind === o.kind && l.index === o.index)?.mid]));
  }

  media() {
    return this.page.evaluate(inPage.media);
  }

  peerStates() {
    return this.page.evaluate(inPage.peerStates);
  }

  // For how long the pictures of others have stood still, in seconds, as the browser counts it.
  frozen() {
    return this.page.evaluate(inPage.frozen);
  }

  // Waits until this person newly decodes picture and sound of each of the others.
  async receives(others, ms = 15_000) {
    const before = (await this.media()).inbound;
    await until(`${this.name} decodes picture and sound of ${others.map((o) => o.name).join(', ')}`, async () => {
      const now = (await this.media()).inbound;
      const missing = others.filter((other) => {
        const { audio, video } = this.linesOf(other);
        const more = (line, what) => now[line] && now[line][what] - (before[line]?.peer === now[line].peer ? before[line][what] : 0);
        return !(more(video, 'frames') > 5 && more(audio, 'samples') > 24_000);
      });
      if (missing.length > 0) throw new Error(`nothing new of ${missing.map((o) => o.name).join(', ')}: ${JSON.stringify(now)}`);
      return true;
    }, ms);
  }

  async shot(name) {
    await this.page.screenshot({ path: `${out}${name}.png` });
  }

  // Nothing serious by axe, on the screen as it stands.
  async audit(screen) {
    // A colour that still changes is nobody's colour.
    await this.page.evaluate(() => Promise.allSettled(document.getAnimations().filter((a) => a instanceof CSSTransition).map((a) => a.finished)));
    const { violations } = await new AxeBuilder({ page: this.page }).setLegacyMode().analyze();
    const bad = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
    assert.deepEqual(bad.map((v) => `${screen}: ${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`), []);
  }

  // Moves the focus by Tab alone until it stands on the element.
  async tabTo(testid) {
    for (let presses = 0; presses < 60; presses++) {
      const there = await this.page.evaluate((id) => document.activeElement?.getAttribute('data-testid') === id, testid);
      if (there) return;
      await this.page.keyboard.press('Tab');
    }
    throw new Error(`${this.name} cannot reach ${testid} by keyboard`);
  }

  // Every request went to the origin that the page came from.
  assertSameOrigin(origins) {
    assert.deepEqual(foreignRequests(this.requests, origins), [], `${this.name} asked third parties`);
    assert.ok(this.requests.length > 2, `${this.name} made no request: the test looks at nothing`);
  }
}
