package room

// has reports whether a seat is in the side room.
func (r SideRoom) has(id ParticipantID) bool { return r.Host == id || r.Guest == id }

// other is who is there with id.
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

// CanHear reports whether two seats hear each other: both in the group, or both in one side room.
func CanHear(s State, a, b ParticipantID) bool {
	ra, asideA := s.sideRoomOf(a)
	rb, asideB := s.sideRoomOf(b)
	return asideA == asideB && ra == rb
}

// openSideRoom takes a participant apart from the group: for a crisis, or a private word. Nobody needs a new token, and the host
// counts as present.
func openSideRoom(s State, by ParticipantID, c OpenSideRoom) (Decision, *Error) {
	host, err := authorizeOn(s, by, c.Target, actSideRoom)
	if err != nil {
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
	return Decision{Events: []Event{SideRoomOpened{SideRoom{Host: host.ID, Guest: p.ID}}}}, nil
}

// closeSideRoom brings both back to the group.
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

// sideRoomStands reports whether both are in the group and one still leads.
func (s State) sideRoomStands(r SideRoom) bool {
	host, ok := s.seat(r.Host)
	guest, also := s.seat(r.Guest)
	return ok && also && host.Access == Admitted && host.Role.Hosts() && guest.Access == Admitted
}

// requestHelp calls the hosts. Who calls again is heard again; nobody else learns of it.
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

// clearHelp says that a host has seen to it.
func clearHelp(s State, by ParticipantID, c ClearHelp) (Decision, *Error) {
	if _, err := authorizeOn(s, by, c.Target, actClearHelp); err != nil {
		return Decision{}, err
	}
	p, ok := s.seat(c.Target)
	if !ok || !p.HelpRaised {
		return Decision{}, refuse(TargetNotFound, "nobody calls for help there")
	}
	return Decision{Events: []Event{HelpSet{ID: p.ID}}}, nil
}
