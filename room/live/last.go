package live

import (
	"time"

	"alcove/room"
)

// abandon refuses what is still on its way through the journal when the room is over.
func (r *running) abandon(err error) {
	queue := r.scribe.queue
	r.scribe.queue = nil
	if p := r.scribe.flight; p != nil {
		queue = append(queue, p)
	}
	for _, p := range queue {
		r.guard(func() { p.refuse(err) })
	}
}

// lastRecord writes what the room leaves: that it is over, or the state in which it goes on after a restart. It tries until it
// works or the registry gives up, and answers what waits for it before it waits long.
func (r *running) lastRecord(failed bool) {
	s := &r.scribe
	if s.journal == nil {
		r.keepPromises()
		return
	}
	if failed {
		end := room.Decision{Events: []room.Event{room.SessionEnded{Reason: "internal"}}}
		s.happened(r.trace(""), r.state, end, nil)
		r.state = room.ApplyAll(r.state, end.Events)
	}
	give := time.NewTimer(journalPatience)
	defer give.Stop()
	for s.busy || s.dirty {
		if !s.busy && !r.pause(give) {
			return
		}
		if !s.busy {
			r.hand(r.state, nil, nil)
		}
		select {
		case err := <-s.results:
			p, told := s.landed(r.cfg.Now(), err)
			for _, t := range told {
				t.tell()
			}
			if p != nil && err == nil {
				r.undo(p, nil)
			}
		case <-give.C:
			r.keepPromises()
		case <-r.reg.gone:
			r.keepPromises()
			return
		}
	}
	r.keepPromises()
}

// pause waits until the next try is due. It reports false when the registry gives up.
func (r *running) pause(give *time.Timer) bool {
	wait := time.NewTimer(max(0, r.scribe.retryAt.Sub(r.cfg.Now())))
	defer wait.Stop()
	for {
		select {
		case <-wait.C:
			return true
		case <-give.C:
			r.keepPromises()
		case <-r.reg.gone:
			r.keepPromises()
			return false
		}
	}
}

// keepPromises answers all acts that are in force.
func (r *running) keepPromises() {
	told := append(r.scribe.flying, r.scribe.promises...)
	r.scribe.flying, r.scribe.promises = nil, nil
	for _, t := range told {
		t.tell()
	}
}
