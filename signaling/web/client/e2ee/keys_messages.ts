// The messages between the page and the keys worker. Base keys are in none of them: they go to the frames worker by a port.

import type { KeptAdmissions } from './admissions';
import type { Output, Input } from './group_messages';
import type { LinkIdentity } from './link';
import type { PageToRelease, ReleaseToPage } from './release';
import type { EncryptionStatus } from './status';
import type { KeysPort } from './worker_messages';

export type PageToKeys =
  // First. k and the token's hash come from the person's own link; kept, if anything, from the page before this one.
  | { type: 'start'; participantId: string; identity: LinkIdentity; kept?: KeptAdmissions | undefined }
  | { type: 'input'; input: Input }
  | { type: 'ping'; id: number }
  | PageToRelease
  | KeysPort;

export type KeysToPage =
  | Extract<Output, { type: 'request' | 'excluded' | 'admissions' | 'opened' | 'sent' }>
  | { type: 'status'; status: EncryptionStatus }
  | ReleaseToPage
  | { type: 'pong'; id: number };
