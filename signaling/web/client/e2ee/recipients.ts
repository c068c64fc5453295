// Whom recordings, cards and journals are sealed to. The server names the recipients, and cannot choose them: their hashes stand in the
// person's own link, and for recordings in what the person answers.

import type { Consent } from '../wire/protocol';

export type RecipientsRefusal =
  | 'none' // the server names no recipient
  | 'unnamed' // the link names none
  | 'others' // one that the link does not name
  | 'text'; // the hash is not that of this text with these recipients

// Returns why a recording under this consent is refused, undefined if it is not. named are the hashes in the link: the claim `recipients`.
export async function refusedRecipients(consent: Consent, named: readonly string[] | undefined): Promise<RecipientsRefusal | undefined> {
  const { recipients = [], texts } = consent;
  const refusal = await refusedKeys(recipients, named);
  if (refusal) return refusal;
  const hashes = await Promise.all(recipients.map(sha256));
  for (const { text, textHash } of texts) {
    if (await consentTextHash(text, hashes) !== textHash) return 'text';
  }
  return undefined;
}

// Returns why nothing is sealed to these public keys, undefined if the link names each of them.
export async function refusedKeys(recipients: readonly string[], named: readonly string[] | undefined): Promise<Exclude<RecipientsRefusal, 'text'> | undefined> {
  if (recipients.length === 0) return 'none';
  if (!named || named.length === 0) return 'unnamed';
  const hashes = await Promise.all(recipients.map(sha256));
  return hashes.every((hash) => named.includes(hash)) ? undefined : 'others';
}

// The hash that an answer names: SHA-256 of the text and, for each recipient, a newline and its SHA-256 in hex.
export async function consentTextHash(text: string, recipientHashes: readonly string[]): Promise<string> {
  return sha256([text, ...recipientHashes].join('\n'));
}

async function sha256(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
