// The protocol client of Alcove: no framework, no dependency. `Session` is who is here and what they may do, `Media`
// is the one PeerConnection; a page draws both.

export { DamagedLinkError, identityOf, loadIdentity, saveIdentity, type LinkIdentity } from './e2ee/link';
export { fetchChecked } from './checked_file';
export { loadWorker, workerLoaded } from './e2ee/worker_files';
export type { Shown } from './e2ee/admissions';
export { unencrypted, type Encryption, type EncryptionProblem, type EncryptionStatus } from './e2ee/status';
export { browserEnv, type Env, type Storage } from './env';
export { pauseOf, RequestError } from './errors';
export { FrameGuard, type Contribution } from './media/frame-guard';
export { Media, type Slot } from './media/media';
export { camera as cameraLimits, screen as screenLimits } from './params';
export {
  subprotocol, type AgreedText, type AnswerData, type Barred, type SelfState, type Consent, type EventData, type Participant,
  type Publication, type RequestData, type RequestType, type Role, type SlotEntry, type Source, type Waiter,
} from './wire/protocol';
export { watchNetwork } from './connection/network';
export { dropSeat, loadSeat } from './connection/seat';
export { TabStorage } from './storage';
export { Session, type Access, type Ending } from './session';
export type { LinkState } from './connection/transport';
export { maxTextLength, type Chat, type ChatMessage } from './papers/chat';
export { maxFileBytes, type ClinicPaper, type Draft, type Files, type Paper } from './papers/files';
export { FileError } from './papers/http';
export { maySend } from './papers/policy';
export type { Reach } from './wire/protocol';
