package sfu

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/interceptor/pkg/twcc"

	"alcove/sfu/forward"
	"alcove/sfu/srtp"
)

// A simPeer is one connection of a participant: what it publishes and what it knows of its slots.
type simPeer struct {
	sim         *sim
	id          PeerID
	number      int
	addr        netip.AddrPort
	peer        *peer // its other end
	rnd         *rand.Rand
	seal        *srtp.Sealer
	open        *srtp.Opener
	up, down    simLink
	sources     []*simSource
	slots       map[uint32]*simSlot // by SSRC of the slot and of its repeats
	list        []*simSlot
	wide        uint16
	mids        int // packets of an SSRC that name their MID and RID, at least
	nextReport  time.Time
	stalled     bool // says nothing at all
	nacksAll    bool // asks again for all it gets
	pestering   bool // asks for a key frame each round
	resent      int  // repeats of pictures that it got
	resentAudio int  // the same of sound that it had before
	loss        int  // fraction lost that it claims, in 1/256; 0: what it sees

	numbers      int             // transport-wide numbers that left for it so far
	unsent       map[uint16]bool // those that the socket did not take
	arrived      *twcc.Recorder
	nextFeedback time.Time // transport-wide
}

// A simSource is one publication of a connection.
type simSource struct {
	owner   *simPeer
	number  uint16
	line    *mLine
	on      bool
	every   time.Duration
	next    time.Time
	level   byte // RFC 6464
	size    int  // of a packet, bytes
	parts   int  // of a frame
	flat    bool // no temporal layers
	deaf    bool // to requests for key frames
	padding float64
	probes  float64
	key     bool // wanted
	frame   uint32
	plis    []time.Time
	streams []*simStream
}

// A simStream is one SSRC.
type simStream struct {
	source       *simSource
	index        int
	life         uint8 // how many SSRCs there were before
	rid          string
	ssrc, rtx    uint32
	seq, rtxSeq  uint64 // SRTP indices, the last used
	base         uint32 // of its clock
	picture      uint16
	tl0          uint8
	started, off bool
	known        bool // a receiver report named it
	born         uint64
	structure    bool
	kept         [256]simKept
	lsr          uint32
}

type simKept struct {
	seq     uint64
	marker  bool
	ts      uint32
	payload []byte
}

func (x *simPeer) publishes(l *mLine, spec simSpec) {
	src := &simSource{owner: x, number: uint16(len(x.sim.sources)), line: l, on: true, parts: 2, size: 60, level: 0x80 | 30}
	src.every, src.next = 100*time.Millisecond, x.sim.now.Add(time.Duration(x.rnd.IntN(100))*time.Millisecond)
	rids := l.rids
	if len(rids) == 0 {
		rids = []string{""}
	}
	for i, rid := range rids {
		src.streams = append(src.streams, src.stream(i, rid))
	}
	if len(l.rids) == 0 && x.rnd.IntN(2) == 0 { // described, else learnt by MID
		l.ssrc, l.rtxSSRC = src.streams[0].ssrc, src.streams[0].rtx
	}
	l.midExt = 4
	x.sim.sources = append(x.sim.sources, src)
	x.sources = append(x.sources, src)
}

func (src *simSource) stream(i int, rid string) *simStream {
	rnd := src.owner.rnd
	st := &simStream{source: src, index: i, rid: rid, ssrc: rnd.Uint32(), seq: rnd.Uint64N(1 << 15), base: rnd.Uint32(), picture: uint16(rnd.IntN(1 << 15)), tl0: uint8(rnd.IntN(256))}
	st.born = st.seq
	if src.line.rtx != 0 {
		st.rtx, st.rtxSeq = rnd.Uint32(), rnd.Uint64N(1<<15)
	}
	return st
}

// newStream lets a stream go on under another SSRC of the same MID and RID.
func (src *simSource) newStream(i int) *simStream {
	old := src.streams[i]
	st := src.stream(old.index, old.rid)
	st.life = old.life + 1
	src.streams[i] = st
	return st
}

func (x *simPeer) source(s Source) *simSource {
	return x.sources[slices.IndexFunc(x.sources, func(src *simSource) bool { return src.line.source == s })]
}

// act does what is due.
func (x *simPeer) act() {
	now := x.sim.now
	for _, src := range x.sources {
		for ; src.on && !src.next.After(now); src.next = src.next.Add(src.every) {
			if now.Sub(src.next) > time.Second {
				src.next = now
			}
			if src.line.kind == "audio" {
				st := src.streams[0]
				src.frame++
				st.send(true, st.clock(48), st.stamp(stampStart, nil, src.size))
			} else {
				src.sendFrame()
			}
		}
	}
	if !x.stalled {
		x.sendFeedback()
	}
}

// clock is the stream's RTP time.
func (st *simStream) clock(perMS int64) uint32 {
	return st.base + uint32(int64(st.source.owner.sim.now.Sub(simBegin)/time.Millisecond)*perMS)
}

// sendFrame sends one frame in all encodings; every second one is of the upper temporal layer.
func (src *simSource) sendFrame() {
	src.frame++
	key := src.key
	src.key = false
	for _, st := range src.streams {
		if st.off {
			continue
		}
		temporal := uint8(src.frame & 1)
		first := key || !st.started
		if src.flat || first {
			temporal = 0
		}
		st.started, st.picture = true, st.picture+1
		if temporal == 0 {
			st.tl0++
		}
		ts := st.clock(90)
		for part := range src.parts {
			st.part(ts, temporal, first, part)
		}
		if src.probes > 0 && src.owner.rnd.Float64() < src.probes {
			st.repeat(st.seq - uint64(src.owner.rnd.IntN(8)))
		}
	}
}

// part sends one packet of a frame.
func (st *simStream) part(ts uint32, temporal uint8, key bool, part int) {
	src := st.source
	flags := stampTemporal * temporal
	head := []byte{0x80, 0xe0, 0x80 | byte(st.picture>>8&0x7f), byte(st.picture), st.tl0, temporal << 6}
	if part == 0 {
		flags |= stampStart
		head[0] |= 0x10
		head = append(head, 1)
		if key {
			flags |= stampKey
			height := 180 << st.index
			width := height * 16 / 9
			head = append(head[:6], 0, 0, 0, 0x9d, 0x01, 0x2a, byte(width), byte(width>>8), byte(height), byte(height>>8))
		}
	}
	last := part == src.parts-1
	if last {
		flags |= stampEnd
	}
	if src.line.ddExt != 0 { // sealed end to end: nothing in it means anything
		for i := range head {
			head[i] = byte(src.owner.rnd.Uint32())
		}
	}
	st.send(last, ts, st.stamp(flags, head, src.size<<st.index+part%2))
	if src.padding > 0 && src.owner.rnd.Float64() < src.padding {
		st.seq++
		st.write(st.ssrc, src.line.payload, st.seq, ts, false, nil)
	}
}

// stamp ends a payload with what it is: it survives whatever is rewritten before it.
func (st *simStream) stamp(flags uint8, head []byte, size int) []byte {
	b := make([]byte, 0, max(size, len(head)+stampSize)+srtp.TagSize)
	b = append(b, head...)
	for len(b) < size-stampSize {
		b = append(b, byte(len(b)))
	}
	b = binary.BigEndian.AppendUint16(b, 0xa1c0)
	b = binary.BigEndian.AppendUint16(b, st.source.number)
	b = append(b, byte(st.index)|st.life<<2, flags)
	b = binary.BigEndian.AppendUint32(b, uint32(st.seq+1))
	return binary.BigEndian.AppendUint32(b, st.source.frame)
}

// send sends the next packet of the stream and keeps it for repeats.
func (st *simStream) send(marker bool, ts uint32, payload []byte) {
	st.seq++
	st.kept[st.seq%uint64(len(st.kept))] = simKept{st.seq, marker, ts, payload}
	st.write(st.ssrc, st.source.line.payload, st.seq, ts, marker, payload)
}

// repeat sends a packet again through RTX (RFC 4588), if there is one.
func (st *simStream) repeat(seq uint64) {
	k := st.kept[seq%uint64(len(st.kept))]
	switch {
	case k.seq != seq || k.payload == nil:
		return
	case st.source.line.nack:
		st.write(st.ssrc, st.source.line.payload, seq, k.ts, k.marker, k.payload)
		return
	case st.rtx == 0:
		return
	}
	st.rtxSeq++
	st.write(st.rtx, st.source.line.rtx, st.rtxSeq, k.ts, k.marker, append([]byte{byte(seq >> 8), byte(seq)}, k.payload...))
}

// write seals a packet with the extensions of a browser and puts it on its way. No payload: padding only.
func (st *simStream) write(ssrc uint32, pt uint8, index uint64, ts uint32, marker bool, payload []byte) {
	src := st.source
	x, l := src.owner, src.line
	b := forward.AppendHeader(make([]byte, 0, 128+len(payload)), marker, pt, uint16(index), ts, ssrc, 7)
	b = append(b, 0xBE, 0xDE, 0, 0)
	at := len(b)
	extend := func(id uint8, data ...byte) {
		if id != 0 {
			b = append(append(b, id<<4|byte(len(data)-1)), data...)
		}
	}
	x.wide++
	extend(l.twccExt, byte(x.wide>>8), byte(x.wide))
	extend(l.levelExt, src.level)
	if index-st.born < uint64(x.mids) || !st.known || pt == l.rtx {
		extend(l.midExt, []byte(l.mid)...)
		if st.rid != "" && ssrc == st.ssrc {
			extend(l.ridExt, []byte(st.rid)...)
		} else if st.rid != "" {
			extend(l.repairedExt, []byte(st.rid)...)
		}
	}
	if l.ddExt != 0 && len(payload) > 0 {
		b = append(b, st.descriptor(payload)...)
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	b[0] |= 0x10
	b[at-1] = byte((len(b) - at) / 4)
	size := len(b)
	if b = append(b, payload...); len(payload) == 0 {
		b[0] |= 0x20
		b = append(b, 0, 0, 0, 4)
	}
	x.sim.send(&x.up, flight{peer: x, data: x.seal.RTP(b, size, ssrc, index)})
}

// report seals RTCP and puts it on its way.
func (x *simPeer) report(b []byte) {
	b = append(make([]byte, 0, len(b)+srtp.TagSize+8), b...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	x.sim.send(&x.up, flight{peer: x, data: x.seal.RTCP(b)})
}

// reported notes that the server knows an SSRC: until then browsers name its MID and RID.
func (x *simPeer) reported(ssrc uint32) {
	for _, src := range x.sources {
		for _, st := range src.streams {
			st.known = st.known || st.ssrc == ssrc
		}
	}
}

// asked takes RTCP of the server, one packet of a compound.
func (x *simPeer) asked(b []byte) {
	media := binary.BigEndian.Uint32(b[8:])
	if b[1] == typeRR {
		for blocks := b[8:]; len(blocks) >= 24; blocks = blocks[24:] {
			x.reported(binary.BigEndian.Uint32(blocks))
		}
		return
	}
	if b[1] == typeSR {
		if slot := x.slots[binary.BigEndian.Uint32(b[4:])]; slot != nil {
			slot.lsr, slot.lsrAt = binary.BigEndian.Uint32(b[10:]), x.sim.now
		}
		return
	}
	for _, src := range x.sources {
		for _, st := range src.streams {
			switch {
			case st.ssrc != media:
			case b[1] == typePSFB && !src.deaf:
				src.key = true
			case b[1] == typeRTPFB:
				for pairs := b[12:]; len(pairs) >= 4; pairs = pairs[4:] {
					first, more := binary.BigEndian.Uint16(pairs), binary.BigEndian.Uint16(pairs[2:])
					for i := range 17 {
						if i == 0 || more&(1<<(i-1)) != 0 {
							st.repeat(st.seq - uint64(uint16(st.seq)-(first+uint16(i))))
						}
					}
				}
			}
		}
	}
}
