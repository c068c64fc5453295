// The key packages of this participant: the unused ones, and when another is made and sent.

import { toBase64 } from './bytes';
import { retryMs } from './group_rules';
import type { Identity, Mls, OwnKeys } from './mls';
import type { Proofs } from './proofs';
import type { StepOutputs } from './step_outputs';

// The newest key package and those before it, which a host may be using now.
const unusedLimit = 3;

// Owned by the group machine.
export class OwnKeyPackages<G> {
  readonly #mls: Mls<G>;
  readonly #proofs: Proofs;
  readonly #me: Identity;
  readonly #tokenHash: string;
  readonly #outputs: StepOutputs;
  #unused: OwnKeys[] = []; // newest first
  #leafKeys: OwnKeys | undefined; // whose signature key our leaves have
  #sentAt = -Infinity;
  #retryAt: number | undefined;
  #needFresh = false;

  constructor(mls: Mls<G>, proofs: Proofs, me: Identity, tokenHash: string, outputs: StepOutputs) {
    this.#mls = mls;
    this.#proofs = proofs;
    this.#me = me;
    this.#tokenHash = tokenHash;
    this.#outputs = outputs;
  }

  get unused(): readonly OwnKeys[] {
    return this.#unused;
  }

  // fresh: another signature key, so that the leaf we had, if any, is replaced.
  async offer(fresh: boolean): Promise<void> {
    const keys = await this.#mls.makeKeys(this.#me, fresh ? undefined : this.#leafKeys);
    this.#leafKeys = keys;
    this.#unused = [keys, ...this.#unused].slice(0, unusedLimit);
    await this.#send(keys);
  }

  async offerIfNone(fresh: boolean): Promise<void> {
    if (this.#unused.length === 0) await this.offer(fresh);
  }

  // The server may have forgotten the newest one.
  async sendNewest(): Promise<void> {
    const [newest] = this.#unused;
    if (newest) await this.#send(newest);
    else await this.offer(true);
  }

  // For a group that we make ourselves.
  async takeForCreation(): Promise<OwnKeys> {
    const keys = this.#unused.shift() ?? (await this.#mls.makeKeys(this.#me, this.#leafKeys));
    this.#leafKeys = keys;
    return keys;
  }

  // A host added us by these.
  used(keys: OwnKeys): void {
    this.#unused = this.#unused.filter((other) => other !== keys);
    this.#leafKeys = this.#unused[0] ?? keys;
  }

  // At the end of this step a fresh one is offered.
  needFresh(): void {
    this.#needFresh = true;
  }

  // A welcome was for keys that we do not have any more. It may have crossed with the newest.
  welcomeForUnknown(): void {
    if (this.#outputs.now - this.#sentAt >= retryMs) this.#needFresh = true;
  }

  async settle(): Promise<void> {
    if (this.#needFresh) {
      this.#needFresh = false;
      await this.offer(true);
    }
    if (this.#retryAt === undefined) return;
    if (this.#outputs.now < this.#retryAt) return this.#outputs.wakeAt(this.#retryAt);
    this.#retryAt = undefined;
    const [newest] = this.#unused;
    if (newest) await this.#send(newest);
  }

  async #send({ keyPackage }: OwnKeys): Promise<void> {
    const proof = await this.#proofs.proveKeyPackage(keyPackage);
    this.#sentAt = this.#outputs.now;
    this.#retryAt = undefined;
    this.#outputs.request('e2ee.key', { keyPackage: toBase64(keyPackage), tokenHash: this.#tokenHash, ...(proof && { proof }) }, (answer) => {
      if (!answer.ok && answer.code !== 'closed') this.#retryAt = this.#outputs.now + retryMs;
    });
  }
}
