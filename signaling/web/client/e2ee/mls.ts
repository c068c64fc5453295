// MLS (RFC 9420) behind one interface, because the library will change.
//
//   makeKeys ─► join(welcome) or make(id) ─► Group ─ commit, process, seal, open ─► the next Group
//
// A Group is a value: each operation returns the next one and leaves the old one as it was, so that a commit can be kept aside until the
// server has accepted it. Whoever drops a Group for its successor calls retire, which zeroes the secrets that the step used up.
//
// The credential of a leaf is {"id": participant, "role": role} and nothing else: the group and the server see it. Only private messages
// are read. So no commit from outside the group and no proposal on its own can ever be accepted.

import {
  createApplicationMessage, createCommit, createGroup, decodeMlsMessage, defaultLifetime, emptyPskIndex, encodeMlsMessage,
  generateKeyPackageWithKey, getCiphersuiteFromName, getCiphersuiteImpl, joinGroup, mlsExporter, processPrivateMessage, zeroOutUint8Array,
  type Capabilities, type CiphersuiteImpl, type CiphersuiteName, type ClientConfig, type ClientState, type Credential, type KeyPackage,
  type LeafNode, type PrivateKeyPackage, type PrivateMessage, type Proposal, type ProposalWithSender,
} from 'ts-mls';
import { defaultClientConfig } from 'ts-mls/clientConfig.js';
import { makeKeyPackageRef, verifyKeyPackage } from 'ts-mls/keyPackage.js';
import { verifyLeafNodeSignatureKeyPackage } from 'ts-mls/leafNode.js';
import { unprotectPrivateMessage } from 'ts-mls/messageProtection.js';
import { ratchetTreeFromExtension } from 'ts-mls/groupInfo.js';
import { decryptGroupInfo, decryptGroupSecrets } from 'ts-mls/welcome.js';
import { toBase64 } from './bytes';

export const suite: CiphersuiteName = 'MLS_256_XWING_AES256GCM_SHA512_Ed25519';

// RFC 9605, section 5.2.
const baseKeyLabel = 'SFrame 1.0 Base Key';
const baseKeyLength = 32;
// More names no person and costs everybody memory.
const credentialLimit = 512;

export interface Identity {
  id: string; // of the participant
  role: string;
}
export interface Leaf extends Identity {
  leaf: number;
  signatureKey: string; // base64
}
// One person's keys for one leaf that is still to be added. The private part never leaves this object.
export interface OwnKeys {
  readonly keyPackage: Uint8Array; // MLSMessage
  readonly signatureKey: string;
}
// What a commit would change, for whoever may refuse it.
export interface Change {
  sender: Leaf;
  added: Identity[];
  removed: Leaf[];
  other: boolean; // it holds a proposal of another kind
}
export interface Committed<G> {
  group: G;
  commit: Uint8Array;
  welcome?: Uint8Array;
}
export type Processed<G> = { kind: 'next'; group: G } | { kind: 'refused' } | { kind: 'removed' };

export interface Mls<G> {
  // `like` keeps the signature key of other keys of ours: the same leaf in another group.
  makeKeys(identity: Identity, like?: OwnKeys): Promise<OwnKeys>;
  // Throws unless it is a valid key package of our suite.
  readKeyPackage(keyPackage: Uint8Array): Promise<Identity & { signatureKey: string }>;
  make(id: Uint8Array, own: OwnKeys): Promise<G>;
  // Whose signature the welcome bears, before it is joined. Throws if it is not for these keys.
  signerOf(welcome: Uint8Array, own: OwnKeys): Promise<Leaf & { group: string }>;
  join(welcome: Uint8Array, own: OwnKeys): Promise<G>;
  commit(group: G, add: readonly Uint8Array[], remove: readonly number[]): Promise<Committed<G>>;
  process(group: G, commit: Uint8Array, allowed: (change: Change) => boolean): Promise<Processed<G>>;
  seal(group: G, content: Uint8Array): Promise<{ group: G; blob: Uint8Array }>;
  open(group: G, blob: Uint8Array): Promise<{ group: G; from: Leaf; content: Uint8Array }>;
  id(group: G): string;
  members(group: G): Leaf[];
  ownLeaf(group: G): number;
  exportBaseKey(group: G): Promise<Uint8Array>;
  authenticator(group: G): Uint8Array;
  retire(group: G): void;
}

export interface MlsGroup {
  readonly state: ClientState;
  readonly consumed: Uint8Array[]; // zeroed once this state is adopted and the one before is gone
}

interface OwnSecrets extends OwnKeys {
  publicPackage: KeyPackage;
  privatePackage: PrivateKeyPackage;
}

export async function loadMls(name: CiphersuiteName = suite): Promise<Mls<MlsGroup>> {
  return new TsMls(await getCiphersuiteImpl(getCiphersuiteFromName(name)), name);
}

class TsMls implements Mls<MlsGroup> {
  readonly #cs: CiphersuiteImpl;
  readonly #capabilities: Capabilities;

  constructor(cs: CiphersuiteImpl, name: CiphersuiteName) {
    this.#cs = cs;
    this.#capabilities = { versions: ['mls10'], ciphersuites: [name], extensions: [], proposals: [], credentials: ['basic'] };
  }

  async makeKeys(identity: Identity, like?: OwnKeys): Promise<OwnKeys> {
    const signature = like
      ? { signKey: secretsOf(like).privatePackage.signaturePrivateKey, publicKey: secretsOf(like).publicPackage.leafNode.signaturePublicKey }
      : await this.#cs.signature.keygen();
    const { publicPackage, privatePackage } = await generateKeyPackageWithKey(
      credentialOf(identity), this.#capabilities, defaultLifetime, [], signature, this.#cs,
    );
    const keyPackage = encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage: publicPackage });
    const own: OwnSecrets = { keyPackage, signatureKey: toBase64(signature.publicKey), publicPackage, privatePackage };
    return own;
  }

  async readKeyPackage(keyPackage: Uint8Array): Promise<Identity & { signatureKey: string }> {
    const read = keyPackageOf(keyPackage);
    const { leafNode, cipherSuite } = read;
    if (cipherSuite !== this.#cs.name) throw new Error('another cipher suite');
    const { signature } = this.#cs;
    if (!(await verifyKeyPackage(read, signature)) || !(await verifyLeafNodeSignatureKeyPackage(leafNode, signature))) throw new Error('a wrong signature');
    return { ...identityOf(leafNode.credential), signatureKey: toBase64(leafNode.signaturePublicKey) };
  }

  async make(id: Uint8Array, own: OwnKeys): Promise<MlsGroup> {
    const { publicPackage, privatePackage } = secretsOf(own);
    return { state: await createGroup(id, publicPackage, privatePackage, [], this.#cs, clientConfig), consumed: [] };
  }

  async signerOf(welcome: Uint8Array, own: OwnKeys): Promise<Leaf & { group: string }> {
    const { publicPackage, privatePackage } = secretsOf(own);
    const sealed = welcomeOf(welcome);
    const key = await this.#cs.hpke.importPrivateKey(privatePackage.initPrivateKey);
    const secrets = await decryptGroupSecrets(key, await makeKeyPackageRef(publicPackage, this.#cs.hash), sealed, this.#cs.hpke);
    if (!secrets || secrets.psks.length > 0) throw new Error('a welcome for other keys');
    const info = await decryptGroupInfo(sealed, secrets.joinerSecret, new Uint8Array(this.#cs.kdf.size), this.#cs);
    const node = info && ratchetTreeFromExtension(info)?.[info.signer * 2];
    if (node?.nodeType !== 'leaf') throw new Error('a welcome without its signer');
    return { ...leafOf(node.leaf, info!.signer), group: toBase64(info!.groupContext.groupId) };
  }

  async join(welcome: Uint8Array, own: OwnKeys): Promise<MlsGroup> {
    const { publicPackage, privatePackage } = secretsOf(own);
    const state = await joinGroup(
      welcomeOf(welcome), publicPackage, privatePackage, emptyPskIndex, this.#cs, undefined, undefined, clientConfig,
    );
    const group = { state, consumed: [privatePackage.initPrivateKey] };
    const ids = this.members(group).map(({ id }) => id);
    if (new Set(ids).size !== ids.length) throw new Error('two leaves of one participant');
    return group;
  }

  async commit({ state }: MlsGroup, add: readonly Uint8Array[], remove: readonly number[]): Promise<Committed<MlsGroup>> {
    const extraProposals: Proposal[] = [
      ...remove.map((removed): Proposal => ({ proposalType: 'remove', remove: { removed } })),
      ...add.map((blob): Proposal => ({ proposalType: 'add', add: { keyPackage: keyPackageOf(blob) } })),
    ];
    const { newState, commit, welcome, consumed } = await createCommit({ state, cipherSuite: this.#cs }, { extraProposals, ratchetTreeExtension: true });
    return {
      group: { state: newState, consumed }, commit: encodeMlsMessage(commit),
      ...(welcome && { welcome: encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome }) }),
    };
  }

  async process(group: MlsGroup, commit: Uint8Array, allowed: (change: Change) => boolean): Promise<Processed<MlsGroup>> {
    const own = this.ownLeaf(group);
    let removed = false;
    let gone: readonly Leaf[] = [];
    const result = await processPrivateMessage(group.state, privateMessageOf(commit), emptyPskIndex, this.#cs, (incoming) => {
      if (incoming.kind !== 'commit' || incoming.senderLeafIndex === undefined) return 'reject';
      const change = this.#changeOf(group, incoming.senderLeafIndex, incoming.proposals);
      if (!allowed(change)) return 'reject';
      gone = change.removed;
      // The library notices its own removal only if the same commit gives its leaf to nobody else. The signature is checked by now.
      removed = change.removed.some(({ leaf }) => leaf === own);
      return removed ? 'reject' : 'accept';
    });
    if (result.kind !== 'newState') throw new Error('no commit');
    if (removed) return { kind: 'removed' };
    if (result.actionTaken === 'reject') return { kind: 'refused' };
    const next = { state: result.newState, consumed: result.consumed };
    return this.#keepsOthers(group, next, gone) ? { kind: 'next', group: next } : { kind: 'refused' };
  }

  // The path of a commit brings a new leaf of the sender, and RFC 9420 leaves to the application what may be new in it (section 5.3.1): here
  // nothing but keys of HPKE. Or a guest could make a host of their own leaf, or somebody else.
  #keepsOthers(before: MlsGroup, after: MlsGroup, gone: readonly Leaf[]): boolean {
    const now = new Map(this.members(after).map((member) => [member.leaf, member]));
    return this.members(before).filter(({ leaf }) => !gone.some((member) => member.leaf === leaf)).every(({ leaf, id, role, signatureKey }) => {
      const same = now.get(leaf);
      return same?.id === id && same.role === role && same.signatureKey === signatureKey;
    });
  }

  #changeOf(group: MlsGroup, sender: number, proposals: readonly ProposalWithSender[]): Change {
    const members = new Map(this.members(group).map((member) => [member.leaf, member]));
    const change: Change = { sender: members.get(sender)!, added: [], removed: [], other: false };
    for (const { proposal } of proposals) {
      if (proposal.proposalType === 'add') change.added.push(identityOf(proposal.add.keyPackage.leafNode.credential));
      else if (proposal.proposalType === 'remove') change.removed.push(members.get(proposal.remove.removed)!);
      else change.other = true;
    }
    return change;
  }

  async seal({ state }: MlsGroup, content: Uint8Array): Promise<{ group: MlsGroup; blob: Uint8Array }> {
    const { newState, privateMessage, consumed } = await createApplicationMessage(state, content, this.#cs);
    const blob = encodeMlsMessage({ version: 'mls10', wireformat: 'mls_private_message', privateMessage });
    return { group: { state: newState, consumed }, blob };
  }

  // The library's own function does not say who sent an application message.
  async open({ state }: MlsGroup, blob: Uint8Array): Promise<{ group: MlsGroup; from: Leaf; content: Uint8Array }> {
    const message = privateMessageOf(blob);
    const { epoch } = state.groupContext;
    const old = message.epoch < epoch ? state.historicalReceiverData.get(message.epoch) : undefined;
    if (message.epoch !== epoch && !old) throw new Error('an epoch without keys');
    const at = old ?? { ...state, senderDataSecret: state.keySchedule.senderDataSecret };
    const { content: { content }, tree, consumed } = await unprotectPrivateMessage(
      at.senderDataSecret, message, at.secretTree, at.ratchetTree, at.groupContext, clientConfig.keyRetentionConfig, this.#cs,
    );
    if (content.contentType !== 'application' || content.sender.senderType !== 'member') throw new Error('no application message');
    const node = at.ratchetTree[content.sender.leafIndex * 2];
    if (node?.nodeType !== 'leaf') throw new Error('no sender');
    const next: ClientState = old
      ? { ...state, historicalReceiverData: new Map(state.historicalReceiverData).set(message.epoch, { ...old, secretTree: tree }) }
      : { ...state, secretTree: tree };
    return { group: { state: next, consumed }, from: leafOf(node.leaf, content.sender.leafIndex), content: content.applicationData };
  }

  id({ state }: MlsGroup): string {
    return toBase64(state.groupContext.groupId);
  }

  members({ state }: MlsGroup): Leaf[] {
    return state.ratchetTree.flatMap((node, at) => (node?.nodeType === 'leaf' ? [leafOf(node.leaf, at / 2)] : []));
  }

  ownLeaf({ state }: MlsGroup): number {
    return state.privatePath.leafIndex;
  }

  exportBaseKey({ state }: MlsGroup): Promise<Uint8Array> {
    return mlsExporter(state.keySchedule.exporterSecret, baseKeyLabel, new Uint8Array(), baseKeyLength, this.#cs);
  }

  authenticator({ state }: MlsGroup): Uint8Array {
    return state.keySchedule.epochAuthenticator;
  }

  retire({ consumed }: MlsGroup): void {
    for (const secret of consumed) zeroOutUint8Array(secret);
  }
}

// No key package of ours expires: they live as long as their page.
const clientConfig: ClientConfig = {
  ...defaultClientConfig,
  authService: {
    async validateCredential(credential: Credential): Promise<boolean> {
      try {
        identityOf(credential);
        return true;
      } catch {
        return false;
      }
    },
  },
};

function credentialOf({ id, role }: Identity): Credential {
  return { credentialType: 'basic', identity: new TextEncoder().encode(JSON.stringify({ id, role })) };
}

// Throws unless it is exactly what credentialOf writes.
function identityOf(credential: Credential): Identity {
  if (credential.credentialType !== 'basic' || credential.identity.length > credentialLimit) throw new Error('another kind of credential');
  const written = new TextDecoder('utf-8', { fatal: true }).decode(credential.identity);
  const { id, role } = JSON.parse(written) as Partial<Identity>;
  if (typeof id !== 'string' || typeof role !== 'string' || written !== JSON.stringify({ id, role })) throw new Error('another credential');
  return { id, role };
}

function leafOf(node: LeafNode, leaf: number): Leaf {
  return { ...identityOf(node.credential), leaf, signatureKey: toBase64(node.signaturePublicKey) };
}

function secretsOf(own: OwnKeys): OwnSecrets {
  return own as OwnSecrets;
}

function decoded(blob: Uint8Array) {
  const [message, used] = decodeMlsMessage(blob, 0) ?? [];
  if (!message || used !== blob.length) throw new Error('no MLS message');
  return message;
}

function keyPackageOf(blob: Uint8Array): KeyPackage {
  const message = decoded(blob);
  if (message.wireformat !== 'mls_key_package') throw new Error('no key package');
  return message.keyPackage;
}

function welcomeOf(blob: Uint8Array) {
  const message = decoded(blob);
  if (message.wireformat !== 'mls_welcome') throw new Error('no welcome');
  return message.welcome;
}

function privateMessageOf(blob: Uint8Array): PrivateMessage {
  const message = decoded(blob);
  if (message.wireformat !== 'mls_private_message') throw new Error('no private message');
  return message.privateMessage;
}
