// Whether the session is recorded: in the header, in a banner, and why a recording ended.

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { faultWords, recordingAnnouncements, isRecording } from '../state/recording';
import { t } from '../text/text';
import { Btn, State } from './basics';
import { WithdrawButton } from './consent';
import { useStore } from './context';
import { Icon } from './icon';

// Shown before the first byte is recorded and until it stops. The header offers withdrawal too.
export function RecordingBanner(): JSX.Element | null {
  const store = useStore();
  const { recording } = store.room.value;
  const [closed, setClosed] = useState(false);
  if (!isRecording(recording)) {
    if (closed) setClosed(false);
    return null;
  }
  if (closed || store.withdrawal.delayed.value) return null; // WithdrawalBanner is shown instead
  const each = store.recording.rule.value === 'each';
  const given = store.selfState.granted.value.length > 0;
  return (
    <div class="banner rec" data-testid="recording-banner">
      <State icon="rec" look="recording">{t('recording.stateOn')}</State>
      <p class="words">
        <strong>{t(recordingAnnouncements[recording === 'on' ? 'on' : 'starting'])}</strong>{' '}
        <span>
          {t(each ? (given ? 'recording.youYes' : 'recording.youNot') : 'recording.everyone')}
          {given && ` ${t('recording.takeBack')}`}
        </span>
      </p>
      <Btn onClick={() => setClosed(true)}>{t('common.close')}</Btn>
    </div>
  );
}

// A recording that failed stays on screen until the person closes the banner.
export function FaultBanner(): JSX.Element | null {
  const { fault } = useStore().recording;
  if (!fault.value) return null;
  return (
    <div class="banner" role="alert" data-testid="recording-fault">
      <Icon name="rec-off" />
      <p class="words"><strong>{t('recording.stopped', { why: faultWords(fault.value) })}</strong> <span>{t('recording.failedText')}</span></p>
      <Btn onClick={() => (fault.value = '')}>{t('common.close')}</Btn>
    </div>
  );
}

const recordingWords = {
  off: 'recording.stateOff', asking: 'recording.stateAsking', paused: 'recording.statePaused', starting: 'recording.stateStarting', on: 'recording.stateOn',
} as const;

export function RecordingState(): JSX.Element {
  const store = useStore();
  const { recording } = store.room.value;
  const state = recording in recordingWords ? recording as keyof typeof recordingWords : 'on';
  const shown = <State icon={isRecording(state) ? 'rec' : 'rec-off'} look={isRecording(state) ? 'recording' : ''}>{t(recordingWords[state])}</State>;
  return (
    <>
      <li data-testid="recording" data-state={recording}>{shown}</li>
      {store.selfState.granted.value.length > 0 && (
        <li><WithdrawButton look="slim" /></li>
      )}
      {recording !== 'off' && store.selfState.denied.value && (
        <li><Btn look="slim" data-testid="answer-again" onClick={() => (store.selfState.answeringAgain.value = true)}>{t('consent.change')}</Btn></li>
      )}
    </>
  );
}
