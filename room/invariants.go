package room

import "time"

// settle adds what follows from a decision by itself, so that every state is sound whatever the command was: who does not qualify
// any more waits, a side room ends with one of its two, the room locks with its last host, and the session ends with its
// last seat.
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
	for _, rule := range []func(time.Time, State) Decision{sendBackUnqualified, closeBrokenSideRooms, startSession, lockWithoutHost, noteIdle, interruptRecording} {
		more := rule(now, after)
		d.add(more.Events...)
		d.emit(more.Effects...)
		after = ApplyAll(after, more.Events)
	}
	return d
}

// unqualified sends back who is in and does not qualify: a text changed, a mark was taken back, a cohost leads no more. Hosts
// never wait; the plan leaves them out until they qualify.
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

func closeBrokenSideRooms(_ time.Time, s State) Decision {
	var d Decision
	for _, r := range s.SideRooms {
		if !s.sideRoomStands(r) {
			d.add(SideRoomClosed{r})
		}
	}
	return d
}

// begin starts the absolute limit with the first admission.
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

// absence locks the room when its last host leaves, and unlocks it on a host's return if it was open before. A dropped connection
// is no leaving while the seat waits for it.
func lockWithoutHost(now time.Time, s State) Decision {
	there := len(hosts(s)) > 0
	switch {
	case there && !s.AbsentSince.IsZero():
		return Decision{Events: []Event{HostsBack{Unlocked: s.AbsenceLock}}}
	case !there && s.AbsentSince.IsZero() && !s.StartedAt.IsZero():
		return Decision{Events: []Event{HostsLeft{At: now, Locked: !s.Locked}}}
	}
	return Decision{}
}

// alone notes since when fewer than two are in a session that has begun: then it is idle.
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

// recorded notes that the recorder stopped because consent is missing: when it begins again, it is on when that is on the disk.
func interruptRecording(_ time.Time, s State) Decision {
	if s.Recorder == RecorderWrites && !RecordingOf(s).Records() {
		return Decision{Events: []Event{RecordingInterrupted{}}}
	}
	return Decision{}
}
