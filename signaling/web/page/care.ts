// What people agree to and what keeps them safe: the state of it, and the acts behind its buttons.

import { batch, computed, signal } from '@preact/signals';
import type { AgreedText, Care, Consent, Participant, RequestError, Session, Waiter } from '../client';

export type RecordingScope = Consent['scope'];
export interface Call {
  id: string;
  name: string;
  here: boolean; // in the group; else in the waiting room
}

const minuteMs = 60_000;
// How often the header counts anew: whole minutes need no more.
const tickMs = 10_000;

// Whether the recorder takes what it may: as soon as it starts, before the first byte.
export const records = (recording: string): boolean => recording === 'starting' || recording === 'on';

export const recordingSaid = {
  off: 'Recording has stopped.',
  starting: 'Recording is starting.',
  on: 'Recording has begun.',
  paused: 'Recording is paused.',
};

export class CareState {
  readonly care = signal<Care>({ needs: [], agreement: [], consents: [], helpRaised: false });
  readonly recordingRule = signal('never');
  readonly scopes = signal<readonly RecordingScope[]>([]);
  readonly agreementAsked = signal(false); // in this session, at any time: it is a step then
  readonly agreementClosed = signal(false); // the person did not agree, or looks at the page behind it
  readonly reminder = signal<AgreedText | undefined>(undefined); // shown again by a host, until closed
  readonly consentClosed = signal(false);
  readonly warned = signal<number | null>(null); // minutes, until closed
  readonly leftYes = signal(false); // the seat ended while a consent stood: only the clinic can still be asked
  readonly fault = signal(''); // why the recording ended by itself, until closed
  readonly endsAt = signal<number | undefined>(undefined); // on this device's clock
  readonly endsFor = signal(''); // limit, absent or idle
  readonly now = signal(Date.now());

  readonly needs = computed(() => this.care.value.needs);
  readonly text = computed(() => bestText(this.care.value.agreement, navigator.languages));
  readonly again = signal(false); // the person wants to answer anew
  readonly open = computed(() => this.care.value.consents
    .filter(({ decision }) => decision === undefined || (this.again.value && decision !== 'granted')));
  readonly denied = computed(() => this.care.value.consents.some(({ decision }) => decision === 'refused' || decision === 'withdrawn'));
  readonly given = computed(() => this.care.value.consents.filter(({ decision }) => decision === 'granted'));
  readonly minutesLeft = computed(() => {
    const end = this.endsAt.value;
    return end === undefined ? undefined : Math.max(0, Math.ceil((end - this.now.value) / minuteMs));
  });
  #clock: ReturnType<typeof setInterval> | undefined;

  listen(session: Session): void {
    session.on('welcome', ({ policy }) => batch(() => {
      this.recordingRule.value = policy.recording;
      this.scopes.value = policy.scopes;
    }));
    session.on('care', (care) => this.#told(care));
    session.on('room', ({ endsAt, endsFor }) => batch(() => {
      this.endsFor.value = endsFor ?? '';
      this.endsAt.value = endsAt === undefined ? undefined : endsAt - session.serverAheadMs;
      this.now.value = Date.now();
      const left = this.minutesLeft.value;
      if (left === undefined || left > (this.warned.value ?? 0)) this.warned.value = null;
    }));
    session.on('warning', ({ minutes }) => batch(() => {
      this.now.value = Date.now();
      this.warned.value = minutes;
    }));
    session.on('reminder', ({ texts }) => (this.reminder.value = bestText(texts, navigator.languages)));
    session.on('ended', () => this.stop());
    this.#clock ??= setInterval(() => (this.now.value = Date.now()), tickMs);
  }

  stop(): void {
    clearInterval(this.#clock);
    this.#clock = undefined;
    batch(() => {
      this.leftYes.value = this.given.value.length > 0;
      this.care.value = { needs: [], agreement: [], consents: [], helpRaised: false };
      this.endsAt.value = undefined;
      this.reminder.value = undefined;
      this.warned.value = null;
      this.fault.value = '';
    });
  }

  #told(care: Care): void {
    const asked = (consents: readonly Consent[]): string => consents.map(({ scope, texts }) => scope + texts.map((t) => t.textHash)).join();
    const before = this.care.value;
    batch(() => {
      if (asked(before.consents) !== asked(care.consents)) {
        this.consentClosed.value = false;
        this.again.value = false;
      }
      if (care.agreement.length > 0) this.agreementAsked.value = true;
      if (bestText(before.agreement, [])?.textHash !== bestText(care.agreement, [])?.textHash) this.agreementClosed.value = false;
      this.care.value = care;
    });
  }
}

// The text in the person's language, else in the first that the clinic has.
export function bestText(texts: readonly AgreedText[], languages: readonly string[]): AgreedText | undefined {
  const [first] = texts;
  const same = texts.filter(({ id }) => id === first?.id);
  const main = (tag: string): string => tag.toLowerCase().split('-')[0] ?? '';
  for (const wanted of languages) {
    const fits = same.find(({ locale }) => locale.toLowerCase() === wanted.toLowerCase())
      ?? same.find(({ locale }) => main(locale) === main(wanted));
    if (fits) return fits;
  }
  return first;
}

// A clinic's text as it is written: blank lines part paragraphs, a line that begins with # is a heading.
export function paragraphs(text: string): { heading: boolean; words: string }[] {
  return text.split(/\n\s*\n/).flatMap((part) => part.split(/\n(?=#)|(?<=^#[^\n]*)\n/)).map((part) => part.trim()).filter(Boolean)
    .map((part) => (part.startsWith('#') ? { heading: true, words: part.replace(/^#+\s*/, '') } : { heading: false, words: part }));
}

// A call outlasts being sent back.
export function calling(roster: readonly Participant[], waiting: readonly Waiter[]): Call[] {
  return [
    ...roster.filter(({ helpRaised }) => helpRaised).map(({ id, displayName }) => ({ id, name: displayName, here: true })),
    ...waiting.filter(({ helpRaised }) => helpRaised).map(({ participantId, displayName }) => ({ id: participantId, name: displayName, here: false })),
  ];
}

const faults: Record<string, string> = {
  disk_full: 'there is no space left for it', disk_slow: 'the disk was too slow', seal_failed: 'it could not be encrypted',
};

// Why a recording ended by itself.
export function faultWords(reason: string): string {
  return faults[reason] ?? 'it could not be stored safely';
}

const words: Record<string, string> = {
  agreement_required: 'That is not possible yet: the agreement is not signed.',
  passcode_wrong: 'That is not possible yet: the passcode is missing.',
  verification_required: 'That is not possible yet: first mark who this is.',
  mfa_required: 'For that, log in at the clinic with a second factor, and come with a new link.',
  recording_unavailable: 'This session cannot be recorded.',
  invalid_state: 'That is not possible right now.',
};

// What a refusal means to the person who pressed the button.
export function refusalWords(error: RequestError | undefined): string {
  return words[error?.code ?? ''] ?? 'That did not work. Please try again.';
}
