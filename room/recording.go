package room

import "slices"

// A RecordingState is what everyone admitted sees of the recording; never who refused.
type RecordingState string

// The closed list of states.
const (
	RecordingOff      RecordingState = "off"
	RecordingAsking   RecordingState = "asking"   // a host wants to record and consent is missing
	RecordingStarting RecordingState = "starting" // consent is there and the recorder begins; nothing is on the disk for sure
	RecordingOn       RecordingState = "on"       // what is recorded is on the disk
	RecordingPaused   RecordingState = "paused"   // it was on, and consent is missing now
)

// Records says that the recorder takes what it may, whether or not it is on the disk already: everybody is told before.
func (r RecordingState) Records() bool { return r == RecordingStarting || r == RecordingOn }

// RecorderProgress is how far the recorder came with what was asked for.
type RecorderProgress string

// The closed list of progress. The zero value: nothing is on the disk yet.
const (
	RecorderWrites      RecorderProgress = "writes"      // the first record since consent is complete is on the disk
	RecorderInterrupted RecorderProgress = "interrupted" // it wrote, and consent is missing, or was since
)

// RecordingOf says how the recording stands.
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

// consentSuffices is the policy's rule: with WithEveryone all who are admitted consent to all that is asked, with WithEach
// somebody to something.
func consentSuffices(s State) bool {
	all, some := s.count(Admitted) > 0, false
	for _, p := range s.Participants {
		if p.Access != Admitted {
			continue
		}
		for _, scope := range s.Asked {
			yes := hasConsent(s, p.Person, scope)
			all, some = all && yes, some || yes
		}
	}
	if s.Policy.Recording == WithEach {
		return some
	}
	return all
}

// Recordable lists the publications that a recorder may subscribe to: while the recording is starting or on, of people in the group, not in
// a side room, whose own consent to this kind stands. No consent, no subscription: whatever the rule.
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
			if slices.Contains(s.Asked, scope) && hasConsent(s, p.Person, scope) && may(s, p, pub.Source.act()) {
				list = append(list, RecordedPublication{Publication: pub.ID, Participant: p.ID, Person: p.Person, Scope: scope})
			}
		}
	}
	return list
}

// scope is the consent that recording a source needs.
func (s Source) scope() Scope {
	if s == Microphone {
		return RecordingAudio
	}
	return RecordingVideo
}
