// The messages between the page and the sealing worker.

import type { Sealing } from './sealing';

export type Method = keyof Sealing;
export interface Call {
  id: number;
  method: Method;
  args: readonly unknown[];
}
export type Answer = { id: number; ok: true; value: unknown } | { id: number; ok: false };
