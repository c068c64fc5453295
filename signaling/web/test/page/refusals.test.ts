import assert from 'node:assert/strict';
import test from 'node:test';
import { RequestError } from '../../client/errors';
import { refusalWords } from '../../page/state/refusals';

test('a refusal is said in words, never by its code', () => {
  for (const code of ['agreement_required', 'verification_required', 'mfa_required', 'internal']) {
    const said = refusalWords(new RequestError({ code, message: 'for developers', retryable: false }));
    assert.ok(said.endsWith('.') && !said.includes('_') && !said.includes('developers'), said);
  }
});

test('a link that names no recipients is said to lack them', () => {
  const said = refusalWords(new RequestError({ code: 'e2ee_recipients_unnamed', message: 'unnamed', retryable: false }));
  assert.match(said, /not sent: your link does not say who may open.*tell the clinic: its links lack “recipients”/);
});
