package live

import (
	"slices"
	"strconv"
	"time"

	"alcove/room"
	"alcove/room/live/internal/opening"
)

// A journalWriter writes the journal of one room. One record is in flight at a time, so that an older state never overwrites a newer
// one; later acts go into the next record. All of it is owned by roomActor.run.
//
//	closes: carried out ──► entries ──► written, with retries
//	opens:  opening.Act ──► queue ──► written ──► carried out, or refused and written as undone
type journalWriter struct {
	journal  Journal // nil: nothing is recorded
	results  chan error
	inFlight *inFlightRecord // nil: the journal is free
	queue    []*proposal     // acts that open something, in order
	replies  []pendingReply  // to acts that are in force and in no record yet
	dirty    bool            // the state differs from the last record
	version  uint64          // counts changes that survive a restart

	entries  []room.Entry         // of acts in force, not written yet, in order, at most maxUnwritten
	consents []room.ConsentRecord // the same
	lost     int                  // number of entries dropped beyond that

	failures int       // consecutive failures
	retryAt  time.Time // earliest time of the next record
}

// An inFlightRecord is the record that the journal is writing, and which parts of the journalWriter it contains.
type inFlightRecord struct {
	since    time.Time
	proposal *proposal      // the act that it is for; nil: it only holds acts in force
	version  uint64         // of the state before the act
	replies  []pendingReply // to the acts in force that it contains
	entries  int            // how many of journalWriter.entries
	consents int            // how many of journalWriter.consents
	lost     int            // how many of journalWriter.lost
}

// A pendingReply waits for the record of its act, for a limited time because the act is in force.
type pendingReply struct {
	send  func()
	until time.Time
}

// backlogged reports whether entries have to be written before an act that opens something.
func (w *journalWriter) backlogged() bool { return len(w.entries) > maxEntries }

// failing reports whether waiting for the journal is pointless.
func (w *journalWriter) failing(now time.Time) bool {
	return w.journal.Err() != nil || w.failures > 0 || w.stalled(now)
}

// stalled reports whether the record in flight takes too long.
func (w *journalWriter) stalled(now time.Time) bool {
	return w.inFlight != nil && !now.Before(w.inFlight.since.Add(journalTimeout))
}

// status returns what the journal can do for an act that opens something.
func (w *journalWriter) status(now time.Time) opening.Journal {
	switch {
	case w.journal == nil:
		return opening.Absent
	case w.failing(now):
		return opening.Failing
	case w.inFlight != nil || len(w.queue) > 0 || w.backlogged():
		return opening.Busy
	}
	return opening.Free
}

// record adds a decision in force to the next record, without the entries that an earlier record contains. With persisted that record
// contains its consents too.
func (w *journalWriter) record(t room.EntryContext, before room.State, d room.Decision, recorded []room.Entry, persisted bool) {
	if w.journal == nil || !room.NeedsRecord(d.Events) {
		return
	}
	w.dirty = true
	w.version++
	w.addEntries(opening.Missing(room.EntriesOf(t, before, d.Events), recorded)...)
	if !persisted {
		w.consents = append(w.consents, room.ConsentsOf(t, before, d.Events)...)
	}
}

// recordUndone adds entries stating that acts in earlier records did not take effect.
func (w *journalWriter) recordUndone(now time.Time, entries []room.Entry) {
	for _, e := range entries {
		e.At, e.Detail, e.Act = now, e.Act, room.ActUndone
		w.addEntries(e)
		w.dirty = true
	}
}

// addEntries adds entries up to maxUnwritten, and counts those beyond it.
func (w *journalWriter) addEntries(entries ...room.Entry) {
	for _, e := range entries {
		if len(w.entries) >= maxUnwritten {
			w.lost++
			continue
		}
		w.entries = append(w.entries, e)
	}
}

// replyWhenWritten calls send when all acts in force are written, or at once if the journal is failing.
func (w *journalWriter) replyWhenWritten(now time.Time, send func()) {
	if w.journal == nil || w.failing(now) {
		send()
		return
	}
	w.replies = append(w.replies, pendingReply{send, now.Add(journalTimeout)})
}

// replyOverdue sends the replies whose wait is over.
func (w *journalWriter) replyOverdue(now time.Time) {
	send := func(list []pendingReply) (rest []pendingReply) {
		for _, reply := range list {
			if now.Before(reply.until) {
				rest = append(rest, reply)
			} else {
				reply.send()
			}
		}
		return rest
	}
	w.replies = send(w.replies)
	if w.inFlight != nil {
		w.inFlight.replies = send(w.inFlight.replies)
	}
}

// replyAll sends all replies, because their acts are in force.
func (w *journalWriter) replyAll() {
	all := w.replies
	w.replies = nil
	if w.inFlight != nil {
		all = append(w.inFlight.replies, all...)
		w.inFlight.replies = nil
	}
	for _, reply := range all {
		reply.send()
	}
}

// submit passes the journal a record of the state and of all unwritten acts, and of the act of p if p is not nil.
func (w *journalWriter) submit(t room.EntryContext, state []byte, p *proposal, act []room.Entry, consents []room.ConsentRecord) {
	n := min(len(w.entries), maxEntries)
	sent := &inFlightRecord{
		since: t.At, proposal: p, version: w.version, replies: w.replies, entries: n, consents: len(w.consents),
	}
	record := Record{Session: t.Session, State: state}
	record.Entries = append(record.Entries, w.entries[:n]...)
	record.Consents = append(append(record.Consents, w.consents...), consents...)
	if n == len(w.entries) && w.lost > 0 {
		sent.lost = w.lost
		record.Entries = append(record.Entries, lostEntries(t, w.lost))
	}
	record.Entries = append(record.Entries, act...)
	w.inFlight, w.replies, w.dirty = sent, nil, n < len(w.entries)
	results := w.results
	w.journal.Write(record, func(err error) { results <- err })
}

// completed handles the result of the record in flight and returns that record.
func (w *journalWriter) completed(now time.Time, err error) *inFlightRecord {
	sent := w.inFlight
	w.inFlight = nil
	if err == nil {
		w.failures = 0
		w.entries = append([]room.Entry(nil), w.entries[sent.entries:]...)
		w.consents = append([]room.ConsentRecord(nil), w.consents[sent.consents:]...)
		w.lost -= sent.lost
		return sent
	}
	w.dirty = true // it is unknown what the journal contains
	w.failures++
	w.retryAt = now.Add(min(minRetry<<min(w.failures-1, 10), maxRetry))
	return sent
}

// due returns when expire or writeNext has to run, and false if never.
func (w *journalWriter) due() (time.Time, bool) {
	var next time.Time
	sooner := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for _, p := range w.proposals() {
		if at, waits := p.act.Deadline(); waits {
			sooner(at)
		}
	}
	replies := w.replies
	if w.inFlight != nil {
		replies = slices.Concat(replies, w.inFlight.replies)
	}
	for _, reply := range replies {
		sooner(reply.until)
	}
	if w.journal != nil && w.dirty && w.inFlight == nil {
		sooner(w.retryAt)
	}
	return next, !next.IsZero()
}

// proposals lists the acts that wait for the journal: the one in flight, then the queue.
func (w *journalWriter) proposals() []*proposal {
	if w.inFlight == nil || w.inFlight.proposal == nil {
		return w.queue
	}
	return slices.Concat([]*proposal{w.inFlight.proposal}, w.queue)
}

// lostEntries is the audit entry that states how many entries were lost.
func lostEntries(t room.EntryContext, n int) room.Entry {
	return room.Entry{At: t.At, Session: t.Session, Act: room.ActGap, Detail: strconv.Itoa(n)}
}
