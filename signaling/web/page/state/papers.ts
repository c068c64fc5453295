// Messages and papers as the page shows them: what was said and sent, what is new, and to whom the person may send.

import { computed, signal } from '@preact/signals';
import { numberOf, t, type PlainKey } from '../text/text';
import { maySend, type ClinicPaper, type Draft, type ChatMessage, type Paper, type Participant, type Reach, type Session } from '../../client';

// all, hosts, or the id of somebody.
type Target = string;
export interface Choice {
  target: Target;
  label: string;
}

export type Entry = { kind: 'message'; at: number; message: ChatMessage } | { kind: 'paper'; at: number; paper: Paper };

export class PapersStore {
  readonly messages = signal<readonly ChatMessage[]>([]);
  readonly papers = signal<readonly Paper[]>([]);
  readonly open = signal(false);
  readonly chatReach = signal<Reach>('off');
  readonly filesReach = signal<Reach>('off');
  readonly clinicPapers = signal(false);
  readonly available = computed(() => this.chatReach.value !== 'off' || this.filesReach.value !== 'off' || this.clinicPapers.value);
  readonly #seen = signal<ReadonlySet<string>>(new Set());
  readonly #arrived = computed(() => [
    ...this.messages.value.filter(({ own }) => !own).map(({ from, id }) => `${from} ${id}`),
    ...this.papers.value.filter(({ own }) => !own).map(({ id, released }) => `${id} ${released}`),
  ]);
  readonly unread = computed(() => (this.open.value ? 0 : this.#arrived.value.filter((id) => !this.#seen.value.has(id)).length));
  readonly received = computed(() => this.papers.value.filter(({ own }) => !own));
  readonly entries = computed<readonly Entry[]>(() => [
    ...this.messages.value.map((message) => ({ kind: 'message' as const, at: message.at, message })),
    ...this.papers.value.map((paper) => ({ kind: 'paper' as const, at: paper.at, paper })),
  ].sort((a, b) => a.at - b.at));
  #session: Session | undefined;
  #announce: (sentence: string) => void;

  constructor(announce: (sentence: string) => void) {
    this.#announce = announce;
  }

  subscribe(session: Session): void {
    this.#session = session;
    [this.messages.value, this.papers.value, this.open.value] = [[], [], false];
    session.on('welcome', ({ policy }) => {
      const encrypted = policy.e2ee === 'required';
      this.chatReach.value = (encrypted && policy.chat) || 'off';
      this.filesReach.value = (encrypted && policy.files) || 'off';
      this.clinicPapers.value = encrypted && policy.clinicPapers === true;
    });
    session.on('ended', () => (this.open.value = false));
    session.on('chat', ({ messages }) => {
      const seen = new Set(this.messages.value.map(({ from, id }) => `${from} ${id}`));
      const known = new Map(this.messages.value.filter(({ own }) => own).map(({ id, state }) => [id, state]));
      if (messages.some(({ own, id, state }) => own && state === 'failed' && known.get(id) !== 'failed')) this.#announce(t('chat.notSent'));
      this.messages.value = messages;
      for (const { own, name, text, to } of messages.filter(({ from, id }) => !seen.has(`${from} ${id}`))) {
        if (!own) this.#announce(this.open.value ? t(to === 'all' ? 'papers.said' : 'papers.saidToYou', { name, text }) : t('papers.newMessage', { name }));
      }
      this.#see();
    });
    session.on('files', ({ papers }) => {
      const known = new Map(this.papers.value.map((paper) => [paper.id, paper]));
      this.papers.value = papers;
      for (const { id, own, state, fromName, name } of papers) {
        if (!own && state === 'ready' && known.get(id)?.state !== 'ready' && !known.get(id)?.name) this.#announce(t('papers.sentYou', { sender: fromName || t('papers.gone'), name }));
      }
      this.#see();
    });
  }

  setOpen(open: boolean): void {
    this.open.value = open;
    this.#see();
    this.#seen.value = new Set(this.#arrived.value);
  }

  #see(): void {
    if (this.open.value) this.#seen.value = new Set(this.#arrived.value);
  }

  // Whom a target means; `others` are the people of the group without oneself.
  static resolve(target: Target, others: readonly Participant[]): readonly string[] | 'all' {
    if (target === 'all') return 'all';
    if (target === 'hosts') return others.filter(({ role }) => role === 'host' || role === 'cohost').map(({ id }) => id);
    return [target];
  }

  // To whom one may send, by the policy and the own role. Participants write to the therapists together, never to one alone of many.
  // In a side room (peer) the two have a group of their own, which nobody else can open.
  choices(reach: Reach, self: Participant | undefined, group: readonly Participant[], peer?: string): readonly Choice[] {
    const others = peer ? group.filter(({ id }) => id === peer) : group;
    const hosts = others.filter(({ role }) => role === 'host' || role === 'cohost').map(({ id }) => id);
    const leads = self?.role === 'host' || self?.role === 'cohost';
    const all: Choice[] = [
      { target: 'all', label: t('papers.everyone') }, { target: 'hosts', label: t(leads ? 'papers.otherTherapists' : 'papers.therapists') },
      ...(leads ? others.map(({ id, displayName }) => ({ target: id, label: displayName })) : []),
    ];
    const offered = peer ? others.map(({ id, displayName }) => ({ target: id, label: t('chat.inSideRoom', { name: displayName }) })) : all;
    return offered.filter(({ target }) => {
      const to = PapersStore.resolve(target, others);
      return (to === 'all' ? others.length > 0 : to.length > 0) && maySend(reach, self?.role, to, hosts);
    });
  }

  say(text: string, to: readonly string[] | 'all'): void {
    void this.#session?.chat.send(text, to);
  }

  sayAgain(id: string): void {
    void this.#session?.chat.retry(id);
  }

  send(draft: Draft): void {
    void this.#session?.files.send(draft);
  }

  withdraw(id: string): void {
    this.#session?.files.withdraw(id).catch(() => this.#announce(t('papers.notWithdrawn')));
  }

  get files(): Session['files'] | undefined {
    return this.#session?.files;
  }

  async writeClinic(kind: ClinicPaper, from: string, text: string): Promise<void> {
    await this.#session?.files.writeClinic(kind, from, text);
  }
}

// What went wrong with a paper, by the code.
const problems: Record<string, PlainKey> = {
  file_too_large: 'papers.tooLarge',
  file_quota: 'papers.quota',
  storage_full: 'papers.serverFull',
  no_mail_key: 'papers.noKey',
  unreachable: 'papers.unreachable',
  room_ended: 'papers.sessionEnded',
  recipients: 'shield.otherReaders',
  recipients_unnamed: 'shield.noReaders',
  unreadable: 'papers.notOpened',
  changed: 'shield.notAsSealed',
  not_announced: 'papers.groupUnreachable',
  target_not_found: 'papers.missing',
};

export function problemOf(code: string): string {
  return t(problems[code] ?? 'papers.other');
}

export function sizeWords(bytes: number): string {
  return bytes < 1_000_000 ? numberOf(Math.max(1, Math.round(bytes / 1_000)), { style: 'unit', unit: 'kilobyte' })
    : numberOf(bytes / 1_000_000, { style: 'unit', unit: 'megabyte', minimumFractionDigits: 1, maximumFractionDigits: 1 });
}
