// What a request can fail with: the server's refusal, or `timeout` and `closed`, which are this side's own.

import { pacePauseMs } from './params';
import type { Failure } from './wire/protocol';

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

export function localError(code: 'timeout' | 'closed'): RequestError {
  return new RequestError({ code, message: 'no answer came', retryable: true });
}

// How long to wait until the same may be asked again, in milliseconds, of what was refused for its pace only; undefined: of anything else.
export function pauseOf(error: unknown): number | undefined {
  return error instanceof RequestError && error.code === 'rate_limited' ? error.retryAfterMs ?? pacePauseMs : undefined;
}
