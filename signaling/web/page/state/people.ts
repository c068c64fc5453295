// Names, colours and states of participants.

import type { Participant, Role, Source, Waiter } from '../../client';

// Hues are given in the order in which people are first seen: eight differ before one comes again, and the same person
// keeps the same one in every list, whoever leaves.
const seen = new Map<string, number>();

export function colourOf(id: string): string {
  const place = seen.get(id) ?? seen.size;
  seen.set(id, place);
  return `p${(place % 8) + 1}`;
}

export function initialOf(name: string): string {
  // "Dr. Lind" is D; letters of any script, whole characters.
  const letter = /[\p{L}\p{N}]/u.exec(name)?.[0] ?? '·';
  return letter.toLocaleUpperCase();
}

const roleNames: Record<Role, string> = { host: 'Therapist', cohost: 'Co-therapist', participant: '', observer: 'Observer', recorder: 'Recorder' };

export function roleName(role: Role): string {
  return roleNames[role];
}

// Let in, but not come in: who has a connection publishes at least what is muted. Observers have nothing to publish. Of a connection
// without keys only hosts are told.
export function gettingReady({ connected, role, publications, mediaFailed }: Participant): boolean {
  return connected && role !== 'observer' && publications.length === 0 && !mediaFailed;
}

const cannotEncrypt = 'the browser cannot encrypt as this server asks for';
// Why a connection for media got no keys, by the codes of media.failed.
const mediaFailures: Record<string, string> = {
  timeout: 'it took too long', closed: 'the browser ended it', fingerprint: 'something on the way changed it',
  srtp_profile: cannotEncrypt, cipher_suite: cannotEncrypt, dtls_version: cannotEncrypt,
};

// What hosts are told of the encryption of a person's audio and video. Small tiles show what is wrong and leave out the detail.
export interface EncryptionWarning {
  failed: boolean;
  what: string;
  detail: string;
}

export function encryptionWarning({ aes128, mediaFailed }: Participant): EncryptionWarning | undefined {
  if (mediaFailed) return { failed: true, what: 'No safe connection', detail: `: ${mediaFailures[mediaFailed] ?? `for an unknown reason (${mediaFailed})`}` };
  return aes128 ? { failed: false, what: 'Weaker encryption', detail: ' (AES-128)' } : undefined;
}

export function isSending(person: Participant, source: Source): boolean {
  return person.publications.some((publication) => publication.source === source && !publication.muted);
}

export interface HelpCall {
  id: string;
  name: string;
  here: boolean; // in the group, else in the waiting room
}

// The calls for help of the group and the waiting room: a person who is sent back keeps calling.
export function helpCallsOf(roster: readonly Participant[], waiting: readonly Waiter[]): HelpCall[] {
  return [
    ...roster.filter(({ helpRaised }) => helpRaised).map(({ id, displayName }) => ({ id, name: displayName, here: true })),
    ...waiting.filter(({ helpRaised }) => helpRaised).map(({ participantId, displayName }) => ({ id: participantId, name: displayName, here: false })),
  ];
}
