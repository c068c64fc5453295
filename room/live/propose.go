package live

import (
	"strconv"
	"time"

	"alcove/room"
)

// propose decides a wish. What closes is carried out at once; what opens, once it is written and still allowed.
func (r *running) propose(p *proposal) {
	d, err := r.decide(p)
	if err != nil {
		p.refuse(err)
		return
	}
	now := r.cfg.Now()
	switch {
	case r.scribe.journal == nil || !p.firm && !room.Opens(r.state, d.Events):
		r.carry(p, d)
	case r.scribe.stuck(now):
		r.unwritten(p)
	default:
		p.until = now.Add(journalPatience)
		r.scribe.queue = append(r.scribe.queue, p)
	}
	r.pump()
}

// decide asks policy, about the state as it is now.
func (r *running) decide(p *proposal) (room.Decision, error) {
	if p.holds != nil && !p.holds() {
		return room.Decision{}, gone()
	}
	return room.Decide(r.cfg.Now(), r.state, p.command)
}

// unwritten ends an act that cannot be written in time: it is refused, unless a session could not go on without it.
func (r *running) unwritten(p *proposal) {
	if !p.firm {
		p.refuse(&room.Error{Code: room.Unavailable, Detail: "it cannot be recorded now"})
		return
	}
	d, err := r.decide(p)
	if err != nil {
		p.refuse(err)
		return
	}
	r.carry(p, d)
}

// carry carries a decision out, and answers when it is written, if it is not yet and the journal works.
func (r *running) carry(p *proposal, d room.Decision) {
	before := r.force
	if err := r.enact(p, d); err != nil {
		r.undo(p, nil)
		p.refuse(err)
		return
	}
	o := outcome{d, r.force, r.force != before}
	if p.written != nil || !room.Keeps(d.Events) {
		p.answer(o, nil)
		return
	}
	r.scribe.promise(r.cfg.Now(), func() { p.answer(o, nil) })
}

// pump hands over the next record if none is under way: that of the next act that opens, else what happened.
func (r *running) pump() {
	s := &r.scribe
	for s.journal != nil && !s.busy && !s.crowded() && len(s.queue) > 0 && r.state.EndedFor == "" {
		p := s.queue[0]
		s.queue = s.queue[1:]
		d, err := r.decide(p)
		switch {
		case err != nil:
			r.undo(p, nil)
			p.refuse(err)
		case !p.firm && !room.Opens(r.state, d.Events):
			r.undo(p, nil)
			r.carry(p, d)
		default:
			t := r.trace(p.by)
			p.fresh = missing(room.EntriesOf(t, r.state, d.Events), p.written)
			p.written = append(p.written, p.fresh...)
			r.hand(room.ApplyAll(r.state, d.Events), p, room.ConsentsOf(t, r.state, d.Events))
		}
	}
	if s.journal != nil && !s.busy && s.dirty && !r.cfg.Now().Before(s.retryAt) && r.state.EndedFor == "" {
		r.hand(r.state, nil, nil)
	}
}

func (r *running) hand(state room.State, p *proposal, consents []room.ConsentRecord) {
	var encoded []byte
	if state.EndedFor == "" || r.scribe.crowded() {
		encoded = room.EncodeState(state)
	}
	r.scribe.hand(r.cfg.Now(), r.trace(""), encoded, p, consents)
}

// written goes on when the journal answered.
func (r *running) written(err error) {
	now := r.cfg.Now()
	unchanged := r.scribe.version == r.scribe.taken
	p, told := r.scribe.landed(now, err)
	for _, t := range told {
		t.tell()
	}
	if p != nil {
		r.conclude(p, err, unchanged)
	}
	r.behind.Store(r.scribe.failures > 0)
	r.keepOrStop()
	r.pump()
}

// keepOrStop stops a recording while nothing can be kept of what people answer to it.
func (r *running) keepOrStop() {
	if r.behind.Load() && room.RecordingOf(r.state) != room.RecordingOff {
		r.act("", room.FailRecording{Fault: room.StoreFailed})
	}
}

// conclude ends an act whose record came back. Between the decision and now the room went on, so it is decided again.
func (r *running) conclude(p *proposal, err error, unchanged bool) {
	if err != nil {
		p.written = missing(p.written, p.fresh) // whole or not at all: not at all
		r.undo(p, nil)
		if !p.answered {
			r.unwritten(p)
		}
		return
	}
	if p.answered {
		r.undo(p, nil) // too late: refused meanwhile
		return
	}
	d, refused := r.decide(p)
	if refused != nil {
		r.undo(p, nil)
		p.refuse(refused)
		return
	}
	t := r.trace(p.by)
	if len(missing(room.OpeningsOf(t, r.state, d.Events), p.written)) > 0 {
		r.scribe.queue = append([]*proposal{p}, r.scribe.queue...) // it opens more than was written
		return
	}
	r.undo(p, room.EntriesOf(t, r.state, d.Events))
	r.carry(p, d)
	if unchanged && r.scribe.version == r.scribe.taken+1 {
		r.scribe.dirty = len(r.scribe.entries) > 0 // the record holds this very state
	}
}

// undo says of what was written for an act, and did not come to be, that it did not.
func (r *running) undo(p *proposal, came []room.Entry) {
	for _, e := range missing(p.written, came) {
		e.At, e.Detail, e.Act = r.cfg.Now(), e.Act, room.ActUndone
		r.scribe.keep(e)
		r.scribe.dirty = true
	}
	if came == nil {
		p.written = nil
	}
}

// overdue answers what waited for the journal for too long.
func (r *running) overdue() {
	s, now := &r.scribe, r.cfg.Now()
	late := func(p *proposal) bool { return !p.answered && !now.Before(p.until) }
	if s.flight != nil && late(s.flight) && !s.flight.firm {
		r.unwritten(s.flight)
	}
	if s.flight != nil && late(s.flight) {
		again := *s.flight // carried out beside its record, which when it lands is found to be answered
		s.flight.answered = true
		again.written = nil
		r.unwritten(&again)
	}
	queue := s.queue
	s.queue = nil
	for _, p := range queue {
		if late(p) {
			r.undo(p, nil)
			r.unwritten(p)
		} else {
			s.queue = append(s.queue, p)
		}
	}
	for _, list := range []*[]promise{&s.promises, &s.flying} {
		waiting := *list
		*list = nil
		for _, t := range waiting {
			if now.Before(t.until) {
				*list = append(*list, t)
			} else {
				t.tell()
			}
		}
	}
	if s.journal != nil {
		r.behind.Store(s.failures > 0 || s.busy && s.stuck(now))
		r.keepOrStop()
	}
	r.pump()
}

// due is when overdue or pump has something to do, if ever.
func (s *scribe) due() (time.Time, bool) {
	var next time.Time
	sooner := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if s.flight != nil && !s.flight.answered {
		sooner(s.flight.until)
	}
	for _, p := range s.queue {
		sooner(p.until)
	}
	for _, t := range s.promises {
		sooner(t.until)
	}
	for _, t := range s.flying {
		sooner(t.until)
	}
	if s.journal != nil && s.dirty && !s.busy {
		sooner(s.retryAt)
	}
	return next, !next.IsZero()
}

// waits reports whether somebody is on the way in: the room is not empty yet.
func (s *scribe) waits() bool { return s.flight != nil || len(s.queue) > 0 }

func (r *running) trace(by room.ParticipantID) room.Trace {
	return room.Trace{Session: r.key, At: r.cfg.Now(), By: by}
}

func gap(t room.Trace, n int) room.Entry {
	return room.Entry{At: t.At, Session: t.Session, Act: room.ActGap, Detail: strconv.Itoa(n)}
}
