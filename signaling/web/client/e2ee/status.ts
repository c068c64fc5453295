// What the page knows of the session's encryption. The object is replaced as a whole and never changed, so that it can be compared by identity.

import type { Shown } from './admissions';

// link: the issuer's secret in each link proves who is who. code: people compare a code aloud.
export type IdentityLevel = 'link' | 'code';

// off: the session is not encrypted end to end.
// preparing: the workers load, or the person waits; nothing is sealed or opened yet.
// outside: admitted, and not yet (or no longer) in the group: until a host adds us, nothing is heard, seen or sent.
// member: in the group.
// broken: something was refused that only a tampering server or a broken client sends; a host must make the group anew.
type EncryptionState = 'off' | 'preparing' | 'outside' | 'member' | 'broken';

// tampered: somebody changed the group who may not, or the group's messages do not fit together.
// impostor: a key or a welcome came without the proof that its person's link gives.
// replaced: a host made the group anew, so that the code is another one.
// frames: pictures or sound arrived that were not sealed for this group by whom the server names.
// unsupported: this browser cannot seal frames. worker_lost: a worker died; a new one is being started.
// mode: the room is not encrypted although the link promises it; the session is refused.
export type EncryptionProblem = 'tampered' | 'impostor' | 'replaced' | 'frames' | 'unsupported' | 'worker_lost' | 'mode';

export interface EncryptionStatus {
  mode: 'off' | 'required';
  state: EncryptionState;
  level: IdentityLevel | null; // null until the keys worker is ready
  proved: boolean; // link: every proof was right. code: the code was compared and is the same
  code: string | null; // six groups of five digits, once in a group
  codeChanged: boolean; // the code is another one than the one that was compared
  problem: EncryptionProblem | null;
  unproved: readonly string[]; // participants whose keys were refused, for hosts; and whose role the server shows falsely
  unadmitted: readonly string[]; // for hosts: participants in the session whom this device did not see admitted, and does not add
  adds: boolean; // this device may add: its link is a host's. Who was made cohost in the room may not
  members: number; // leaves of the main group
}

export const unencrypted: EncryptionStatus = {
  mode: 'off', state: 'off', level: null, proved: false, code: null, codeChanged: false, problem: null, unproved: [], unadmitted: [], adds: false, members: 0,
};

// session.e2ee. Each change of status is told by the session's event `e2eeStatus`.
export interface Encryption {
  readonly status: EncryptionStatus;
  // What the person found when the code was read aloud. It stays on this device.
  compare(result: 'same' | 'different'): void;
  // Hosts: lets those in whom the status names as unadmitted.
  letIn(people: readonly Shown[]): void;
  // Hosts: makes the group anew from everybody's newest keys.
  renew(): void;
}
