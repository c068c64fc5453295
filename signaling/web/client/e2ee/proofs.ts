// The proofs of a person's own link, as the group needs them: base64, as the wire carries them. Without the issuer's secret everything
// passes, and people compare a code instead.

import { toBase64 } from './bytes';
import {
  fromBase64, isHostRole, keyPackageProved, ownSecret, personSecret, proveKeyPackage, proveWelcome, welcomeProved, type Person,
} from './identity';
import type { LinkIdentity } from './link';
import type { IdentityLevel } from './status';

// A person as the server describes them to hosts.
interface Described {
  role: string;
  name: string;
  tokenHash: string;
}

export interface Proofs {
  readonly level: IdentityLevel;
  proveKeyPackage(keyPackage: Uint8Array): Promise<string | undefined>;
  // For hosts.
  keyPackageProved(keyPackage: Uint8Array, of: Described, proof: string | undefined): Promise<boolean>;
  proveWelcome(welcome: Uint8Array, to: Described): Promise<string | undefined>;
  welcomeProved(welcome: Uint8Array, proof: string | undefined): Promise<boolean>;
}

export const noProofs: Proofs = {
  level: 'code',
  proveKeyPackage: async () => undefined,
  keyPackageProved: async () => true,
  proveWelcome: async () => undefined,
  welcomeProved: async () => true,
};

export async function proofsOf({ k, role, name, tokenHash }: LinkIdentity): Promise<Proofs> {
  if (k === undefined) return noProofs;
  const secret = fromBase64(k);
  const s = await ownSecret(secret, { role, name, tokenHash: fromBase64(tokenHash) });
  // Only hosts hold what everybody's secret is derived from.
  const secretOf = (of: Described) => personSecret(secret, { role: of.role as Person['role'], name: of.name, tokenHash: fromBase64(of.tokenHash) });
  const mayDerive = isHostRole(role);
  return {
    level: 'link',
    proveKeyPackage: async (keyPackage) => toBase64(await proveKeyPackage(s, keyPackage)),
    keyPackageProved: async (keyPackage, of, proof) => {
      if (!mayDerive || proof === undefined) return false;
      try {
        return await keyPackageProved(await secretOf(of), keyPackage, fromBase64(proof));
      } catch {
        return false; // the server passed on what is no base64
      }
    },
    proveWelcome: async (welcome, to) => (mayDerive ? toBase64(await proveWelcome(await secretOf(to), welcome)) : undefined),
    welcomeProved: async (welcome, proof) => {
      try {
        return proof !== undefined && await welcomeProved(s, welcome, fromBase64(proof));
      } catch {
        return false;
      }
    },
  };
}
