package room

import (
	"slices"

	"alcove/auth"
)

// remove bars the person of a seat and ends all seats of that person. Nobody removes a host, and only a host or the clinic removes a
// cohost, whichever of their seats is named.
func remove(s State, by ParticipantID, c Remove) (Decision, *Error) {
	host, err := authorizeOn(s, by, c.Target, actRemove)
	if err != nil {
		return Decision{}, err
	}
	if err := checkMessage(c.Message); err != nil {
		return Decision{}, err
	}
	p, ok := s.seat(c.Target)
	if !ok {
		return Decision{}, refuse(TargetNotFound, "no such participant")
	}
	if p.Person == host.Person {
		return Decision{}, refuse(InvalidState, "that is you")
	}
	d := Decision{Events: []Event{PersonBarred{Bar{Person: p.Person, Participant: p.ID, DisplayName: p.DisplayName}}}}
	for _, seat := range s.Participants {
		if seat.Person != p.Person {
			continue
		}
		if seat.Role == auth.Host || seat.Role == auth.Cohost && !hostsAndClinic[host.Role] {
			return Decision{}, refuse(Forbidden, "nobody removes a host, and only a host a cohost")
		}
		d.endSeat(seat.ID, Removed, "removed", c.Message)
	}
	return d, nil
}

// unbar removes a bar. The person needs a new token and waits like everyone.
func unbar(s State, by ParticipantID, c Unbar) (Decision, *Error) {
	if _, err := authorizeOn(s, by, c.Target, actUnbar); err != nil {
		return Decision{}, err
	}
	if !slices.ContainsFunc(s.Barred, func(b Bar) bool { return b.Participant == c.Target }) {
		return Decision{}, refuse(TargetNotFound, "no such bar")
	}
	if slices.ContainsFunc(s.Barred, func(b Bar) bool { return b.Participant == c.Target && b.Revoked }) {
		return Decision{}, refuse(Forbidden, "the clinic revoked this person")
	}
	return Decision{Events: []Event{PersonUnbarred{ID: c.Target}}}, nil
}
