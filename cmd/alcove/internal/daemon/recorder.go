package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/state"
	"alcove/sfu"
	"alcove/sfu/record"
)

// A recorder keeps the recordings of the daemon: it joins the taps of rooms, which name publications, with tracks on the disk,
// which name people.
type recorder struct {
	config   config.Recording
	storage  record.Storage
	keyring  *record.Keyring
	recorder *record.Recorder
	opened   time.Time
	tracks   *trackLog
	log      *slog.Logger
	metrics  *recorderMetrics

	mu   sync.Mutex
	taps map[string]*roomTap // Guarded by mu. By session.
}

// openRecorder makes the folder and the keys of people where there are none, and keeps memory out of core files. It gives nil
// where nothing is recorded.
func openRecorder(c config.Recording, log *slog.Logger) (_ *recorder, err error) {
	if !c.Enabled() {
		return nil, nil
	}
	if err := record.NoCoreDumps(); err != nil {
		return nil, err
	}
	r := &recorder{config: c, opened: time.Now(), tracks: newTrackLog(log), log: log, metrics: newRecorderMetrics(), taps: map[string]*roomTap{}}
	if r.storage, err = record.OpenFolder(c.Dir); err != nil {
		return nil, fmt.Errorf("recording.dir: %w", err)
	}
	if r.keyring, err = r.openKeyring(); err != nil {
		return nil, fmt.Errorf("recording.erasure_keys_file: %w", err)
	}
	switch n, err := record.RemoveEmpty(r.storage); {
	case err != nil:
		return nil, fmt.Errorf("recording.dir: %w", err)
	case n > 0:
		log.Info("empty files that a crash left among the recordings were removed", "files", n)
	}
	r.recorder, err = record.Open(record.Config{
		Storage: r.storage, Keyring: r.keyring, Recipients: c.Recipients, OnStarted: r.began, OnEnded: r.ended, OnFailed: r.failed, OnSynced: r.metrics.synced,
	})
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	r.metrics.stats = r.recorder.Stats
	return r, nil
}

// openKeyring creates keys only if nothing was ever recorded: existing recordings could not be opened without the old ones.
func (r *recorder) openKeyring() (*record.Keyring, error) {
	files := r.config.Keyring()
	_, err := os.Stat(files.File)
	_, copied := os.Stat(files.Copy)
	if errors.Is(err, fs.ErrNotExist) && errors.Is(copied, fs.ErrNotExist) {
		all, err := record.List(r.storage)
		if err != nil {
			return nil, err
		}
		papers, err := record.ListPapers(r.storage)
		if err != nil {
			return nil, err
		}
		if len(all)+len(papers) > 0 {
			return nil, fmt.Errorf("%s and its copy are gone, and recording.dir holds recordings: bring them back, or empty the folder", files.File)
		}
		if err := record.CreateKeyring(files); err != nil {
			return nil, err
		}
	}
	return record.OpenKeyring(files, time.Now)
}

// began reports that the recording of a room is on, once the first record of a track is on disk.
func (r *recorder) began(b record.TrackStarted) {
	r.tracks.add(state.TrackEntry{Session: b.Session, Act: state.TrackBegan, Detail: b.Track + "/" + b.ErasureKey})
	r.mu.Lock()
	tap := r.taps[b.Session]
	r.mu.Unlock()
	if tap != nil && b.Running { // a recording that was stopped meanwhile may have ended and restarted
		tap.callbacks.began()
	}
}

func (r *recorder) ended(e record.TrackEnded) {
	act := state.TrackEnded
	if !e.Complete {
		act = state.TrackBroke
	}
	r.tracks.add(state.TrackEntry{Session: e.Session, Act: act, Detail: state.LengthDetail(e.Track, e.ErasureKey, e.Chain)})
}

// failed stops the recording of the room whose track failed.
func (r *recorder) failed(f record.Failure) {
	r.log.Error("a recording stopped", "cause", string(f.Cause))
	r.mu.Lock()
	tap := r.taps[f.Session]
	r.mu.Unlock()
	if tap != nil {
		tap.callbacks.failed(faultOfCause(f.Cause))
	}
}

// tapCallbacks report to a room, on any goroutine, that its first record is on the disk, and why its recording stopped.
type tapCallbacks struct {
	began  func()
	failed func(fault string)
}

// tap returns the tap of a room.
func (r *recorder) tap(session, policy string, sealed bool, tell tapCallbacks) *roomTap {
	t := &roomTap{recorder: r, session: session, class: r.config.ClassOf(policy), sealed: sealed, callbacks: tell,
		subjects: map[string]subject{}, releases: newRoomReleases(time.Now)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taps[session] = t
	return t
}

// An auditEntries is the way of the recorder to the audit log; each returns when the entry is on the disk.
type auditEntries struct {
	receipt func(record.ErasureReceipt) error
	track   func(context.Context, state.TrackEntry) error
}

// papersClass is the retention class of emergency cards and journals; without it recording.classes.default holds.
const papersClass = "papers"

// keepPaper keeps an emergency card or a journal beside the recordings, under the same keys.
func (r *recorder) keepPaper(id, session, person, kind string, at time.Time, sealed []byte) error {
	return record.KeepPaper(r.storage, r.keyring, record.Paper{ID: id, Session: session, Person: person, Kind: kind, Class: r.config.ClassOf(papersClass), At: at}, sealed)
}

// sweep removes expired recordings, and logs that and erasures in the audit log.
func (r *recorder) sweep(to auditEntries) (record.GCResult, error) {
	swept, err := record.GC(r.storage, r.config.RetentionClasses(), time.Now(), enterExpiry(to))
	switch {
	case err != nil:
		r.log.Error("expired recordings were not removed", "error", err.Error())
	case swept.Removed > 0:
		r.log.Info("expired recordings were removed", "segments", swept.Removed, "held", swept.Held)
	}
	papers, paperErr := record.GCPapers(r.storage, r.config.RetentionClasses(), time.Now(), func(p record.Paper) error {
		return to.track(context.Background(), state.PaperExpiryEntry(p))
	})
	switch {
	case paperErr != nil:
		r.log.Error("expired papers were not removed", "error", paperErr.Error())
	case papers.Removed > 0:
		r.log.Info("expired papers were removed", "papers", papers.Removed, "held", papers.Held)
	}
	if err := r.keyring.DeliverReceipts(to.receipt); err != nil {
		r.log.Error("an erasure is not in the audit log yet", "error", err.Error())
	}
	return swept, err
}

// enterExpiry enters that a track expires before it goes.
func enterExpiry(to auditEntries) func(session, track string) error {
	return func(session, track string) error {
		return to.track(context.Background(), state.ExpiryEntry(session, track))
	}
}

// run logs the begin and end of tracks in the audit log, and sweeps periodically, until ctx ends.
func (r *recorder) run(ctx context.Context, known []state.TrackEntry, to auditEntries) {
	if err := r.logUnended(known); err != nil {
		r.log.Error("unfinished recordings of the last run were not checked", "error", err.Error())
	}
	defer background(func(context.Context) { r.tracks.run(ctx, to.track) })()
	r.sweep(to)
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.sweep(to)
		}
	}
}

// close writes the end of every track.
func (r *recorder) close(ctx context.Context) error {
	if r == nil {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- r.recorder.Close() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the ends of some recordings are not written: %w", ctx.Err())
	}
}

// A subject is the person recorded in a publication, with the purpose of their consent.
type subject struct{ person, scope string }

// A roomTap is the recorder of one room.
type roomTap struct {
	recorder  *recorder
	session   string
	class     string
	sealed    bool // frames are encrypted end to end
	callbacks tapCallbacks
	releases  *roomReleases

	mu       sync.Mutex
	subjects map[string]subject // Guarded by mu. By publication: those of the session, a handful for each person.
}

// setSubject stores whose publication it is, before a plan records it.
func (t *roomTap) setSubject(publication string, r subject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.subjects[publication] = r
}

// close forgets the room.
func (t *roomTap) close() {
	t.recorder.mu.Lock()
	defer t.recorder.mu.Unlock()
	if t.recorder.taps[t.session] == t {
		delete(t.recorder.taps, t.session)
	}
}

// Begin implements sfu.Tap: the disk is not for the worker.
func (t *roomTap) Begin(about sfu.TapInfo, ready func(sfu.TapTrack)) {
	t.mu.Lock()
	whose, ok := t.subjects[about.Publication]
	t.mu.Unlock()
	if !ok {
		go ready(nil) // of no plan
		return
	}
	info := record.Info{
		Session: t.session, Person: whose.person, Purpose: whose.scope, Source: string(about.Source), ClockRate: about.ClockRate,
		Kind: record.Video, Codec: record.VP8, Class: t.class, Sealed: t.sealed,
	}
	if about.Source == sfu.Microphone {
		info.Kind, info.Codec = record.Audio, record.Opus
	}
	go func() {
		track, err := t.recorder.recorder.Start(info)
		if err != nil {
			t.recorder.log.Error("a recording could not start", "error", err.Error())
			t.recorder.metrics.refused.Inc()
			ready(nil)
			t.callbacks.failed(faultOfStart(err))
			return
		}
		if t.sealed {
			t.releases.begin(releasedBy{string(about.Peer), whose.scope}, track)
		}
		ready(tapTrack{track})
	}()
}

// release takes keys that a participant released for a scope.
func (t *roomTap) release(participant, scope string, r record.Release) {
	result := "kept"
	if !t.sealed || !t.releases.add(releasedBy{participant, scope}, r) {
		result = "refused"
	}
	t.recorder.metrics.releases.WithLabelValues(result).Inc()
}

// Faults of a recording, as clients and the audit log name them.
const (
	faultFull  = "disk_full"
	faultSlow  = "disk_slow"
	faultWrite = "write_failed"
	faultSeal  = "seal_failed"

	faultUnreleased = "unreleased"
)

// faultOfCause names why a track had to stop.
func faultOfCause(c record.Cause) string {
	switch c {
	case record.DiskFull:
		return faultFull
	case record.SlowDisk, record.QueueFull:
		return faultSlow
	case record.NoRelease:
		return faultUnreleased
	}
	return faultWrite
}

// faultOfStart names why a track could not begin.
func faultOfStart(err error) string {
	switch {
	case errors.Is(err, record.ErrNoSpace):
		return faultFull
	case errors.Is(err, record.ErrSlowStorage):
		return faultSlow
	case errors.Is(err, record.ErrRecipients), errors.Is(err, record.ErrKeyring):
		return faultSeal
	}
	return faultWrite
}

// A tapTrack implements sfu.TapTrack. A unit that it refuses is reported by the track's failure.
type tapTrack struct{ track *record.Track }

// Put implements sfu.TapTrack.
func (t tapTrack) Put(u sfu.TapUnit) {
	t.track.Put(record.Unit{
		Seq: u.Seq, Timestamp: u.Timestamp, Arrived: u.Arrival, Marker: u.Marker, KeyFrame: u.KeyFrame, Payload: u.Payload,
	})
}

// Clock implements sfu.TapTrack.
func (t tapTrack) Clock(timestamp uint32, at time.Time) { t.track.Clock(timestamp, at) }

// End implements sfu.TapTrack.
func (t tapTrack) End() { t.track.Stop() }
