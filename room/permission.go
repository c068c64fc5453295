package room

import (
	"time"

	"alcove/auth"
)

// An Override is a host's decision about one source of one participant.
type Override int8

// The closed list of overrides.
const (
	ByRole Override = 0  // none: role and policy decide
	Given  Override = 1  // allowed although the role does not allow it
	Taken  Override = -1 // forbidden although the role allows it
)

// Overrides holds the override of each source.
type Overrides struct{ Microphone, Camera, Screen Override }

// Of returns the override of a source.
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

// kept returns the overrides that survive being sent back: those taken away, not those given.
func (o Overrides) kept() Overrides {
	return Overrides{min(o.Microphone, ByRole), min(o.Camera, ByRole), min(o.Screen, ByRole)}
}

// setPermission allows a participant to publish a source, or forbids it. A forbidden source is muted by the same decision, and stays
// muted when it is allowed again: only its owner unmutes.
func setPermission(s State, by ParticipantID, c SetPermission) (Decision, *Error) {
	p, err := authorizeSource(s, by, c.Target, c.Source, actGrant)
	if err != nil {
		return Decision{}, err
	}
	if !participants[p.Role] {
		return Decision{}, refuse(InvalidState, "permissions are given to participants")
	}
	var d Decision
	if may(s, p, c.Source.act()) == c.Allowed {
		return d, nil
	}
	override := Given
	if !c.Allowed {
		override = Taken
	}
	p.Overrides = p.Overrides.with(c.Source, ByRole)
	if may(s, p, c.Source.act()) == c.Allowed {
		override = ByRole
	}
	d.add(OverridesSet{ID: p.ID, Overrides: p.Overrides.with(c.Source, override)})
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

// setRole makes an admitted participant a participant, an observer or a cohost. The role of a host never changes. A former cohost
// whose token says observer becomes an observer again. enforceInvariants sends back a former cohost who does not meet the
// requirements for participants.
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
