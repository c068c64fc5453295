// The messages between the page and the sealing worker.

import type { Sealing } from './sealing';

// The name under which the file of the keys worker seals, and does nothing else.
export const sealingWorker = 'sealing';

export type Method = keyof Sealing;
export interface Call {
  id: number;
  method: Method;
  args: readonly unknown[];
}
export type Answer = { id: number; ok: true; value: unknown } | { id: number; ok: false };
