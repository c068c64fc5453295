package room

import "time"

// disconnect starts the time in which a seat may be resumed.
func disconnect(now time.Time, s State, c Disconnect) (Decision, *Error) {
	p, ok := s.seat(c.By)
	if !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	if !p.Connected {
		return Decision{}, nil
	}
	return Decision{Events: []Event{SeatDropped{ID: p.ID, At: now}}}, nil
}

// confirm lets the secret before the newest die.
func confirm(s State, c Confirm) (Decision, *Error) {
	if _, ok := s.seat(c.By); !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	return Decision{Events: []Event{SecretConfirmed{ID: c.By}}}, nil
}

// leave ends the own seat, from the group or from the waiting room.
func leave(s State, c Leave) (Decision, *Error) {
	if _, ok := s.seat(c.By); !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	var d Decision
	d.close(c.By, Left, "left", "")
	return d, nil
}

// tick ends the seats that nobody resumed in time.
func tick(s State, c Tick) (Decision, *Error) {
	var d Decision
	for _, p := range s.Participants {
		if !p.Connected && !c.Now.Before(p.LostAt.Add(s.Policy.ResumeWindow)) {
			d.close(p.ID, Left, "expired", "")
		}
	}
	if len(s.Participants) == 0 {
		d.add(SessionEnded{Reason: "empty"})
	}
	return d, nil
}

// andEmpty ends the session with its last seat.
func (d Decision) andEmpty(s State) Decision {
	after := ApplyAll(s, d.Events)
	if after.EndedFor == "" && len(after.Participants) == 0 && len(s.Participants) > 0 {
		d.add(SessionEnded{Reason: "empty"})
	}
	return d
}

// NextDeadline says when a Tick is due, if ever. A session without seats is due at once.
func NextDeadline(s State) (time.Time, bool) {
	if s.EndedFor != "" {
		return time.Time{}, false
	}
	if len(s.Participants) == 0 {
		return time.Time{}, true
	}
	var next time.Time
	found := false
	for _, p := range s.Participants {
		due := p.LostAt.Add(s.Policy.ResumeWindow)
		if !p.Connected && (!found || due.Before(next)) {
			next, found = due, true
		}
	}
	return next, found
}
