package room

// end ends the session for everyone, including the waiting room. The daemon sets the reason itself.
func end(s State, by ParticipantID, c End) (Decision, *Error) {
	reason := "host"
	if by == ByClinic {
		reason = "clinic"
	}
	if by == ByDaemon {
		if reason = c.Reason; reason == "" {
			return Decision{}, refuse(BadRequest, "an end needs a reason")
		}
	} else if _, err := authorize(s, by, actEnd); err != nil {
		return Decision{}, err
	}
	return endSession(s, reason), nil
}

// endSession ends the session for everyone.
func endSession(s State, reason string) Decision {
	var d Decision
	for _, p := range s.Participants {
		d.endSeat(p.ID, Ended, "ended", "")
	}
	d.add(SessionEnded{Reason: reason})
	return d
}
