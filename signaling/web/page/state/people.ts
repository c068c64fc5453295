// Names, colours and states of participants.

import type { Participant, Role, Source, Waiter } from '../../client';
import { t, type PlainKey } from '../text/text';

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

const roleNames: Partial<Record<Role, PlainKey>> = { host: 'people.host', cohost: 'people.cohost', observer: 'people.observer', recorder: 'people.recorder' };

export function roleName(role: Role): string {
  const key = roleNames[role];
  return key ? t(key) : '';
}

// Let in, but not come in: who has a connection publishes at least what is muted. Observers have nothing to publish. Of a connection
// without keys only hosts are told.
export function gettingReady({ connected, role, publications, mediaFailed }: Participant): boolean {
  return connected && role !== 'observer' && publications.length === 0 && !mediaFailed;
}

// Why a connection for media got no keys, by the codes of media.failed.
const mediaFailures: Record<string, PlainKey> = {
  timeout: 'shield.timeout', closed: 'shield.closed', fingerprint: 'shield.fingerprint',
  srtp_profile: 'shield.cannot', cipher_suite: 'shield.cannot', dtls_version: 'shield.cannot',
};

// What hosts are told of the encryption of a person's audio and video. Small tiles show what is wrong and leave out the detail.
export interface EncryptionWarning {
  failed: boolean;
  what: string;
  detail: string;
}

export function encryptionWarning({ aes128, mediaFailed }: Participant): EncryptionWarning | undefined {
  const why = mediaFailures[mediaFailed ?? ''];
  if (mediaFailed) return { failed: true, what: t('shield.noSafe'), detail: `: ${why ? t(why) : t('shield.unknown', { code: mediaFailed })}` };
  return aes128 ? { failed: false, what: t('shield.weaker'), detail: ' (AES-128)' } : undefined;
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
