import assert from 'node:assert/strict';
import test from 'node:test';
import { watchNetwork } from '../../client/connection/network';

test('another network is told by the browser that was offline, and by another kind of connection, not by other estimates', () => {
  const page = new EventTarget();
  const connection = Object.assign(new EventTarget(), { type: 'wifi' });
  Object.assign(globalThis, { addEventListener: page.addEventListener.bind(page), removeEventListener: page.removeEventListener.bind(page) });
  Object.defineProperty(globalThis, 'navigator', { value: { connection }, configurable: true });
  let changes = 0;
  const end = watchNetwork(() => (changes += 1));
  const become = (type: string) => {
    connection.type = type;
    connection.dispatchEvent(new Event('change'));
    return changes;
  };
  assert.equal(become('wifi'), 0, 'its estimates changed');
  assert.equal(become('cellular'), 1);
  assert.equal(become('none'), 1, 'nothing can be reached');
  page.dispatchEvent(new Event('online'));
  assert.equal(changes, 2);
  end();
  become('wifi');
  page.dispatchEvent(new Event('online'));
  assert.equal(changes, 2);
});
