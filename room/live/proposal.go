package live

import (
	"slices"

	"alcove/room"
	"alcove/room/live/internal/opening"
)

// A proposal is a command whose caller waits for the outcome.
type proposal struct {
	command  room.Command
	by       room.ParticipantID
	mayAct   func() bool          // reports whether the caller's connection still has its seat; nil: always
	seat     room.ParticipantID   // the seat that it takes; "" if none
	onSeated func()               // replaces the connection when the seat is taken; may be nil
	must     bool                 // carried out even if it cannot be written, so that the session continues
	done     func(outcome, error) // called once

	act *opening.Act // set by propose
}

// An outcome is the decision on a proposal, and the barrier of the plan that its answer may have to wait for.
type outcome struct {
	room.Decision
	barrier     *planBarrier // nil: nothing to wait for
	changedPlan bool
}

// propose decides a command. An act that closes something is carried out at once, one that opens something once it is written and still
// allowed.
func (r *roomActor) propose(p *proposal) {
	now := r.cfg.Now()
	var step opening.Step
	p.act, step = opening.New(r.decide(p), p.must, r.journal.status(now), now.Add(journalTimeout))
	r.execute(p, step)
	r.writeNext()
}

// decide applies policy to the current state.
func (r *roomActor) decide(p *proposal) opening.Verdict {
	if p.mayAct != nil && !p.mayAct() {
		return opening.Verdict{Err: errSeatOver()}
	}
	return opening.Decide(r.entryContext(p.by), r.state, p.command, p.must)
}

// execute performs the step that package opening returned for a proposal.
func (r *roomActor) execute(p *proposal, step opening.Step) {
	w, now := &r.journal, r.cfg.Now()
	w.recordUndone(now, step.Undone)
	switch step.Action {
	case opening.Queue:
		w.queue = append(w.queue, p)
	case opening.Requeue:
		w.queue = slices.Insert(w.queue, 0, p)
	case opening.Write:
		after := room.ApplyAll(r.state, step.Decision.Events)
		r.submit(after, p, step.Entries, room.ConsentsOf(r.entryContext(p.by), r.state, step.Decision.Events))
	case opening.CarryOut:
		r.carryOut(p, step)
	case opening.Refuse:
		p.done(outcome{}, step.Err)
	}
}

// carryOut carries a decision out and answers once it is written, or at once if the journal fails.
func (r *roomActor) carryOut(p *proposal, step opening.Step) {
	before := r.barrier
	if err := r.enact(p, step); err != nil {
		r.execute(p, p.act.Fail(err))
		return
	}
	o := outcome{step.Decision, r.barrier, r.barrier != before}
	if p.act.State() == opening.Persisted || !room.NeedsRecord(step.Decision.Events) {
		p.done(o, nil)
		return
	}
	r.journal.replyWhenWritten(r.cfg.Now(), func() { p.done(o, nil) })
}

// writeNext submits the next record if none is in flight: that of the next queued act, or else of the acts already in force.
func (r *roomActor) writeNext() {
	w := &r.journal
	for w.journal != nil && w.inFlight == nil && !w.backlogged() && len(w.queue) > 0 && r.state.EndedFor == "" {
		p := w.queue[0]
		w.queue = w.queue[1:]
		r.execute(p, p.act.Turn(r.decide(p)))
	}
	if w.journal != nil && w.inFlight == nil && w.dirty && !r.cfg.Now().Before(w.retryAt) && r.state.EndedFor == "" {
		r.submit(r.state, nil, nil, nil)
	}
}

// submit passes a record of a state to the journal. The record of an ended session has no state, so that the journal forgets it, unless
// entries remain to be written.
func (r *roomActor) submit(state room.State, p *proposal, act []room.Entry, consents []room.ConsentRecord) {
	var encoded []byte
	if state.EndedFor == "" || r.journal.backlogged() {
		encoded = room.EncodeState(state)
	}
	r.journal.submit(r.entryContext(room.ByDaemon), encoded, p, act, consents)
}

// written handles the journal's result for the record in flight.
func (r *roomActor) written(err error) {
	w := &r.journal
	before := w.version
	sent := w.completed(r.cfg.Now(), err)
	for _, reply := range sent.replies {
		reply.send()
	}
	if p := sent.proposal; p != nil {
		r.execute(p, p.act.Written(r.decide(p), err))
		if p.act.State() == opening.Persisted && before == sent.version && w.version == before+1 {
			w.dirty = len(w.entries) > 0 // nothing else changed: the record holds the current state
		}
	}
	r.behind.Store(w.failures > 0)
	r.stopUnrecordable()
	r.writeNext()
}

// expire answers proposals and replies that waited too long for the journal.
func (r *roomActor) expire() {
	w, now := &r.journal, r.cfg.Now()
	overdue := func(p *proposal) bool {
		at, waits := p.act.Deadline()
		return waits && !now.Before(at)
	}
	for _, p := range w.proposals() {
		if overdue(p) {
			w.queue = slices.DeleteFunc(slices.Clone(w.queue), func(q *proposal) bool { return q == p })
			r.execute(p, p.act.Expire(r.decide(p)))
		}
	}
	w.replyOverdue(now)
	if w.journal != nil {
		r.behind.Store(w.failures > 0 || w.inFlight != nil && w.failing(now))
		r.stopUnrecordable()
	}
	r.writeNext()
}

// stopUnrecordable stops a recording while answers to requests for consent cannot be written.
func (r *roomActor) stopUnrecordable() {
	if r.behind.Load() && room.RecordingOf(r.state) != room.RecordingOff {
		r.doNow(room.ByDaemon, room.FailRecording{Fault: room.StoreFailed})
	}
}

func (r *roomActor) entryContext(by room.ParticipantID) room.EntryContext {
	return room.EntryContext{Session: r.key, At: r.cfg.Now(), By: by}
}
