package room

import (
	"slices"
	"time"
)

// An Answer is a person's decision about a scope of consent.
type Answer string

// The closed list of answers. The zero value means not answered.
const (
	Granted   Answer = "granted"
	Refused   Answer = "refused"
	Withdrawn Answer = "withdrawn"
)

// A Consent is the newest answer of one person to one scope in this session.
type Consent struct {
	Person   PersonID
	Scope    Scope
	TextHash string // hash of the text that was shown
	Answer   Answer
	At       time.Time
}

// consentForm finds the form of a scope.
func (p Policy) consentForm(scope Scope) (ConsentForm, bool) {
	for _, f := range p.Consents {
		if f.Scope == scope {
			return f, true
		}
	}
	return ConsentForm{}, false
}

func (f ConsentForm) includes(hash string) bool {
	return slices.ContainsFunc(f.Texts, func(t Text) bool { return t.Hash == hash })
}

// answerOf returns a person's answer to the current texts of a scope, "" if there is none: an answer to an older text does not count.
func answerOf(s State, person PersonID, scope Scope) Answer {
	f, ok := s.Policy.consentForm(scope)
	if !ok {
		return ""
	}
	for _, c := range s.Consents {
		if c.Person == person && c.Scope == scope && f.includes(c.TextHash) {
			return c.Answer
		}
	}
	return ""
}

// hasConsent reports whether consent is in force: granted, to a current text, and not withdrawn.
func hasConsent(s State, person PersonID, scope Scope) bool {
	return answerOf(s, person, scope) == Granted
}

// consents reports whether a participant may be recorded for a scope by their own consent. Under end-to-end encryption it counts only with the
// keys: whoever gives none is left out like somebody who does not consent, and does not end the recording of the others.
func consents(s State, p Participant, scope Scope) bool {
	return hasConsent(s, p.Person, scope) && (s.Policy.E2EE != E2EERequired || slices.Contains(p.Released, scope))
}

// consentsOf lists the scopes that a participant is asked for, and those they granted and may withdraw. In the waiting room it lists
// only the latter, because requests for consent are shown to the group only.
func consentsOf(s State, p Participant) []ConsentView {
	var list []ConsentView
	for _, f := range s.Policy.Consents {
		answer := answerOf(s, p.Person, f.Scope)
		if p.Access == Admitted && slices.Contains(s.Asked, f.Scope) || answer == Granted {
			list = append(list, ConsentView{Scope: f.Scope, Purpose: f.Purpose, Texts: f.Texts, Answer: answer, Recipients: f.Recipients})
		}
	}
	return list
}

// askConsent starts asking everyone for consent. The recording starts when the policy's rule is met.
func askConsent(now time.Time, s State, by ParticipantID, c AskConsent) (Decision, *Error) {
	if s.Policy.Recording == NoRecording {
		if _, err := authorize(s, by, actStopRecord); err != nil {
			return Decision{}, err
		}
		return Decision{}, refuse(RecordingUnavailable, "the policy records nothing")
	}
	p, err := authorize(s, by, actRecord)
	if err != nil {
		return Decision{}, err
	}
	if !s.Policy.RecordingBy.met(now, p.Login) {
		return Decision{}, refuse(MFARequired, "to record needs another login")
	}
	if len(c.Scopes) == 0 || len(c.Scopes) > maxScopes {
		return Decision{}, refuse(BadRequest, "scopes: recording.audio, recording.video or both")
	}
	asked := slices.Clone(s.Asked)
	for _, scope := range c.Scopes {
		if _, ok := s.Policy.consentForm(scope); !ok {
			return Decision{}, refuse(RecordingUnavailable, "the policy does not record this")
		}
		if !slices.Contains(asked, scope) {
			asked = append(asked, scope)
		}
	}
	if len(asked) == len(s.Asked) {
		return Decision{}, nil
	}
	return Decision{Events: []Event{ConsentAsked{Scopes: asked}}}, nil
}

// stopRecording ends the recording. Answers remain valid until they are withdrawn or the session ends, so a later request does not
// ask for them again.
func stopRecording(s State, by ParticipantID) (Decision, *Error) {
	if _, err := authorize(s, by, actStopRecord); err != nil {
		return Decision{}, err
	}
	if len(s.Asked) == 0 {
		return Decision{}, nil
	}
	return Decision{Events: []Event{ConsentAsked{}}}, nil
}

// answerConsent records an answer. It may be changed as long as consent is asked for.
func answerConsent(now time.Time, s State, by ParticipantID, c AnswerConsent) (Decision, *Error) {
	p, err := authorize(s, by, actConsent)
	if err != nil {
		return Decision{}, err
	}
	if !slices.Contains(s.Asked, c.Scope) {
		return Decision{}, refuse(InvalidState, "nobody asks for this")
	}
	if f, ok := s.Policy.consentForm(c.Scope); !ok || !f.includes(c.TextHash) {
		return Decision{}, refuse(ConsentRequired, "textHash: the text is another now")
	}
	answer := Refused
	if c.Granted {
		answer = Granted
	}
	return recordAnswer(now, s, p, c.Scope, c.TextHash, answer), nil
}

func recordAnswer(now time.Time, s State, p Participant, scope Scope, hash string, answer Answer) Decision {
	if answerOf(s, p.Person, scope) == answer {
		return Decision{}
	}
	return Decision{Events: []Event{ConsentGiven{ID: p.ID, Consent: Consent{
		Person: p.Person, Scope: scope, TextHash: hash, Answer: answer, At: now,
	}}}}
}

// withdrawConsent withdraws consent. It is never refused to a participant with a seat, admitted or not; withdrawing consent that was
// not granted is a no-op.
func withdrawConsent(now time.Time, s State, by ParticipantID, c WithdrawConsent) (Decision, *Error) {
	p, ok := s.seat(by)
	if !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	var d Decision
	for _, old := range s.Consents {
		if old.Person == p.Person && old.Answer == Granted && (c.Scope == "" || c.Scope == old.Scope) {
			d.add(recordAnswer(now, s, p, old.Scope, old.TextHash, Withdrawn).Events...)
		}
	}
	return d, nil
}
