package record

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"syscall"
)

// A segmentWriter writes the segments of one track. Owned by Track.run, except for the first segment, which Start opens.
type segmentWriter struct {
	t              *Track
	key            []byte // of the track, in clear: here and nowhere else
	header         Header // of the open segment
	file           File
	sealer         *sealer
	size           int64
	number         uint64 // of the next record
	tag            [tagSize]byte
	units          uint64
	index          index
	earlierRecords int   // records of the segments before
	chain          Chain // the synced records; zero before the first
	release        mergedRelease
	unwritten      []pendingRelease // at most MaxPending
	plain          []byte           // scratch: capacity maxPlain
	sealed         []byte           // scratch: capacity of a whole record
}

func newSegmentWriter(t *Track, h Header, key []byte) *segmentWriter {
	return &segmentWriter{t: t, header: h, key: key, plain: make([]byte, 0, maxPlain), sealed: make([]byte, 0, recordHead+maxPlain+tagSize)}
}

// open starts a segment in a new file.
func (o *segmentWriter) open(h Header) (err error) {
	h.File = newID()
	head, err := h.marshal()
	if err != nil {
		return err
	}
	s, err := newSealer(o.key, h.File, head)
	if err != nil {
		return err
	}
	f, err := o.t.r.cfg.Storage.Create(h.File + suffix)
	if err != nil {
		return err
	}
	o.header, o.sealer, o.file, o.size = h, s, f, 0
	o.number, o.tag, o.units, o.index = 0, [tagSize]byte{}, 0, o.index[:0]
	return o.write(head)
}

func (o *segmentWriter) write(b []byte) error {
	n, err := o.file.Write(b)
	o.size += int64(n)
	o.t.r.bytes.Add(uint64(n))
	return err
}

// flush writes releases and the queued entries in records of at most maxPlain bytes, and syncs. A sealed track waits for its first release.
func (o *segmentWriter) flush() *Cause {
	o.t.diskBusy()
	defer o.t.diskIdle()
	o.noteReleases(o.t.pending.take())
	if begins := o.chain.Records == 0; begins && o.t.queue.empty() || o.t.awaitsRelease(o.t.r.cfg.Now()) {
		return nil
	}
	wrote, err := o.writeReleases()
	if err != nil {
		return causeOf(err)
	}
	for !o.t.queue.empty() {
		if o.needsRotation() {
			if err := o.rotate(); err != nil {
				return causeOf(err)
			}
		}
		plain := o.t.queue.drain(o.plain[:0], o.noteEntry)
		err := o.writeRecord(recordData, plain)
		clear(plain)
		if err != nil {
			return causeOf(err)
		}
		wrote = true
	}
	if !wrote {
		return nil
	}
	err = o.sync()
	if err == nil || err == errSlowSync {
		o.markDurable(o.header.Segment, o.number, o.tag)
	}
	return causeOf(err)
}

// markDurable notes the number of synced records of a segment. The first one of the track calls OnStarted.
func (o *segmentWriter) markDurable(segment int, records uint64, tag [tagSize]byte) {
	begins := o.chain.Records == 0
	o.chain = Chain{segment + 1, o.earlierRecords + int(records), hex.EncodeToString(tag[:])}
	if t := o.t; begins && t.r.cfg.OnStarted != nil {
		t.r.cfg.OnStarted(TrackStarted{t.info.Session, t.id, o.header.ErasureKey, !t.stopped.Load() && t.failed.Load() == nil})
	}
}

// reportEnded calls OnEnded once, with the synced length of the track.
func (o *segmentWriter) reportEnded(complete bool) {
	if t := o.t; o.chain.Records > 0 && t.r.cfg.OnEnded != nil {
		t.r.cfg.OnEnded(TrackEnded{t.info.Session, t.id, o.header.ErasureKey, o.chain, complete})
	}
	o.chain = Chain{}
}

// needsRotation reports whether the next record belongs to a new segment. A track without new units does not rotate.
func (o *segmentWriter) needsRotation() bool {
	c := o.t.r.cfg
	return o.number > 0 && (len(o.index) >= maxIndex/2 || o.size >= c.SegmentBytes || c.Now().Sub(o.header.Begins) >= c.SegmentTime)
}

// noteEntry notes what the entries of the record to come are.
func (o *segmentWriter) noteEntry(head *[entryHead]byte) {
	if head[0] != entryUnit {
		return
	}
	o.units++
	o.t.r.units.Add(1)
	if head[1]&flagKeyFrame != 0 && len(o.index) < maxIndex {
		o.index = append(o.index, keyFrameEntry{o.number, uint64(o.size), timestampOf(head)})
	}
}

func (o *segmentWriter) writeRecord(kind byte, plain []byte) error {
	b, tag := o.sealer.seal(o.sealed[:0], kind, o.number, o.tag, plain)
	o.number, o.tag = o.number+1, tag
	o.t.r.records.Add(1)
	return o.write(b)
}

func (o *segmentWriter) sync() error {
	r := o.t.r
	from := r.cfg.Now()
	err := o.file.Sync()
	took := r.cfg.Now().Sub(from)
	r.syncs.Add(1)
	r.syncTime.Add(int64(took))
	if r.cfg.OnSynced != nil {
		r.cfg.OnSynced(took)
	}
	if err == nil && took > r.cfg.SlowSync {
		return errSlowSync
	}
	return err
}

// rotate closes a segment and opens the next. The next one is synced before the end record of this one announces it, so that a crash
// never looks like a removed segment.
func (o *segmentWriter) rotate() error {
	end, tag := o.endRecord(Continued)
	closing := *o
	next := o.header
	next.Segment, next.Previous, next.Begins = next.Segment+1, hex.EncodeToString(tag[:]), o.t.r.cfg.Now().UTC()
	if next.Segment > maxSegments {
		return errors.New("too many segments")
	}
	o.index = nil // full has it
	if err := o.open(next); err != nil {
		closing.file.Close()
		return err
	}
	if o.release.there() { // each segment can be opened without the others
		if err := o.writeRelease(o.release.Release, o.t.r.cfg.Now()); err != nil {
			closing.file.Close()
			return err
		}
	}
	err := o.sync()
	if err == nil || err == errSlowSync { // slow, it is on the disk all the same
		written := closing.writeEnd(end)
		if written == nil || written == errSlowSync {
			o.markDurable(closing.header.Segment, closing.number+1, tag)
			o.earlierRecords = o.chain.Records
		}
		err = worse(err, written)
	}
	return worse(err, closing.file.Close())
}

func (o *segmentWriter) endRecord(reason EndReason) ([]byte, [tagSize]byte) {
	plain := endPlain(reason, o.units, o.index)
	return o.sealer.seal(make([]byte, 0, recordHead+len(plain)+tagSize), recordEnd, o.number, o.tag, plain)
}

func (o *segmentWriter) writeEnd(end []byte) error {
	o.t.r.records.Add(1)
	if err := o.write(end); err != nil {
		return err
	}
	return o.sync()
}

// finish writes the end record. A track without units leaves no file.
func (o *segmentWriter) finish(reason EndReason) *Cause {
	o.t.diskBusy()
	defer o.t.diskIdle()
	defer o.wipeKeys()
	o.dropQueue()
	if o.number == 0 && o.header.Segment == 0 {
		return causeOf(o.file.Discard())
	}
	end, tag := o.endRecord(reason)
	err := o.writeEnd(end)
	if err == nil || err == errSlowSync {
		o.markDurable(o.header.Segment, o.number+1, tag)
		o.reportEnded(true)
	}
	return causeOf(worse(err, o.file.Close()))
}

// abandon leaves the segment without an end record: synced records stay.
func (o *segmentWriter) abandon() {
	o.file.Close()
	o.reportEnded(false)
	o.wipeKeys()
}

// wipeKeys clears the key and the scratch buffers of plaintext.
func (o *segmentWriter) wipeKeys() {
	clear(o.key)
	clear(o.plain[:cap(o.plain)])
	o.sealer = nil
}

// errSlowSync reports a sync that succeeded but took too long. Any other error takes precedence.
var errSlowSync = errors.New("a sync took too long")

// worse joins two errors, without errSlowSync beside another.
func worse(a, b error) error {
	switch {
	case a == nil || a == errSlowSync && b != nil:
		return b
	case b == nil || b == errSlowSync:
		return a
	}
	return errors.Join(a, b)
}

// causeOf names an error of the Storage, nil for none.
func causeOf(err error) *Cause {
	switch {
	case err == nil:
		return nil
	case err == errSlowSync:
		return &slowDisk
	case errors.Is(err, ErrNoSpace), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &diskFull
	}
	return &writeFailed
}

// newKey generates the key of a track.
func newKey() []byte {
	key := make([]byte, keySize)
	rand.Read(key) // never fails
	return key
}

// discard removes the file of a track that did not start.
func (o *segmentWriter) discard() error {
	o.wipeKeys()
	if o.file == nil {
		return nil
	}
	return o.file.Discard()
}
