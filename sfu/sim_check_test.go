package sfu

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"time"

	"alcove/sfu/forward"
	"alcove/sfu/udp"
)

// simRemembered is how far back a slot may send again: a repeat of what is older fails the test.
const simRemembered = 2048

// A stamp is the end of every payload in a sim: what the packet is, whatever is rewritten before it.
type stamp struct {
	source   uint16
	encoding uint8 // and which SSRC of it, in the upper bits
	flags    uint8
	seq      uint32 // of the source's stream, extended
	frame    uint32
}

const (
	stampSize     = 14
	stampStart    = 1
	stampEnd      = 2
	stampKey      = 4
	stampTemporal = 8
)

func readStamp(b []byte) (stamp, bool) {
	if len(b) < stampSize || binary.BigEndian.Uint16(b[len(b)-stampSize:]) != 0xa1c0 {
		return stamp{}, false
	}
	b = b[len(b)-stampSize+2:]
	return stamp{binary.BigEndian.Uint16(b), b[2], b[3], binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])}, true
}

// stream tells whether two packets are of one SSRC of a source.
func (s stamp) stream(o stamp) bool { return s.source == o.source && s.encoding == o.encoding }

// A simSent is one packet that left.
type simSent struct {
	stamp
	index  uint64
	sealed uint64 // hash
	plain  uint64 // hash of marker, timestamp and payload
	ts     uint32
	named  bool
	id     uint16 // picture
	tl0    uint8
}

var simHash = maphash.MakeSeed()

// leaves checks a packet that the worker sends and puts it on its link.
func (s *sim) leaves(p udp.Packet) {
	x := s.byAddr[p.Addr]
	switch {
	case x != nil && x.peer.closed && classify(p.Data) == classRTP:
		s.fatal("media for %s, whose peer is closed", x.id)
	case x == nil:
		if classify(p.Data) == classRTP {
			s.fatal("media for %v, who is gone", p.Addr)
		}
	case classify(p.Data) == classRTCP:
		plain, err := x.open.RTCP(p.Data)
		if err != nil {
			s.fatal("RTCP for %s: %v", x.id, err)
		}
		x.requests(plain)
		if s.onRTCP != nil {
			s.onRTCP(x, plain)
		}
		s.send(&x.down, flight{peer: x, got: arrival{reports: slices.Clone(plain)}})
	default:
		got := x.media(p.Data)
		got.number, got.numbered = x.numberOf(p.Data, got.again)
		s.send(&x.down, flight{peer: x, got: got})
	}
}

// numberOf returns the transport-wide number of a packet. Packets leave in the order of their numbers, each number once; again is a packet
// that left before.
func (x *simPeer) numberOf(data []byte, again bool) (number uint16, numbered bool) {
	h, err := forward.ParseHeader(data)
	if err != nil || data[0]&0x10 == 0 {
		return 0, false
	}
	body := h.Extension(simNumberExt)
	if len(body) != 2 {
		x.sim.fatal("%s gets a packet without its number", x.id)
	}
	if number = binary.BigEndian.Uint16(body); again || x.unsent[number] {
		return number, true
	}
	if number != uint16(x.numbers) {
		x.sim.fatal("%s gets packet %d with number %d", x.id, x.numbers, number)
	}
	x.numbers++
	return number, true
}

// misses takes what the socket did not: it had its number, and video goes on with its next key frame.
func (s *sim) misses(p udp.Packet) {
	x := s.byAddr[p.Addr]
	h, err := forward.ParseHeader(p.Data)
	if x == nil || err != nil || classify(p.Data) == classRTCP {
		return
	}
	if p.Data[0]&0x10 != 0 {
		number := binary.BigEndian.Uint16(h.Extension(simNumberExt))
		if number == uint16(x.numbers) { // else it is repeated under its own index
			x.numbers++
		}
		if x.unsent == nil {
			x.unsent = map[uint16]bool{}
		}
		x.unsent[number] = true
	}
	slot := x.slots[h.SSRC]
	slot.needsKey = slot.line.kind == "video"
	slot.accepted = x.peer.slotOf[slot.line.slotSSRC].selector.Last()
	if index := uint64(int64(slot.max) + int64(int16(h.Seq-uint16(slot.max)))); h.SSRC == slot.line.slotSSRC {
		slot.given = max(slot.given, index)
	} else {
		slot.rtxMax++
	}
}

// requests counts key frames asked for.
func (x *simPeer) requests(b []byte) {
	for len(b) > 0 {
		size, ok := reportSize(b)
		if !ok {
			x.sim.fatal("RTCP for %s does not parse", x.id)
		}
		if b[1] == typePSFB {
			media := binary.BigEndian.Uint32(b[8:])
			for _, src := range x.sources {
				for _, st := range src.streams {
					if st.ssrc == media {
						src.pli(x.sim)
					}
				}
			}
		}
		b = b[size:]
	}
}

// pli checks that a publication is asked at most three times a second.
func (src *simSource) pli(s *sim) {
	src.plis = append(src.plis, s.now)
	if n := len(src.plis); n > 3 && s.now.Sub(src.plis[n-4]) < time.Second {
		s.fatal("%s is asked for a key frame four times within %v", src.owner.id, s.now.Sub(src.plis[n-4]))
	}
}

// media checks a packet of a slot.
func (x *simPeer) media(data []byte) arrival {
	h, err := forward.ParseHeader(data)
	slot := x.slots[h.SSRC]
	if err != nil || slot == nil || data[0]&0x0f != 1 {
		x.sim.fatal("%s gets a packet of SSRC %d: %v", x.id, h.SSRC, err)
	}
	if (data[0]&0x10 != 0) != (slot.line.twccExt != 0) {
		x.sim.fatal("%s: extensions are not as negotiated", x.slotName(slot))
	}
	csrc := binary.BigEndian.Uint32(data[12:])
	sealed := maphash.Bytes(simHash, data)
	if h.SSRC != slot.line.slotSSRC {
		return x.retransmission(slot, &h, csrc, data)
	}
	index := uint64(h.Seq)
	if slot.max > 0 {
		index = uint64(int64(slot.max) + int64(int16(h.Seq-uint16(slot.max))))
	}
	was := &slot.sent[index%simRemembered]
	switch {
	case index+simRemembered <= slot.max:
		x.sim.fatal("%s: number %d after %d", x.slotName(slot), index, slot.max)
	case was.index == index && was.sealed != sealed:
		x.sim.fatal("%s: number %d was sealed for two packets: a nonce used twice (%+v, then %+v with CSRC %d)", x.slotName(slot), index, *was, h, csrc)
	case was.index == index:
		return arrival{slot: slot, index: index, repeat: true, again: true}
	}
	now, payload := x.opened(slot, &h, csrc, data)
	now.index, now.sealed, now.ts, now.plain = index, sealed, h.Timestamp, plainHash(&h, payload)
	if slot.line.kind == "video" && x.sim.sources[now.source].line.ddExt == 0 {
		if v := forward.ParseVP8(payload); v.Picture.HasID {
			now.named, now.id, now.tl0 = true, v.Picture.ID, v.Picture.TL0
		}
	}
	x.follows(slot, now)
	slot.sent[index%simRemembered] = now
	if index > slot.max {
		slot.max, slot.last, slot.lastAt, slot.needsKey = index, now, x.sim.now, slot.needsKey && index <= slot.accepted
	}
	return arrival{slot: slot, index: index}
}

func plainHash(h *forward.Header, payload []byte) uint64 {
	n := maphash.Bytes(simHash, payload) ^ uint64(h.Timestamp)
	if h.Marker {
		n = ^n
	}
	return n
}

// opened decrypts and holds the packet against the plan and the slot map.
func (x *simPeer) opened(slot *simSlot, h *forward.Header, csrc uint32, data []byte) (simSent, []byte) {
	s := x.sim
	plain, err := x.open.RTP(data, h.Size)
	if err != nil {
		s.fatal("%s: number %d: %v", x.slotName(slot), h.Seq, err)
	}
	payload, err := h.Payload(plain)
	if err != nil {
		s.fatal("%s: padding: %v", x.slotName(slot), err)
	}
	if len(payload) == 0 && h.SSRC == slot.line.slotRTX { // of a probe
		return simSent{}, nil
	}
	st, ok := readStamp(payload)
	if !ok || int(st.source) >= len(s.sources) {
		s.fatal("%s: a payload that nobody sent", x.slotName(slot))
	}
	src := s.sources[st.source]
	from := src.owner
	send := s.force[from.id].sends[src.line.source]
	switch {
	case s.people[from.id] != from:
		s.fatal("%s hears an old connection of %s", x.slotName(slot), from.id)
	case !s.force[x.id].hears[from.id]:
		s.fatal("%s hears %s against the plan", x.slotName(slot), from.id)
	case send.ID == "" || send.Muted:
		s.fatal("%s hears the %s of %s, which is muted", x.slotName(slot), src.line.source, from.id)
	case csrc != send.CSRC:
		s.fatal("%s: CSRC %d, want %d", x.slotName(slot), csrc, send.CSRC)
	case !owned(s.told[x.id].Slots, slot.line, from.id, send) || !owned(s.mapped[x.id].Slots, slot.line, from.id, send):
		s.fatal("%s hears %s, told was %+v, newest is %+v", x.slotName(slot), from.id, s.told[x.id], s.mapped[x.id])
	}
	return simSent{stamp: st}, payload
}

func owned(slots []SlotOwner, l *mLine, id PeerID, send Send) bool {
	for _, o := range slots {
		if o.Kind == l.slotKind && o.Index == l.slotIndex {
			return o.Peer == id && o.Publication == send.ID && o.CSRC == send.CSRC
		}
	}
	return false
}

// retransmission checks an RTX packet: it is what left under that number, to the byte.
func (x *simPeer) retransmission(slot *simSlot, h *forward.Header, csrc uint32, data []byte) arrival {
	index := uint64(int64(slot.rtxMax) + int64(int16(h.Seq-uint16(slot.rtxMax))))
	if index != slot.rtxMax+1 {
		x.sim.fatal("%s: repeat %d after %d", x.slotName(slot), index, slot.rtxMax)
	}
	slot.rtxMax = index
	now, payload := x.opened(slot, h, csrc, data)
	if payload == nil {
		return arrival{slot: slot, filler: true}
	}
	seq := binary.BigEndian.Uint16(payload)
	original := uint64(int64(slot.max) + int64(int16(seq-uint16(slot.max))))
	was := slot.sent[original%simRemembered]
	if (x.sim.refused || slot.line.twccExt != 0) && was.index != original { // the socket did not take it the first time, or it still waits
		return arrival{slot: slot, index: original, repeat: true}
	}
	if was.index != original || !was.stream(now.stamp) || was.seq != now.seq || was.plain != plainHash(h, payload[2:]) {
		x.sim.fatal("%s: repeat of %d is %+v, left was %+v", x.slotName(slot), original, now.stamp, was.stamp)
	}
	return arrival{slot: slot, index: original, repeat: true}
}

// follows checks that a slot is one continuous stream.
func (x *simPeer) follows(slot *simSlot, now simSent) {
	last := slot.last
	switch {
	case slot.max == 0:
		if now.index != 1 && slot.given == 0 {
			x.sim.fatal("%s begins with number %d", x.slotName(slot), now.index)
		}
	case now.index < slot.max:
		x.late(slot, now)
		return
	}
	slot.count++
	began := slot.max == 0 || slot.needsKey && now.index > slot.accepted || !now.stream(last.stamp)
	if video := slot.line.kind == "video"; began && video && now.flags&stampKey == 0 {
		x.sim.fatal("%s begins %+v after %+v without its key frame", x.slotName(slot), now.stamp, last.stamp)
	} else if video && now.flags&stampStart != 0 {
		slot.frames++
		if slot.heights == nil {
			slot.heights = map[int]int{}
		}
		slot.heights[int(now.encoding&3)]++
	}
	if slot.max == 0 {
		return
	}
	step, frame := now.index-max(slot.max, slot.given), now.source != last.source || now.frame != last.frame
	if !now.stream(last.stamp) || slot.needsKey && now.index > slot.accepted {
		slot.switches++
		dropped := slot.line.twccExt != 0 && step <= lanes*laneSize // packets that waited when the plan changed had their numbers
		if step != 1 && !dropped {
			x.sim.fatal("%s: number %d after %d where %+v begins", x.slotName(slot), now.index, slot.max, now.stamp)
		}
	} else if now.index-slot.max > uint64(now.seq-last.seq) {
		x.sim.fatal("%s: a gap of %d, the source has one of %d", x.slotName(slot), step, now.seq-last.seq)
	}
	x.times(slot, now, frame || began)
	if now.named && last.named && slot.given <= slot.max && (step == 1 || slot.line.twccExt == 0) {
		x.checkPictureIDs(slot, now, frame || began)
	}
}

// late checks a packet that fills a gap.
func (x *simPeer) late(slot *simSlot, now simSent) {
	if now.index <= slot.given { // the socket did not take it the first time, and the slot restarted meanwhile
		return
	}
	before, after := slot.sent[(now.index-1)%simRemembered], slot.sent[(now.index+1)%simRemembered]
	if before.index == now.index-1 && before.stream(now.stamp) && before.seq >= now.seq ||
		after.index == now.index+1 && after.stream(now.stamp) && after.seq <= now.seq {
		x.sim.fatal("%s: number %d is %+v, between %+v and %+v", x.slotName(slot), now.index, now.stamp, before.stamp, after.stamp)
	}
	for _, other := range []simSent{before, after} {
		same := other.stream(now.stamp) && other.frame == now.frame
		if d := other.index - now.index; (d == 1 || d == 1<<64-1) && same && (other.ts != now.ts || other.id != now.id) {
			x.sim.fatal("%s: %+v is late with timestamp %d, picture %d; its frame has %d, %d", x.slotName(slot), now.stamp, now.ts, now.id, other.ts, other.id)
		}
	}
}

// times checks that frames have one timestamp each, and that they go on with the clock.
func (x *simPeer) times(slot *simSlot, now simSent, frame bool) {
	step := int32(now.ts - slot.last.ts)
	if !frame && step != 0 || frame && step <= 0 {
		x.sim.fatal("%s: timestamp %d after %d, %+v after %+v", x.slotName(slot), now.ts, slot.last.ts, now.stamp, slot.last.stamp)
	}
	rate := 90
	if slot.line.kind == "audio" {
		rate = 48
	}
	off := time.Duration(int(step)/rate)*time.Millisecond - x.sim.now.Sub(slot.lastAt)
	if off > 30*time.Second || off < -30*time.Second { // what was lost before a pause may come after it, with its own time
		x.sim.fatal("%s: the clock is %v beside the time, %+v after %+v", x.slotName(slot), off, now.stamp, slot.last.stamp)
	}
}

// checkPictureIDs checks that frames count up by one, but for those that the source lost.
func (x *simPeer) checkPictureIDs(slot *simSlot, now simSent, frame bool) {
	last := slot.last
	step, most := (now.id-last.id)&0x7fff, uint32(1)
	if now.stream(last.stamp) {
		most = max(1, now.frame-last.frame)
	}
	if !frame && step != 0 || frame && (step == 0 || uint32(step) > most) {
		x.sim.fatal("%s: picture %d after %d, %+v after %+v", x.slotName(slot), now.id, last.id, now.stamp, last.stamp)
	}
}

func (x *simPeer) slotName(s *simSlot) string {
	return string(x.id) + "'s " + s.line.slotKind + string(rune('0'+s.line.slotIndex%10))
}

// unmuted notes that what a seat sends again begins with a key frame.
func (s *sim) unmuted(seat PlanEntry) {
	for _, send := range seat.Sends {
		for _, x := range s.order {
			for _, slot := range x.list {
				if slot.line.kind != "video" || slot.max == 0 {
					continue
				}
				src := s.sources[slot.last.source]
				if src.owner.id == seat.Peer && src.line.source == send.Source && send.Muted {
					slot.needsKey = true
				}
			}
		}
	}
}
