package room

import "alcove/auth"

// The recorder has a row in the roster while it records, so that nobody overlooks it. No seat has this ID.
const (
	RecorderID   ParticipantID = "recorder"
	RecorderRole auth.Role     = "recorder" // no token has it
)

// A Fault is the reason why the recorder stopped, as the wire and the audit log name it.
type Fault string

// The closed list of faults.
const (
	DiskFull    Fault = "disk_full"
	DiskSlow    Fault = "disk_slow"    // writing or syncing takes longer than the recorder can buffer
	WriteFailed Fault = "write_failed" // any other error of the disk
	SealFailed  Fault = "seal_failed"  // the clinic's public keys or a person's erasure key are unavailable
	Unreleased  Fault = "unreleased"   // under end-to-end encryption: somebody consented and gave no key, so nobody could open what is recorded
	StoreFailed Fault = "store_failed" // answers to requests for consent can no longer be stored
)

// confirmRecording moves a starting recording to on, because its first record is on disk. It is a no-op if consent is missing again or
// the recording ended meanwhile.
func confirmRecording(s State) (Decision, *Error) {
	if RecordingOf(s) != RecordingStarting {
		return Decision{}, nil
	}
	return Decision{Events: []Event{RecordingBegan{}}}, nil
}

// failRecording ends the recording. The session continues. The recording is not restarted automatically: a host has to ask for it
// again, so that everyone sees it.
func failRecording(s State, c FailRecording) (Decision, *Error) {
	if len(s.Asked) == 0 {
		return Decision{}, nil
	}
	d := Decision{Events: []Event{RecordingFailed(c)}}
	for _, p := range s.Participants {
		if p.Access == Admitted {
			d.emit(RecorderFailed{To: p.ID, Fault: c.Fault})
		}
	}
	return d, nil
}
