package record

import (
	"sync/atomic"
	"time"
)

// A Track is one consented interval of one source. Put, Clock and Stop are for one goroutine, the worker; none of them waits,
// locks or allocates. Release is for any other.
type Track struct {
	r     *Recorder
	id    string
	info  Info
	queue *ringBuffer
	wake  chan struct{} // holds one: work before the next flush
	done  chan struct{}

	stopped   atomic.Bool           // nothing more is taken
	failed    atomic.Pointer[Cause] // set once; then nothing more is taken
	busySince atomic.Int64          // when the write or sync under way began, ns since the recorder was opened, 0 if there is none
	reported  bool                  // of the failure. Owned by Recorder.watch.

	out *segmentWriter // Owned by run.

	pending   pendingReleases // has a lock of its own
	waitsFrom time.Time       // when media was first there without a release, zero before. Owned by run.
}

// ID is the track's random id, used in its segments and in the audit log.
func (t *Track) ID() string { return t.id }

// Done is closed when the end is on disk, or all that a failed track could still write.
func (t *Track) Done() <-chan struct{} { return t.done }

// Put copies a unit into the track's queue. It returns false if it refuses the unit: the track is stopped, has failed, or fails now
// because its queue is full or the unit is longer than MaxUnit. A packet without a payload, such as padding, is put like any
// other: it keeps the sequence whole.
func (t *Track) Put(u Unit) bool {
	if t.stopped.Load() || t.failed.Load() != nil {
		t.r.refused.Add(1)
		return false
	}
	if len(u.Payload) > MaxUnit {
		t.r.refused.Add(1)
		t.fail(&tooLong)
		return false
	}
	var flags byte
	if u.Marker {
		flags |= flagMarker
	}
	if u.KeyFrame {
		flags |= flagKeyFrame
	}
	var head [entryHead]byte
	putEntry(&head, entryUnit, flags, len(u.Payload), u.Seq, u.Timestamp, u.Arrived)
	return t.put(&head, u.Payload)
}

// Clock maps an RTP time to the server's clock, as a converted sender report does (RFC 3550, section 6.4.1).
func (t *Track) Clock(rtp uint32, at time.Time) {
	if t.stopped.Load() || t.failed.Load() != nil {
		return
	}
	var head [entryHead]byte
	putEntry(&head, entryClock, 0, 0, 0, rtp, at)
	t.put(&head, nil)
}

func (t *Track) put(head *[entryHead]byte, payload []byte) bool {
	ok, halfFull := t.queue.put(head, payload)
	if !ok {
		t.r.refused.Add(1)
		t.fail(&queueFull)
		return false
	}
	if halfFull {
		t.wakeWriter()
	}
	return true
}

// Stop ends the track: units that were put before are written, then an end record; later units are refused. A second call does nothing.
func (t *Track) Stop() {
	if !t.stopped.Swap(true) {
		t.wakeWriter()
	}
}

// Release adds the keys of a sealed track's frames, which its owner gave to the clinic. The first one lets the track write; each is written
// before the media that is in the queue then. It returns false if the track has ended, or fails now because the release is longer than MaxRelease
// or too many wait.
func (t *Track) Release(r Release) bool {
	if t.stopped.Load() || t.failed.Load() != nil || !t.info.Sealed {
		return false
	}
	if cause := t.pending.add(r, t.r.cfg.Now()); cause != nil {
		t.fail(cause)
		return false
	}
	t.wakeWriter()
	return true
}

// awaitsRelease reports whether nothing may be written yet. It fails a track whose media has waited too long. Owned by run.
func (t *Track) awaitsRelease(now time.Time) bool {
	if !t.info.Sealed || t.out.release.there() {
		return false
	}
	switch {
	case t.queue.empty():
	case t.waitsFrom.IsZero():
		t.waitsFrom = now
	case now.Sub(t.waitsFrom) >= ReleaseWait:
		t.fail(&noRelease)
	}
	return true
}

func (t *Track) wakeWriter() {
	select {
	case t.wake <- struct{}{}:
	default: // it was woken already
	}
}

// Causes have addresses so that setting one allocates nothing.
var (
	diskFull, slowDisk, queueFull = DiskFull, SlowDisk, QueueFull
	writeFailed, tooLong          = WriteFailed, TooLong
	noRelease                     = NoRelease
)

// fail makes the track refuse further units; the recorder's watch reports it. Only the first cause counts.
func (t *Track) fail(c *Cause) {
	if t.failed.CompareAndSwap(nil, c) {
		t.r.wakeWatch()
		t.wakeWriter()
	}
}

// run seals and writes the queued units until the track is stopped or fails. Units that were accepted before a failure are written too,
// if the disk still accepts them.
func (t *Track) run() {
	defer close(t.done)
	timer := time.NewTimer(flushEvery)
	defer timer.Stop()
	for over := false; !over; {
		select {
		case <-timer.C:
		case <-t.wake:
		}
		// Read before the queue is drained, so that units put before Stop are in it.
		over = t.stopped.Load() || t.failed.Load() != nil
		if cause := t.out.flush(); cause != nil {
			t.fail(cause)
			if cause != &slowDisk { // a slow disk did write; any other may have left half a record, which nothing may follow
				t.out.abandon()
				return
			}
			over = true
		}
		timer.Reset(flushEvery)
	}
	reason := Stopped
	if t.failed.Load() != nil {
		reason = Failed
	}
	if cause := t.out.finish(reason); cause != nil {
		t.fail(cause)
		t.out.abandon()
	}
}

// diskBusy and end mark the time of a write or sync, so that watch notices a disk that hangs.
func (t *Track) diskBusy() { t.busySince.Store(max(1, int64(t.r.cfg.Now().Sub(t.r.opened)))) }
func (t *Track) diskIdle() { t.busySince.Store(0) }

// hangs reports whether a write or sync has taken longer than Config.SlowSync.
func (t *Track) hangs(now time.Time) bool {
	since := t.busySince.Load()
	return since != 0 && now.Sub(t.r.opened)-time.Duration(since) > t.r.cfg.SlowSync
}
