package room

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"alcove/auth"
)

// stateVersion is raised when old states can no longer be read as they were meant.
const stateVersion = 1

// stored is how a State is kept. The policy is kept by name alone: what it says is the configuration's, also after a restart.
type storedState struct {
	Version int
	Policy  string
	State   State
}

// EncodeState makes bytes of a session, for DecodeState. They hold names: whoever keeps them encrypts them.
func EncodeState(s State) []byte {
	v := storedState{Version: stateVersion, Policy: s.Policy.Name, State: s}
	v.State.Policy = Policy{}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // types of ours, which cannot fail
	}
	return b
}

// DecodeState reads what EncodeState made, strictly: an unknown field, another version or anything after it is an error. Of the
// policy it gives the name only.
func DecodeState(data []byte) (State, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var v storedState
	if err := d.Decode(&v); err != nil {
		return State{}, fmt.Errorf("no state of a session: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return State{}, fmt.Errorf("no state of a session: more follows")
	}
	if v.Version != stateVersion {
		return State{}, fmt.Errorf("the state of a session has version %d, not %d", v.Version, stateVersion)
	}
	v.State.Policy.Name = v.Policy
	return v.State, nil
}

// Restore makes a stored session run again at now, under the policy as it is configured now. No connection lived through the
// restart: every seat waits for its resume, the window beginning anew, with its newest secret only, so that used ones stay
// dead. No media lived either, and a recording is not continued: a host asks for it again, and consents stand.
func Restore(now time.Time, s State, p Policy) State {
	s.Policy = p
	seats := make([]Participant, 0, len(s.Participants))
	for _, one := range s.Participants {
		one.Connected, one.LostAt, one.OldSecret, one.Publications = false, now, auth.SecretHash{}, nil
		one.Generation, one.Media = 0, MediaState{} // no PeerConnection outlives the daemon
		seats = append(seats, one)
	}
	s.Participants = seats
	s.Asked, s.Recorder = nil, ""
	return ApplyAll(s, Decision{}.enforceInvariants(now, s).Events)
}
