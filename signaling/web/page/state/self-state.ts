// A participant's own state by `self.updated`: requirements, agreement, consents, help, side room; and the end of the session.

import { batch, computed, signal } from '@preact/signals';
import type { AgreedText, SelfState, Consent, Participant, RequestError, Session, Waiter } from '../../client';

export type RecordingScope = Consent['scope'];
export interface HelpCall {
  id: string;
  name: string;
  here: boolean; // in the group; else in the waiting room
}

const minuteMs = 60_000;
// How often the header counts anew: whole minutes need no more.
const clockTickMs = 10_000;

// Whether the recorder takes what it may: as soon as it starts, before the first byte.
export const isRecording = (recording: string): boolean => recording === 'starting' || recording === 'on';

export const recordingAnnouncements = {
  off: 'Recording has stopped.',
  starting: 'Recording is starting.',
  on: 'Recording has begun.',
  paused: 'Recording is paused.',
};

export class SelfStateStore {
  readonly latest = signal<SelfState>({ needs: [], agreement: [], consents: [], helpRaised: false });
  readonly recordingRule = signal('never');
  readonly scopes = signal<readonly RecordingScope[]>([]);
  readonly agreementAsked = signal(false); // in this session, at any time: it is a step then
  readonly agreementClosed = signal(false); // the person did not agree, or looks at the page behind it
  readonly reminder = signal<AgreedText | undefined>(undefined); // shown again by a host, until closed
  readonly consentClosed = signal(false);
  readonly warningMinutes = signal<number | null>(null); // minutes, until closed
  readonly leftWithConsent = signal(false); // the seat ended while a consent stood: only the clinic can still be asked
  readonly recordingFault = signal(''); // why the recording ended by itself, until closed
  readonly endsAt = signal<number | undefined>(undefined); // on this device's clock
  readonly endsFor = signal(''); // limit, absent or idle
  readonly now = signal(Date.now());

  readonly needs = computed(() => this.latest.value.needs);
  readonly text = computed(() => bestText(this.latest.value.agreement, navigator.languages));
  readonly answeringAgain = signal(false); // the person wants to answer anew
  readonly openConsents = computed(() => this.latest.value.consents
    .filter(({ decision }) => decision === undefined || (this.answeringAgain.value && decision !== 'granted')));
  readonly denied = computed(() => this.latest.value.consents.some(({ decision }) => decision === 'refused' || decision === 'withdrawn'));
  readonly granted = computed(() => this.latest.value.consents.filter(({ decision }) => decision === 'granted'));
  readonly minutesLeft = computed(() => {
    const end = this.endsAt.value;
    return end === undefined ? undefined : Math.max(0, Math.ceil((end - this.now.value) / minuteMs));
  });
  #clock: ReturnType<typeof setInterval> | undefined;

  subscribe(session: Session): void {
    session.on('welcome', ({ policy }) => batch(() => {
      this.recordingRule.value = policy.recording;
      this.scopes.value = policy.scopes;
    }));
    session.on('selfState', (care) => this.#onSelfState(care));
    session.on('room', ({ endsAt, endsFor }) => batch(() => {
      this.endsFor.value = endsFor ?? '';
      this.endsAt.value = endsAt === undefined ? undefined : endsAt - session.serverAheadMs;
      this.now.value = Date.now();
      const left = this.minutesLeft.value;
      if (left === undefined || left > (this.warningMinutes.value ?? 0)) this.warningMinutes.value = null;
    }));
    session.on('warning', ({ minutes }) => batch(() => {
      this.now.value = Date.now();
      this.warningMinutes.value = minutes;
    }));
    session.on('reminder', ({ texts }) => (this.reminder.value = bestText(texts, navigator.languages)));
    session.on('ended', () => this.stop());
    this.#clock ??= setInterval(() => (this.now.value = Date.now()), clockTickMs);
  }

  stop(): void {
    clearInterval(this.#clock);
    this.#clock = undefined;
    batch(() => {
      this.leftWithConsent.value = this.granted.value.length > 0;
      this.latest.value = { needs: [], agreement: [], consents: [], helpRaised: false };
      this.endsAt.value = undefined;
      this.reminder.value = undefined;
      this.warningMinutes.value = null;
      this.recordingFault.value = '';
    });
  }

  #onSelfState(care: SelfState): void {
    const asked = (consents: readonly Consent[]): string => consents.map(({ scope, texts }) => scope + texts.map((t) => t.textHash)).join();
    const before = this.latest.value;
    batch(() => {
      if (asked(before.consents) !== asked(care.consents)) {
        this.consentClosed.value = false;
        this.answeringAgain.value = false;
      }
      if (care.agreement.length > 0) this.agreementAsked.value = true;
      if (bestText(before.agreement, [])?.textHash !== bestText(care.agreement, [])?.textHash) this.agreementClosed.value = false;
      this.latest.value = care;
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
export function helpCallsOf(roster: readonly Participant[], waiting: readonly Waiter[]): HelpCall[] {
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
