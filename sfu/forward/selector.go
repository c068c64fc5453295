package forward

import "time"

// Constants of the time line.
const (
	// rebaseGap is a silence after which the source's RTP clock may have stood still (a microphone that was stopped).
	rebaseGap = 300 * time.Millisecond
	// rebaseSkew is how far such a clock may be off before the time line is moved: less is jitter.
	rebaseSkew = 100 * time.Millisecond
	// maxChanges is how many steps of the sequence offset are remembered for packets that come late.
	maxChanges = 16
)

// A Packet is what a Selector has to know of an incoming packet.
type Packet struct {
	Ext       uint64
	Timestamp uint32
	KeyFrame  bool // begins one
	Empty     bool // padding only
}

// An Out is how a packet leaves.
type Out struct {
	Ext       uint64 // extended outgoing sequence number, from 1: also the SRTP index (RFC 3711, section 3.3.1)
	Timestamp uint32
}

type change struct {
	from   uint64 // extended source number
	offset int64
}

// A Selector renumbers what goes out through one slot, so that a slot that changes hands is one continuous stream: next
// sequence number, time line in elapsed time, SSRC of the slot. Owned by the worker.
type Selector struct {
	ClockRate uint32 // Hz
	Video     bool   // a switch waits for a key frame

	running   bool // something was sent in this slot
	switching bool // the next packet begins a new source
	lastOut   uint64
	lastTS    uint32
	lastAt    time.Time
	highest   uint64 // source number
	tsOffset  uint32
	changes   [maxChanges]change // newest last, from index 0
	count     int
}

// Switch makes the next packet (of a key frame, for video) begin a new source.
func (s *Selector) Switch() { s.switching = true }

// AwaitsKey reports whether a key frame is wanted.
func (s *Selector) AwaitsKey() bool { return s.Video && s.switching }

// Next decides about a packet of the source. Equal calls give equal answers.
func (s *Selector) Next(now time.Time, p Packet) (Out, Drop) {
	if s.switching {
		if p.Empty {
			return Out{}, Padding
		}
		if s.Video && !p.KeyFrame {
			return Out{}, AwaitKey
		}
		s.begin(now, p)
	}
	if p.Empty {
		return Out{}, s.skip(p.Ext)
	}
	offset, ok := s.offsetFor(p.Ext)
	if !ok {
		return Out{}, BeforeSwitch
	}
	if p.Ext > s.highest {
		s.rebase(now, p)
		s.highest = p.Ext
	}
	out := Out{Ext: uint64(int64(p.Ext) + offset), Timestamp: p.Timestamp + s.tsOffset}
	if out.Ext > s.lastOut || !s.running {
		s.lastOut, s.lastTS, s.lastAt, s.running = out.Ext, out.Timestamp, now, true
	}
	return out, Kept
}

// begin lets a new source follow the last packet sent.
func (s *Selector) begin(now time.Time, p Packet) {
	s.switching = false
	if !s.running {
		s.lastOut, s.lastTS, s.lastAt = 0, p.Timestamp, now // the first packet is number 1, rollover counter 0
	}
	s.tsOffset = s.lastTS + s.ticks(now.Sub(s.lastAt)) - p.Timestamp
	if s.running && s.ticks(now.Sub(s.lastAt)) == 0 {
		s.tsOffset++ // two pictures never share a timestamp
	}
	s.changes[0], s.count = change{from: p.Ext, offset: int64(s.lastOut) + 1 - int64(p.Ext)}, 1
	s.highest = p.Ext
}

// rebase moves the time line when the source's clock stood still during a silence.
func (s *Selector) rebase(now time.Time, p Packet) {
	gap := now.Sub(s.lastAt)
	if !s.running || gap < rebaseGap {
		return
	}
	want := s.lastTS + s.ticks(gap)
	skew := int32(p.Timestamp + s.tsOffset - want)
	if limit := int32(s.ticks(rebaseSkew)); skew > limit || skew < -limit {
		s.tsOffset = want - p.Timestamp
	}
}

func (s *Selector) ticks(d time.Duration) uint32 {
	return uint32(int64(d) * int64(s.ClockRate) / int64(time.Second))
}

// skip closes the gap that a packet of padding would leave.
func (s *Selector) skip(ext uint64) Drop {
	if ext <= s.highest {
		return Padding
	}
	offset := s.changes[s.count-1].offset
	s.highest = ext
	if s.count == maxChanges {
		copy(s.changes[:], s.changes[1:])
		s.count--
	}
	s.changes[s.count] = change{from: ext + 1, offset: offset - 1}
	s.count++
	return Padding
}

// offsetFor finds the offset that held when this packet should have come.
func (s *Selector) offsetFor(ext uint64) (int64, bool) {
	for i := s.count - 1; i >= 0; i-- {
		if ext >= s.changes[i].from {
			return s.changes[i].offset, true
		}
	}
	return 0, false
}

// TimestampAt is the slot's RTP timestamp at a moment, for sender reports (RFC 3550, section 6.4.1).
func (s *Selector) TimestampAt(now time.Time) uint32 { return s.lastTS + s.ticks(now.Sub(s.lastAt)) }

// FromSource translates a timestamp of the source into the slot's time line.
func (s *Selector) FromSource(timestamp uint32) uint32 { return timestamp + s.tsOffset }

// Running reports whether the slot has sent anything.
func (s *Selector) Running() bool { return s.running }
