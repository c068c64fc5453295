package room

import "time"

// enforceInvariants adds the consequences that any command can have: participants who no longer meet the requirements wait, a side
// room closes when one of the two leaves, the room locks when no host is with the group, and the session ends with its last seat.
func (d Decision) enforceInvariants(now time.Time, s State) Decision {
	after := ApplyAll(s, d.Events)
	if after.EndedFor != "" {
		return d
	}
	if len(after.Participants) == 0 {
		if len(s.Participants) > 0 {
			d.add(SessionEnded{Reason: "empty"})
		}
		return d
	}
	for _, rule := range []func(time.Time, State) Decision{sendBackUnqualified, closeBrokenSideRooms, startSession, lockWithoutHost, noteIdle, forgetReleases, interruptRecording} {
		more := rule(now, after)
		d.add(more.Events...)
		d.emit(more.Effects...)
		after = ApplyAll(after, more.Events)
	}
	return d
}

// sendBackUnqualified moves participants who no longer meet the requirements to the waiting room: a text changed, a verification
// was withdrawn, a cohost became a participant. Hosts never wait; the plan leaves them out until they meet the requirements.
func sendBackUnqualified(now time.Time, s State) Decision {
	var d Decision
	for _, p := range s.Participants {
		if p.Access == Admitted && !p.Role.Hosts() && checkRequirements(s, p) != nil {
			d.add(SeatSentBack{ID: p.ID, At: now})
			d.emit(AccessReason{To: p.ID, Reason: "sent_back"})
		}
	}
	return d
}

// closeBrokenSideRooms closes side rooms that one of the two left.
func closeBrokenSideRooms(_ time.Time, s State) Decision {
	var d Decision
	for _, r := range s.SideRooms {
		if !s.sideRoomValid(r) {
			d.add(SideRoomClosed{r})
		}
	}
	return d
}

// startSession starts the session, and its absolute limit, with the first admission.
func startSession(now time.Time, s State) Decision {
	if !s.StartedAt.IsZero() || s.count(Admitted) == 0 {
		return Decision{}
	}
	e := SessionStarted{At: now}
	if s.Policy.SessionLimit > 0 {
		e.EndsAt = now.Add(s.Policy.SessionLimit)
	}
	s = Apply(s, e)
	if end := timeLimit(s); !end.IsZero() {
		e.Mark = markAt(now, end)
	}
	return Decision{Events: []Event{e}}
}

// lockWithoutHost notes since when no host is with the group, and locks the room when its last host leaves; it unlocks it when a host
// returns if it was unlocked before. While a host is in a side room it stays open: the host still admits, and a person who comes late
// can wait.
func lockWithoutHost(now time.Time, s State) Decision {
	there, some := hostPresent(s), len(hosts(s)) > 0
	switch {
	case there && !s.AbsentSince.IsZero():
		return Decision{Events: []Event{HostsBack{Unlocked: s.AbsenceLock}}}
	case there, s.StartedAt.IsZero():
	case s.AbsentSince.IsZero():
		return Decision{Events: []Event{HostsLeft{At: now, Locked: !s.Locked && !some, Aside: some}}}
	case s.HostAside && !some: // the group was alone already when the host left the side room and the session
		return Decision{Events: []Event{HostsLeft{At: s.AbsentSince, Locked: !s.Locked}}}
	}
	return Decision{}
}

// hostPresent reports whether a host is with the group. A host in a side room is not, unless nobody is left outside of it. A host whose
// connection was lost has not left while the seat can be resumed.
func hostPresent(s State) bool {
	aside, leftBehind := false, false
	for _, p := range s.Participants {
		if p.Access != Admitted {
			continue
		}
		_, inSideRoom := s.sideRoomOf(p.ID)
		switch {
		case p.Role.Hosts() && !inSideRoom:
			return true
		case p.Role.Hosts():
			aside = true
		case !inSideRoom:
			leftBehind = true
		}
	}
	return aside && !leftBehind
}

// noteIdle notes since when a session that started has fewer than two participants: it is idle then.
func noteIdle(now time.Time, s State) Decision {
	idle := !s.StartedAt.IsZero() && s.count(Admitted) < 2
	switch {
	case idle && s.AloneSince.IsZero():
		return Decision{Events: []Event{AloneSet{At: now}}}
	case !idle && !s.AloneSince.IsZero():
		return Decision{Events: []Event{AloneSet{}}}
	}
	return Decision{}
}

// interruptRecording notes that the recorder stopped because consent is missing. When consent is complete again, the recording is
// on only once its next record is on the disk.
func interruptRecording(_ time.Time, s State) Decision {
	if s.Recorder == RecorderWrites && !RecordingOf(s).Records() {
		return Decision{Events: []Event{RecordingInterrupted{}}}
	}
	return Decision{}
}
