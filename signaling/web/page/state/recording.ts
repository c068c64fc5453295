// Whether the session is recorded: the policy's rule, the recorder's state, and why it stopped by itself.

import { batch, signal } from '@preact/signals';
import type { Consent, Session } from '../../client';
import { t, type PlainKey } from '../text/text';

type RecordingScope = Consent['scope'];

// A recording counts from its start on, before its first byte.
export const isRecording = (recording: string): boolean => recording === 'starting' || recording === 'on';

export const recordingAnnouncements = {
  off: 'recording.off', starting: 'recording.starting', on: 'recording.on', paused: 'recording.paused',
} as const;

const faults: Record<string, PlainKey> = {
  disk_full: 'recording.diskFull', disk_slow: 'recording.diskSlow', seal_failed: 'recording.sealFailed', unreleased: 'recording.unreleased',
};

// Returns why a recording ended by itself, in words that end a sentence.
export function faultWords(reason: string): string {
  return t(faults[reason] ?? 'recording.unsafe');
}

export class RecordingStore {
  readonly rule = signal('never'); // by policy
  readonly scopes = signal<readonly RecordingScope[]>([]);
  readonly fault = signal(''); // the code why the recording ended by itself, until closed

  subscribe(session: Session): void {
    session.on('welcome', ({ policy }) => batch(() => {
      this.rule.value = policy.recording;
      this.scopes.value = policy.scopes;
    }));
    session.on('recordingFailed', ({ reason }) => (this.fault.value = reason));
    session.on('ended', () => (this.fault.value = ''));
  }
}
