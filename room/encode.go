package room

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"alcove/auth"
)

// stateVersion is incremented when the meaning of a stored state changes.
const stateVersion = 1

// storedState is the stored form of a State. It holds the policy's name only: after a restart the current configuration applies.
type storedState struct {
	Version int
	Policy  string
	E2EE    E2EEMode `json:",omitempty"` // fixed for the session, whatever the configuration says after a restart
	State   State
}

// EncodeState encodes a session for DecodeState. The result contains names, so callers must encrypt it before storing it.
func EncodeState(s State) []byte {
	v := storedState{Version: stateVersion, Policy: s.Policy.Name, E2EE: s.Policy.E2EE, State: s}
	v.State.Policy = Policy{}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // these types always encode
	}
	return b
}

// DecodeState decodes the output of EncodeState strictly: an unknown field, another version or trailing data is an error. The policy
// has only its name set.
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
	v.State.Policy.Name, v.State.Policy.E2EE = v.Policy, v.E2EE
	return v.State, nil
}

// Restore continues a stored session at now, under the policy as configured now. No connection survives a restart: every seat is
// disconnected with a new resume window, and only its newest secret is valid, so that used ones stay invalid. No media connection
// survives either, and a recording does not continue: a host has to ask for it again, but answers given to it remain valid. Numbers of
// groups continue after those that may have been sent.
func Restore(now time.Time, s State, p Policy) State {
	p.E2EE = s.Policy.E2EE
	s.Policy = p
	seats := make([]Participant, 0, len(s.Participants))
	for _, seat := range s.Participants {
		seat.Connected, seat.LostAt, seat.OldSecret, seat.Publications = false, now, auth.SecretHash{}, nil
		seat.Generation, seat.Media, seat.Released = 0, MediaState{}, nil // no PeerConnection outlives the daemon, nor what the recorder has in memory
		seats = append(seats, seat)
	}
	s.Participants = seats
	s.Asked, s.Recorder = nil, ""
	s.Groups.Number = max(s.Groups.Number, s.Groups.Reserved)
	return ApplyAll(s, Decision{}.enforceInvariants(now, s).Events)
}
