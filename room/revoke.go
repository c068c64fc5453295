package room

import "slices"

// revoke bars people and ends their seats, whatever their role, and whether or not they have a seat. Only the clinic can remove such
// a bar.
func revoke(s State, c Revoke) (Decision, *Error) {
	if c.All {
		return endSession(s, "revoked"), nil
	}
	if len(c.Persons) == 0 || slices.Contains(c.Persons, "") {
		return Decision{}, refuse(BadRequest, "persons: missing")
	}
	var d Decision
	for i, person := range c.Persons {
		already := slices.ContainsFunc(s.Barred, func(b Bar) bool { return b.Person == person && b.Revoked })
		if already || slices.Contains(c.Persons[:i], person) {
			continue
		}
		bar := Bar{Person: person, Revoked: true}
		for _, p := range s.Participants {
			if p.Person == person {
				bar.Participant, bar.DisplayName = p.ID, p.DisplayName
				d.endSeat(p.ID, Removed, "removed", "")
			}
		}
		d.Events = slices.Insert(d.Events, 0, Event(PersonBarred{bar}))
	}
	return d, nil
}

// undoRevoke removes the bar that revoke set, but not one that a host set. The person needs a new token and waits like everyone.
func undoRevoke(s State, c UndoRevoke) (Decision, *Error) {
	if c.Person == "" {
		return Decision{}, refuse(BadRequest, "person: missing")
	}
	if !slices.ContainsFunc(s.Barred, func(b Bar) bool { return b.revokes(c.Person) }) {
		return Decision{}, nil
	}
	return Decision{Events: []Event{RevokeUndone(c)}}, nil
}

func (b Bar) revokes(p PersonID) bool { return b.Revoked && b.Person == p }

// updatePolicy replaces the policy with the one now configured. enforceInvariants applies its new requirements.
func updatePolicy(s State, c UpdatePolicy) (Decision, *Error) {
	if c.Policy.Name != s.Policy.Name {
		return Decision{}, refuse(PolicyMismatch, "the room runs under another policy")
	}
	c.Policy.E2EE = s.Policy.E2EE // a session never changes its mode: its tokens promise it
	return Decision{Events: []Event{PolicySet{c.Policy}}}, nil
}
