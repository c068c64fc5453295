package room

// setLock closes or opens the room. Who is in stays; who waits waits on.
func setLock(s State, by ParticipantID, locked bool) (Decision, *Error) {
	if _, err := actor(s, by, actLock); err != nil {
		return Decision{}, err
	}
	if s.Locked == locked {
		return Decision{}, nil
	}
	return Decision{Events: []Event{LockSet{Locked: locked}}}, nil
}

// end ends the session for everyone, the waiting included. The daemon gives a reason of its own.
func end(s State, by ParticipantID, c End) (Decision, *Error) {
	reason := "host"
	if by == ByClinic {
		reason = "clinic"
	}
	if by == ByDaemon {
		if reason = c.Reason; reason == "" {
			return Decision{}, refuse(BadRequest, "an end needs a reason")
		}
	} else if _, err := actor(s, by, actEnd); err != nil {
		return Decision{}, err
	}
	return ended(s, reason), nil
}

// ended ends the session for everyone.
func ended(s State, reason string) Decision {
	var d Decision
	for _, p := range s.Participants {
		d.close(p.ID, Ended, "ended", "")
	}
	d.add(SessionEnded{Reason: reason})
	return d
}
