package room

import (
	"slices"
	"time"
)

// met reports whether a login meets the assurance at now.
func (a Assurance) met(now time.Time, l Login) bool {
	return a.matches(l) && (a.MaxAuthAge == 0 || !l.At.IsZero() && !now.After(l.At.Add(a.MaxAuthAge)))
}

// matches is met without the check of the login's age.
func (a Assurance) matches(l Login) bool {
	method := len(a.AMR) == 0 || slices.ContainsFunc(l.AMR, func(m string) bool { return slices.Contains(a.AMR, m) })
	return method && (len(a.ACR) == 0 || l.ACR != "" && slices.Contains(a.ACR, l.ACR))
}

// needsOf lists the requirements that a participant does not meet, apart from the schedule and the lock.
func needsOf(s State, p Participant) Needs {
	hosts := p.Role.Hosts()
	return Needs{
		Agreement:    len(unacknowledged(s, p)) > 0,
		Passcode:     s.Policy.Passcode && !p.PasscodeOK && (!hosts || s.Policy.PasscodeForAll),
		Verification: s.Policy.Verify && !p.Verified && !hosts,
		MFA:          !s.Policy.Entry.matches(p.Login) || hosts && !s.Policy.Hosting.matches(p.Login),
	}
}

// checkRequirements refuses a participant who does not meet the requirements of the policy. Everyone in the group meets them at any
// time: enforceInvariants sends back those who no longer do.
func checkRequirements(s State, p Participant) *Error {
	switch n := needsOf(s, p); {
	case n.MFA:
		return refuse(MFARequired, "the room needs another login")
	case n.Passcode:
		return refuse(PasscodeWrong, "the passcode was not entered")
	case n.Agreement:
		return refuse(AgreementRequired, "the agreement was not acknowledged")
	case n.Verification:
		return refuse(VerificationRequired, "no host knows who this is")
	}
	return nil
}

// checkLogin refuses a participant whose login is too weak or too long ago.
func checkLogin(now time.Time, s State, p Participant) *Error {
	if !s.Policy.Entry.met(now, p.Login) || p.Role.Hosts() && !s.Policy.Hosting.met(now, p.Login) {
		return refuse(MFARequired, "the room needs another login")
	}
	return nil
}

// checkSchedule refuses a participant who is too early or too late. Hosts may enter at any time before; others may wait from early
// before the start.
func checkSchedule(now time.Time, s State, p Participant, early time.Duration) *Error {
	switch {
	case !s.NotAfter.IsZero() && !now.Before(s.NotAfter):
		return refuse(RoomEnded, "the scheduled time is over")
	case !p.Role.Hosts() && !s.NotBefore.IsZero() && now.Before(s.NotBefore.Add(-early)):
		return refuse(RoomNotStarted, "too early")
	}
	return nil
}

// passcodeEntered notes that a participant, waiting or admitted, entered the right passcode. Package auth limits guesses.
func passcodeEntered(s State, by ParticipantID, c PasscodeEntered) (Decision, *Error) {
	p, ok := s.seat(by)
	switch {
	case !ok:
		return Decision{}, refuse(InvalidState, "this seat is over")
	case !s.Policy.Passcode:
		return Decision{}, refuse(InvalidState, "the room has no passcode")
	case !c.OK:
		return Decision{}, refuse(PasscodeWrong, "wrong")
	case p.PasscodeOK:
		return Decision{}, nil
	}
	return Decision{Events: []Event{PasscodePassed{ID: p.ID}}}, nil
}

// verify notes that a host knows who a participant is, waiting or admitted, or withdraws that. Where the policy requires
// verification, a participant without it waits again.
func verify(s State, by ParticipantID, c Verify) (Decision, *Error) {
	if _, err := authorizeOn(s, by, c.Target, actVerify); err != nil {
		return Decision{}, err
	}
	p, ok := s.seat(c.Target)
	if !ok {
		return Decision{}, refuse(TargetNotFound, "no such participant")
	}
	if p.Verified == c.Verified {
		return Decision{}, nil
	}
	return Decision{Events: []Event{VerifiedSet{ID: p.ID, Verified: c.Verified}}}, nil
}
