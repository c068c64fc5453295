// What a request can fail with: the server's refusal, or `timeout` and `closed`, which are this side's own.

import type { Failure } from './protocol';

export class RequestError extends Error {
  override name = 'RequestError';
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly ref: string | undefined;

  constructor(failure: Failure) {
    super(`${failure.code}: ${failure.message}`);
    this.code = failure.code;
    this.retryable = failure.retryable;
    this.retryAfterMs = failure.retryAfterMs;
    this.ref = failure.ref;
  }
}

export function ownError(code: 'timeout' | 'closed'): RequestError {
  return new RequestError({ code, message: 'no answer came', retryable: true });
}
