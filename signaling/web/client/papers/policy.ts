// Who may write, and send files, to whom: what the server enforces for files (room/files.go), and receivers enforce for messages, which
// the server cannot read.

import type { Reach, Role } from '../wire/protocol';

export function leads(role: Role | undefined): boolean {
  return role === 'host' || role === 'cohost';
}

// to: the recipients and the hosts of the group, by id; all: everybody.
export function maySend(reach: Reach, sender: Role | undefined, to: readonly string[] | 'all', hosts: readonly string[]): boolean {
  if (reach === 'off' || sender === undefined || sender === 'observer' || sender === 'recorder') return false;
  if (leads(sender)) return true;
  if (to !== 'all' && to.every((id) => hosts.includes(id))) return true;
  // There is no private line between participants: what goes to others goes to every host.
  return reach === 'all' && (to === 'all' || hosts.every((id) => to.includes(id)));
}
