package room

import (
	"cmp"
	"slices"
	"time"
)

// disconnect starts the resume window of a seat.
func disconnect(now time.Time, s State, by ParticipantID) (Decision, *Error) {
	p, ok := s.seat(by)
	if !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	if !p.Connected {
		return Decision{}, nil
	}
	return Decision{Events: []Event{SeatDropped{ID: p.ID, At: now}}}, nil
}

// confirm invalidates the previous resume secret.
func confirm(s State, by ParticipantID) (Decision, *Error) {
	if _, ok := s.seat(by); !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	return Decision{Events: []Event{SecretConfirmed{ID: by}}}, nil
}

// leave ends the participant's own seat, in the group or in the waiting room. The last host may limit how long the group goes on alone from
// now, but not beyond the policy, which counts from when the group was alone: maybe since before, while the host was in a side room.
func leave(now time.Time, s State, by ParticipantID, c Leave) (Decision, *Error) {
	if _, ok := s.seat(by); !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	var d Decision
	if limit := time.Duration(c.AloneMinutes) * time.Minute; limit > 0 && slices.Equal(hosts(s), []ParticipantID{by}) {
		if !s.AbsentSince.IsZero() {
			limit += now.Sub(s.AbsentSince)
		}
		if s.Policy.HostGrace > 0 {
			limit = min(limit, s.Policy.HostGrace)
		}
		d.add(AbsenceLimited{Limit: limit})
	}
	d.endSeat(by, Left, "left", "")
	return d, nil
}

// tick applies deadlines: it ends the session, ends seats that were not resumed or waited too long, and warns of the end.
func tick(s State, c Tick) (Decision, *Error) {
	if len(s.Participants) == 0 {
		return Decision{Events: []Event{SessionEnded{Reason: "empty"}}}, nil
	}
	for _, end := range sessionEnds(s) {
		if !c.Now.Before(end.at) {
			return endSession(s, end.reason), nil
		}
	}
	var d Decision
	for _, p := range s.Participants {
		if at, reason, ok := seatDeadline(s, p); ok && !c.Now.Before(at) {
			d.endSeat(p.ID, Left, reason, "")
		}
	}
	d.warn(c.Now, s)
	return d, nil
}

// seatDeadline returns when a seat expires, and why: dropped and not resumed, or waiting for too long.
func seatDeadline(s State, p Participant) (at time.Time, reason string, ok bool) {
	if !p.Connected {
		at, reason, ok = resumeUntil(s.Policy, p), "expired", true
	}
	if limit := s.Policy.WaitingLimit; limit > 0 && p.Access == Waiting {
		if due := p.Since.Add(limit); !ok || due.Before(at) {
			at, reason, ok = due, "timeout", true
		}
	}
	return at, reason, ok
}

// resumeUntil returns the end of a dropped seat's resume window. In the waiting room it is longer, because people put the phone away
// and it locks itself. A participant admitted while disconnected does not know it yet, and gets the long window again.
func resumeUntil(policy Policy, p Participant) time.Time {
	switch {
	case p.Access == Waiting:
		return p.LostAt.Add(policy.WaitingWindow())
	case p.Since.After(p.LostAt):
		return p.Since.Add(policy.WaitingWindow())
	}
	return p.LostAt.Add(policy.ResumeWindow)
}

// A sessionEnd is one deadline that ends the session.
type sessionEnd struct {
	at     time.Time
	reason string
}

// sessionEnds lists the deadlines in force, the absolute ones first. All of them may be shown to everyone.
func sessionEnds(s State) []sessionEnd {
	var list []sessionEnd
	if !s.NotAfter.IsZero() {
		list = append(list, sessionEnd{s.NotAfter, "limit"})
	}
	if !s.EndsAt.IsZero() {
		list = append(list, sessionEnd{s.EndsAt, "limit"})
	}
	if limit := cmp.Or(s.AbsenceLimit, s.Policy.HostGrace); !s.AbsentSince.IsZero() && limit > 0 {
		list = append(list, sessionEnd{s.AbsentSince.Add(limit), "absent"})
	}
	if !s.AloneSince.IsZero() && s.Policy.IdleLimit > 0 {
		list = append(list, sessionEnd{s.AloneSince.Add(s.Policy.IdleLimit), "idle"})
	}
	return list
}

// nextEnd returns the earliest of them, zero if there is none.
func nextEnd(s State) sessionEnd {
	var next sessionEnd
	for _, e := range sessionEnds(s) {
		if next.at.IsZero() || e.at.Before(next.at) {
			next = e
		}
	}
	return next
}

// timeLimit returns the end that warnings announce: the absolute limit or the scheduled end, whichever is earlier; zero if none.
func timeLimit(s State) time.Time {
	if s.EndsAt.IsZero() || !s.NotAfter.IsZero() && s.NotAfter.Before(s.EndsAt) {
		return s.NotAfter
	}
	return s.EndsAt
}

// markAt returns the smallest mark that the remaining time has reached, 0 if none: warnings for it and for larger marks are due.
func markAt(now, end time.Time) int {
	mark := 0
	for _, m := range warningMarks {
		if end.Sub(now) <= time.Duration(m)*time.Minute {
			mark = m
		}
	}
	return mark
}

// warn warns everyone in the group of the end, once at each mark.
func (d *Decision) warn(now time.Time, s State) {
	end := timeLimit(s)
	mark := markAt(now, end)
	if end.IsZero() || mark == 0 || s.Warned != 0 && mark >= s.Warned {
		return
	}
	d.add(Warned{Mark: mark})
	left := int((end.Sub(now) + time.Minute - 1) / time.Minute)
	for _, p := range ApplyAll(s, d.Events).Participants {
		if p.Access == Admitted {
			d.emit(Warning{To: p.ID, Minutes: left})
		}
	}
}

// nextWarning returns when the next mark is reached.
func nextWarning(s State) (time.Time, bool) {
	end := timeLimit(s)
	if end.IsZero() {
		return time.Time{}, false
	}
	for _, m := range warningMarks {
		if s.Warned == 0 || m < s.Warned {
			return end.Add(-time.Duration(m) * time.Minute), true
		}
	}
	return time.Time{}, false
}

// extend moves the absolute limit, but not beyond the scheduled end.
func extend(now time.Time, s State, by ParticipantID, c Extend) (Decision, *Error) {
	if _, err := authorize(s, by, actExtend); err != nil {
		return Decision{}, err
	}
	if c.Minutes < 1 || c.Minutes > maxExtension {
		return Decision{}, refuse(BadRequest, "minutes: 1 to 60")
	}
	if s.EndsAt.IsZero() {
		return Decision{}, refuse(InvalidState, "the session has no limit to extend")
	}
	to := s.EndsAt.Add(time.Duration(c.Minutes) * time.Minute)
	if latest := s.StartedAt.Add(maxSession); to.After(latest) {
		to = latest
	}
	if !s.NotAfter.IsZero() && to.After(s.NotAfter) {
		to = s.NotAfter
	}
	if !to.After(s.EndsAt) {
		return Decision{}, refuse(InvalidState, "the session cannot go on for longer")
	}
	return Decision{Events: []Event{EndMoved{At: to, Mark: markAt(now, to)}}}, nil
}

// NextDeadline returns when a Tick is due, and false if never. A session without seats is due at once.
func NextDeadline(s State) (time.Time, bool) {
	if s.EndedFor != "" {
		return time.Time{}, false
	}
	if len(s.Participants) == 0 {
		return time.Time{}, true
	}
	next := nextEnd(s).at
	found := !next.IsZero()
	sooner := func(at time.Time, ok bool) {
		if ok && (!found || at.Before(next)) {
			next, found = at, true
		}
	}
	sooner(nextWarning(s))
	for _, p := range s.Participants {
		at, _, ok := seatDeadline(s, p)
		sooner(at, ok)
	}
	return next, found
}
