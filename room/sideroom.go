package room

import "strings"

// has reports whether a seat is in the side room.
func (r SideRoom) has(id ParticipantID) bool { return r.Host == id || r.Guest == id }

// other returns the other participant of the side room.
func (r SideRoom) other(id ParticipantID) ParticipantID {
	if r.Host == id {
		return r.Guest
	}
	return r.Host
}

// sideRoomOf finds the side room of a seat.
func (s State) sideRoomOf(id ParticipantID) (SideRoom, bool) {
	for _, r := range s.SideRooms {
		if r.has(id) {
			return r, true
		}
	}
	return SideRoom{}, false
}

// CanHear reports whether two seats receive each other's media: both in the group, or both in one side room.
func CanHear(s State, a, b ParticipantID) bool {
	ra, asideA := s.sideRoomOf(a)
	rb, asideB := s.sideRoomOf(b)
	return asideA == asideB && ra == rb
}

// openSideRoom moves the host and a participant to a side room, for a crisis or a private talk. They need no new token. A group that is
// left without a host counts as alone (hostPresent).
func openSideRoom(s State, by ParticipantID, c OpenSideRoom) (Decision, *Error) {
	host, err := authorizeOn(s, by, c.Target, actSideRoom)
	if err != nil {
		return Decision{}, err
	}
	if err := checkMessage(c.Message); err != nil {
		return Decision{}, err
	}
	p, err := findTarget(s, c.Target, Admitted)
	if err != nil {
		return Decision{}, err
	}
	if p.Role.Hosts() {
		return Decision{}, refuse(InvalidState, "a side room is for a host and a participant")
	}
	for _, id := range []ParticipantID{host.ID, p.ID} {
		if _, aside := s.sideRoomOf(id); aside {
			return Decision{}, refuse(InvalidState, "in a side room already")
		}
	}
	return Decision{Events: []Event{SideRoomOpened{SideRoom{Host: host.ID, Guest: p.ID}, c.Message}}}, nil
}

// closeSideRoom returns both to the group.
func closeSideRoom(s State, by ParticipantID) (Decision, *Error) {
	p, ok := s.seat(by)
	if !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	r, aside := s.sideRoomOf(p.ID)
	if !aside {
		return Decision{}, refuse(InvalidState, "not in a side room")
	}
	return Decision{Events: []Event{SideRoomClosed{r}}}, nil
}

// sideRoomValid reports whether both are admitted and the host is still host or cohost.
func (s State) sideRoomValid(r SideRoom) bool {
	host, ok := s.seat(r.Host)
	guest, also := s.seat(r.Guest)
	return ok && also && host.Access == Admitted && host.Role.Hosts() && guest.Access == Admitted
}

// requestHelp asks the hosts for help. A repeated request notifies them again. Other participants are not notified.
func requestHelp(s State, by ParticipantID) (Decision, *Error) {
	p, err := authorize(s, by, actHelp)
	if err != nil {
		return Decision{}, err
	}
	var d Decision
	if !p.HelpRaised {
		d.add(HelpSet{ID: p.ID, Raised: true})
	}
	for _, host := range hosts(s) {
		d.emit(HelpRequested{To: host, Participant: p.ID})
	}
	return d, nil
}

// clearHelp marks a request for help as answered.
func clearHelp(s State, by ParticipantID, c ClearHelp) (Decision, *Error) {
	if _, err := authorizeOn(s, by, c.Target, actAnswerHelp); err != nil {
		return Decision{}, err
	}
	p, ok := s.seat(c.Target)
	if !ok || !p.HelpRaised {
		return Decision{}, refuse(TargetNotFound, "nobody calls for help there")
	}
	return Decision{Events: []Event{HelpSet{ID: p.ID}}}, nil
}

// withdrawHelp takes the participant's own request for help back, in the group or in the waiting room.
func withdrawHelp(s State, by ParticipantID) (Decision, *Error) {
	p, ok := s.seat(by)
	switch {
	case !ok:
		return Decision{}, refuse(InvalidState, "this seat is over")
	case !p.HelpRaised:
		return Decision{}, nil
	}
	return Decision{Events: []Event{HelpSet{ID: p.ID, Withdrawn: true}}}, nil
}

// replyHelp answers a request for help with a text, which the other hosts see too. It is not stored.
func replyHelp(s State, by ParticipantID, c ReplyHelp) (Decision, *Error) {
	if _, err := authorizeOn(s, by, c.Target, actAnswerHelp); err != nil {
		return Decision{}, err
	}
	if strings.TrimSpace(c.Text) == "" || checkMessage(c.Text) != nil {
		return Decision{}, refuse(BadRequest, "text: 1 to 1000 characters")
	}
	p, ok := s.seat(c.Target)
	if !ok || !p.HelpRaised {
		return Decision{}, refuse(TargetNotFound, "nobody calls for help there")
	}
	var d Decision
	for _, to := range append([]ParticipantID{p.ID}, hosts(s)...) {
		d.emit(HelpReplied{To: to, Participant: p.ID, Text: c.Text})
	}
	return d, nil
}
