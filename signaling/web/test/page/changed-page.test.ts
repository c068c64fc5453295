// A file of its own: a worker's file is loaded once for each page.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, token } from '../support/page';

test('a page whose workers are not those that it names does not go into an encrypted session', async (t) => {
  const page = await openPage(t, { changed: true, hash: `#t=${token({ name: 'Mara', jti: 'a', e2ee: 'required' })}` });
  assert.equal(page.find('ending-card').dataset.code, 'page_damaged');
  assert.throws(() => page.socket);
});
