// The key packages of the others, as hosts are told them: whose are valid and proved, and which were used. Each is used once.

import { equalBytes, fromBase64 } from './bytes';
import type { Person } from './group_messages';
import { isHostRole } from './identity';
import type { Identity, Leaf, Mls } from './mls';
import type { Proofs } from './proofs';
import type { EventData } from '../wire/protocol';

export interface TheirKeys {
  keyPackage: Uint8Array;
  tokenHash: string;
  proof: string | undefined;
  read: (Identity & { signatureKey: string }) | undefined; // undefined: not a valid one of this participant
  used: boolean;
  verdict?: { role: string; name: string; right: boolean };
}

// Owned by the group machine.
export class KeyPackages<G> {
  readonly #mls: Mls<G>;
  readonly #proofs: Proofs;
  readonly #keys = new Map<string, TheirKeys>();

  constructor(mls: Mls<G>, proofs: Proofs) {
    this.#mls = mls;
    this.#proofs = proofs;
  }

  get(id: string): TheirKeys | undefined {
    return this.#keys.get(id);
  }

  async take({ participantId, keyPackage, tokenHash, proof }: EventData<'e2ee.keys'>): Promise<void> {
    const before = this.#keys.get(participantId);
    const bytes = fromBase64(keyPackage);
    if (before && equalBytes(before.keyPackage, bytes)) return;
    const read = await this.#mls.readKeyPackage(bytes).then((found) => (found.id === participantId ? found : undefined), () => undefined);
    this.#keys.set(participantId, { keyPackage: bytes, tokenHash, proof, read, used: false });
  }

  // The signature key of each whose newest key package is proved, and unused or of the leaf that they have.
  async addable(people: ReadonlyMap<string, Person>, members: readonly Leaf[], own: string): Promise<Map<string, string>> {
    const addable = new Map<string, string>();
    const leaves = new Map(members.map(({ id, signatureKey }) => [id, signatureKey]));
    for (const [id, person] of people) {
      const keys = this.#keys.get(id);
      if (!keys || id === own || person.role === 'recorder') continue;
      const named = keys.read !== undefined && leaves.get(id) === keys.read.signatureKey;
      if ((named || !keys.used) && (await this.#right(person, keys))) addable.set(id, keys.read!.signatureKey);
    }
    return addable;
  }

  // The newest key package of somebody, if it is theirs by their link.
  async proved(person: Pick<Person, 'id' | 'role' | 'verifiedName'>): Promise<TheirKeys | undefined> {
    const keys = this.#keys.get(person.id);
    return keys && (await this.#right(person, keys)) ? keys : undefined;
  }

  // Of these people, whose were refused.
  unproved(people: ReadonlyMap<string, Person>, isOther: (id: string, keys: TheirKeys) => boolean): string[] {
    return [...this.#keys].filter(([id, keys]) => people.has(id) && (keys.verdict?.right === false || isOther(id, keys))).map(([id]) => id);
  }

  // Whether somebody may add. Who was made cohost in the room has no host's leaf; until their key package is known they may have.
  mayAdd({ id, role }: Person): boolean {
    const claimed = this.#keys.get(id)?.read?.role;
    return isHostRole(role) && (claimed === undefined || isHostRole(claimed));
  }

  // Whether a key package is its person's, by what the server says of them now. A link's role never changes, that in the room may: but
  // nobody is made a host, and a host stays one.
  async #right({ role, verifiedName: name }: Pick<Person, 'role' | 'verifiedName'>, keys: TheirKeys): Promise<boolean> {
    if (keys.verdict?.role === role && keys.verdict.name === name) return keys.verdict.right;
    const claimed = keys.read?.role;
    const fits = claimed !== undefined && (claimed === 'host') === (role === 'host') && (this.#proofs.level === 'link' || claimed !== 'cohost' || role === 'cohost');
    const right = fits && (await this.#proofs.keyPackageProved(keys.keyPackage, { role: claimed, name, tokenHash: keys.tokenHash }, keys.proof));
    keys.verdict = { role, name, right };
    return right;
  }
}
