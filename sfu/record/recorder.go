package record

import (
	"errors"
	"time"
)

// A Recorder keeps the tracks of one daemon. Its methods are safe for concurrent use.
type Recorder struct{ cfg Config }

// Open checks what it works with. It writes nothing.
func Open(cfg Config) (*Recorder, error) { return &Recorder{cfg: cfg}, nil }

// Start begins a track with a file and a key of its own. It reads and writes the disk, so the worker must not call it: a
// goroutine does, and hands the worker the Track. After an error no byte of the track exists.
func (r *Recorder) Start(Info) (*Track, error) { return nil, errors.ErrUnsupported }

// Stats counts.
func (r *Recorder) Stats() Stats { return Stats{} }

// Close stops all tracks and waits until each has written its end. Start and Put refuse from then on.
func (r *Recorder) Close() error { return nil }

// A Track is one consented interval of one source. Put, Clock and Stop are for one goroutine, the worker; none of them waits,
// locks or allocates.
type Track struct{}

// ID is the track's random id: what its segments, and entries in the audit log, name it by.
func (t *Track) ID() string { return "" }

// Put copies a unit into the track's queue. False means that it was not taken: the track is stopped, has failed, or fails now
// because its queue is full.
func (t *Track) Put(Unit) bool { return false }

// Clock says that the RTP time is that moment of the server's clock: a sender report, already converted (RFC 3550, section 6.4.1).
func (t *Track) Clock(rtp uint32, at time.Time) {}

// Stop ends the track: what was put before is written, with an explicit end; nothing is taken any more. Again it does nothing.
func (t *Track) Stop() {}

// Done is closed when the end is on disk, or the track has failed.
func (t *Track) Done() <-chan struct{} { return nil }
