package room

import "slices"

// A RecordingState is the state of the recording that every admitted participant sees. It does not show who refused.
type RecordingState string

// The closed list of states.
const (
	RecordingOff      RecordingState = "off"
	RecordingAsking   RecordingState = "asking"   // a host wants to record and consent is missing
	RecordingStarting RecordingState = "starting" // consent is complete and the recorder starts; nothing may be on disk yet
	RecordingOn       RecordingState = "on"       // the first record is on disk
	RecordingPaused   RecordingState = "paused"   // it was on; consent is missing now
)

// Records reports whether the recorder receives media, on disk already or not. Everyone is notified before it does.
func (r RecordingState) Records() bool { return r == RecordingStarting || r == RecordingOn }

// RecorderProgress is the recorder's progress with the recording that was asked for.
type RecorderProgress string

// The closed list of progress. The zero value means that nothing is on disk yet.
const (
	RecorderWrites      RecorderProgress = "writes"      // the first record since consent was complete is on disk
	RecorderInterrupted RecorderProgress = "interrupted" // it wrote, then consent was missing
)

// RecordingOf returns the state of the recording.
func RecordingOf(s State) RecordingState {
	switch {
	case s.EndedFor != "" || len(s.Asked) == 0 || s.Policy.Recording == NoRecording:
		return RecordingOff
	case consentSuffices(s):
		if s.Recorder == RecorderWrites {
			return RecordingOn
		}
		return RecordingStarting
	case s.Recorder != "":
		return RecordingPaused
	}
	return RecordingAsking
}

// consentSuffices applies the policy's rule. WithEveryone: all admitted participants consent to all scopes asked for. WithEach: at
// least one participant consents to one of them.
func consentSuffices(s State) bool {
	all, some := s.count(Admitted) > 0, false
	for _, p := range s.Participants {
		if p.Access != Admitted {
			continue
		}
		for _, scope := range s.Asked {
			granted := consents(s, p, scope)
			all, some = all && granted, some || granted
		}
	}
	if s.Policy.Recording == WithEach {
		return some
	}
	return all
}

// Recordable lists the publications that the recorder may receive: while the recording is starting or on, those of participants in the
// group, not in a side room, whose own consent to the scope is in force, with keys where the session is encrypted. This holds under every rule.
func Recordable(s State) []RecordedPublication {
	if !RecordingOf(s).Records() {
		return nil
	}
	var list []RecordedPublication
	for _, p := range s.Participants {
		if _, aside := s.sideRoomOf(p.ID); aside || p.Access != Admitted || checkRequirements(s, p) != nil {
			continue
		}
		for _, pub := range p.Publications {
			scope := pub.Source.scope()
			if slices.Contains(s.Asked, scope) && consents(s, p, scope) && may(s, p, pub.Source.act()) {
				list = append(list, RecordedPublication{Publication: pub.ID, Participant: p.ID, Person: p.Person, Scope: scope})
			}
		}
	}
	return list
}

func (s Scope) is(other Scope) bool { return s == other }

// scope is the consent that recording a source needs.
func (s Source) scope() Scope {
	if s == Microphone {
		return RecordingAudio
	}
	return RecordingVideo
}
