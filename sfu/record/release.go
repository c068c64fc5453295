package record

import (
	"encoding/json"
	"sync"
	"time"
)

// A Release contains the keys with which the clinic can open a person's frames: those of streams from one epoch of the group on.
// The recorder cannot open it.
type Release struct {
	Scope  string        `json:"scope"`            // the consent's scope
	Number uint64        `json:"number"`           // of the epoch
	Sealed []byte        `json:"sealed,omitempty"` // age file of the key that opens Keys; left out while it is that of the release before
	Keys   []ReleasedKey `json:"keys"`
}

// A ReleasedKey is the key of one stream.
type ReleasedKey struct {
	KID  uint32 `json:"kid"`
	Blob []byte `json:"blob"` // AES-256-GCM under the key in Sealed: see FORMAT.md
}

// A pendingRelease is a release that is not written yet, and when it came.
type pendingRelease struct {
	release Release
	at      time.Time
}

// pendingReleases passes releases from the room to the track's goroutine.
type pendingReleases struct {
	mu   sync.Mutex
	list []pendingRelease // Guarded by mu. At most MaxPending.
}

// add keeps a release until it is written, or returns why the track has to fail.
func (p *pendingReleases) add(r Release, at time.Time) *Cause {
	if text, err := json.Marshal(r); err != nil || len(text) > MaxRelease {
		return &tooLong
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.list) >= MaxPending {
		return &queueFull
	}
	p.list = append(p.list, pendingRelease{r, at})
	return nil
}

func (p *pendingReleases) take() []pendingRelease {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.list
	p.list = nil
	return list
}

// A mergedRelease is the newest release of a track, with the sealed key of an earlier one if it has none of its own.
type mergedRelease struct{ Release }

func (m mergedRelease) there() bool { return m.Keys != nil || m.Sealed != nil }

func (m *mergedRelease) merge(r Release) {
	if r.Sealed == nil {
		r.Sealed = m.Sealed
	}
	m.Release = r
}

// noteReleases keeps new releases to be written. Of a track without media it keeps the newest only.
func (o *segmentWriter) noteReleases(list []pendingRelease) {
	for _, p := range list {
		o.release.merge(p.release)
		o.unwritten = append(o.unwritten, p)
		if n := len(o.unwritten) - MaxPending; n > 0 {
			first := mergedRelease{o.unwritten[n-1].release}
			first.merge(o.unwritten[n].release)
			o.unwritten = o.unwritten[n:]
			o.unwritten[0].release = first.Release
		}
	}
}

// writeReleases writes each in a record of its own.
func (o *segmentWriter) writeReleases() (wrote bool, err error) {
	list := o.unwritten
	o.unwritten = nil
	for _, p := range list {
		if err := o.writeRelease(p.release, p.at); err != nil {
			return true, err
		}
	}
	return len(list) > 0, nil
}

func (o *segmentWriter) writeRelease(r Release, at time.Time) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var head [entryHead]byte
	putEntry(&head, entryRelease, 0, len(text), 0, 0, at)
	return o.writeRecord(recordData, append(append(o.plain[:0], head[:]...), text...))
}

// dropQueue wipes the queue of a track without a release, and counts its units.
func (o *segmentWriter) dropQueue() {
	for o.t.awaitsRelease(o.t.r.cfg.Now()) && !o.t.queue.empty() {
		clear(o.t.queue.drain(o.plain[:0], func(head *[entryHead]byte) {
			if head[0] == entryUnit {
				o.t.r.unreleased.Add(1)
			}
		}))
	}
}
