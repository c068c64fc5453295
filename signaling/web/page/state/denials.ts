// Denials that can still be undone: a host has 10 s before the server is told. The person waits meanwhile, and sees and hears nobody.

import { signal } from '@preact/signals';

export const undoMs = 10_000;

interface Denial {
  message: string;
  timer: ReturnType<typeof setTimeout>;
}

export class Denials {
  readonly pending = signal<ReadonlyMap<string, Denial>>(new Map());

  constructor(private readonly deny: (participantId: string, message: string) => void) {}

  begin(participantId: string, message: string): void {
    this.undo(participantId);
    this.#set(participantId, { message, timer: setTimeout(() => this.#carryOut(participantId), undoMs) });
  }

  undo(participantId: string): void {
    clearTimeout(this.pending.value.get(participantId)?.timer);
    this.#set(participantId, undefined);
  }

  // Who waits now: of all others nothing is left to deny.
  onWaiting(ids: readonly string[]): void {
    for (const id of this.pending.value.keys()) if (!ids.includes(id)) this.undo(id);
  }

  // The host leaves: what was decided is done.
  flush(): void {
    for (const id of this.pending.value.keys()) this.#carryOut(id);
  }

  #carryOut(participantId: string): void {
    const denial = this.pending.value.get(participantId);
    this.undo(participantId);
    if (denial) this.deny(participantId, denial.message);
  }

  #set(participantId: string, denial: Denial | undefined): void {
    const pending = new Map(this.pending.value);
    if (denial) pending.set(participantId, denial);
    else pending.delete(participantId);
    this.pending.value = pending;
  }
}
