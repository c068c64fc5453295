// What a refusal means to the person who pressed the button.

import type { RequestError } from '../../client';

const words: Record<string, string> = {
  agreement_required: 'That is not possible yet: the agreement is not signed.',
  passcode_wrong: 'That is not possible yet: the passcode is missing.',
  verification_required: 'That is not possible yet: first mark who this is.',
  mfa_required: 'For that, log in at the clinic with a second factor, and come with a new link.',
  recording_unavailable: 'This session cannot be recorded.',
  e2ee_recipients: 'Your answer was not sent: the server wants to seal the recording for somebody whom your link does not name. Please tell the clinic.',
  e2ee_recipients_unnamed: 'Your answer was not sent: your link does not say who may open the recording. Please tell the clinic: its links lack “recipients”.',
  e2ee_keys: 'Your answer was not sent: your device could not give the clinic its keys. Nothing of you is recorded. Please try again.',
  invalid_state: 'That is not possible right now.',
};

export function refusalWords(error: RequestError | undefined): string {
  return words[error?.code ?? ''] ?? 'That did not work. Please try again.';
}
