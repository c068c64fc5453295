package live

import (
	"time"

	"alcove/room"
)

// A scribe keeps the journal of one room up to date. One record is under way at a time, so that no older state ever overwrites
// a newer one; what happens meanwhile is joined into the next. All of it is owned by running.run.
//
//	closes: carried out ──► kept here ──────────────────────────► written, again and again until it works
//	opens:  decided ──► queue ──► written ──► decided again ──► carried out, or refused and written as undone
type scribe struct {
	journal  Journal // nil: nothing is kept
	results  chan error
	busy     bool      // a record is under way
	since    time.Time // when it was handed over
	flight   *proposal // the act that it is for, nil if all of it has happened
	dirty    bool      // the state is not that of the record handed over last
	version  uint64    // counts the changes worth keeping
	taken    uint64    // the version that the record under way began from
	queue    []*proposal
	promises []promise // answers to acts that are in force and not yet handed over
	flying   []promise // those that the record under way holds

	entries      []room.Entry         // happened and not written, in order, at most maxUnwritten
	consents     []room.ConsentRecord // the same
	lost         int                  // entries beyond that
	sentEntries  int                  // how many of them the record under way holds
	sentConsents int                  // the same
	sentLost     int                  // the same

	failures int       // records that failed in a row
	retryAt  time.Time // not before
}

// A proposal is a wish on its way through the journal.
type proposal struct {
	command room.Command
	by      room.ParticipantID
	holds   func() bool          // whether who asks still may; nil: yes
	seated  func()               // runs when connections have to change with the seat; may be nil
	seat    room.ParticipantID   // that it takes, "" if none
	firm    bool                 // carried out even if it cannot be written: a session goes on
	done    func(outcome, error) // called once

	until    time.Time    // when it is refused
	written  []room.Entry // what records say of it
	fresh    []room.Entry // those that the next one adds
	answered bool
}

// An outcome is what came of a proposal: the decision, and the plan whose force it may have to wait for.
type outcome struct {
	room.Decision
	force   *force // nil: met
	changed bool   // the act changed the plan
}

// A promise is an answer that waits for the record of its act, but not for long: the act is in force.
type promise struct {
	tell  func()
	until time.Time
}

func (p *proposal) answer(o outcome, err error) {
	if !p.answered {
		p.answered = true
		p.done(o, err)
	}
}

func (p *proposal) refuse(err error) { p.answer(outcome{}, err) }

// crowded reports whether what happened has to go before an act that opens.
func (s *scribe) crowded() bool { return len(s.entries) > maxEntries }

// stuck reports whether there is no use in waiting for the journal.
func (s *scribe) stuck(now time.Time) bool {
	return s.journal.Err() != nil || s.failures > 0 || s.busy && !now.Before(s.since.Add(journalPatience))
}

// happened keeps what a decision leaves behind, without what a record says already.
func (s *scribe) happened(t room.Trace, before room.State, d room.Decision, written []room.Entry) {
	if s.journal == nil || !room.Keeps(d.Events) {
		return
	}
	s.dirty = true
	s.version++
	s.keep(missing(room.EntriesOf(t, before, d.Events), written)...)
	if written == nil {
		s.consents = append(s.consents, room.ConsentsOf(t, before, d.Events)...)
	}
}

// keep adds entries, as far as memory allows: what is beyond is counted.
func (s *scribe) keep(entries ...room.Entry) {
	for _, e := range entries {
		if len(s.entries) >= maxUnwritten {
			s.lost++
			continue
		}
		s.entries = append(s.entries, e)
	}
}

// promise calls tell when all that happened is written, or at once if that may take long.
func (s *scribe) promise(now time.Time, tell func()) {
	if s.journal == nil || s.stuck(now) {
		tell()
		return
	}
	s.promises = append(s.promises, promise{tell, now.Add(journalPatience)})
}

// hand gives the journal a record of the state and of all that is kept, and with it what an act will come to.
func (s *scribe) hand(now time.Time, r room.Trace, state []byte, p *proposal, consents []room.ConsentRecord) {
	record := Record{Session: r.Session, State: state}
	n := min(len(s.entries), maxEntries)
	record.Entries = append(record.Entries, s.entries[:n]...)
	record.Consents = append(append(record.Consents, s.consents...), consents...)
	lost := 0
	if n == len(s.entries) && s.lost > 0 {
		lost = s.lost
		record.Entries = append(record.Entries, gap(r, lost))
	}
	if p != nil {
		record.Entries = append(record.Entries, p.fresh...)
	}
	s.busy, s.since, s.flight, s.dirty, s.taken = true, now, p, n < len(s.entries), s.version
	s.sentEntries, s.sentConsents, s.sentLost = n, len(s.consents), lost
	s.flying = append(s.flying, s.promises...)
	s.promises = nil
	results := s.results
	s.journal.Write(record, func(err error) { results <- err })
}

// landed takes the result of the record under way and gives the act it was for.
func (s *scribe) landed(now time.Time, err error) (p *proposal, told []promise) {
	p, told = s.flight, s.flying
	s.busy, s.flight, s.flying = false, nil, nil
	if err == nil {
		s.failures = 0
		s.entries = append([]room.Entry(nil), s.entries[s.sentEntries:]...)
		s.consents = append([]room.ConsentRecord(nil), s.consents[s.sentConsents:]...)
		s.lost -= s.sentLost
		return p, told
	}
	s.dirty = true // whatever the journal holds, it is not this
	s.failures++
	s.retryAt = now.Add(min(firstRetry<<min(s.failures-1, 10), lastRetry))
	return p, told
}

// missing gives the entries that have not been said.
func missing(entries, said []room.Entry) []room.Entry {
	var list []room.Entry
	for _, e := range entries {
		found := false
		for _, old := range said {
			old.At = e.At
			found = found || old == e
		}
		if !found {
			list = append(list, e)
		}
	}
	return list
}
