// Whether the session is recorded: the policy's rule, the recorder's state, and why it stopped by itself.

import { batch, signal } from '@preact/signals';
import type { Consent, Session } from '../../client';

type RecordingScope = Consent['scope'];

// A recording counts from its start on, before its first byte.
export const isRecording = (recording: string): boolean => recording === 'starting' || recording === 'on';

export const recordingAnnouncements = {
  off: 'Recording has stopped.',
  starting: 'Recording is starting.',
  on: 'Recording has begun.',
  paused: 'Recording is paused.',
};

const faults: Record<string, string> = {
  disk_full: 'there is no space left for it', disk_slow: 'the disk was too slow', seal_failed: 'it could not be encrypted',
  unreleased: 'the device of somebody who agreed sent no key',
};

// Returns why a recording ended by itself, in words that end a sentence.
export function faultWords(reason: string): string {
  return faults[reason] ?? 'it could not be stored safely';
}

export class RecordingStore {
  readonly rule = signal('never'); // by policy
  readonly scopes = signal<readonly RecordingScope[]>([]);
  readonly fault = signal(''); // why the recording ended by itself, until closed

  subscribe(session: Session): void {
    session.on('welcome', ({ policy }) => batch(() => {
      this.rule.value = policy.recording;
      this.scopes.value = policy.scopes;
    }));
    session.on('recordingFailed', ({ reason }) => (this.fault.value = faultWords(reason)));
    session.on('ended', () => (this.fault.value = ''));
  }
}
