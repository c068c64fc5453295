package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"alcove/sfu/record"
)

// What the audit log knows of recordings, so that a file that was removed, emptied or cut is missed: which tracks began, how many
// records each ended with, and which expired. It names neither people nor their ids: a track is erased by a key, whose id it has.

// A trackAct is what happened to a track.
type trackAct int

const (
	trackBegan   trackAct = iota
	trackEnded            // with its end
	trackBroke            // without: this much at least is on the disk
	trackFound            // after a crash: this much is on the disk
	trackExpired          // its class; it is removed
)

// A trackEntry is an entry of the audit log about one track.
type trackEntry struct {
	at      time.Time
	session string
	act     trackAct
	detail  string
}

// The details of entries: track/key, track/key/segments/records/tag, or the track alone.
func lengthDetail(track, key string, c record.Chain) string {
	return fmt.Sprintf("%s/%s/%d/%d/%s", track, key, c.Segments, c.Records, c.Tag)
}

// loggedTracks joins what entries say of each track.
func loggedTracks(entries []trackEntry) []record.LoggedTrack {
	var list []record.LoggedTrack
	at := map[string]int{}
	for _, e := range entries {
		parts := strings.Split(e.detail, "/")
		i, there := at[parts[0]]
		if !there {
			i = len(list)
			at[parts[0]], list = i, append(list, record.LoggedTrack{Session: e.session, Track: parts[0]})
		}
		one := &list[i]
		switch {
		case e.act == trackBegan && len(parts) == 2:
			one.Began, one.ErasureKey = e.at, parts[1]
		case e.act == trackExpired:
			one.Expired = true
		case len(parts) == 5:
			segments, _ := strconv.Atoi(parts[2])
			records, _ := strconv.Atoi(parts[3])
			one.ErasureKey = parts[1]
			if ended := e.act == trackEnded; ended || !one.Ended && records > one.Records {
				one.Chain, one.Ended = record.Chain{Segments: segments, Records: records, Tag: parts[4]}, ended
			}
		}
	}
	return list
}

// A trackLog brings entries into the audit log, in order, on a goroutine of its own: no track waits for it. Full policy: the newest is
// lost, which is logged; the next start finds the track on the disk.
type trackLog struct {
	wake chan struct{} // holds one: something waits
	log  *slog.Logger

	mu      sync.Mutex
	waiting []trackEntry // Guarded by mu. At most maxTrackEntries.
}

func newTrackLog(log *slog.Logger) *trackLog {
	return &trackLog{wake: make(chan struct{}, 1), log: log}
}

func (l *trackLog) put(e trackEntry) {
	e.at = time.Now()
	l.mu.Lock()
	full := len(l.waiting) >= maxTrackEntries
	if !full {
		l.waiting = append(l.waiting, e)
	}
	l.mu.Unlock()
	if full {
		l.log.Error("the audit log does not take what began and ended of recordings: an entry is lost until the next start")
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run enters what waits until ctx ends, and then what is left, for a little while.
func (l *trackLog) run(ctx context.Context, enter func(context.Context, trackEntry) error) {
	retry := time.NewTicker(trackRetry)
	defer retry.Stop()
	for {
		err := l.drain(ctx, enter)
		wake := l.wake
		if err != nil { // only the ticker tries again
			wake = nil
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), trackPatience)
			defer cancel()
			if err := l.drain(last, enter); err != nil {
				l.log.Error("the audit log lacks what began and ended of recordings: the next start looks for it", "error", err.Error())
			}
			return
		case <-wake:
		case <-retry.C:
		}
	}
}

// drain enters what waits. An entry is forgotten when it is in the log.
func (l *trackLog) drain(ctx context.Context, enter func(context.Context, trackEntry) error) error {
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

// findBroken logs the tracks whose end the log lacks, because the daemon died: what is cut of them from now on is missed. It looks at
// tracks of before this recorder only.
func (r *recorder) findBroken(known []trackEntry) error {
	ended := map[string]bool{}
	for _, one := range loggedTracks(known) {
		ended[one.Track] = one.Records > 0
	}
	found, err := record.FindUnfinished(r.layer, r.opened, func(track string) bool { return ended[track] })
	for _, f := range found {
		r.tracks.put(trackEntry{session: f.Session, act: trackFound, detail: lengthDetail(f.Track, f.ErasureKey, f.Chain)})
	}
	return err
}

// compare adds to a report what the audit log knows and the folder lacks.
func (a auditFiles) compare(r *record.Report, o *record.Opener, c config, choose func(record.Header) bool) (logProof, error) {
	list, proof, err := a.tracks(c)
	if err == nil && proof.read && proof.bad == nil {
		r.Compare(o, loggedTracks(list), choose)
	}
	return proof, err
}
