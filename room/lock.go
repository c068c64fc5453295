package room

// setLock closes or opens the room. Who is in stays; who waits waits on.
func setLock(s State, by ParticipantID, locked bool) (Decision, *Error) {
	if _, err := authorize(s, by, actLock); err != nil {
		return Decision{}, err
	}
	if s.Locked == locked {
		return Decision{}, nil
	}
	return Decision{Events: []Event{LockSet{Locked: locked}}}, nil
}
