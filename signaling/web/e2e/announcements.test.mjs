// What a screen reader speaks by itself, from the waiting room to the end: the sentences of live regions, in the order in which they change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

// Inside the page: keeps what each live region says when it changes. A region that appears with its words says nothing, as in screen readers; but an
// alert does.
function listen() {
  window.__spoken = [];
  const regions = '[aria-live="polite"], [aria-live="assertive"], [role="status"], [role="alert"], [role="log"]';
  const words = (node) => (node.textContent ?? '').replaceAll(/\s+/g, ' ').trim();
  const keep = (text) => text && window.__spoken.at(-1) !== text && window.__spoken.push(text);
  const known = new WeakSet();
  const silent = (node) => (node instanceof Element ? node : node.parentElement)?.closest('[aria-hidden="true"]');
  new MutationObserver((changes) => {
    const said = new Set();
    for (const { target, addedNodes, type } of changes) {
      const element = target instanceof Element ? target : target.parentElement;
      const region = element?.closest(regions);
      if (region && known.has(region) && !silent(target)) {
        const parts = region.matches('[role="log"], [aria-atomic="false"]') && type === 'childList' ? [...addedNodes].filter((node) => !silent(node)) : [region];
        for (const part of parts) said.add(words(part));
      }
      for (const node of addedNodes) {
        if (node instanceof Element && node.matches('[role="alert"]')) said.add(words(node));
      }
    }
    for (const region of document.querySelectorAll(regions)) known.add(region);
    for (const text of said) keep(text);
  }).observe(document, { childList: true, subtree: true, characterData: true });
}

const spoken = (person) => person.page.evaluate(() => window.__spoken);

// Waits until somebody's reader has spoken each of these, in this order, after what it had spoken before.
async function hears(person, from, ...sentences) {
  let at = from;
  for (const sentence of sentences) {
    at = await until(`${person.name} hears ${sentence}`, async () => {
      const all = await spoken(person);
      const found = all.findIndex((text, i) => i >= at && sentence.test(text));
      if (found < 0) throw new Error(`heard ${JSON.stringify(all.slice(from))}`);
      return found + 1;
    }, 15_000);
  }
  return at;
}

test('a screen reader is told what happens, and no more', { timeout: 180_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  let lind, mara;
  const count = async (person) => (await spoken(person)).length;
  await steps(t, { people, daemon: () => daemon }, [
    ['a therapist hears who waits', async () => {
      lind = await enter('Dr. Lind', await daemon.encryptedLink('lind', 'Dr. Lind', 'host'), listen);
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara', await daemon.encryptedLink('mara', 'Mara'), listen);
      await mara.join();
      await hears(lind, 0, /^Mara is waiting\.$/);
    }],
    ['the door opens: both are told', async () => {
      await lind.find('admit').first().click();
      await mara.sees('session');
      await hears(lind, 0, /^Mara joined\.$/);
      await Promise.all([lind.receives([mara], 30_000), mara.receives([lind], 30_000)]);
    }],
    ['a hand, a message, a call for help', async () => {
      const [before, hers] = [await count(lind), await count(mara)];
      await mara.find('hand-toggle').click();
      const after = await hears(lind, before, /^Mara raised (a|her|their) hand\.$/);
      await lind.find('papers-toggle').click();
      await lind.find('chat-text').fill('Good evening');
      await lind.find('chat-send').click();
      await hears(mara, hers, /^New message from Dr\. Lind\.$/);
      await mara.find('help').click();
      await hears(lind, after, /Mara asks for help/);
    }],
    ['the session is locked, and ends', async () => {
      const before = await count(mara);
      await lind.page.evaluate(() => window.__alcove.session.request('room.lock', {}));
      await hears(mara, before, /The session is locked\.$/);
      await lind.page.evaluate(() => window.__alcove.session.request('room.end', {}).catch(() => undefined));
      await mara.sees('ending-card');
      // A screen that changes is read by its heading, which has the focus.
      assert.equal(await mara.page.evaluate(() => document.activeElement?.tagName), 'H1');
    }],
    ['nothing of it is chatter', async () => {
      for (const person of [lind, mara]) {
        const all = await spoken(person);
        assert.ok(all.length < 40, `${all.length} sentences: ${JSON.stringify(all)}`);
        assert.deepEqual(all.filter((text) => /\bundefined\b|\{\w+\}|\[object/.test(text)), []);
        const often = all.filter((text, i) => all.indexOf(text) !== i && all.filter((other) => other === text).length > 3);
        assert.deepEqual([...new Set(often)], [], 'the same again and again');
      }
    }],
  ]);
});
