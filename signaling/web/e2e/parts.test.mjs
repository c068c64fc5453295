// A part of the page that is loaded late: fetched once, checked against the hash that index.html names, and not run if it is another one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { FirefoxPerson, launchFirefox } from './support/firefox.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

test('parts of the page', { timeout: 120_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  const fetched = (person) => person.requests.filter((url) => /\/assets\/papers-[^/]+\.js$/.test(url));
  let lind;
  await steps(t, { people, daemon: () => daemon }, [
    ['altered on the way it does not run, and the page says that it did not come', async () => {
      lind = await enter('Dr. Lind', await daemon.encryptedLink('lind', 'Dr. Lind', 'host'));
      await lind.join();
      await lind.sees('session');
      assert.deepEqual(fetched(lind), [], 'it was loaded before anybody needed it');
      await lind.page.route('**/assets/papers-*.js', async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, body: `${await response.text()};window.__altered = true;` });
      });
      await lind.find('papers-toggle').click();
      await until('it says so', async () => /did not load/.test(await lind.page.locator('.part-failed').textContent()));
      assert.equal(await lind.page.evaluate(() => window.__altered), undefined, 'altered code ran');
      await lind.audit('a part that did not come');
    }],
    ['tried again, the right one runs, although the browser kept the other', async () => {
      await lind.page.unroute('**/assets/papers-*.js');
      await lind.page.locator('.part-failed button').click();
      await lind.sees('papers-panel');
      assert.equal(await lind.page.evaluate(() => window.__altered), undefined);
    }],
    ['for somebody else it is fetched once: what was checked is what runs', async () => {
      const co = await enter('Dr. Okafor', await daemon.encryptedLink('okafor', 'Dr. Okafor', 'host'));
      await co.join();
      await co.sees('session');
      await co.find('papers-toggle').click();
      await co.sees('papers-panel');
      assert.equal(fetched(co).length, 1, fetched(co).join());
    }],
  ]);
});

test('Firefox loads a part, too', { timeout: 120_000 }, async (t) => {
  const { daemon, people } = await startDemo(t);
  const browser = await launchFirefox();
  t.after(() => browser.close());
  await steps(t, { people, daemon: () => daemon }, [
    ['messages open', async () => {
      const lind = await FirefoxPerson.open(browser, 'Dr. Lind', await daemon.encryptedLink('lind', 'Dr. Lind', 'host'));
      await lind.join();
      await lind.sees('session');
      await lind.page.click('[data-testid="papers-toggle"]');
      await lind.sees('papers-panel');
    }],
  ]);
});
