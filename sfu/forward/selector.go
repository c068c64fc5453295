package forward

import "time"

// Constants of the time line.
const (
	// rebaseGap is a silence during which the source's RTP clock may have stopped (a muted microphone).
	rebaseGap = 300 * time.Millisecond
	// rebaseSkew is how far such a clock may be off before the time line is moved: less is jitter.
	rebaseSkew = 100 * time.Millisecond
	// outage is a silence whose losses no history can repair: it holds about as much.
	outage = time.Second
	// maxChanges is how many offset changes are kept for late packets; packets older than these are dropped.
	maxChanges = 16
)

// A Packet holds the properties of an incoming packet that a Selector needs.
type Packet struct {
	Ext         uint64
	Timestamp   uint32
	KeyFrame    bool // begins one
	Empty       bool // padding only
	AboveTarget bool // of a temporal layer that the slot does not get
	Picture     Picture
}

// An Out is how a packet leaves.
type Out struct {
	Ext             uint64 // extended outgoing sequence number, from 1: also the SRTP index (RFC 3711, section 3.3.1)
	Timestamp       uint32
	PictureIDOffset uint16 // to add to the picture id
	TL0Offset       uint8  // to add to TL0PICIDX
}

// An offsetChange holds the offsets for source numbers from one on, up to the next change.
type offsetChange struct {
	from            uint64 // extended source number
	offset          int64
	skipped         uint32    // numbers of padding or layers just before it, which never get one of ours
	hasHidden       bool      // among them are frames that were not shown,
	hiddenFrames    [2]uint32 // and these are the source's timestamps of the first and the last
	tsOffset        uint32
	pictureIDOffset uint16
	tl0Offset       uint8
	rebased         bool   // the time line was moved, from the source's timestamp since on
	rebaseTS        uint32 // late packets older than this keep the previous offset
	tsOffsetBefore  uint32
	rebaseAfter     uint64 // highest source number that had left then,
	rebaseUntil     uint64 // and the one that moved it: packets between may belong to either time line
}

// lateTimestamp is the slot's timestamp of a late packet: its frame may have been split by a silence or by padding.
func (s *Selector) lateTimestamp(p *Packet, c *offsetChange) uint32 {
	newest := &s.changes[s.count-1]
	switch {
	case newest.rebased && p.Ext > newest.rebaseAfter && p.Ext < newest.rebaseUntil && int32(p.Timestamp-newest.rebaseTS) >= 0:
		return p.Timestamp + newest.tsOffset
	case c.rebased && p.Ext < c.rebaseUntil && int32(p.Timestamp-c.rebaseTS) < 0:
		return p.Timestamp + c.tsOffsetBefore
	}
	return p.Timestamp + c.tsOffset
}

// A Selector renumbers the packets of one slot, so that a slot that changes its source remains one continuous stream: consecutive sequence
// numbers, a time line in elapsed time, the SSRC of the slot. Owned by the worker.
type Selector struct {
	ClockRate uint32 // Hz
	Video     bool   // a switch waits for a key frame

	running        bool   // something was sent in this slot
	switching      bool   // the next packet begins a new source
	frameHidden    bool   // the source's newest frame is not shown,
	frameTS        uint32 // which has this timestamp
	count          int    // of changes
	lastOut        uint64
	lastTS         uint32
	lastAt         time.Time
	newestExt      uint64    // highest source number that left, possibly late,
	newestTS       uint32    // its timestamp,
	newestSourceTS uint32    // and that of the source,
	newestAt       time.Time // and when it left
	picture        Picture   // the last names, as they left
	highest        uint64    // source number
	lastArrival    time.Time // last arrival of a new packet, of any layer
	replay         replay
	changes        [maxChanges]offsetChange // newest last, from index 0
}

// Switch starts a new source with the next packet (of a key frame, for video).
func (s *Selector) Switch() { s.switching, s.replay = true, replay{} }

// AwaitsKey reports whether a key frame is wanted.
func (s *Selector) AwaitsKey() bool { return s.Video && s.switching }

// Next decides about a packet of the source. Equal calls give equal answers, and no two source numbers share an outgoing one: that would be
// one AES-GCM nonce for two packets (RFC 7714, section 8.1). A gap of more than maxJump counts as a switch, because receivers lose the
// rollover counter over one of 2^15 (RFC 3711, section 3.3.1).
func (s *Selector) Next(now time.Time, p *Packet) (Out, Drop) {
	if s.count > 0 && int64(p.Ext)+s.changes[s.count-1].offset-int64(s.lastOut) > maxJump {
		s.Switch()
	}
	// An outage longer than any history cannot be mended: to follow on closes the gap, else every receiver counts it as loss
	// of its own path, and requests packets that no history holds.
	if s.count > 0 && !s.switching && p.Ext > s.highest+1 && now.Sub(s.lastArrival) > outage {
		s.Switch()
	}
	if p.Ext > s.highest {
		s.lastArrival = now
	}
	if s.switching {
		if p.Empty {
			return Out{}, Padding
		}
		if s.Video && !p.KeyFrame {
			return Out{}, AwaitKey
		}
		return s.begin(now, p), Kept
	}
	if p.Empty {
		s.skip(p)
		return Out{}, Padding
	}
	ahead := s.count > 0 && p.Ext > s.highest
	if s.isAbove(p, ahead) {
		s.skip(p)
		return Out{}, Layer
	}
	compressed, replayed := s.replayed(p)
	if ahead {
		if !replayed {
			s.rebase(now, p)
		}
		s.highest = p.Ext
	}
	c, drop := s.changeAt(p.Ext)
	if drop != Kept {
		return Out{}, drop
	}
	out := Out{Ext: uint64(int64(p.Ext) + c.offset), Timestamp: p.Timestamp + c.tsOffset, PictureIDOffset: c.pictureIDOffset, TL0Offset: c.tl0Offset}
	switch {
	case replayed:
		out.Timestamp = compressed
	case !ahead:
		out.Timestamp = s.lateTimestamp(p, c)
	}
	if out.Ext > s.lastOut { // a late packet behind padding only is still the newest
		if ahead && !s.sameFrame(now, p) { // a late packet says nothing about the time
			s.lastTS, s.lastAt = out.Timestamp, now
		}
		if ahead || int32(p.Timestamp-s.frameTS) > 0 {
			s.frameTS, s.frameHidden = p.Timestamp, false
		}
		s.lastOut, s.newestExt, s.newestTS, s.newestSourceTS, s.newestAt = out.Ext, p.Ext, out.Timestamp, p.Timestamp, now
		s.rememberPicture(p, c)
	}
	return out, Kept
}

// isAbove decides for frames, not packets: half a frame would leave under the picture id of the one before, or after. A key
// frame is of the lowest layer, whatever it says. What comes late has its number already, unless its frame was not shown.
func (s *Selector) isAbove(p *Packet, ahead bool) bool {
	switch {
	case s.count > 0 && !ahead:
		return s.isHidden(p.Timestamp)
	case p.KeyFrame:
		return false
	case s.count > 0 && p.Timestamp == s.frameTS:
		return s.frameHidden
	}
	return p.AboveTarget
}

// isHidden reports whether a packet of the frame was skipped. Other packets of a frame in a run of skipped packets can only be at either
// end of the run.
func (s *Selector) isHidden(timestamp uint32) bool {
	for i := range s.changes[:s.count] {
		if c := &s.changes[i]; c.hasHidden && (timestamp == c.hiddenFrames[0] || timestamp == c.hiddenFrames[1]) {
			return true
		}
	}
	return false
}

// rememberPicture remembers the names of the newest frame that goes out. They outlast a source that has none.
func (s *Selector) rememberPicture(p *Packet, c *offsetChange) {
	to := p.Picture.moved(c.pictureIDOffset, c.tl0Offset)
	if to.HasID {
		s.picture.ID, s.picture.HasID = to.ID, true
	}
	if to.HasTL0 {
		s.picture.TL0, s.picture.HasTL0 = to.TL0, true
	}
}

// begin continues after the last packet sent with a new source.
func (s *Selector) begin(now time.Time, p *Packet) Out {
	timestamp, tsOffset := p.Timestamp, uint32(0)
	switch {
	case p.Ext <= s.replay.until:
		timestamp = s.beginReplay(now, p)
		tsOffset = s.replay.live - s.replay.newest
	case s.running: // else the first packet is number 1, rollover counter 0
		timestamp = s.after(max(now.Sub(s.lastAt), 0))
		tsOffset = timestamp - p.Timestamp
	}
	s.lastOut++
	s.lastTS, s.lastAt = timestamp, now
	s.newestExt, s.newestTS, s.newestSourceTS, s.newestAt = p.Ext, timestamp, p.Timestamp, now
	c := offsetChange{from: p.Ext, offset: int64(s.lastOut) - int64(p.Ext), tsOffset: tsOffset}
	if s.picture.HasID && p.Picture.HasID {
		c.pictureIDOffset = s.picture.ID + 1 - p.Picture.ID
	}
	if s.picture.HasTL0 && p.Picture.HasTL0 {
		c.tl0Offset = s.picture.TL0 + 1 - p.Picture.TL0
	}
	s.rememberPicture(p, &c)
	s.frameTS, s.frameHidden = p.Timestamp, false
	s.changes[0] = c
	s.highest, s.lastArrival, s.count, s.running, s.switching = p.Ext, now, 1, true, false
	return Out{Ext: s.lastOut, Timestamp: timestamp, PictureIDOffset: c.pictureIDOffset, TL0Offset: c.tl0Offset}
}

// rebase shifts the time line if the source's clock stopped during a silence. Late packets from before the silence keep the old one, and
// all packets of a frame have the same timestamp, however late they are.
func (s *Selector) rebase(now time.Time, p *Packet) {
	gap := now.Sub(s.lastAt)
	if gap < rebaseGap || s.sameFrame(now, p) {
		return
	}
	c := s.changes[s.count-1]
	want := s.after(gap)
	skew := int32(p.Timestamp + c.tsOffset - want)
	if limit := int32(s.ticks(rebaseSkew)); skew > limit || skew < -limit {
		c.rebased, c.rebaseTS, c.tsOffsetBefore = true, p.Timestamp, c.tsOffset
		c.rebaseAfter, c.rebaseUntil = s.newestExt, p.Ext
		c.from, c.skipped, c.tsOffset = s.highest+1, 0, want-p.Timestamp
		s.push(c)
	}
}

// sameFrame reports whether the packet belongs to the frame of the newest packet sent.
func (s *Selector) sameFrame(now time.Time, p *Packet) bool {
	return s.Video && p.Timestamp == s.newestSourceTS && now.Sub(s.newestAt) < outage
}

// after is the slot's timestamp some time after the last packet. Two frames never share one, and a frame that was
// overtaken by padding keeps its order. Being ahead of time is harmless, because sender reports account for it.
func (s *Selector) after(gap time.Duration) uint32 {
	timestamp := s.lastTS + max(s.ticks(gap), 1)
	if gap < time.Minute && int32(timestamp-s.newestTS) <= 0 {
		timestamp = s.newestTS + 1
	}
	return timestamp
}

// ticks counts by seconds first: a slot may be quiet for days.
func (s *Selector) ticks(d time.Duration) uint32 {
	rate := int64(s.ClockRate)
	return uint32(int64(d/time.Second)*rate + int64(d%time.Second)*rate/int64(time.Second))
}

// skip closes the gap that a packet of padding or of a layer would leave. A run of them is one change.
func (s *Selector) skip(p *Packet) {
	if s.count == 0 || p.Ext <= s.highest {
		return
	}
	s.highest = p.Ext
	if c := &s.changes[s.count-1]; c.skipped == 0 || c.from != p.Ext {
		next := *c
		next.skipped, next.hasHidden = 0, false
		s.push(next)
	}
	c := &s.changes[s.count-1]
	if !p.Empty {
		if p.Timestamp != s.frameTS { // counted at the first packet that arrives, because the very first may be lost
			c.pictureIDOffset--
		}
		if !c.hasHidden {
			c.hasHidden, c.hiddenFrames[0] = true, p.Timestamp
		}
		c.hiddenFrames[1] = p.Timestamp
		s.frameTS, s.frameHidden = p.Timestamp, true
	}
	c.from, c.skipped, c.offset = p.Ext+1, c.skipped+1, c.offset-1
}

func (s *Selector) push(c offsetChange) {
	if s.count == maxChanges {
		copy(s.changes[:], s.changes[1:])
		s.count--
	}
	s.changes[s.count] = c
	s.count++
}

// changeAt finds the offsets that were valid at this packet's place in the sequence.
func (s *Selector) changeAt(ext uint64) (*offsetChange, Drop) {
	for i := s.count - 1; i >= 0; i-- {
		c := &s.changes[i]
		switch {
		case ext >= c.from:
			return c, Kept
		case ext+uint64(c.skipped) >= c.from:
			return nil, Padding
		}
	}
	return nil, BeforeSwitch
}

// TimestampAt is the slot's RTP timestamp at a moment, for sender reports (RFC 3550, section 6.4.1).
func (s *Selector) TimestampAt(now time.Time) uint32 { return s.lastTS + s.ticks(now.Sub(s.lastAt)) }

// FromSource translates a timestamp of the source into the slot's time line, as it is now.
func (s *Selector) FromSource(timestamp uint32) uint32 {
	if s.count == 0 {
		return timestamp
	}
	return timestamp + s.changes[s.count-1].tsOffset
}

// Running reports whether the slot has sent anything.
func (s *Selector) Running() bool { return s.running }

// Last is the newest outgoing number.
func (s *Selector) Last() uint64 { return s.lastOut }
