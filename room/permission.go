package room

import (
	"time"

	"alcove/auth"
)

// An Override is what a host said about one source of one participant.
type Override int8

// The closed list of overrides.
const (
	ByRole Override = 0  // nothing: role and policy decide
	Given  Override = 1  // may, although the role may not
	Taken  Override = -1 // may not, although the role may
)

// Overrides are those of all sources.
type Overrides struct{ Microphone, Camera, Screen Override }

// Of gives the override of a source.
func (o Overrides) Of(s Source) Override { return o.of(s.act()) }

func (o Overrides) of(a action) Override {
	switch a {
	case actPublishMicrophone:
		return o.Microphone
	case actPublishCamera:
		return o.Camera
	case actPublishScreen:
		return o.Screen
	}
	return ByRole
}

func (o Overrides) with(s Source, v Override) Overrides {
	switch s {
	case Microphone:
		o.Microphone = v
	case Camera:
		o.Camera = v
	case Screen:
		o.Screen = v
	}
	return o
}

// kept is what outlives being sent back: what was taken, not what was given.
func (o Overrides) kept() Overrides {
	return Overrides{min(o.Microphone, ByRole), min(o.Camera, ByRole), min(o.Screen, ByRole)}
}

// setPermission gives a participant a source or takes it. What is taken is muted in the same breath, and stays so when it is
// given back: only its owner unmutes.
func setPermission(s State, by ParticipantID, c SetPermission) (Decision, *Error) {
	if _, err := authorizeOn(s, by, c.Target, actGrant); err != nil {
		return Decision{}, err
	}
	p, err := findTarget(s, c.Target, Admitted)
	if err != nil {
		return Decision{}, err
	}
	if c.Source.act() == "" {
		return Decision{}, refuse(BadRequest, "source: microphone, camera or screen")
	}
	if !participants[p.Role] {
		return Decision{}, refuse(InvalidState, "permissions are given to participants")
	}
	var d Decision
	if may(s, p, c.Source.act()) == c.Allowed {
		return d, nil
	}
	next := Given
	if !c.Allowed {
		next = Taken
	}
	p.Overrides = p.Overrides.with(c.Source, ByRole)
	if may(s, p, c.Source.act()) == c.Allowed {
		next = ByRole
	}
	d.add(OverridesSet{ID: p.ID, Overrides: p.Overrides.with(c.Source, next)})
	d.muteForbidden(s, p.ID)
	return d, nil
}

// muteForbidden mutes what a participant may not publish any more.
func (d *Decision) muteForbidden(s State, id ParticipantID) {
	after := ApplyAll(s, d.Events)
	p, _ := after.seat(id)
	for _, pub := range p.Publications {
		if !pub.Muted && !may(after, p, pub.Source.act()) {
			d.add(MutedSet{ID: id, Source: pub.Source, Muted: true})
		}
	}
}

// setRole makes one of the group a participant, an observer or a cohost. Nobody's host role changes. Who leads no more observes
// again if the token said so, and must stand where a participant would: enforceInvariants sends back a participant who
// does not meet the requirements.
func setRole(now time.Time, s State, by ParticipantID, c SetRole) (Decision, *Error) {
	if _, err := authorizeOn(s, by, c.Target, actRole); err != nil {
		return Decision{}, err
	}
	p, err := findTarget(s, c.Target, Admitted)
	if err != nil {
		return Decision{}, err
	}
	switch {
	case c.Role != auth.Cohost && c.Role != auth.Participant && c.Role != auth.Observer:
		return Decision{}, refuse(BadRequest, "role: cohost, participant or observer")
	case p.Role == auth.Host:
		return Decision{}, refuse(Forbidden, "a host stays one")
	case p.Role == c.Role:
		return Decision{}, nil
	case c.Role == auth.Cohost && !s.Policy.Hosting.met(now, p.Login):
		return Decision{}, refuse(MFARequired, "to lead needs another login")
	}
	next := c.Role
	if p.Role == auth.Cohost && next == auth.Participant && p.TokenRole == auth.Observer {
		next = auth.Observer
	}
	d := Decision{Events: []Event{RoleSet{ID: p.ID, Role: next}}}
	d.muteForbidden(s, p.ID)
	return d, nil
}
