package live

import (
	"slices"

	"alcove/room"
	"alcove/room/live/internal/opening"
)

// A proposal is a command that somebody waits for.
type proposal struct {
	command  room.Command
	by       room.ParticipantID
	mayAct   func() bool          // reports whether the connection that asks still has its seat; nil: yes
	seat     room.ParticipantID   // the seat that it takes, "" if none
	onSeated func()               // runs when connections have to change with the seat; may be nil
	must     bool                 // carried out even if it cannot be written: a session goes on
	done     func(outcome, error) // called once

	act *opening.Act // set by propose
}

// An outcome is what came of a proposal: the decision, and the plan that it may have to wait for.
type outcome struct {
	room.Decision
	barrier     *planBarrier // nil: nothing to wait for
	changedPlan bool
}

// propose decides a command. What closes is carried out at once; what opens, once it is written and still allowed.
func (r *roomActor) propose(p *proposal) {
	now := r.cfg.Now()
	var step opening.Step
	p.act, step = opening.New(r.judge(p), p.must, r.journal.status(now), now.Add(journalTimeout))
	r.execute(p, step)
	r.writeNext()
}

// judge asks policy, about the state as it is now.
func (r *roomActor) judge(p *proposal) opening.Verdict {
	if p.mayAct != nil && !p.mayAct() {
		return opening.Verdict{Err: errSeatOver()}
	}
	return opening.Judge(r.trace(p.by), r.state, p.command, p.must)
}

// execute does what package opening says about a proposal.
func (r *roomActor) execute(p *proposal, step opening.Step) {
	w, now := &r.journal, r.cfg.Now()
	w.undone(now, step.Undone)
	switch step.Action {
	case opening.Queue:
		w.queue = append(w.queue, p)
	case opening.Requeue:
		w.queue = slices.Insert(w.queue, 0, p)
	case opening.Write:
		after := room.ApplyAll(r.state, step.Decision.Events)
		r.submit(after, p, step.Entries, room.ConsentsOf(r.trace(p.by), r.state, step.Decision.Events))
	case opening.CarryOut:
		r.carryOut(p, step)
	case opening.Refuse:
		p.done(outcome{}, step.Err)
	}
}

// carryOut carries a decision out, and answers when it is written, if it is not yet and the journal works.
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

// writeNext submits the next record if none is in flight: that of the next act that opens, else what happened.
func (r *roomActor) writeNext() {
	w := &r.journal
	for w.journal != nil && w.inFlight == nil && !w.backlogged() && len(w.queue) > 0 && r.state.EndedFor == "" {
		p := w.queue[0]
		w.queue = w.queue[1:]
		r.execute(p, p.act.Turn(r.judge(p)))
	}
	if w.journal != nil && w.inFlight == nil && w.dirty && !r.cfg.Now().Before(w.retryAt) && r.state.EndedFor == "" {
		r.submit(r.state, nil, nil, nil)
	}
}

// submit hands the journal a record of a state. A state that ended is left out, and its session forgotten, once all entries
// are in.
func (r *roomActor) submit(state room.State, p *proposal, act []room.Entry, consents []room.ConsentRecord) {
	var encoded []byte
	if state.EndedFor == "" || r.journal.backlogged() {
		encoded = room.EncodeState(state)
	}
	r.journal.submit(r.trace(room.ByDaemon), encoded, p, act, consents)
}

// written goes on when the journal answered for the record in flight.
func (r *roomActor) written(err error) {
	w := &r.journal
	before := w.version
	sent := w.completed(r.cfg.Now(), err)
	for _, reply := range sent.replies {
		reply.send()
	}
	if p := sent.proposal; p != nil {
		r.execute(p, p.act.Written(r.judge(p), err))
		if p.act.State() == opening.Persisted && before == sent.version && w.version == before+1 {
			w.dirty = len(w.entries) > 0 // nothing else happened: the record holds this very state
		}
	}
	r.behind.Store(w.failures > 0)
	r.stopUnrecordable()
	r.writeNext()
}

// expire answers what waited for the journal for too long.
func (r *roomActor) expire() {
	w, now := &r.journal, r.cfg.Now()
	overdue := func(p *proposal) bool {
		at, waits := p.act.Deadline()
		return waits && !now.Before(at)
	}
	for _, p := range w.proposals() {
		if overdue(p) {
			w.queue = slices.DeleteFunc(slices.Clone(w.queue), func(q *proposal) bool { return q == p })
			r.execute(p, p.act.Expire(r.judge(p)))
		}
	}
	w.replyOverdue(now)
	if w.journal != nil {
		r.behind.Store(w.failures > 0 || w.inFlight != nil && w.failing(now))
		r.stopUnrecordable()
	}
	r.writeNext()
}

// stopUnrecordable stops a recording while the answers of people to it cannot be written.
func (r *roomActor) stopUnrecordable() {
	if r.behind.Load() && room.RecordingOf(r.state) != room.RecordingOff {
		r.doNow(room.ByDaemon, room.FailRecording{Fault: room.StoreFailed})
	}
}

func (r *roomActor) trace(by room.ParticipantID) room.EntryContext {
	return room.EntryContext{Session: r.key, At: r.cfg.Now(), By: by}
}
