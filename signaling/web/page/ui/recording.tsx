// Whether the session is recorded: in the header, in a banner, and why a recording ended.

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { recordingAnnouncements, isRecording } from '../state/recording';
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
      <State icon="rec" look="recording">Recording</State>
      <p class="words">
        <strong>{recording === 'on' ? recordingAnnouncements.on : recordingAnnouncements.starting}</strong>{' '}
        <span>
          {each ? (given ? 'You said yes, so you are recorded.' : 'You are not recorded.') : 'Everyone here said yes.'}
          {given && ' You can take back your yes at any time, above, and it then stops.'}
        </span>
      </p>
      <Btn onClick={() => setClosed(true)}>Close</Btn>
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
      <p class="words"><strong>Recording has stopped: {fault.value}.</strong> <span>Nothing more is recorded. The session goes on.</span></p>
      <Btn onClick={() => (fault.value = '')}>Close</Btn>
    </div>
  );
}

const recordingWords = {
  off: <State icon="rec-off">Not recording</State>,
  asking: <State icon="rec-off">Not recording, asking everyone</State>,
  paused: <State icon="rec-off">Recording paused</State>,
  starting: <State icon="rec" look="recording">Recording is starting</State>,
  on: <State icon="rec" look="recording">Recording</State>,
};

export function RecordingState(): JSX.Element {
  const store = useStore();
  const { recording } = store.room.value;
  const shown = recording in recordingWords ? recordingWords[recording as keyof typeof recordingWords] : recordingWords.on;
  return (
    <>
      <li data-testid="recording" data-state={recording}>{shown}</li>
      {store.selfState.granted.value.length > 0 && (
        <li><WithdrawButton look="slim" /></li>
      )}
      {recording !== 'off' && store.selfState.denied.value && (
        <li><Btn look="slim" data-testid="answer-again" onClick={() => (store.selfState.answeringAgain.value = true)}>Change my answer</Btn></li>
      )}
    </>
  );
}
