package store

import (
	"encoding/json"
	"fmt"
	"time"

	"alcove/room"
	"alcove/room/audit"
)

// run writes groups until the store is closed. While the store fails, run tries again on its own, so that recovery needs no request.
func (s *Store) run() {
	defer close(s.stopped)
	retry := time.NewTicker(s.retryPause)
	defer retry.Stop()
	if len(s.unconfirmed) > 0 {
		s.writeGroup(nil)
	}
	for {
		select {
		case j := <-s.queue:
			s.writeGroup(s.gather(j))
		case <-retry.C:
			s.retry()
		case <-s.quit:
			for {
				select {
				case j := <-s.queue:
					s.writeGroup(s.gather(j))
				default:
					if s.unwritten() > 0 {
						s.retry()
					}
					return
				}
			}
		}
	}
}

// gather adds jobs from the queue to a first one, up to the size of one group.
func (s *Store) gather(first *job) []*job {
	batch, entries := []*job{first}, len(first.entries)
	for len(batch) < maxBatch && entries < audit.MaxGroup/4 {
		select {
		case j := <-s.queue:
			batch = append(batch, j)
			entries += len(j.entries)
		default:
			return batch
		}
	}
	return batch
}

// retry writes what closes and failed, and an entry that the store recovered, until all is written or it fails again.
func (s *Store) retry() {
	for {
		s.mu.Lock()
		batch, failed := s.takeRetrying(), s.failed
		if failed != nil {
			batch = append(batch, &job{entries: []room.Entry{{At: s.cfg.Now(), Act: actRecovered}}, done: func(error) {}})
		}
		if len(batch) > 0 {
			s.current = &group{s.cfg.Now(), batch} // under the same lock: what is taken still counts as unwritten
		}
		s.mu.Unlock()
		if len(batch) == 0 || s.write() != nil {
			return
		}
	}
}

// writeGroup writes a batch and answers each job.
func (s *Store) writeGroup(batch []*job) {
	s.mu.Lock()
	s.current = &group{s.cfg.Now(), batch}
	s.mu.Unlock()
	s.write()
}

// cannotWrite is what operators look for in the log.
const cannotWrite = "the store cannot be written: acts that open are refused"

// write writes the current group and answers each job. It says why the group failed.
func (s *Store) write() error {
	s.mu.Lock()
	g, before := s.current, s.failed
	s.mu.Unlock()
	errs, part, failed := s.commit(g.jobs, before != nil)
	s.cfg.Wrote(s.cfg.Now().Sub(g.began), part)
	switch {
	case failed != nil && before == nil:
		s.cfg.Log.Error(cannotWrite, "error", failed.Error())
	case failed == nil && before != nil:
		s.cfg.Log.Info("the store can be written again")
	}
	callbacks := make([]func(error), len(g.jobs))
	s.mu.Lock()
	s.current, s.failed = nil, failed
	for i, j := range g.jobs {
		callbacks[i] = j.done
		switch {
		case errs[i] == nil:
			j.state = written
		case part == ValuesPart:
			j.state = unconfirmed
		default:
			j.state = refused
		}
		if errs[i] != nil {
			s.keepTrying(j)
		}
	}
	s.mu.Unlock()
	for i, done := range callbacks {
		done(errs[i])
	}
	return failed
}

// commit appends the entries of all jobs, then writes their changes in one transaction. It returns the error of each job, the part that
// failed, and why. After a failure it first commits nothing to see whether values can be written: until they can, no entries are appended
// that nothing confirms.
func (s *Store) commit(batch []*job, failing bool) (errs []error, part Part, failed error) {
	errs = make([]error, len(batch))
	fail := func(part Part, err error) ([]error, Part, error) {
		for i := range errs {
			errs[i] = err
		}
		return errs, part, err
	}
	if failing {
		if _, err := s.cfg.Values.Commit(nil); err != nil {
			return fail(ValuesPart, valuesError(err))
		}
	}
	entries := s.unconfirmedEntries()
	reported := len(entries)
	var changes []Change
	ends := make([]int, len(batch)) // of each job's changes
	for i, j := range batch {
		if j.changes != nil {
			var some []Change
			some, errs[i] = j.changes()
			if errs[i] != nil { // the other jobs go on
				ends[i] = len(changes)
				continue
			}
			changes = append(changes, some...)
		}
		ends[i] = len(changes)
		entries = append(entries, j.entries...)
	}
	first, err := s.cfg.Audit.Append(entries)
	if err != nil {
		return fail(AuditPart, err)
	}
	s.unconfirmed = s.unconfirmed[reported:]
	p, err := s.progressChange()
	var outcomes []Outcome
	if err == nil {
		outcomes, err = s.cfg.Values.Commit(append(changes, p))
	}
	if err != nil {
		if n := int64(len(entries) - reported); n > 0 {
			s.unconfirmed = append(s.unconfirmed, span{first + int64(reported), first + int64(reported) + n - 1})
		}
		return fail(ValuesPart, valuesError(err))
	}
	begin := 0
	for i, j := range batch {
		if errs[i] == nil && j.settle != nil {
			errs[i] = j.settle(outcomes[begin:ends[i]])
		}
		begin = ends[i]
	}
	return errs, "", nil
}

func valuesError(err error) error { return fmt.Errorf("the store cannot be written: %w", err) }

// span is from the first to the last entry of a group that failed, by index.
type span struct{ First, Last int64 }

// unconfirmedEntries says in the log which entries may not be true, neighbours as one: the first spans, as many as are given.
func (s *Store) unconfirmedEntries() (entries []room.Entry) {
	var joined []span
	for _, u := range s.unconfirmed {
		if n := len(joined); n > 0 && joined[n-1].Last+1 >= u.First {
			joined[n-1].Last = max(joined[n-1].Last, u.Last)
			continue
		}
		joined = append(joined, u)
	}
	s.unconfirmed = joined
	for _, u := range joined[:min(len(joined), audit.MaxGroup/4)] {
		entries = append(entries, room.Entry{At: s.cfg.Now(), Act: audit.Unconfirmed, Detail: fmt.Sprintf("%d-%d", u.First, u.Last)})
	}
	return entries
}

// progress is how far the audit log and the values belong together.
type progress struct {
	Log  string // audit.Log.Name
	Upto int64  // entries whose groups were written whole
}

func (s *Store) progressChange() (Change, error) {
	value, err := json.Marshal(progress{s.cfg.Audit.Name(), s.cfg.Audit.Len()})
	if err != nil {
		return Change{}, err
	}
	return s.put(Meta, keyProgress, value)
}
