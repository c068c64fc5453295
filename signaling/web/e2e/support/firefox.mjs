// One person in Firefox ESR, driven by WebDriver BiDi. It offers the part of Person that a mixed session needs.
import assert from 'node:assert/strict';
import puppeteer from 'puppeteer-core';
import * as inPage from './in-page.mjs';
import { out, foreignRequests } from './person.mjs';
import { until } from './wait.mjs';

export function launchFirefox() {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    headless: true,
    protocolTimeout: 20_000,
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
    },
  });
}

export class FirefoxPerson {
  lines = [];
  requests = [];

  static async open(browser, name, url, ...scripts) {
    const person = new FirefoxPerson();
    person.name = name;
    person.page = await browser.newPage();
    await person.page.setViewport({ width: 1280, height: 800 });
    person.page.on('console', (line) => person.lines.push(`${line.type()}: ${line.text()}`));
    person.page.on('pageerror', (error) => person.lines.push(`error: ${error.stack ?? error}`));
    person.page.on('request', (request) => person.requests.push(request.url()));
    for (const script of [inPage.watchPeers, ...scripts]) await person.page.evaluateOnNewDocument(script);
    await person.page.goto(url);
    return person;
  }

  async sees(testid, ms = 15_000) {
    await this.page.waitForSelector(`[data-testid="${testid}"]`, { visible: true, timeout: ms });
  }

  async join() {
    await this.sees('name-input');
    await this.page.$eval('[data-testid="name-input"]', (input) => input.select());
    await this.page.type('[data-testid="name-input"]', this.name);
    await (await this.page.$('[data-testid="name-continue"]'))?.click(); // hosts give their name in the device check
    await this.sees('join-button');
    await until(`${this.name} can join`, () => this.page.$eval('[data-testid="join-button"]', (button) => !button.disabled));
    await this.page.$eval('[data-testid="join-button"]', (button) => button.click()); // puppeteer clicks at where it was a moment ago
  }

  media() {
    return this.page.evaluate(inPage.media);
  }

  peerStates() {
    return this.page.evaluate(inPage.peerStates);
  }

  // Waits until picture and sound of somebody are newly decoded.
  async receives(ms = 20_000) {
    const sum = ({ inbound }) => Object.values(inbound).reduce((s, r) => ({ frames: s.frames + r.frames, samples: s.samples + r.samples }), { frames: 0, samples: 0 });
    const before = sum(await this.media());
    await until(`${this.name} decodes picture and sound`, async () => {
      const all = await this.media();
      const now = sum(all);
      if (now.frames > before.frames + 5 && now.samples > before.samples + 24_000) return true;
      throw new Error(JSON.stringify(all));
    }, ms);
  }

  assertSameOrigin(origins) {
    assert.deepEqual(foreignRequests(this.requests, origins), [], `${this.name} asked third parties`);
    assert.ok(this.requests.length > 2, `${this.name} made no request: the test looks at nothing`);
  }

  async shot(name) {
    await this.page.screenshot({ path: `${out}${name}.png` });
  }
}
