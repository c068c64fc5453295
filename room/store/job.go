package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"alcove/auth"
	"alcove/room"
)

// A jobState is what has become of a job.
type jobState int

const (
	queued      jobState = iota // waits for the writer, or is being written
	written                     // its entries and values are on the disk
	refused                     // it failed before anything of it was written
	unconfirmed                 // it failed: nobody knows whether its values are on the disk, and the log will say so
	retrying                    // it was refused or failed, and closes something: tried until it is written
)

// A job is one thing to be written: its entries, then its changes.
type job struct {
	state   jobState // Guarded by Store.mu.
	entries []room.Entry
	changes func() ([]Change, error) // called by the writer right before it writes, so that it sees the newest state; may be nil
	settle  func([]Outcome) error    // called by the writer once the changes are durable; its error goes to done; may be nil
	done    func(error)              // called once: with nil when written, with an error when refused or failed
	closes  string                   // names what it closes; "" if it closes nothing
}

// A group is the jobs that are being written.
type group struct {
	began time.Time
	jobs  []*job
}

// enqueue queues a job, or returns why it cannot; a job that closes something is then retried. Close holds mu too, so that no job is
// queued after the writer has ended.
func (s *Store) enqueue(j *job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.err()
	if err == nil || !s.closed && s.current == nil { // a store that failed is tried all the same, one that hangs is not
		select {
		case s.queue <- j:
			return nil
		default:
			err = ErrFull
		}
	}
	s.keepTrying(j)
	return err
}

// enqueueAndWait queues a job and waits until it is written, fails, or ctx is done.
func (s *Store) enqueueAndWait(ctx context.Context, j *job) error {
	result, done := make(chan error, 1), j.done // buffered: the writer never waits for a caller that gave up
	j.done = func(err error) {
		if done != nil {
			done(err)
		}
		result <- err
	}
	if err := s.enqueue(j); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ErrStalled
	}
}

// keepTrying puts a job that closes something among those that are retried: it is in force although it was refused or failed. If one
// for the same subject is there already, that one stays, since it reads the current revocation when it is written. A full list drops the
// job, which cannot happen: every job has a place in the list of revocations, which is no longer. The caller holds mu.
func (s *Store) keepTrying(j *job) {
	if _, there := s.retrying[j.closes]; j.closes == "" || there || len(s.retrying) >= auth.MaxRevocations {
		return
	}
	j.state, j.done = retrying, func(error) {} // the caller has the error already
	s.retrying[j.closes] = j
}

// unwritten counts the jobs that close something, failed, and are not written yet.
func (s *Store) unwritten() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.retrying)
	if s.current != nil {
		for _, j := range s.current.jobs {
			if j.state == retrying {
				n++
			}
		}
	}
	return n
}

// takeRetrying takes the oldest jobs that are tried again, as many as make one group. The caller holds mu.
func (s *Store) takeRetrying() []*job {
	all := slices.SortedFunc(maps.Values(s.retrying), func(a, b *job) int { return a.entries[0].At.Compare(b.entries[0].At) })
	all = all[:min(len(all), maxBatch)]
	for _, j := range all {
		delete(s.retrying, j.closes)
	}
	return all
}
