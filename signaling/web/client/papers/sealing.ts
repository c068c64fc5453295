// Sealing by age (https://age-encryption.org/v1), hybrid: X25519 and ML-KEM-768. It runs in a worker of its own, so that neither the page nor the
// keys of the session wait for it.

import { Decrypter, Encrypter, generateHybridIdentity, identityToRecipient } from 'age-encryption';
import type { Bytes } from '../e2ee/bytes';

export interface Sealing {
  // The own mail key. It is made with the first question and lives as long as the page.
  recipient(): Promise<string>;
  // Seals for others.
  seal(to: readonly string[], plain: Bytes): Promise<Bytes>;
  // Opens what was sealed for the own mail key.
  open(sealed: Bytes): Promise<Bytes>;
  // Seals under a key that is made for it.
  sealFile(plain: Bytes): Promise<{ key: string; sealed: Bytes }>;
  openFile(key: string, sealed: Bytes): Promise<Bytes>;
}

async function encrypt(to: readonly string[], plain: Bytes): Promise<Bytes> {
  const encrypter = new Encrypter();
  for (const recipient of to) encrypter.addRecipient(recipient);
  return await encrypter.encrypt(plain) as Bytes;
}

async function decrypt(identity: string, sealed: Bytes): Promise<Bytes> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return await decrypter.decrypt(sealed) as Bytes;
}

export class AgeSealing implements Sealing {
  #identity: Promise<string> | undefined;

  #own(): Promise<string> {
    return (this.#identity ??= generateHybridIdentity());
  }

  async recipient(): Promise<string> {
    return identityToRecipient(await this.#own());
  }

  seal(to: readonly string[], plain: Bytes): Promise<Bytes> {
    return encrypt(to, plain);
  }

  async open(sealed: Bytes): Promise<Bytes> {
    return decrypt(await this.#own(), sealed);
  }

  async sealFile(plain: Bytes): Promise<{ key: string; sealed: Bytes }> {
    const key = await generateHybridIdentity();
    return { key, sealed: await encrypt([await identityToRecipient(key)], plain) };
  }

  openFile(key: string, sealed: Bytes): Promise<Bytes> {
    return decrypt(key, sealed);
  }
}
