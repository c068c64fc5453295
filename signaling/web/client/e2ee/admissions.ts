// Whom a host's device adds to the groups. The server's roster says who is inside, and a server that lies lists people whom no host admitted.
// So a device adds only whom its person admitted, whom the device of another host added, and hosts, whose links prove it.
//
// The server also says which participant has which id and name, and may say something else later. So each admission is bound to a token,
// whose name the person's own link proves: the token of the name that the host was shown, or of the leaf that another host's device added.
//
//   admitted under a name, or leaf in the group ── key package proved ─► bound to its token ── left, or removed ─► forgotten

import type { Storage } from '../env';
import { list, object, text, type Of } from '../wire/shape';

const key = 'alcove.admitted';
const shape = object({ participantId: text, admitted: list(object({ id: text, tokenHash: text })), sentAway: list(text) });
// A person as a host was shown them at the click. name: the verified one, "" for none.
export interface Shown {
  id: string;
  name: string;
}
interface Admission {
  name?: string | undefined; // undefined: another host's device added them
  tokenHash?: string | undefined; // undefined: not bound yet
}
// participantId: of the seat that they belong to.
export type KeptAdmissions = Of<typeof shape>;

// Owned by the group machine.
export class Admissions {
  readonly #own: string;
  readonly #admitted: Map<string, Admission>;
  // By this page, and not added yet: no other device knows of them.
  readonly #onlyHere = new Set<string>();
  // Removed from the groups while the roster lists them: by this page, or by the commit of another host.
  readonly #removed = new Map<string, 'here' | 'elsewhere'>();
  // Removed before. The link of a host does not bring them back.
  readonly #sentAway: Set<string>;
  #told = '';

  constructor(own: string, kept: KeptAdmissions | undefined) {
    this.#own = own;
    this.#admitted = new Map(kept?.admitted.map(({ id, tokenHash }) => [id, { tokenHash }]));
    this.#sentAway = new Set(kept?.sentAway);
    this.#told = JSON.stringify(this.#kept());
  }

  // The person at this device lets these in.
  admit(people: readonly Shown[]): void {
    for (const { id, name } of people) {
      this.#add(id, { name });
      this.#removed.delete(id);
      this.#onlyHere.add(id);
    }
  }

  // The server refused to admit them.
  withdraw(ids: readonly string[]): void {
    for (const id of ids) if (this.#onlyHere.delete(id)) this.#admitted.delete(id);
  }

  remove(id: string): void {
    this.#removed.set(id, 'here');
    this.#onlyHere.delete(id);
  }

  // The server refused to remove them, or says so. The host is asked.
  restore(id: string): void {
    if (this.#removed.get(id) !== 'here') return;
    this.#removed.delete(id);
    this.#admitted.delete(id);
    this.#sentAway.add(id);
  }

  // Who is not in the roster has left, except whom this page just admitted: they come. Once they were in it, they have left too.
  roster(before: ReadonlySet<string>, now: ReadonlySet<string>): void {
    for (const id of new Set([...this.#admitted.keys(), ...this.#removed.keys()])) {
      if (now.has(id) || (this.#onlyHere.has(id) && !before.has(id))) continue;
      if (this.#removed.delete(id)) this.#sentAway.add(id);
      this.#admitted.delete(id);
      this.#onlyHere.delete(id);
    }
  }

  // Members of a group that another host's device took this one into.
  joined(ids: Iterable<string>): void {
    for (const id of ids) this.#follow(id);
  }

  // A commit of another host. Of whoever this page let in meanwhile, it removed an older leaf.
  followed(added: readonly string[], removed: readonly string[]): void {
    for (const id of removed) {
      if (this.#onlyHere.has(id) || this.#removed.get(id) === 'here') continue;
      this.#removed.set(id, 'elsewhere');
      this.#admitted.delete(id);
    }
    for (const id of added) {
      this.#follow(id);
      if (this.#removed.get(id) === 'elsewhere') this.#removed.delete(id);
    }
    this.committed(added);
  }

  // In a group now, so that the other hosts know of them.
  committed(ids: readonly string[]): void {
    for (const id of ids) this.#onlyHere.delete(id);
  }

  // Who was admitted and is bound to no token yet. name: that must be proved; undefined: the leaf in the group says whose token it is.
  unbound(): { id: string; name: string | undefined }[] {
    return [...this.#admitted].flatMap(([id, { name, tokenHash }]) => (tokenHash === undefined ? [{ id, name }] : []));
  }

  bind(id: string, tokenHash: string): void {
    this.#admitted.set(id, { tokenHash });
  }

  // Whether the key package of somebody has another token than the one that was admitted: a seat has one token.
  isOther(id: string, tokenHash: string): boolean {
    const bound = this.#admitted.get(id)?.tokenHash;
    return bound !== undefined && bound !== tokenHash;
  }

  // hostLink: the link proves a host's or cohost's role.
  has(id: string, { tokenHash, hostLink }: { tokenHash: string; hostLink: boolean }): boolean {
    if (this.#removed.has(id)) return false;
    return this.#admitted.get(id)?.tokenHash === tokenHash || (hostLink && !this.#sentAway.has(id));
  }

  isRemoved(id: string): boolean {
    return this.#removed.has(id);
  }

  isOnlyHere(id: string): boolean {
    return this.#onlyHere.has(id);
  }

  // What a reload must know, if it is not what was returned last.
  changed(): KeptAdmissions | undefined {
    const kept = this.#kept();
    const written = JSON.stringify(kept);
    if (written === this.#told) return undefined;
    this.#told = written;
    return kept;
  }

  #kept(): KeptAdmissions {
    const removed = [...this.#removed.keys()];
    return {
      participantId: this.#own,
      admitted: [...this.#admitted].flatMap(([id, { tokenHash }]) => (tokenHash === undefined || this.#removed.has(id) ? [] : [{ id, tokenHash }])),
      sentAway: [...new Set([...this.#sentAway, ...removed])],
    };
  }

  #follow(id: string): void {
    this.#add(id, this.#admitted.get(id) ?? {});
  }

  #add(id: string, admission: Admission): void {
    this.#admitted.set(id, admission);
    this.#sentAway.delete(id);
  }
}

// They lie beside the seat, for reloads, and go with it.
export function saveAdmissions(storage: Storage, kept: KeptAdmissions): void {
  storage.setItem(key, JSON.stringify(kept));
}

export function loadAdmissions(storage: Storage, participantId: string): KeptAdmissions | undefined {
  try {
    const raw = storage.getItem(key);
    const kept = raw === null ? undefined : shape(JSON.parse(raw), 'admissions');
    return kept?.participantId === participantId ? kept : undefined;
  } catch {
    // Unreadable or not ours.
    return undefined;
  }
}

// A removal that no worker heard of.
export function keepAway(storage: Storage, participantId: string, id: string): void {
  const { admitted = [], sentAway = [] } = loadAdmissions(storage, participantId) ?? {};
  saveAdmissions(storage, { participantId, admitted: admitted.filter((one) => one.id !== id), sentAway: [...sentAway, id] });
}

export function dropAdmissions(storage: Storage): void {
  storage.removeItem(key);
}
