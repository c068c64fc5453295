// What a refusal means to the person who pressed the button.

import type { RequestError } from '../../client';
import { t, type PlainKey } from '../text/text';

const words: Record<string, PlainKey> = {
  agreement_required: 'refusal.agreement',
  passcode_wrong: 'refusal.passcode',
  verification_required: 'refusal.verification',
  mfa_required: 'refusal.mfa',
  recording_unavailable: 'refusal.recording',
  e2ee_recipients: 'consent.otherRecipients',
  e2ee_recipients_unnamed: 'consent.noRecipients',
  e2ee_keys: 'consent.noKeys',
  invalid_state: 'refusal.state',
};

export function refusalWords(error: RequestError | undefined): string {
  return t(words[error?.code ?? ''] ?? 'refusal.other');
}
