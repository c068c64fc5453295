// An implementation of Mls without any cryptography, for thousands of steps in little time. It keeps MLS's rules about epochs and leaves.
import { fromBase64, toBase64 } from '../../client/e2ee/bytes';
import type { Change, Committed, Identity, Leaf, Mls, OwnKeys, Processed } from '../../client/e2ee/mls';

export interface FakeGroup {
  id: string;
  epoch: number;
  secret: string;
  leaves: readonly (Leaf | undefined)[];
  own: number;
  past: readonly string[]; // secrets of epochs before, oldest first
}
interface FakeKeyPackage extends Identity {
  serial: number;
  signatureKey: string;
}
type FakeCommit = { group: string; epoch: number; sender: number; add: FakeKeyPackage[]; remove: number[]; salt: number };

let serials = 0;

export class FakeMls implements Mls<FakeGroup> {
  async makeKeys(identity: Identity, like?: OwnKeys): Promise<OwnKeys> {
    const serial = ++serials;
    const signatureKey = like?.signatureKey ?? toBase64(new TextEncoder().encode(`signature ${serial}`));
    return { keyPackage: write({ serial, signatureKey, ...identity }), signatureKey };
  }

  async readKeyPackage(keyPackage: Uint8Array): Promise<Identity & { signatureKey: string }> {
    const { id, role, signatureKey } = read<FakeKeyPackage>(keyPackage);
    return { id, role, signatureKey };
  }

  async make(id: Uint8Array, own: OwnKeys): Promise<FakeGroup> {
    return { id: toBase64(id), epoch: 0, secret: `secret ${++serials}`, leaves: [leafOf(read<FakeKeyPackage>(own.keyPackage), 0)], own: 0, past: [] };
  }

  async signerOf(welcome: Uint8Array, own: OwnKeys): Promise<Leaf & { group: string }> {
    const { group, signer, serials: to } = read<{ group: FakeGroup; signer: number; serials: number[] }>(welcome);
    if (!to.includes(read<FakeKeyPackage>(own.keyPackage).serial)) throw new Error('a welcome for other keys');
    return { ...group.leaves[signer]!, group: group.id };
  }

  async join(welcome: Uint8Array, own: OwnKeys): Promise<FakeGroup> {
    await this.signerOf(welcome, own);
    const { group } = read<{ group: FakeGroup }>(welcome);
    const leaves = group.leaves.map((leaf) => leaf ?? undefined);
    return { ...group, leaves, own: leaves.findIndex((leaf) => leaf?.signatureKey === own.signatureKey), past: [] };
  }

  async commit(group: FakeGroup, add: readonly Uint8Array[], remove: readonly number[]): Promise<Committed<FakeGroup>> {
    const commit: FakeCommit = {
      group: group.id, epoch: group.epoch, sender: group.own, add: add.map((blob) => read<FakeKeyPackage>(blob)), remove: [...remove], salt: ++serials,
    };
    const next = follow(group, commit);
    const welcome = { group: { ...next, past: [] }, signer: group.own, serials: commit.add.map(({ serial }) => serial) };
    return { group: next, commit: write(commit), ...(add.length > 0 && { welcome: write(welcome) }) };
  }

  async process(group: FakeGroup, blob: Uint8Array, allowed: (change: Change) => boolean): Promise<Processed<FakeGroup>> {
    const commit = read<FakeCommit>(blob);
    if (commit.group !== group.id || commit.epoch !== group.epoch) throw new Error('another epoch');
    if (commit.sender === group.own) throw new Error('one of our own');
    const change: Change = {
      sender: group.leaves[commit.sender]!, added: commit.add.map(({ id, role }) => ({ id, role })), removed: commit.remove.map((leaf) => group.leaves[leaf]!), other: false,
    };
    if (!allowed(change)) return { kind: 'refused' };
    if (commit.remove.includes(group.own)) return { kind: 'removed' };
    return { kind: 'next', group: follow(group, commit) };
  }

  async seal(group: FakeGroup, content: Uint8Array): Promise<{ group: FakeGroup; blob: Uint8Array }> {
    const blob = write({ secret: group.secret, sender: group.leaves[group.own], content: toBase64(content), serial: String(++serials).padStart(40, '0') });
    return { group, blob };
  }

  async open(group: FakeGroup, blob: Uint8Array): Promise<{ group: FakeGroup; from: Leaf; content: Uint8Array }> {
    const { secret, sender, content } = read<{ secret: string; sender: Leaf; content: string }>(blob);
    if (secret !== group.secret && !group.past.includes(secret)) throw new Error('an epoch without keys');
    return { group, from: sender, content: fromBase64(content) };
  }

  id = ({ id }: FakeGroup): string => id;
  members = ({ leaves }: FakeGroup): Leaf[] => leaves.filter((leaf) => leaf !== undefined);
  ownLeaf = ({ own }: FakeGroup): number => own;
  exportBaseKey = async ({ secret }: FakeGroup): Promise<Uint8Array> => new TextEncoder().encode(secret);
  authenticator = ({ secret }: FakeGroup): Uint8Array => new TextEncoder().encode(secret);
  retire = (): void => undefined;
}

function follow(group: FakeGroup, { add, remove, salt }: FakeCommit): FakeGroup {
  const leaves = group.leaves.map((leaf, at) => (remove.includes(at) ? undefined : leaf));
  for (const keys of add) {
    const blank = leaves.indexOf(undefined);
    const at = blank < 0 ? leaves.length : blank;
    leaves[at] = leafOf(keys, at);
  }
  return { ...group, epoch: group.epoch + 1, secret: `${group.secret.slice(-12)}/${salt}`, leaves, past: [...group.past, group.secret].slice(-4) };
}

function leafOf({ id, role, signatureKey }: FakeKeyPackage, leaf: number): Leaf {
  return { id, role, signatureKey, leaf };
}

function write(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function read<T>(blob: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(blob)) as T;
}
