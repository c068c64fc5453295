// Whom this host's device adds to the groups: whose key package is proved, and who was admitted. And whom its person is asked about.

import type { Admissions } from './admissions';
import type { Person } from './group_messages';
import { isHostRole } from './identity';
import type { KeyPackages } from './key_packages';
import type { Leaf } from './mls';
import type { StepOutputs } from './step_outputs';

// Who was admitted by another host's device should be in the group after it; else this device asks about them.
const askAfterMs = 3_000;

// Owned by the group machine.
export class Addable<G> {
  readonly #own: string;
  readonly #keys: KeyPackages<G>;
  readonly #admissions: Admissions;
  readonly #outputs: StepOutputs;
  #unadmittedSince = new Map<string, number>();

  constructor(own: string, keys: KeyPackages<G>, admissions: Admissions, outputs: StepOutputs) {
    this.#own = own;
    this.#keys = keys;
    this.#admissions = admissions;
    this.#outputs = outputs;
  }

  // The signature key of the newest key package of each.
  async of(people: ReadonlyMap<string, Person>, members: readonly Leaf[]): Promise<Map<string, string>> {
    const proved = await this.#keys.addable(people, members, this.#own);
    return new Map([...proved].filter(([id]) => this.#admits(id)));
  }

  // Whoever waits still has the role of their link. members: of the main group.
  async bindAdmissions(people: ReadonlyMap<string, Person>, members: readonly Leaf[]): Promise<void> {
    const leaves = new Map(members.map(({ id, signatureKey }) => [id, signatureKey]));
    for (const { id, name } of this.#admissions.unbound()) {
      const { role, verifiedName = name } = people.get(id) ?? { role: this.#keys.get(id)?.read?.role };
      if (role === undefined || verifiedName === undefined || (name !== undefined && verifiedName !== name)) continue;
      const keys = await this.#keys.proved({ id, role, verifiedName });
      if (keys && (name !== undefined || leaves.get(id) === keys.read!.signatureKey)) this.#admissions.bind(id, keys.tokenHash);
    }
  }

  // Whom the server lists, whose link is right, and whom nobody admitted as far as this device knows: it is a new one, the host's device that
  // admitted them is gone, or the server lies. The person decides. members: of the main group; undefined: this device adds nobody now.
  async unadmitted(people: ReadonlyMap<string, Person>, members: readonly Leaf[] | undefined): Promise<string[]> {
    const since = this.#unadmittedSince;
    this.#unadmittedSince = new Map();
    if (!members) return [];
    const { now } = this.#outputs;
    const unadmitted: string[] = [];
    const inside = new Set(members.map(({ id }) => id));
    for (const id of (await this.#keys.addable(people, members, this.#own)).keys()) {
      if (inside.has(id) || this.#admits(id) || this.#admissions.isRemoved(id)) continue;
      const first = since.get(id) ?? now;
      this.#unadmittedSince.set(id, first);
      if (now >= first + askAfterMs) unadmitted.push(id);
      else this.#outputs.wakeAt(first + askAfterMs);
    }
    return unadmitted;
  }

  // Of whoever has proved the role in their key package.
  #admits(id: string): boolean {
    const { read, tokenHash } = this.#keys.get(id)!;
    return this.#admissions.has(id, { tokenHash, hostLink: isHostRole(read!.role) });
  }
}
