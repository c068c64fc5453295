package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/sfu"
	"alcove/sfu/record"
)

// A recorder keeps the recordings of the daemon: it joins the taps of rooms, which name publications, with tracks on the disk,
// which name people.
type recorder struct {
	config   recorderConfig
	layer    record.Storage
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
func openRecorder(c recorderConfig, log *slog.Logger) (_ *recorder, err error) {
	if !c.on() {
		return nil, nil
	}
	if err := record.NoCoreDumps(); err != nil {
		return nil, err
	}
	r := &recorder{config: c, opened: time.Now(), tracks: newTrackLog(log), log: log, metrics: newRecorderMetrics(), taps: map[string]*roomTap{}}
	if r.layer, err = record.OpenFolder(c.Dir); err != nil {
		return nil, fmt.Errorf("recording.dir: %w", err)
	}
	if r.keyring, err = r.openKeyring(); err != nil {
		return nil, fmt.Errorf("recording.erasure_keys_file: %w", err)
	}
	switch n, err := record.RemoveEmpty(r.layer); {
	case err != nil:
		return nil, fmt.Errorf("recording.dir: %w", err)
	case n > 0:
		log.Info("empty files that a crash left among the recordings were removed", "files", n)
	}
	r.recorder, err = record.Open(record.Config{
		Storage: r.layer, Keyring: r.keyring, Recipients: c.recipients, OnStarted: r.began, OnEnded: r.ended, OnFailed: r.failed, OnSynced: r.metrics.synced,
	})
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	r.metrics.stats = r.recorder.Stats
	return r, nil
}

// openKeyring makes keys only where nothing was ever recorded: without the old ones what is there could not be opened.
func (r *recorder) openKeyring() (*record.Keyring, error) {
	files := r.config.keyring()
	_, err := os.Stat(files.File)
	_, copied := os.Stat(files.Copy)
	if errors.Is(err, fs.ErrNotExist) && errors.Is(copied, fs.ErrNotExist) {
		all, err := record.List(r.layer)
		if err != nil {
			return nil, err
		}
		if len(all) > 0 {
			return nil, fmt.Errorf("%s and its copy are gone, and recording.dir holds recordings: bring them back, or empty the folder", files.File)
		}
		if err := record.CreateKeyring(files); err != nil {
			return nil, err
		}
	}
	return record.OpenKeyring(files, time.Now)
}

// began says that the recording of a room is on, when the first record of a track is on the disk.
func (r *recorder) began(b record.TrackStarted) {
	r.tracks.put(trackEntry{session: b.Session, act: trackBegan, detail: b.Track + "/" + b.ErasureKey})
	r.mu.Lock()
	tap := r.taps[b.Session]
	r.mu.Unlock()
	if tap != nil && b.Running { // of one that was stopped meanwhile, what is recorded may be over, and begin anew
		tap.tell.began()
	}
}

func (r *recorder) ended(e record.TrackEnded) {
	act := trackEnded
	if !e.Complete {
		act = trackBroke
	}
	r.tracks.put(trackEntry{session: e.Session, act: act, detail: lengthDetail(e.Track, e.ErasureKey, e.Chain)})
}

// failed stops the recording of the room whose track failed.
func (r *recorder) failed(f record.Failure) {
	r.log.Error("a recording stopped", "cause", string(f.Cause))
	r.mu.Lock()
	tap := r.taps[f.Session]
	r.mu.Unlock()
	if tap != nil {
		tap.tell.failed(faultOf(f.Cause))
	}
}

// A tapEvents is what a room hears of its recorder, on any goroutine: that its first record is on the disk, and why it cannot go on.
type tapEvents struct {
	began  func()
	failed func(fault string)
}

// tap gives a room its way to the recorder.
func (r *recorder) tap(session, policy string, tell tapEvents) *roomTap {
	t := &roomTap{recorder: r, session: session, class: r.config.classOf(policy), tell: tell, people: map[string]recorded{}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taps[session] = t
	return t
}

// A recordEntries is the way of the recorder to the audit log; each returns when the entry is on the disk.
type recordEntries struct {
	receipt func(record.ErasureReceipt) error
	track   func(context.Context, trackEntry) error
}

// sweep removes what has expired, and has that and erasures entered into the audit log.
func (r *recorder) sweep(to recordEntries) (record.GCResult, error) {
	swept, err := record.GC(r.layer, r.config.classes(), time.Now(), expiring(to))
	switch {
	case err != nil:
		r.log.Error("expired recordings were not removed", "error", err.Error())
	case swept.Removed > 0:
		r.log.Info("expired recordings were removed", "segments", swept.Removed, "held", swept.Held)
	}
	if err := r.keyring.DeliverReceipts(to.receipt); err != nil {
		r.log.Error("an erasure is not in the audit log yet", "error", err.Error())
	}
	return swept, err
}

// expiring enters that a track expires before it goes.
func expiring(to recordEntries) func(session, track string) error {
	return func(session, track string) error {
		return to.track(context.Background(), trackEntry{at: time.Now(), session: session, act: trackExpired, detail: track})
	}
}

// keep has what begins and ends entered into the audit log, and sweeps now and then, until ctx ends.
func (r *recorder) keep(ctx context.Context, known []trackEntry, to recordEntries) {
	if err := r.findBroken(known); err != nil {
		r.log.Error("recordings of before the start were not looked at", "error", err.Error())
	}
	defer inBackground(func(context.Context) { r.tracks.run(ctx, to.track) })()
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

// A recorded says whose recording a publication is, and what they consented to.
type recorded struct{ person, scope string }

// A roomTap is the recorder of one room.
type roomTap struct {
	recorder *recorder
	session  string
	class    string
	tell     tapEvents

	mu     sync.Mutex
	people map[string]recorded // Guarded by mu. By publication: those of the session, a handful for each person.
}

// know says whose publication it is, before a plan lets it be recorded.
func (t *roomTap) know(publication string, r recorded) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.people[publication] = r
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
func (t *roomTap) Begin(about sfu.Tapped, ready func(sfu.TapTrack)) {
	t.mu.Lock()
	whose, ok := t.people[about.Publication]
	t.mu.Unlock()
	if !ok {
		go ready(nil) // of no plan
		return
	}
	info := record.Info{
		Session: t.session, Person: whose.person, Purpose: whose.scope, Source: string(about.Source), ClockRate: about.ClockRate,
		Kind: record.Video, Codec: record.VP8, Class: t.class,
	}
	if about.Source == sfu.Microphone {
		info.Kind, info.Codec = record.Audio, record.Opus
	}
	go func() {
		track, err := t.recorder.recorder.Start(info)
		if err != nil {
			t.recorder.log.Error("a recording could not begin", "error", err.Error())
			t.recorder.metrics.refused.Inc()
			ready(nil)
			t.tell.failed(causeOf(err))
			return
		}
		ready(tapTrack{track})
	}()
}

// What becomes of a recording, as people and the audit log are told.
const (
	faultFull  = "disk_full"
	faultSlow  = "disk_slow"
	faultWrite = "write_failed"
	faultSeal  = "seal_failed"
)

// faultOf names why a track had to stop.
func faultOf(c record.Cause) string {
	switch c {
	case record.DiskFull:
		return faultFull
	case record.SlowDisk, record.QueueFull:
		return faultSlow
	}
	return faultWrite
}

// causeOf names why a track could not begin.
func causeOf(err error) string {
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

// A tapTrack is a track as the worker knows it. What it refuses, its failure tells.
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

// recorderMetrics say how recordings are. No label names a room or a person.
type recorderMetrics struct {
	stats   func() record.Stats // nil until the recorder is open
	syncs   prometheus.Histogram
	refused prometheus.Counter

	tracks, bytes, units, failures *prometheus.Desc
}

func newRecorderMetrics() *recorderMetrics {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("alcove_recording_"+name, help, labels, nil)
	}
	return &recorderMetrics{
		syncs: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "alcove_recording_sync_seconds", Help: "How long it took until what was recorded was safe on the disk.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3},
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "alcove_recording_refused_total", Help: "Tracks that could not begin: each stops the recording of its room.",
		}),
		tracks:   d("tracks", "Sources that are recorded now."),
		bytes:    d("bytes_total", "Bytes written, encrypted."),
		units:    d("units_total", "Packets taken, and packets refused because their track had failed.", "result"),
		failures: d("failures_total", "Tracks that had to stop: each stops the recording of its room.", "cause"),
	}
}

func (m *recorderMetrics) synced(took time.Duration) { m.syncs.Observe(took.Seconds()) }

// Describe implements prometheus.Collector.
func (m *recorderMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m *recorderMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.stats()
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	ch <- prometheus.MustNewConstMetric(m.tracks, prometheus.GaugeValue, float64(s.Tracks))
	counter(m.bytes, float64(s.Bytes))
	counter(m.units, float64(s.Units), "kept")
	counter(m.units, float64(s.Refused), "refused")
	for _, cause := range []record.Cause{record.DiskFull, record.SlowDisk, record.QueueFull, record.WriteFailed, record.TooLong} {
		counter(m.failures, float64(s.Failures[cause]), string(cause))
	}
	m.syncs.Collect(ch)
	m.refused.Collect(ch)
}
