// How people are named and coloured.

import type { Participant, Role, Source } from '../client';

// The same person keeps the same hue in every list: it is drawn from the id, not from the place.
export function colourOf(id: string): string {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) >>> 0;
  return `p${(sum % 8) + 1}`;
}

export function initialOf(name: string): string {
  // "Dr. Lind" is D; letters of any script, whole characters.
  const letter = /[\p{L}\p{N}]/u.exec(name)?.[0] ?? '·';
  return letter.toLocaleUpperCase();
}

const roleNames: Record<Role, string> = { host: 'Therapist', cohost: 'Co-therapist', participant: '', observer: 'Observer' };

export function roleName(role: Role): string {
  return roleNames[role];
}

export function sends(person: Participant, source: Source): boolean {
  return person.publications.some((publication) => publication.source === source && !publication.muted);
}
