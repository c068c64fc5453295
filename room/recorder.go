package room

import "alcove/auth"

// The recorder stands in the roster like a person while it records, so that nobody overlooks it. No seat is called so.
const (
	RecorderID   ParticipantID = "recorder"
	RecorderRole auth.Role     = "recorder" // of no token
)

// A Fault is why the recorder could not go on, as the wire and the audit log name it.
type Fault string

// The closed list of faults.
const (
	DiskFull    Fault = "disk_full"
	DiskSlow    Fault = "disk_slow"    // it cannot keep up, or not for sure within a second
	WriteFailed Fault = "write_failed" // any other trouble with the disk
	SealFailed  Fault = "seal_failed"  // the clinic's public keys, or a person's erasure key, cannot be had
	StoreFailed Fault = "store_failed" // what people answer cannot be kept any more
)

// confirmRecording turns a recording that starts on: from now on it is true that the session is recorded. What comes too late, when
// consent is missing again or the recording is over, says nothing.
func confirmRecording(s State) (Decision, *Error) {
	if RecordingOf(s) != RecordingStarting {
		return Decision{}, nil
	}
	return Decision{Events: []Event{RecordingBegan{}}}, nil
}

// failRecording ends the recording for all, whoever asked for it. The session goes on. It is not begun again by itself: a host
// asks, and all see it.
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
