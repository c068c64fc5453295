// Files for the clinic, by age (age-encryption.org): X25519 or hybrid post-quantum recipients.

import { Encrypter } from 'age-encryption';
import type { Bytes } from './bytes';

export async function sealWithAge(recipients: readonly string[], secret: Bytes): Promise<Bytes> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return new Uint8Array(await encrypter.encrypt(secret));
}
