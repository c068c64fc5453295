package daemon

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"alcove/cmd/alcove/internal/state"
	"alcove/sfu/record"
)

// A trackLog brings entries into the audit log, in order, on a goroutine of its own: no track waits for it. Full policy: the newest is
// lost, which is logged; the next start finds the track on the disk.
type trackLog struct {
	wake chan struct{} // holds a token while entries wait
	log  *slog.Logger

	mu      sync.Mutex
	waiting []state.TrackEntry // Guarded by mu. At most maxTrackEntries.
}

func newTrackLog(log *slog.Logger) *trackLog {
	return &trackLog{wake: make(chan struct{}, 1), log: log}
}

func (l *trackLog) add(e state.TrackEntry) {
	e.At = time.Now()
	l.mu.Lock()
	full := len(l.waiting) >= maxTrackEntries
	if !full {
		l.waiting = append(l.waiting, e)
	}
	l.mu.Unlock()
	if full {
		l.log.Error("the queue of audit entries about recordings is full: one is missing until the next start")
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run writes waiting entries until ctx ends, and then the rest, for a limited time.
func (l *trackLog) run(ctx context.Context, enter func(context.Context, state.TrackEntry) error) {
	retry := time.NewTicker(trackRetry)
	defer retry.Stop()
	for {
		err := l.flush(ctx, enter)
		wake := l.wake
		if err != nil { // only the ticker tries again
			wake = nil
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), state.EntryTimeout)
			defer cancel()
			if err := l.flush(last, enter); err != nil {
				l.log.Error("entries about recordings are missing in the audit log: the next start adds them", "error", err.Error())
			}
			return
		case <-wake:
		case <-retry.C:
		}
	}
}

// flush writes the waiting entries. An entry is removed once it is in the log.
func (l *trackLog) flush(ctx context.Context, enter func(context.Context, state.TrackEntry) error) error {
	for {
		l.mu.Lock()
		if len(l.waiting) == 0 {
			l.mu.Unlock()
			return nil
		}
		next := l.waiting[0]
		l.mu.Unlock()
		if err := enter(ctx, next); err != nil {
			return err
		}
		l.mu.Lock()
		l.waiting = slices.Delete(l.waiting, 0, 1)
		l.mu.Unlock()
	}
}

// logUnended logs the tracks whose end the log lacks, because the daemon died: what is cut of them from now on is missed. It looks at
// tracks of before this recorder only.
func (r *recorder) logUnended(known []state.TrackEntry) error {
	ended := map[string]bool{}
	for _, one := range state.LoggedTracks(known) {
		ended[one.Track] = one.Records > 0
	}
	found, err := record.FindUnfinished(r.storage, r.opened, func(track string) bool { return ended[track] })
	for _, f := range found {
		r.tracks.add(state.TrackEntry{Session: f.Session, Act: state.TrackFound, Detail: state.LengthDetail(f.Track, f.ErasureKey, f.Chain)})
	}
	return err
}
