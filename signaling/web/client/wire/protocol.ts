// The messages of protocol alcove.v1, as PROTOCOL.md lists them. Types are drawn from the shapes, so that what the
// compiler believes and what is checked on arrival cannot drift apart.

import { either, flag, list, number, object, oneOf, optional, text, type Of, type Shape } from './shape';

export const subprotocol = 'alcove.v1';

export const source = oneOf('microphone', 'camera', 'screen');
export const role = oneOf('host', 'cohost', 'participant', 'observer', 'recorder');
const slotKind = oneOf('audio', 'video', 'screen');

export const publication = object({ id: text, source, muted: flag, csrc: number });
export const participant = object({
  id: text, displayName: text, role, connected: flag, handRaised: flag, verified: flag, away: flag,
  awayMessage: optional(text), grants: list(text), taken: list(text), publications: list(publication), verifiedName: optional(text), helpRaised: optional(flag),
  aes128: optional(flag), mediaFailed: optional(text), handRaisedAt: optional(number),
});
export const waiter = object({
  participantId: text, displayName: text, verifiedName: optional(text), since: number, returning: flag, connected: flag,
  verified: flag, needs: list(text), helpRaised: optional(flag),
});
export const barred = object({ participantId: text, displayName: text });
const slotMid = object({ mid: text, kind: slotKind, index: number });
const slotEntry = object({ kind: slotKind, index: number, publicationId: text, participantId: text, csrc: number });
const iceServer = object({
  urls: either(list(text), text), username: optional(text), credential: optional(text),
});
const encoding = object({
  rid: optional(text), scaleResolutionDownBy: optional(number), maxBitrate: optional(number), maxFramerate: optional(number),
});
const empty = object({});

export const scope = oneOf('recording.audio', 'recording.video');
const agreedText = object({ id: text, version: text, locale: text, text, textHash: text });
export const consent = object({
  scope, purpose: text, texts: list(agreedText), decision: optional(oneOf('granted', 'refused', 'withdrawn')), recipients: optional(list(text)),
});
// What is asked of somebody and where they are: part of the welcome, and an event of its own.
const selfStateFields = {
  needs: list(text), agreement: list(agreedText), consents: list(consent), helpRaised: flag, sideRoom: optional(text),
  displayName: optional(text), verifiedName: optional(text),
};
const selfState = object(selfStateFields);

export type Source = Of<typeof source>;
export type Role = Of<typeof role>;
export type SlotKind = Of<typeof slotKind>;
export type Encoding = Of<typeof encoding>;
export type Publication = Of<typeof publication>;
export type Participant = Of<typeof participant>;
export type Waiter = Of<typeof waiter>;
export type Barred = Of<typeof barred>;
export type SlotMid = Of<typeof slotMid>;
export type SlotEntry = Of<typeof slotEntry>;
export type AgreedText = Of<typeof agreedText>;
export type Consent = Of<typeof consent>;
export type SelfState = Of<typeof selfState>;

const reach = oneOf('off', 'hosts', 'all');
export type Reach = Of<typeof reach>;

export const welcome = object({
  sessionId: text, resumeSecret: text, participantId: text, state: oneOf('waiting', 'admitted'), role,
  permissions: list(text), pingMs: number, resumeMs: number, waitingResumeMs: optional(number), policy: object({ name: text, recording: text, scopes: list(scope), screenForAll: optional(flag), e2ee: optional(oneOf('off', 'required')), chat: optional(reach), files: optional(reach), clinicPapers: optional(flag), verify: optional(flag), hostGraceMs: optional(number) }),
  ...selfStateFields,
});
export type Welcome = Of<typeof welcome>;

const target = { participantId: text };
const targetWithMessage = object({ ...target, message: optional(text) });
const targetAndSource = object({ ...target, source });

// What a client asks, and what it is told: `data` of the request and of its answer.
export const requests = {
  hello: [object({
    token: optional(text), nonce: optional(text), resume: optional(object({ sessionId: text, secret: text })), displayName: optional(text),
    passcode: optional(text), e2ee: optional(number), client: object({ name: text, version: text }),
  }), welcome],
  ping: [empty, empty],
  leave: [object({ aloneMinutes: optional(number) }), empty],
  'self.rename': [object({ displayName: text }), empty],
  'participant.rename': [object({ ...target, displayName: text }), empty],
  'hand.set': [object({ raised: flag }), empty],
  'publication.set': [object({ source, muted: flag }), empty],
  'permission.ask': [object({ permission: text }), empty],
  'waiting.admit': [
    object({ participantIds: either(oneOf('*'), list(text)), verify: optional(flag) }),
    object({ admitted: list(text), refused: list(object({ participantId: text, code: text })) }),
  ],
  'waiting.deny': [targetWithMessage, empty],
  'waiting.message': [object({ participantId: optional(text), text }), empty],
  'mod.sendBack': [targetWithMessage, empty],
  'mod.remove': [targetWithMessage, empty],
  'mod.lift': [object(target), empty],
  'mod.mute': [targetAndSource, empty],
  'mod.muteAll': [object({ source }), empty],
  'mod.lowerHands': [object({ participantIds: either(oneOf('*'), list(text)) }), empty],
  'mod.askUnmute': [targetAndSource, empty],
  'mod.grant': [object({ ...target, grant: text, granted: flag }), empty],
  'passcode.enter': [object({ code: text }), empty],
  'agreement.acknowledge': [object({ textHash: text }), empty],
  'consent.respond': [object({ scope, textHash: text, decision: oneOf('granted', 'refused') }), empty],
  'consent.withdraw': [object({ scope: optional(scope) }), empty],
  'recording.start': [object({ scopes: list(scope), screenForAll: optional(flag) }), empty],
  'recording.stop': [empty, empty],
  'mod.verify': [object({ ...target, verified: flag }), empty],
  'mod.setRole': [object({ ...target, role }), empty],
  'mod.sideRoom': [targetWithMessage, empty],
  'sideRoom.leave': [empty, empty],
  'help.signal': [empty, empty],
  'agreement.remind': [empty, empty],
  'help.withdraw': [empty, empty],
  'help.reply': [object({ ...target, text }), empty],
  'help.clear': [object(target), empty],
  'room.extend': [object({ minutes: number }), empty],
  'room.lock': [empty, empty],
  'room.unlock': [empty, empty],
  'room.end': [empty, empty],
  'media.offer': [
    object({ generation: number, sdp: text, tracks: list(object({ mid: text, source })) }),
    object({ sdp: text, slots: list(slotMid) }),
  ],
  'check.begin': [empty, object({ iceServers: list(iceServer), lastsMs: number })],
  'check.offer': [object({ sdp: text, tracks: list(object({ mid: text, source })) }), object({ sdp: text })],
  'view.set': [
    object({ views: list(object({ publicationId: text, width: number, height: number })), paused: list(text) }), empty,
  ],
  'file.access': [empty, object({ credential: text, clinic: list(text) })],
  'file.create': [
    object({
      size: number, to: optional(list(text)), clinic: optional(oneOf('card', 'journal')), sealed: optional(text), afterSession: optional(flag),
      releaseAt: optional(number), replaces: optional(text),
    }),
    object({ fileId: text }),
  ],
  'file.withdraw': [object({ fileId: text }), empty],
  'e2ee.key': [object({ keyPackage: text, tokenHash: text, proof: optional(text) }), empty],
  'e2ee.create': [object({ group: text, replaces: optional(text) }), empty],
  'e2ee.commit': [
    object({ group: text, after: number, commit: text, welcome: optional(text), to: optional(list(text)), proofs: optional(list(text)) }), empty,
  ],
  'e2ee.app': [object({ group: text, after: number, blob: text, to: optional(list(text)) }), empty],
  'e2ee.sync': [object({ after: number }), object({ number })],
  'e2ee.release': [
    object({ scope, number, sealed: optional(text), keys: list(object({ kid: number, blob: text })) }), empty,
  ],
} satisfies Record<string, [Shape<unknown>, Shape<unknown>]>;

export type RequestType = keyof typeof requests;
export type RequestData<T extends RequestType> = Of<(typeof requests)[T][0]>;
export type AnswerData<T extends RequestType> = Of<(typeof requests)[T][1]>;

// What the server tells by itself. Reasons and permissions stay open words: later versions add some.
export const events = {
  'access.changed': object({
    state: oneOf('waiting', 'admitted', 'denied', 'removed', 'left', 'ended'),
    reason: optional(text), message: optional(text), permissions: list(text),
  }),
  'self.updated': selfState,
  'room.updated': object({
    name: text, locked: flag, absenceLock: flag, hostAbsent: flag, recording: text, endsAt: optional(number), endsFor: optional(text),
  }),
  'room.warning': object({ minutes: number }),
  'recording.failed': object({ reason: text }),
  quality: object({ participantId: text, source, reason: text, withheld: flag, taken: optional(flag) }),
  'server.draining': object({ draining: flag, stopsAt: optional(number) }),
  'help.raised': object(target),
  'help.replied': object({ ...target, text }),
  'agreement.reminder': object({ texts: list(agreedText) }),
  roster: object({ participants: list(participant) }),
  'participant.joined': object({ participant }),
  'participant.updated': object({ participant }),
  'participant.left': object({ participantId: text, reason: text }),
  speakers: object({ participantIds: list(text) }),
  lines: object({ lines: list(object({ participantId: text, level: text })) }),
  'room.ended': object({ reason: text }),
  'permission.asked': object({ participantId: text, permission: text }),
  'unmute.asked': object({ source }),
  'waiting.list': object({ waiting: list(waiter) }),
  'waiting.added': object({ waiter }),
  'waiting.updated': object({ waiter }),
  'waiting.removed': object({ participantId: text }),
  'waiting.message': object({ from: oneOf('host', 'waiting'), participantId: text, text }),
  'barred.list': object({ barred: list(barred) }),
  'media.ready': object({
    generation: number, iceServers: list(iceServer), slots: object({ pairs: number, screens: number }),
    codecs: object({ audio: list(text), video: list(text) }), encodings: optional(object({
      microphone: optional(list(encoding)), camera: optional(list(encoding)), screen: optional(list(encoding)),
    })),
  }),
  'slot.map': object({ slots: list(slotEntry) }),
  'slot.paused': object({ paused: list(object({ publicationId: text, reason: text })) }),
  'encodings.wanted': object({ source, rids: list(text) }),
  'media.failed': object({ participantId: text, code: text }),
  'files.changed': empty,
  'e2ee.state': object({ number, group: optional(text), sideRoomGroup: optional(text) }),
  'e2ee.entry': object({
    group: text, number, previous: number, kind: oneOf('create', 'commit'), from: text, blob: optional(text), replaces: optional(text),
    sideRoom: optional(flag),
  }),
  'e2ee.welcome': object({ group: text, number, from: text, blob: text, proof: optional(text) }),
  'e2ee.keys': object({ participantId: text, keyPackage: text, tokenHash: text, proof: optional(text) }),
  'e2ee.app': object({ group: text, number, from: text, blob: text }),
} satisfies Record<string, Shape<unknown>>;

export type EventType = keyof typeof events;
export type EventData<T extends EventType> = Of<(typeof events)[T]>;
export type Wanted = EventData<'encodings.wanted'>;
export type MediaReady = EventData<'media.ready'>;

export const failure = object({
  code: text, message: text, retryable: flag, retryAfterMs: optional(number), ref: optional(text),
});
export type Failure = Of<typeof failure>;

// Close codes, section 7.
export const close = {
  left: 1000, protocol: 4400, token: 4401, door: 4403, helloLate: 4408, replaced: 4409, ended: 4410, tooLarge: 4413,
  tooMany: 4429, draining: 4503,
} as const;
