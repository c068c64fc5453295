// One sheet of all states in one language: laptop in light, phone in light and dark.
import { readFileSync } from 'node:fs';

const columns = [['laptop', 'light', 480], ['phone', 'light', 138], ['phone', 'dark', 138]];

export async function sheet(browser, taken, path, language) {
  const states = [...new Set(taken.map(({ state }) => state))];
  const picture = (state, [size, scheme, width]) => {
    const shot = taken.find((one) => one.state === state && one.size === size && one.scheme === scheme && one.language === language);
    return shot ? `<img width="${width}" src="data:image/png;base64,${readFileSync(shot.file).toString('base64')}">` : '';
  };
  const page = await browser.newPage({ viewport: { width: 1660, height: 400 } });
  await page.setContent(`<style>body{margin:0;padding:16px;background:#8b948f;font:500 13px system-ui;display:grid;grid-template-columns:1fr 1fr;gap:20px}
    figure{margin:0}figcaption{padding:0 0 6px;color:#fff}div{display:flex;gap:8px;align-items:start}img{border-radius:6px;display:block}</style>
    ${states.map((state) => `<figure><figcaption>${state.replaceAll('-', ' ')}</figcaption><div>${columns.map((column) => picture(state, column)).join('')}</div></figure>`).join('')}`);
  await page.evaluate(() => Promise.all([...document.images].map((image) => image.decode())));
  await page.screenshot({ path, fullPage: true });
  await page.close();
}
