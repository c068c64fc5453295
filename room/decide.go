package room

import "time"

// A Decision is all that follows from one command. The caller applies the Events in order, then performs the Effects.
type Decision struct {
	Events  []Event
	Effects []Effect
	Outcome Outcome
}

// An Outcome answers an act on many: who was let in, and who not and why.
type Outcome struct {
	Admitted []ParticipantID
	Refused  []Refusal
}

// A Refusal says why one of many was not let in.
type Refusal struct {
	Participant ParticipantID
	Code        Code
}

// Decide says what follows from a command. The error, if any, is an *Error; then nothing follows.
func Decide(now time.Time, s State, c Command) (Decision, error) {
	return Decision{}, &Error{Unavailable, "not decided yet"}
}
