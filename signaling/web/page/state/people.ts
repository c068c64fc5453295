// Names, colours and states of participants.

import type { Participant, Role, Source } from '../../client';

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

// Let in, but not come in: who has a connection publishes at least what is muted. Observers have nothing to publish.
export function gettingReady({ connected, role, publications }: Participant): boolean {
  return connected && role !== 'observer' && publications.length === 0;
}

export function isSending(person: Participant, source: Source): boolean {
  return person.publications.some((publication) => publication.source === source && !publication.muted);
}
