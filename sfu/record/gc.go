package record

import (
	"errors"
	"slices"
	"time"
)

// Classes say how long recordings of each retention class are kept, counted from the start of their track. 0 keeps for ever.
type Classes map[string]time.Duration

// GCResult is what GC did.
type GCResult struct {
	Removed int // segments whose class has expired
	Held    int // segments that would go but for a legal hold
	Unknown int // segments that were kept because their class is not configured or their header cannot be read
}

// GC removes what has expired and is not held. It may run beside a Recorder and other processes; the daemon calls it on a schedule. It
// locks and reads the holds anew for each few segments, so that a hold which is set meanwhile keeps all that is left. Holds that
// cannot be read keep everything. onExpire is called for each track before its first segment is removed, under the lock; after an error from it
// nothing more is removed. It may be nil.
func GC(l Storage, classes Classes, now time.Time, onExpire func(session, track string) error) (s GCResult, err error) {
	all, err := List(l)
	if err != nil {
		return s, err
	}
	var expired []ListedSegment
	for _, one := range all {
		keep, known := classes[one.Header.Class]
		switch {
		case one.Err != nil || !known:
			s.Unknown++
		case keep != 0 && !now.Before(one.Header.Started.Add(keep)):
			expired = append(expired, one)
		}
	}
	if len(expired) == 0 {
		_, err = ReadHolds(l)
		return s, err
	}
	reported := map[string]bool{}
	report := func(h Header) error {
		if onExpire == nil || reported[h.Track] {
			return nil
		}
		reported[h.Track] = true
		return onExpire(h.Session, h.Track)
	}
	for batch := range slices.Chunk(expired, sweepBatch) {
		if err := s.sweep(l, batch, report); err != nil {
			return s, err
		}
	}
	return s, nil
}

// sweep removes the segments of a batch that no hold covers.
func (s *GCResult) sweep(l Storage, batch []ListedSegment, report func(Header) error) error {
	return withLock(l, func(locked LockedStorage) error {
		holds, err := ReadHolds(l)
		if err != nil {
			return err
		}
		for _, one := range batch {
			if holds.Covers(one.Header) {
				s.Held++
				continue
			}
			if err := report(one.Header); err != nil {
				return err
			}
			if err := locked.Remove(one.Name); err != nil {
				return err
			}
			s.Removed++
		}
		return nil
	})
}

// RemoveEmpty removes segments that a crash left without a byte: nothing was recorded in them, and no header says when they expire. It
// is called before a Recorder begins: a segment that it just made is empty, too.
func RemoveEmpty(l Storage) (removed int, err error) {
	all, err := List(l)
	if err != nil {
		return 0, err
	}
	all = slices.DeleteFunc(all, func(one ListedSegment) bool { return !errors.Is(one.Err, errEmpty) })
	if len(all) == 0 {
		return 0, nil
	}
	err = withLock(l, func(locked LockedStorage) error {
		for _, one := range all {
			if err := locked.Remove(one.Name); err != nil {
				return err
			}
			removed++
		}
		return nil
	})
	return removed, err
}

func withLock(l Storage, do func(LockedStorage) error) error {
	locked, err := l.Lock()
	if err != nil {
		return err
	}
	return errors.Join(do(locked), locked.Unlock())
}
