package record

import (
	"errors"
	"slices"
	"time"
)

// Classes maps each retention class to the time that its recordings are kept, counted from the start of their track. 0 keeps them forever.
type Classes map[string]time.Duration

// A GCResult counts the segments of a GC.
type GCResult struct {
	Removed int // segments whose class has expired
	Held    int // segments kept by a legal hold
	Unknown int // segments kept because their class is not configured or their header cannot be read
}

// GC removes segments whose class has expired and which no hold covers. It may run concurrently with a Recorder and other processes; the
// daemon calls it on a schedule. It locks and rereads the holds for every few segments, so that a new hold keeps all remaining ones. Holds
// that cannot be read keep everything. onExpire, unless nil, is called for each track before its first segment is removed, under the lock;
// after an error from it nothing more is removed.
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

// RemoveEmpty removes empty segments, which a crash left: they contain no recording and no header with an expiry. It is called before a
// Recorder starts, because a segment that was just created is empty, too.
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
