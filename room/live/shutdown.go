package live

import (
	"fmt"
	"runtime/debug"
	"time"

	"alcove/room"
	"alcove/room/live/internal/opening"
)

// shutdown ends the room: after the session, after a panic, or when the daemon stops and the session goes on after. What is not
// written yet is written last.
func (r *roomActor) shutdown() {
	panicked := recover()
	if panicked != nil {
		// The value may hold anything, so only its type is logged; the stack holds no values but addresses.
		r.cfg.Log.Error("a room panicked", "panic", fmt.Sprintf("%T", panicked), "stack", string(debug.Stack()))
		r.cfg.Observe.Panicked()
	}
	ours := panicked != nil || r.state.EndedFor == "internal" // then the group may meet again with the tokens it has
	paused := !ours && r.state.EndedFor == ""
	r.reg.forget(r, !ours && !paused && len(r.state.Known) > 0)
	if !paused {
		r.guard(r.endFiles)
	}
	r.inbox.close()
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	failure, over := &room.Error{Code: room.Internal, Detail: "the room failed"}, errRoomEnded
	if paused {
		over = &room.Error{Code: room.Draining, Detail: "the daemon stops; the session goes on after"}
	}
	if r.current != nil {
		r.current.fail(failure)
	}
	if p := r.enacting; p != nil {
		delete(r.connections, p.seat) // is told the failure, not End
		if p.done != nil {
			r.guard(func() { p.done(outcome{}, failure) })
		}
	}
	for len(r.mailbox) > 0 {
		(<-r.mailbox).fail(over)
	}
	if panicked != nil {
		over = failure
	}
	r.abandonProposals(over)
	r.endConnections(paused)
	if r.media != nil {
		r.guard(r.media.Close)
	}
	r.guard(func() { r.lastRecord(panicked != nil) })
	r.reg.wg.Done()
}

// endConnections ends the connections that are left: of a room that failed, or of a session that goes on after a restart.
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

// guard runs a step of the shutdown, and survives its panic so that the steps after it run.
func (r *roomActor) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			r.cfg.Log.Error("a room panicked while it shut down", "panic", fmt.Sprintf("%T", v))
		}
	}()
	f()
}

// abandonProposals refuses what is still on its way through the journal.
func (r *roomActor) abandonProposals(err error) {
	all := r.journal.proposals()
	r.journal.queue = nil
	for _, p := range all {
		if _, waits := p.act.Deadline(); waits {
			r.guard(func() { r.execute(p, p.act.Abandon(err)) })
		}
	}
}

// lastRecord writes what the room leaves: that it is over, or the state in which it goes on after a restart. It tries until it
// works or the registry gives up, and sends the replies that wait for it after journalPatience at most.
func (r *roomActor) lastRecord(failed bool) {
	w := &r.journal
	defer w.replyAll()
	if w.journal == nil {
		return
	}
	if failed {
		end := room.Decision{Events: []room.Event{room.SessionEnded{Reason: "internal"}}}
		w.happened(r.trace(room.ByDaemon), r.state, end, nil, false)
		r.state = room.ApplyAll(r.state, end.Events)
	}
	patience := time.NewTimer(journalTimeout)
	defer patience.Stop()
	for w.inFlight != nil || w.dirty {
		if w.inFlight == nil {
			if !r.awaitRetry(patience) {
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
		case <-patience.C:
			w.replyAll()
		case <-r.reg.abandoned:
			return
		}
	}
}

// awaitRetry waits until the next record may be submitted. It reports false when the registry gives up.
func (r *roomActor) awaitRetry(patience *time.Timer) bool {
	wait := time.NewTimer(max(0, r.journal.retryAt.Sub(r.cfg.Now())))
	defer wait.Stop()
	for {
		select {
		case <-wait.C:
			return true
		case <-patience.C:
			r.journal.replyAll()
		case <-r.reg.abandoned:
			return false
		}
	}
}
