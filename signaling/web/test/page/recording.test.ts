import assert from 'node:assert/strict';
import test from 'node:test';
import { faultWords } from '../../page/state/recording';

test('why a recording ended is said in words, also a reason of a later version', () => {
  for (const reason of ['disk_full', 'disk_slow', 'write_failed', 'seal_failed', 'unreleased', 'store_failed', 'of a later version']) {
    assert.match(faultWords(reason), /^(there|the|it) [a-z ]+$/);
  }
});
