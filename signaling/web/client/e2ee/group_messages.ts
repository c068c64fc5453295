// What the group machine is told, and what it asks for in return. Times are milliseconds of one monotonic clock.

import type { AnswerData, EventData, RequestData } from '../wire/protocol';
import type { KeptAdmissions, Shown } from './admissions';
import type { EncryptionStatus } from './status';
import type { Owner } from './worker_messages';

// Of the roster, what the group needs.
export interface Person {
  id: string;
  role: string;
  connected: boolean;
  verifiedName: string; // "" for none
  publications: readonly { source: 'microphone' | 'camera' | 'screen'; csrc: number }[];
}

export type GroupRequest = 'e2ee.key' | 'e2ee.create' | 'e2ee.commit' | 'e2ee.app' | 'e2ee.sync';

export type Input =
  // hello was answered, first or on a resume: the server may have forgotten our key package.
  | { type: 'connected' }
  | { type: 'access'; state: 'waiting' | 'admitted' }
  | { type: 'roster'; people: readonly Person[] }
  // With whom we are in a side room.
  | { type: 'sideRoom'; peer: string | undefined }
  | { type: 'state'; data: EventData<'e2ee.state'> }
  | { type: 'entry'; data: EventData<'e2ee.entry'> }
  | { type: 'welcome'; data: EventData<'e2ee.welcome'> }
  | { type: 'keys'; data: EventData<'e2ee.keys'> }
  | { type: 'app'; data: EventData<'e2ee.app'> }
  | { type: 'answer'; request: number; ok: true; data: AnswerData<GroupRequest> }
  | { type: 'answer'; request: number; ok: false; code: string }
  // A host lets these people in, or lets them in after all. `withdraw` takes it back if the server refused.
  | { type: 'admit'; people: readonly Shown[] }
  | { type: 'withdraw'; ids: readonly string[] }
  // A host is about to remove somebody or send them back: out of the keys first. `include` takes it back if the server refused.
  | { type: 'exclude'; id: string }
  | { type: 'include'; id: string }
  | { type: 'send'; message: number; content: Uint8Array; to: readonly string[] | undefined }
  // code: that the person was shown, which may be another by now.
  | { type: 'compare'; result: 'same' | 'different'; code: string | null }
  | { type: 'renew' }
  // The KIDs of this number are used up.
  | { type: 'exhausted'; number: number }
  // The frames worker is a new one and knows no keys.
  | { type: 'framesReady' }
  | { type: 'framesRefused' }
  | { type: 'tick' };

export type Output =
  | { [T in GroupRequest]: { type: 'request'; request: number; name: T; data: RequestData<T> } }[GroupRequest]
  // Each once it is asked for: the commit that removes this person is on its way, or there is nothing to remove.
  | { type: 'excluded'; id: string }
  // Whom this host's device lets in: for the next page of this seat.
  | { type: 'admissions'; kept: KeptAdmissions }
  // side: of a side room.
  | { type: 'keys'; number: number; baseKey: Uint8Array; leaf: number; owners: readonly Owner[]; side: boolean }
  | { type: 'owners'; owners: readonly Owner[] }
  | { type: 'outside' }
  | { type: 'status'; status: EncryptionStatus }
  | { type: 'opened'; from: string; content: Uint8Array }
  | { type: 'sent'; message: number; ok: boolean }
  | { type: 'wake'; at: number };
