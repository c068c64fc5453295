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

// end ends the session for everyone, the waiting included. By is "" when the daemon does it, with its own reason.
func end(s State, c End) (Decision, *Error) {
	reason := "host"
	if c.By == ByClinic {
		reason = "clinic"
	}
	if c.By == "" {
		if reason = c.Reason; reason == "" {
			return Decision{}, refuse(BadRequest, "an end needs a reason")
		}
	} else if _, err := actor(s, c.By, actEnd); err != nil {
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
