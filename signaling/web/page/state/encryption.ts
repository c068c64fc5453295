// What the person is shown of the session's encryption: one shield, made from the session's status, and the words for it.

import { computed, signal } from '@preact/signals';
import type { Encryption, EncryptionStatus, Session, Shown } from '../../client';
import { unencrypted } from '../../client';
import { t, type PlainKey } from '../text/text';

// closed: links proved who is here, or the code was compared. open: nothing is compared yet. broken: something was refused that only a
// tampering server or a broken client sends.
export type Shield = 'none' | 'preparing' | 'open' | 'closed' | 'broken';

const alarming = new Set(['tampered', 'impostor', 'frames', 'unsupported', 'mode']);

export function shieldOf({ mode, state, proved, problem }: EncryptionStatus): Shield {
  if (mode === 'off') return 'none';
  if (state === 'broken' || (problem !== null && alarming.has(problem))) return 'broken';
  if (state !== 'member' || problem === 'worker_lost') return 'preparing';
  return proved ? 'closed' : 'open';
}

export const shieldWords: Record<Exclude<Shield, 'none'>, PlainKey> = {
  preparing: 'shield.preparing', open: 'shield.open', closed: 'shield.encrypted', broken: 'shield.broken',
};

// What is wrong, as a sentence, by the status's problem.
const problems: Record<string, PlainKey> = {
  tampered: 'shield.tampered',
  impostor: 'shield.impostor',
  frames: 'shield.foreign',
  unsupported: 'shield.unsupported',
  mode: 'shield.mode',
};

export function problemWords({ problem, state }: EncryptionStatus): string {
  const key = problems[problem ?? ''] ?? (state === 'broken' ? 'shield.tampered' : undefined);
  return key ? t(key) : '';
}

export class EncryptionStore {
  readonly status = signal<EncryptionStatus>(unencrypted);
  readonly shield = computed(() => shieldOf(this.status.value));
  readonly dialogOpen = signal(false);
  readonly later = signal(''); // the code that the person wants to compare later; "" for none
  readonly replacedClosed = signal(''); // the code whose notice the person closed
  #encryption: Encryption | undefined;

  subscribe(session: Session): void {
    this.#encryption = session.e2ee;
    this.status.value = session.e2ee.status;
    session.on('e2eeStatus', (status) => (this.status.value = status));
    session.on('ended', () => {
      this.status.value = unencrypted;
      this.dialogOpen.value = false;
    });
  }

  // Stays on this device.
  compare(result: 'same' | 'different'): void {
    this.#encryption?.compare(result);
  }

  letIn(people: readonly Shown[]): void {
    this.#encryption?.letIn(people);
  }

  renew(): void {
    this.#encryption?.renew();
  }
}
