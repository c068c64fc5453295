package record

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Recorder runs the tracks of one daemon. Its methods are safe for concurrent use.
type Recorder struct {
	cfg    Config
	opened time.Time
	failed chan struct{} // holds one: a track has failed
	stop   chan struct{} // closed by Close
	done   chan struct{} // closed when watch has ended

	bytes, records, units, refused, unreleased, syncs atomic.Uint64
	syncTime                                          atomic.Int64

	mu       sync.Mutex
	closed   bool             // Guarded by mu.
	hanging  int              // Guarded by mu. Starts that were given up and still wait for the disk.
	tracks   map[*Track]bool  // Guarded by mu.
	failures map[Cause]uint64 // Guarded by mu.
}

// Open checks the configuration and starts the recorder; it writes nothing. The caller must call Close.
func Open(cfg Config) (*Recorder, error) {
	if cfg.Storage == nil || cfg.Keyring == nil || cfg.Recipients == nil || cfg.OnFailed == nil {
		return nil, ErrConfig
	}
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = DefaultSegmentBytes
	}
	if cfg.SegmentTime == 0 {
		cfg.SegmentTime = DefaultSegmentTime
	}
	if cfg.SlowSync == 0 {
		cfg.SlowSync = DefaultSlowSync
	}
	if cfg.SlowStart == 0 {
		cfg.SlowStart = DefaultSlowStart
	}
	if cfg.MinFree == 0 {
		cfg.MinFree = DefaultMinFree
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.SegmentBytes < maxPlain || cfg.SegmentBytes > maxSegment/2 || cfg.SegmentTime < time.Second || cfg.SlowSync < 0 || cfg.SlowStart < 0 {
		return nil, ErrConfig
	}
	to, err := cfg.Recipients()
	if err != nil || to.Empty() {
		return nil, errors.Join(ErrRecipients, err)
	}
	r := &Recorder{cfg: cfg, opened: cfg.Now(), failed: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		tracks: map[*Track]bool{}, failures: map[Cause]uint64{}}
	go r.watch()
	go r.watchSpace()
	return r, nil
}

// Start starts a track with a file and a key of its own. It accesses the disk, so another goroutine than the worker calls it and passes the
// Track to the worker. It times out after Config.SlowStart. While a start that timed out still waits for the disk, Start fails at once,
// which bounds the number of blocked goroutines. After an error no byte of the track exists, also once the disk answers.
func (r *Recorder) Start(i Info) (*Track, error) {
	if err := i.check(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	hanging := r.hanging
	r.mu.Unlock()
	if hanging > 0 {
		return nil, ErrSlowStorage
	}
	b := &pendingStart{done: make(chan struct{})}
	go b.run(r, i)
	limit := time.NewTimer(r.cfg.SlowStart)
	defer limit.Stop()
	select {
	case <-b.done:
	case <-limit.C:
		if b.abandon(r) {
			return nil, ErrSlowStorage
		}
		<-b.done // it finished at the same moment
	}
	return b.track, b.err
}

// A pendingStart is a Start under way.
type pendingStart struct {
	done  chan struct{} // closed when track or err is set
	track *Track
	err   error

	state startState // Guarded by Recorder.mu.
}

type startState int

const (
	startWaiting   startState = iota // for the disk
	startDelivered                   // the track runs
	startAbandoned                   // the caller timed out
)

func (b *pendingStart) abandon(r *Recorder) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.state == startDelivered {
		return false
	}
	b.state = startAbandoned
	r.hanging++
	return true
}

func (b *pendingStart) run(r *Recorder, i Info) {
	t, err := r.newTrack(i)
	r.mu.Lock()
	abandoned := b.state == startAbandoned
	if !abandoned {
		b.state = startDelivered
		if err == nil {
			err = r.launch(t)
		}
	}
	r.mu.Unlock()
	if t != nil && (abandoned || err != nil) {
		err = errors.Join(err, t.out.discard())
	}
	if err == nil {
		b.track = t
	}
	b.err = err
	close(b.done)
	if abandoned {
		r.mu.Lock()
		r.hanging--
		r.mu.Unlock()
	}
}

// newTrack creates a track whose goroutine does not run yet.
func (r *Recorder) newTrack(i Info) (*Track, error) {
	if r.full() {
		return nil, ErrNoSpace
	}
	to, err := r.cfg.Recipients()
	if err != nil || to.Empty() {
		return nil, errors.Join(ErrRecipients, err)
	}
	erasure, erasureID, err := r.cfg.Keyring.erasureKeyOf(i.Person)
	if err != nil {
		return nil, errors.Join(ErrKeyring, err)
	}
	defer clear(erasure)
	size := audioQueue
	if i.Kind == Video {
		size = videoQueue
	}
	t := &Track{r: r, id: newID(), info: i, queue: newRingBuffer(size), wake: make(chan struct{}, 1), done: make(chan struct{})}
	key := newKey()
	wrapped, err := wrapKey(key, to, erasure, t.id)
	if err != nil {
		return nil, err
	}
	version := version1
	if i.Sealed {
		version = version2
	}
	now := r.cfg.Now().UTC()
	t.out = newSegmentWriter(t, Header{
		Track: t.id, Session: i.Session, Person: i.Person, Kind: i.Kind, Codec: i.Codec, Source: i.Source, ClockRate: i.ClockRate,
		Class: i.Class, Purpose: i.Purpose, Started: now, Begins: now, ErasureKey: erasureID, Wrapped: wrapped, Version: version,
	}, key)
	if err := t.out.open(t.out.header); err != nil {
		return nil, errors.Join(r.startError(err), t.out.discard())
	}
	return t, nil
}

// launch starts the track's goroutine unless the recorder is closed. The caller holds mu.
func (r *Recorder) launch(t *Track) error {
	if r.closed {
		return ErrClosed
	}
	r.tracks[t] = true
	go func() {
		t.run()
		r.forget(t)
	}()
	return nil
}

// forget removes a track that has ended. One that has failed stays until watch has reported it.
func (r *Recorder) forget(t *Track) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.failed.Load() == nil || t.reported {
		delete(r.tracks, t)
	}
}

func (r *Recorder) startError(err error) error {
	if causeOf(err) == &diskFull {
		return errors.Join(ErrNoSpace, err)
	}
	return fmt.Errorf("record: cannot begin a segment: %w", err)
}

// watch reports failed tracks and fails those whose disk hangs. It never accesses the disk itself.
func (r *Recorder) watch() {
	defer close(r.done)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.stop:
			r.reportFailures()
			return
		case <-r.failed:
		case <-tick.C:
			now := r.cfg.Now()
			for _, t := range r.running() {
				if t.hangs(now) {
					t.fail(&slowDisk)
				}
			}
		}
		r.reportFailures()
	}
}

// watchSpace fails all tracks before the disk is full. Close does not wait for it, because the disk may hang.
func (r *Recorder) watchSpace() {
	tick := time.NewTicker(spaceEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-tick.C:
		}
		if !r.full() {
			continue
		}
		for _, t := range r.running() {
			t.fail(&diskFull)
		}
	}
}

// full reports whether the Storage has less than Config.MinFree bytes free. A Storage without FreeSpacer is full only when a write fails.
func (r *Recorder) full() bool {
	s, ok := r.cfg.Storage.(FreeSpacer)
	if !ok {
		return false
	}
	free, err := s.Free()
	return err == nil && free < r.cfg.MinFree
}

func (r *Recorder) running() []*Track {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.tracks))
}

func (r *Recorder) reportFailures() {
	for _, t := range r.running() {
		cause := t.failed.Load()
		if cause == nil || t.reported {
			continue
		}
		r.mu.Lock()
		t.reported = true
		r.failures[*cause]++
		r.mu.Unlock()
		r.cfg.OnFailed(Failure{t.info.Session, t.id, *cause})
		select {
		case <-t.done:
			r.forget(t)
		default: // run settles it
		}
	}
}

func (r *Recorder) wakeWatch() {
	select {
	case r.failed <- struct{}{}:
	default: // watch was woken already
	}
}

// Stats returns the counters.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{
		Tracks: len(r.tracks), Hanging: r.hanging, Bytes: r.bytes.Load(), Records: r.records.Load(), Units: r.units.Load(), Refused: r.refused.Load(),
		Unreleased: r.unreleased.Load(), Syncs: r.syncs.Load(), SyncTime: time.Duration(r.syncTime.Load()), Failures: maps.Clone(r.failures),
	}
}

// Close stops all tracks and waits until each has written its end record. Start and Put refuse from then on. It times out on a disk that
// hangs: synced records stay, without an end.
func (r *Recorder) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	r.mu.Unlock()
	timeout := time.NewTimer(closeTimeout)
	defer timeout.Stop()
	tracks := r.running()
	for _, t := range tracks {
		t.Stop()
	}
	var err error
	for _, t := range tracks {
		select {
		case <-t.done:
		case <-timeout.C:
			err = errors.New("record: the disk does not answer: the ends of some tracks are missing")
			timeout.Reset(0)
		}
	}
	close(r.stop)
	<-r.done
	return err
}
