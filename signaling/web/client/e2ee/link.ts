// What the person's own link says of encryption. The server is not asked: a mode that it may talk down is no promise.

import type { Storage } from '../env';
import type { Role } from '../wire/protocol';
import { flag, list, object, oneOf, optional, text, type Of } from '../wire/shape';
import { base64, displayName, fromBase64, hashToken } from './identity';

const key = 'alcove.e2ee';
const shape = object({
  required: flag, // the claim e2ee is "required", or there is a k
  role: oneOf('host', 'cohost', 'participant', 'observer'),
  name: text, // verified, as it is shown; "" for none
  tokenHash: text, // base64 of the token's SHA-256
  k: optional(text), // R of hosts, s of everybody else, in base64url; missing in links of level code
  recipients: optional(list(text)), // the claim of that name: whom recordings may be sealed to
});
export type LinkIdentity = Of<typeof shape>;

export class DamagedLinkError extends Error {
  override name = 'DamagedLinkError';
}

// Reads the token's own claims. Throws DamagedLinkError for a k that is none: half a secret is no reason to do without.
export async function identityOf(token: string, k: string | undefined): Promise<LinkIdentity> {
  if (k !== undefined && !isSecret(k)) throw new DamagedLinkError('k is no secret of 32 bytes');
  const claims = claimsOf(token);
  const role = claims.role as Role;
  const recipients = typeof claims.recipients === 'string' ? [claims.recipients] : Array.isArray(claims.recipients) ? claims.recipients.map(String) : undefined;
  return {
    // Nobody gives a secret to people whose sessions are not encrypted: a k alone promises it too.
    required: claims.e2ee === 'required' || k !== undefined,
    role: role === 'host' || role === 'cohost' || role === 'observer' ? role : 'participant',
    name: displayName(typeof claims.name === 'string' ? claims.name : ''),
    tokenHash: base64(await hashToken(token)),
    ...(k === undefined ? {} : { k }), ...(recipients ? { recipients } : {}),
  };
}

function isSecret(k: string): boolean {
  try {
    return fromBase64(k).length === 32;
  } catch {
    return false;
  }
}

function claimsOf(token: string): Record<string, unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(fromBase64(token.split('.')[1] ?? ''))) as Record<string, unknown>;
  } catch {
    return {};
  }
}

// It lies beside the seat, for reloads, and goes with it.
export function saveIdentity(storage: Storage, identity: LinkIdentity): void {
  storage.setItem(key, JSON.stringify(identity));
}

export function loadIdentity(storage: Storage): LinkIdentity | undefined {
  try {
    const raw = storage.getItem(key);
    return raw === null ? undefined : shape(JSON.parse(raw), 'link');
  } catch {
    // Unreadable or not ours.
    return undefined;
  }
}

export function dropIdentity(storage: Storage): void {
  storage.removeItem(key);
}
