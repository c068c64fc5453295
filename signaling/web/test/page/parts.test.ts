// Parts of the page that are loaded when they are needed.
import assert from 'node:assert/strict';
import test from 'node:test';
import { createElement, render } from 'preact';
import { openPage } from '../support/page';
import { handOver, Lazy, loadPart, part } from '../../page/parts';

test('a part that did not load says so, and is asked for again', async (t) => {
  const page = await openPage(t);
  let fails = true;
  const lazy = part(async () => {
    if (fails) throw new Error('network');
    return { words: 'here' };
  });
  const root = document.createElement('div');
  document.body.append(root);
  render(createElement(Lazy<{ words: string }>, { of: lazy, children: ({ words }) => words }), root);
  await page.settle();
  assert.match(root.textContent ?? '', /did not load/);
  fails = false;
  await page.click(root.querySelector('button')!);
  assert.equal(root.textContent, 'here');
  render(null, root);
});

test('a part is the file that index.html names, checked by its hash, and is had when it runs', async (t) => {
  await openPage(t);
  await assert.rejects(loadPart('panel'), /names no panel/);
  document.head.insertAdjacentHTML('beforeend', '<meta name="part-panel" content="/assets/panel.js" data-integrity="sha384-abc">');
  const scripts: HTMLScriptElement[] = [];
  t.mock.method(document.head, 'append', (script: HTMLScriptElement) => void scripts.push(script)); // nothing runs here
  const loading = loadPart('panel');
  assert.deepEqual(scripts.map(({ type, src, integrity }) => [type, new URL(src, 'http://localhost').pathname, integrity]), [['module', '/assets/panel.js', 'sha384-abc']]);
  const module = { Panel: true };
  handOver('panel', module);
  assert.equal(await loading, module);
  const failing = loadPart('panel');
  assert.equal(scripts.length, 2, 'another try gets another element');
  scripts[1]?.onerror?.(new Event('error') as never);
  await assert.rejects(failing, /did not load/);
});
