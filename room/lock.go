package room

// setLock locks or unlocks the room. Admitted and waiting participants keep their seats.
func setLock(s State, by ParticipantID, locked bool) (Decision, *Error) {
	if _, err := authorize(s, by, actLock); err != nil {
		return Decision{}, err
	}
	if s.Locked == locked {
		return Decision{}, nil
	}
	return Decision{Events: []Event{LockSet{Locked: locked}}}, nil
}
