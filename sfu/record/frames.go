package record

import (
	"slices"

	"github.com/pion/rtp/codecs"
)

// A block is the content of one Matroska block: a video frame or an audio packet.
type block struct {
	at            int64 // ns since 1970
	key           bool
	data          []byte
	width, height int // of a key frame of video
}

// A timedUnit unit knows when it was captured.
type timedUnit struct {
	Unit
	at int64 // ns since 1970
}

// reorderBuffer sorts units by sequence number and drops duplicates. It waits for a missing unit until maxWaiting later ones
// have arrived.
type reorderBuffer struct {
	started bool
	next    uint64
	waiting []timedUnit // ascending
}

// push returns the units that are in order now.
func (o *reorderBuffer) push(u timedUnit) []timedUnit {
	if o.started && u.Seq < o.next {
		return nil
	}
	i, there := slices.BinarySearchFunc(o.waiting, u.Seq, func(w timedUnit, seq uint64) int {
		switch {
		case w.Seq < seq:
			return -1
		case w.Seq > seq:
			return 1
		}
		return 0
	})
	if !there {
		o.waiting = slices.Insert(o.waiting, i, u)
	}
	if len(o.waiting) < beginWaiting && !o.started {
		return nil // packets may arrive out of order
	}
	return o.ready(maxWaiting)
}

func (o *reorderBuffer) flush() []timedUnit { return o.ready(0) }

func (o *reorderBuffer) ready(limit int) (list []timedUnit) {
	if !o.started && len(o.waiting) > 0 {
		o.started, o.next = true, o.waiting[0].Seq
	}
	for len(o.waiting) > 0 && (o.waiting[0].Seq == o.next || len(o.waiting) > limit) {
		list = append(list, o.waiting[0])
		o.next = o.waiting[0].Seq + 1
		o.waiting = o.waiting[1:]
	}
	return list
}

// An assembler assembles blocks from ordered units.
type assembler interface{ push(timedUnit) []block }

// opusBlocks: one packet is one block (RFC 7587, section 4.2).
type opusBlocks struct{}

func (opusBlocks) push(u timedUnit) []block {
	if len(u.Payload) == 0 {
		return nil
	}
	return []block{{at: u.at, key: true, data: u.Payload}}
}

// vp8Frames joins payloads to frames (RFC 7741, section 4.4). A frame of which a part is missing is dropped, and with it all that
// follow up to the next key frame, because they would be decoded from what is not there.
type vp8Frames struct {
	started       bool
	last          uint64 // sequence number
	open          bool   // a frame is being joined
	frame         block
	at            uint32 // its RTP time
	id            uint16 // its picture id
	hasID         bool   // it has one
	previousWhole bool   // the frame before was whole
	previousID    uint16
	decodable     bool // there was a key frame, and nothing was lost since
}

func (v *vp8Frames) push(u timedUnit) (list []block) {
	whole := !v.started || u.Seq == v.last+1
	v.started, v.last = true, u.Seq
	if len(u.Payload) == 0 { // padding, which only keeps the sequence whole
		if !whole {
			v.dropUntilKeyFrame()
		}
		return nil
	}
	var p codecs.VP8Packet
	data, err := p.Unmarshal(u.Payload)
	if err != nil || len(data) == 0 {
		v.dropUntilKeyFrame()
		return nil
	}
	if p.S == 1 && p.PID == 0 && (!v.open || u.Timestamp != v.at) {
		if v.open && whole { // its marker was lost with a layer above it
			list = v.close(list)
		} else if v.open || !whole && !v.follows(p) {
			v.dropUntilKeyFrame()
		}
		v.open, v.at, v.id, v.hasID = true, u.Timestamp, p.PictureID, p.I == 1
		v.frame = block{at: u.at, key: data[0]&1 == 0}
	} else if !v.open || !whole || u.Timestamp != v.at {
		v.dropUntilKeyFrame()
		return list
	}
	v.frame.data = append(v.frame.data, data...)
	if u.Marker {
		list = v.close(list)
	}
	return list
}

// follows reports whether the frame that begins comes directly after the last whole one, although sequence numbers between are missing:
// those were of padding.
func (v *vp8Frames) follows(p codecs.VP8Packet) bool {
	return v.previousWhole && v.hasID && p.I == 1 && (p.PictureID == v.previousID+1 || p.PictureID == 0 && (v.previousID == 0x7f || v.previousID == 0x7fff))
}

func (v *vp8Frames) dropUntilKeyFrame() { v.open, v.previousWhole, v.decodable = false, false, false }

func (v *vp8Frames) close(list []block) []block {
	v.open, v.previousWhole, v.previousID = false, true, v.id
	b := v.frame
	if b.key {
		if len(b.data) < 10 || b.data[3] != 0x9d || b.data[4] != 0x01 || b.data[5] != 0x2a { // RFC 6386, section 9.1
			v.dropUntilKeyFrame()
			return list
		}
		b.width = int(b.data[6]) | int(b.data[7]&0x3f)<<8
		b.height = int(b.data[8]) | int(b.data[9]&0x3f)<<8
		v.decodable = true
	}
	if !v.decodable {
		return list
	}
	return append(list, b)
}
