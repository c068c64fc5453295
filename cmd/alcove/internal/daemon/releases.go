package daemon

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"alcove/sfu/record"
)

// Limits of released keys.
const (
	keptReleases  = 4                      // of a participant and a scope: a track that begins now may still get frames of the epochs before
	releaseEvery  = 200 * time.Millisecond // one for each epoch of the group; storms of joins make few
	releaseBurst  = 40
	maxReleasedBy = 256 // participants and scopes of a room whose releases are kept
)

// A track keeps as many releases as may come while it begins and then during its slowest sync, so a flood of them stops no recording.
const _ = uint(record.MaxPending - keptReleases - releaseBurst - int(record.DefaultSlowSync/releaseEvery))

// releasedBy identifies the owner and the scope of released keys.
type releasedBy struct{ participant, scope string }

// roomReleases keeps the newest releases of a room, for tracks that begin later, and passes them to the tracks that run. Nothing in it can be
// opened by the daemon.
type roomReleases struct {
	now func() time.Time

	mu   sync.Mutex
	kept map[releasedBy]*keptRelease // Guarded by mu. At most maxReleasedBy.
}

// A keptRelease holds the keys that one participant released for one scope since the last consent.
type keptRelease struct {
	list   []record.Release // oldest first; the first has the key that opens all of them
	tracks []*record.Track  // that run, or ended a little while ago
	limit  *rate.Limiter
}

func newRoomReleases(now func() time.Time) *roomReleases {
	return &roomReleases{now: now, kept: map[releasedBy]*keptRelease{}}
}

// of finds or makes an entry, nil if there are too many. The caller holds mu.
func (r *roomReleases) of(by releasedBy) *keptRelease {
	k := r.kept[by]
	if k == nil && len(r.kept) < maxReleasedBy {
		k = &keptRelease{limit: rate.NewLimiter(rate.Every(releaseEvery), releaseBurst)}
		r.kept[by] = k
	}
	return k
}

// add takes a release. It returns false for one that is too much, or without the key that opens it.
func (r *roomReleases) add(by releasedBy, release record.Release) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.of(by)
	if k == nil || release.Sealed == nil && len(k.list) == 0 || !k.limit.AllowN(r.now(), 1) {
		return false
	}
	if release.Sealed != nil && len(k.list) > 0 && !bytes.Equal(release.Sealed, k.list[0].Sealed) { // a new consent, or a new page
		k.list = nil
	}
	k.list = append(k.list, release)
	if n := len(k.list); n > keptReleases {
		k.list[n-keptReleases].Sealed = k.list[0].Sealed
		k.list = slices.Clone(k.list[n-keptReleases:])
	}
	k.forgetEnded()
	for _, t := range k.tracks {
		t.Release(release)
	}
	return true
}

// begin passes a new track the keys that its owner released so far, and later ones as they come.
func (r *roomReleases) begin(by releasedBy, t *record.Track) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.of(by)
	if k == nil {
		return // nothing is released: the track fails with that cause
	}
	for _, release := range k.list {
		t.Release(release)
	}
	k.forgetEnded()
	k.tracks = append(k.tracks, t)
}

// keep forgets everything of participants who have left.
func (r *roomReleases) keep(participants []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for by := range r.kept {
		if !slices.Contains(participants, by.participant) {
			delete(r.kept, by)
		}
	}
}

func (k *keptRelease) forgetEnded() {
	k.tracks = slices.DeleteFunc(k.tracks, func(t *record.Track) bool {
		select {
		case <-t.Done():
			return true
		default:
			return false
		}
	})
}
