package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/audit"
	"alcove/room/live"
)

// A job is one thing to be written: its entries, then its values.
type job struct {
	entries []room.Entry
	write   func(context.Context) error // may be nil
	done    func(error)
	closes  string // names what it closes: tried again until it works, after done has heard of the failure; "" if it closes nothing
}

// sessionValue is what the bucket of sessions keeps.
type sessionValue struct {
	Session string
	State   []byte
}

// Write implements live.Journal. What is refused at once is told on another goroutine: the caller may be holding what done
// needs. A record that is too large is refused before others share a group with it.
func (s *Store) Write(r live.Record, done func(error)) {
	j := job{entries: r.Entries, done: done, write: func(ctx context.Context) error { return s.putRecord(ctx, r) }}
	if len(r.Entries) > audit.MaxGroup/2 || len(r.State) > maxState {
		go done(fmt.Errorf("a record of %d entries and %d bytes is too large", len(r.Entries), len(r.State)))
		return
	}
	if err := s.offer(j); err != nil {
		go done(err)
	}
}

// offer queues a job or says why not: what closes is tried later then. Closing holds mu, so that nothing is queued that nobody
// will write.
func (s *Store) offer(j job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.err()
	if err == nil || !s.closed && s.since.IsZero() { // a store that failed is tried all the same, one that hangs is not
		select {
		case s.queue <- j:
			return nil
		default:
			err = ErrFull
		}
	}
	s.insist(j)
	return err
}

// putRecord writes the values of a record. All of it may be written twice.
func (s *Store) putRecord(ctx context.Context, r live.Record) error {
	for _, c := range r.Consents {
		if err := s.putConsent(ctx, c); err != nil {
			return err
		}
	}
	key := hashed(r.Session)
	if r.State == nil {
		return s.bucket(sessionsBucket).remove(ctx, key)
	}
	value, err := json.Marshal(sessionValue{r.Session, r.State})
	if err != nil {
		return err
	}
	return s.bucket(sessionsBucket).put(ctx, key, value)
}

// hashed makes a name for a bucket: of fixed size and without characters that mean something there.
func hashed(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

// run writes groups until the store is closed. While the store fails it tries itself, so that it recovers without a wish.
func (s *Store) run() {
	defer close(s.over)
	retry := time.NewTicker(s.probe)
	defer retry.Stop()
	if len(s.unsure) > 0 {
		s.group(nil)
	}
	for {
		select {
		case j := <-s.queue:
			s.group(s.gather(j))
		case <-retry.C:
			s.recover()
		case <-s.quit:
			for {
				select {
				case j := <-s.queue:
					s.group(s.gather(j))
				default:
					if s.lateJobs() > 0 {
						s.recover()
					}
					return
				}
			}
		}
	}
}

// insist keeps a job that closes something until it works: refused or failed, it is in force all the same. Of what is closed
// again meanwhile the first job is kept, since its write looks for what stands by then. Full policy: the newest is not kept;
// but each has a place in the list of revocations, which is no longer. The caller holds mu.
func (s *Store) insist(j job) {
	if _, there := s.late[j.closes]; j.closes == "" || there || len(s.late) >= auth.MaxRevocations {
		return
	}
	j.done = func(error) {} // who waited was told
	s.late[j.closes] = j
}

func (s *Store) lateJobs() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.late) + s.again
}

// takeLate empties what is late, in the order of time. Who takes it sets again to zero once it was tried.
func (s *Store) takeLate() []job {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.SortedFunc(maps.Values(s.late), func(a, b job) int { return a.entries[0].At.Compare(b.entries[0].At) })
	clear(s.late)
	s.again = len(all)
	return all
}

// gather takes what waits besides a first job, as far as it makes one group.
func (s *Store) gather(first job) []job {
	batch, entries := []job{first}, len(first.entries)
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

// cannotWrite is what operators look for in the log.
const cannotWrite = "the store cannot be written: acts that open are refused"

// recover writes a group of its own while something is wrong.
func (s *Store) recover() {
	s.mu.Lock()
	failed, broken, late := s.failed, s.broken, len(s.late)
	s.mu.Unlock()
	if failed == nil && late == 0 {
		return
	}
	if b := s.backend.Load(); broken || !b.alive() {
		if err := s.restart(b); err != nil {
			err = fmt.Errorf("the store cannot be written: %w", err)
			if failed == nil || err.Error() != failed.Error() {
				s.cfg.Log.Error(cannotWrite, "error", err.Error())
			}
			s.mu.Lock()
			s.failed, s.broken = err, true
			s.mu.Unlock()
			return
		}
		s.mu.Lock()
		s.broken = false
		s.mu.Unlock()
	}
	again := s.takeLate()
	if failed != nil {
		again = append(again, job{entries: []room.Entry{{At: s.cfg.Now(), Act: actRecovered}}, done: func(error) {}})
	}
	for batch := range slices.Chunk(again, maxBatch) {
		s.group(batch)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = 0
}

// restart starts the embedded server anew, once the disk takes something: it gives up for good when its disk fails.
func (s *Store) restart(old *backend) error {
	if err := tryDisk(s.cfg.Dir); err != nil {
		return err
	}
	old.close()
	b, err := embed(s.cfg.Dir, s.cfg.Key, true)
	if err != nil {
		return err
	}
	s.backend.Store(b)
	return nil
}

// tryDisk writes what the server needs to start and to keep the largest value. Its error names what is in the way.
func tryDisk(dir string) error {
	name := filepath.Join(dir, tryFile)
	defer os.Remove(name)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, modeFile)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, trySize))
	return errors.Join(err, f.Sync(), f.Close())
}

// unanswered takes note of a write that b left without an answer, as it does when its disk failed. What the disk has the writer finds out:
// one that hangs must not keep who waits.
func (s *Store) unanswered(b *backend, err error) {
	if !errors.Is(err, context.DeadlineExceeded) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.backend.Load() != b {
		return
	}
	if s.broken = true; s.failed == nil {
		s.failed = fmt.Errorf("the store cannot be written: %w", err)
		s.cfg.Log.Error(cannotWrite, "error", s.failed.Error())
	}
}

// group writes a batch and answers each job.
func (s *Store) group(batch []job) {
	began := s.cfg.Now()
	s.mu.Lock()
	s.since = began
	s.mu.Unlock()
	errs, failed, err := s.commit(batch)
	s.cfg.Wrote(s.cfg.Now().Sub(began), failed)
	s.mu.Lock()
	before := s.failed
	if s.since = (time.Time{}); err != nil || !s.broken { // a token may have found it broken meanwhile
		s.failed = err
	}
	s.mu.Unlock()
	switch {
	case err != nil && before == nil:
		s.cfg.Log.Error(cannotWrite, "error", err.Error())
	case err == nil && before != nil:
		s.cfg.Log.Info("the store can be written again")
	}
	for i, j := range batch {
		if errs[i] != nil {
			s.mu.Lock()
			s.insist(j)
			s.mu.Unlock()
		}
		j.done(errs[i])
	}
}

// commit writes the entries of all, then the values of each. It gives the error of each job and of the group, and what failed.
func (s *Store) commit(batch []job) (errs []error, part Part, failed error) {
	errs = make([]error, len(batch))
	if err := s.out(); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs, ValuesPart, err
	}
	entries := s.unsureEntries()
	unsure := int64(len(entries))
	for _, j := range batch {
		entries = append(entries, j.entries...)
	}
	first, err := s.cfg.Audit.Append(entries)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs, AuditPart, err
	}
	s.unsure = nil
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	at := first + unsure
	for i, j := range batch {
		if failed == nil && j.write != nil {
			failed = j.write(ctx)
		}
		errs[i] = failed
		if n := int64(len(j.entries)); failed != nil && n > 0 {
			s.unsure = append(s.unsure, span{at, at + n - 1})
		}
		at += int64(len(j.entries))
	}
	if failed == nil {
		if failed = s.putProgress(ctx); failed != nil {
			for i := range errs {
				errs[i] = failed
			}
			if begin := first + unsure; at > begin {
				s.unsure = []span{{begin, at - 1}}
			}
		}
	}
	if failed != nil {
		s.unanswered(s.backend.Load(), failed)
		return errs, ValuesPart, fmt.Errorf("the store cannot be written: %w", failed)
	}
	return errs, "", nil
}

// out says why the server takes nothing until it was started anew, nil if it may be tried.
func (s *Store) out() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return s.failed
	}
	return nil
}

// unsureEntries says in the log which entries may not be true, neighbours as one.
func (s *Store) unsureEntries() (entries []room.Entry) {
	var joined []span
	for _, u := range s.unsure {
		if n := len(joined); n > 0 && joined[n-1].Last+1 >= u.First {
			joined[n-1].Last = max(joined[n-1].Last, u.Last)
			continue
		}
		joined = append(joined, u)
	}
	s.unsure = joined
	for _, u := range joined {
		if len(entries) == audit.MaxGroup/4 {
			break
		}
		entries = append(entries, room.Entry{At: s.cfg.Now(), Act: audit.Unsure, Detail: fmt.Sprintf("%d-%d", u.First, u.Last)})
	}
	return entries
}

func (s *Store) putProgress(ctx context.Context) error {
	value, err := json.Marshal(progress{s.cfg.Audit.Name(), s.cfg.Audit.Len()})
	if err != nil {
		return err
	}
	return s.bucket(metaBucket).put(ctx, "progress", value)
}
