// The light clients of other tests: a program that does not start, or ends, fails the step that waits for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGuests } from './support/guests.mjs';

for (const [what, program, why] of [['is not there', '/nowhere/loadtest', /did not start: .*ENOENT/], ['ends at once', '/bin/false', /ended: 1/]]) {
  test(`a program that ${what} is a failure with words`, { timeout: 30_000 }, async () => {
    const guests = startGuests(['--url', 'http://localhost:1'], program);
    guests.setCount(2);
    await assert.rejects(guests.sending(2, 20_000), why);
    await guests.stop();
  });
}
