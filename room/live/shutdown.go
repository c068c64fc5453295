package live

import (
	"fmt"
	"runtime/debug"
	"time"

	"alcove/room"
	"alcove/room/live/internal/opening"
)

// shutdown stops the room: after the session ended, after a panic, or when the daemon stops and the session will be restored. It
// writes what is not written yet.
func (r *roomActor) shutdown() {
	panicked := recover()
	if panicked != nil {
		// The value may hold anything, so only its type is logged; the stack holds no values but addresses.
		r.cfg.Log.Error("a room panicked", "panic", fmt.Sprintf("%T", panicked), "stack", string(debug.Stack()))
		r.cfg.Observe.Panicked()
	}
	failed := panicked != nil || r.state.EndedFor == "internal" // the group may then meet again with the same tokens
	paused := !failed && r.state.EndedFor == ""
	r.reg.forget(r, !failed && !paused && len(r.state.Known) > 0)
	if !paused {
		r.guard(r.endFiles)
	}
	r.inbox.close()
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	failure, refusal := &room.Error{Code: room.Internal, Detail: "the room failed"}, errRoomEnded
	if paused {
		refusal = &room.Error{Code: room.Draining, Detail: "the daemon stops; the session goes on after"}
	}
	if r.current != nil {
		r.current.fail(failure)
	}
	if p := r.enacting; p != nil {
		delete(r.connections, p.seat) // its client gets the failure instead of End
		if p.done != nil {
			r.guard(func() { p.done(outcome{}, failure) })
		}
	}
	for len(r.mailbox) > 0 {
		(<-r.mailbox).fail(refusal)
	}
	if panicked != nil {
		refusal = failure
	}
	r.abandonProposals(refusal)
	r.endConnections(paused)
	if r.media != nil {
		r.guard(r.media.Close)
	}
	r.guard(func() { r.lastRecord(panicked != nil) })
	r.reg.wg.Done()
}

// endConnections ends the remaining connections: of a room that failed, or of a session that will be restored.
func (r *roomActor) endConnections(paused bool) {
	for id, c := range r.connections {
		delete(r.connections, id)
		last := room.Closing{To: id, Access: room.Ended, Reason: "internal"}
		if paused {
			last.Access, last.Reason = c.lastView.Self.Access, "draining"
		}
		r.guard(func() { c.client.End(last) })
	}
}

// guard runs a step of the shutdown and recovers from its panic, so that later steps run.
func (r *roomActor) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			r.cfg.Log.Error("a room panicked while it shut down", "panic", fmt.Sprintf("%T", v))
		}
	}()
	f()
}

// abandonProposals refuses the proposals that still wait for the journal.
func (r *roomActor) abandonProposals(err error) {
	all := r.journal.proposals()
	r.journal.queue = nil
	for _, p := range all {
		if _, waits := p.act.Deadline(); waits {
			r.guard(func() { r.execute(p, p.act.Abandon(err)) })
		}
	}
}

// lastRecord writes the last record of the room: that the session ended, or the state that a restart restores. It retries until it
// succeeds or the registry gives up, and sends the replies that wait for it after journalTimeout at most.
func (r *roomActor) lastRecord(failed bool) {
	w := &r.journal
	defer w.replyAll()
	if w.journal == nil {
		return
	}
	if failed {
		end := room.Decision{Events: []room.Event{room.SessionEnded{Reason: "internal"}}}
		w.record(r.entryContext(room.ByDaemon), r.state, end, nil, false)
		r.state = room.ApplyAll(r.state, end.Events)
	} else if s, changed := room.Pause(r.state); changed && s.EndedFor == "" {
		r.state, w.dirty = s, true
	}
	timeout := time.NewTimer(journalTimeout)
	defer timeout.Stop()
	for w.inFlight != nil || w.dirty {
		if w.inFlight == nil {
			if !r.awaitRetry(timeout) {
				return
			}
			r.submit(r.state, nil, nil, nil)
		}
		select {
		case err := <-w.results:
			sent := w.completed(r.cfg.Now(), err)
			for _, reply := range sent.replies {
				reply.send()
			}
			if p := sent.proposal; p != nil {
				r.execute(p, p.act.Written(opening.Verdict{}, err)) // abandoned, so there is nothing to decide
			}
		case <-timeout.C:
			w.replyAll()
		case <-r.reg.abandoned:
			return
		}
	}
}

// awaitRetry waits until the next record may be submitted. It reports false when the registry gives up.
func (r *roomActor) awaitRetry(timeout *time.Timer) bool {
	wait := time.NewTimer(max(0, r.journal.retryAt.Sub(r.cfg.Now())))
	defer wait.Stop()
	for {
		select {
		case <-wait.C:
			return true
		case <-timeout.C:
			r.journal.replyAll()
		case <-r.reg.abandoned:
			return false
		}
	}
}
