// Who may change a group, who does it now, and what there is to change. Nothing here has state.

import { isHostRole } from './identity';
import type { Change, Leaf } from './mls';
import type { Person } from './group_messages';
import { streams, type Owner } from './worker_messages';

// More in one commit would not fit the server's limit for a message with a full tree.
const addLimit = 32;
// The committer after the first waits so long, and so on: longer than a commit and its way through the server take on a slow device.
export const takeOverMs = 400;
// A request that failed for a reason of the moment, and entries that should have come.
export const retryMs = 1_000;
export const overdueMs = 3_000;

export interface Plan {
  add: readonly string[]; // participants
  remove: readonly number[]; // leaves
}

export interface Wanted {
  people: ReadonlyMap<string, Person>; // who belongs into the group
  removed: (id: string) => boolean; // by a host, though the roster lists them
  // The signature key of the newest key package, of whoever may be added.
  addable: ReadonlyMap<string, string>;
  own: string;
}

// What one commit should change. A participant whose newest key package has another signature key than their leaf has a new page: the
// leaf is removed and a new one added.
export function planOf(members: readonly Leaf[], { people, removed, addable, own }: Wanted): Plan {
  const belongs = (id: string) => id === own || (people.has(id) && !removed(id));
  const stays = ({ id, signatureKey }: Leaf) => {
    const newest = id === own ? undefined : addable.get(id);
    return belongs(id) && (newest === undefined || newest === signatureKey);
  };
  const staying = new Set(members.filter(stays).map(({ id }) => id));
  return {
    add: [...addable.keys()].filter((id) => id !== own && belongs(id) && !staying.has(id)).slice(0, addLimit),
    remove: members.filter((member) => !stays(member)).map(({ leaf }) => leaf),
  };
}

// How many members go before `own` in making the next commit; undefined if it may not make it. Connected hosts come first, by leaf.
// Without any, everybody who is connected may remove.
export function turnOf(members: readonly Leaf[], people: ReadonlyMap<string, Person>, own: number): { turn: number; mayAdd: boolean } | undefined {
  const connected = members.filter(({ id, leaf }) => leaf === own || people.get(id)?.connected);
  // A cohost whose role was taken back may not add any more.
  const hosts = connected.filter(({ id, role }) => isHostRole(role) && isHostRole(people.get(id)?.role ?? ''));
  const turn = (hosts.length > 0 ? hosts : connected).findIndex(({ leaf }) => leaf === own);
  return turn < 0 ? undefined : { turn, mayAdd: hosts.length > 0 };
}

export interface Known {
  inRoster: (id: string) => boolean;
  // A commit that was missed, by a resume or because the server kept it back, is read with a later roster, which cannot be compared.
  replayed: boolean;
  // Of a side room, the only two who may be in it.
  only: readonly string[] | undefined;
}

// What every member checks of another's commit.
export function changeAllowed({ sender, added, removed, other }: Change, members: readonly Leaf[], { inRoster, replayed, only }: Known): boolean {
  if (other || removed.includes(undefined as never)) return false;
  const host = isHostRole(sender.role);
  if (added.length > 0 && !host) return false;
  if (!host && !replayed && removed.some(({ id }) => inRoster(id))) return false;
  const staying = new Set(members.filter((member) => !removed.some(({ leaf }) => leaf === member.leaf)).map(({ id }) => id));
  for (const { id } of added) {
    if (staying.has(id)) return false;
    staying.add(id);
    if (only ? !only.includes(id) : !replayed && !inRoster(id)) return false;
  }
  return true;
}

// Whose frames carry which CSRC, from the roster and the tree.
export function ownersOf(members: readonly Leaf[], people: Iterable<Person>): Owner[] {
  const leaves = new Map(members.map(({ id, leaf }) => [id, leaf]));
  return [...people].flatMap(({ id, publications }) => {
    const leaf = leaves.get(id);
    return leaf === undefined ? [] : publications.map(({ source, csrc }) => ({ csrc, leaf, stream: streams[source] }));
  });
}
