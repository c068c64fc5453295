package sfu

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
)

// A simSlot is one receiving m-line: above what its checker knows, below what its client saw.
type simSlot struct {
	line *mLine

	max      uint64 // SRTP index of the newest that left
	given    uint64 // the newest that the socket did not take
	rtxMax   uint64
	sent     [simRemembered]simSent
	accepted uint64 // the newest that had its number when needsKey was set
	needsKey bool   // the next new packet must begin a key frame
	last     simSent
	lastAt   time.Time
	count    int // new packets
	frames   int
	switches int
	heights  map[int]int // frames by encoding

	highest  uint64
	missing  []simMissing
	got      int // different numbers that arrived
	expected int // since the last report
	received int
	lost     int // in all, in 1/256
	cameAt   time.Time
	askedAt  time.Time
	lsr      uint32
	lsrAt    time.Time
}

type simMissing struct {
	index       uint64
	since, next time.Time
}

// An arrival is what a receiver learns from a packet: RTCP, or a number of a slot, by itself or repeated.
type arrival struct {
	reports []byte
	slot    *simSlot
	index   uint64
	repeat  bool
	filler  bool // of padding alone
	again   bool // left before under the same index

	number   uint16 // transport-wide
	numbered bool
}

// Constants of a receiving client.
const (
	simNackAfter     = 20 * time.Millisecond
	simNackEvery     = 60 * time.Millisecond
	simGiveUp        = 600 * time.Millisecond
	simDropout       = 3000            // MAX_DROPOUT of RFC 3550, appendix A.1
	simReportTimeout = 8 * time.Second // Chromium reports nothing of an SSRC that is quiet for so long
)

func (x *simPeer) arrives(a arrival) {
	if x.stalled {
		return
	}
	if a.reports != nil {
		for b := a.reports; len(b) > 0; {
			size, ok := reportSize(b)
			if !ok {
				x.sim.fatal("%s gets RTCP that does not parse", x.id)
			}
			if size >= 12 {
				x.asked(b[:size])
			}
			b = b[size:]
		}
		return
	}
	s, now := a.slot, x.sim.now
	s.cameAt = now
	if a.numbered {
		if x.arrived == nil {
			x.arrived = twcc.NewRecorder(9)
		}
		x.arrived.Record(s.line.slotSSRC, a.number, now.Sub(simBegin).Microseconds())
	}
	switch {
	case a.filler:
		return
	case a.repeat && s.line.kind == "audio":
		x.resentAudio++
	case a.repeat:
		x.resent++
	}
	switch {
	case s.highest == 0 || a.index > s.highest+200:
		if lost := a.index - s.highest; s.highest > 0 && lost <= simDropout {
			s.expected += int(lost)
		} else {
			s.expected++
		}
		s.missing, s.highest = nil, a.index
		s.got++
		s.received++
	case a.index > s.highest:
		for i := s.highest + 1; i < a.index; i++ {
			s.missing = append(s.missing, simMissing{i, now, now.Add(simNackAfter)})
		}
		s.expected += int(a.index - s.highest)
		s.received++
		s.got++
		s.highest = a.index
	default:
		for i := range s.missing {
			if s.missing[i].index == a.index {
				s.missing = append(s.missing[:i], s.missing[i+1:]...)
				s.got++
				if !a.repeat {
					s.received++ // browsers count what came by RTX as lost
				}
				break
			}
		}
	}
	if x.nacksAll && (s.line.nack || s.line.kind == "video") {
		b := []byte{0x80 | formatNACK, typeRTPFB, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, byte((a.index - 16) >> 8), byte(a.index - 16), 0xff, 0xff}
		binary.BigEndian.PutUint32(b[8:], s.line.slotSSRC)
		x.report(b)
	}
}

// sendFeedback sends NACKs, key frame requests where those did not help, and reports.
func (x *simPeer) sendFeedback() {
	now := x.sim.now
	for _, s := range x.list {
		if s.line.kind != "video" && !s.line.nack {
			s.missing = slices.DeleteFunc(s.missing, func(m simMissing) bool { return now.Sub(m.since) > simGiveUp })
			continue
		}
		sound := s.line.kind == "audio"
		kept, gone := s.missing[:0], x.pestering
		for _, m := range s.missing {
			if now.Sub(m.since) > simGiveUp {
				gone = true
				continue
			}
			if !now.Before(m.next) {
				m.next = now.Add(simNackEvery)
				b := []byte{0x80 | formatNACK, typeRTPFB, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, byte(m.index >> 8), byte(m.index), 0, 0}
				binary.BigEndian.PutUint32(b[8:], s.line.slotSSRC)
				x.report(b)
			}
			kept = append(kept, m)
		}
		s.missing = kept
		if gone && !sound && (x.pestering || now.Sub(s.askedAt) > 300*time.Millisecond) {
			s.askedAt = now
			b := []byte{0x80 | formatPLI, typePSFB, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0}
			binary.BigEndian.PutUint32(b[8:], s.line.slotSSRC)
			x.report(b)
		}
	}
	if !now.Before(x.nextReport) {
		x.nextReport = x.nextReport.Add(time.Second)
		x.reports()
	}
	if x.arrived != nil && !now.Before(x.nextFeedback) {
		x.nextFeedback = now.Add(feedbackInterval)
		x.sendNumbers()
	}
}

// sendNumbers sends transport-wide feedback.
func (x *simPeer) sendNumbers() {
	for _, packet := range x.arrived.BuildFeedbackPacket() {
		b, err := packet.Marshal()
		if err != nil {
			x.sim.fatal("feedback of %s: %v", x.id, err)
		}
		x.report(b)
	}
}

// reports sends sender reports of all streams and a receiver report of the slots that came lately.
func (x *simPeer) reports() {
	now := x.sim.now
	ns := uint64(now.UnixNano())
	for _, src := range x.sources {
		for _, st := range src.streams {
			if !st.started && src.line.kind == "video" || !src.on {
				continue
			}
			perMS := int64(90)
			if src.line.kind == "audio" {
				perMS = 48
			}
			b := append([]byte{0x80, typeSR, 0, 0}, make([]byte, 24)...)
			binary.BigEndian.PutUint32(b[4:], st.ssrc)
			binary.BigEndian.PutUint64(b[8:], (ns/1e9+ntpEpoch)<<32|ns%1e9<<32/1e9)
			binary.BigEndian.PutUint32(b[16:], st.clock(perMS))
			x.report(b)
		}
	}
	b, blocks := []byte{0x80, typeRR, 0, 0, 0, 0, 0, 9}, byte(0)
	for _, s := range x.list {
		if s.cameAt.IsZero() || now.Sub(s.cameAt) > simReportTimeout || blocks == 31 {
			continue
		}
		blocks++
		lost := byte(0)
		if s.expected > 0 {
			lost = byte(min(255, max(0, s.expected-s.received)*256/s.expected))
		}
		fresh := 256 * (s.expected - s.received)
		if x.loss > 0 && s.expected > 0 {
			lost, fresh = byte(x.loss), x.loss*s.expected
		}
		s.lost += fresh
		s.expected, s.received = 0, 0
		b = binary.BigEndian.AppendUint32(b, s.line.slotSSRC)
		b = append(b, lost, byte(s.lost>>24), byte(s.lost>>16), byte(s.lost>>8))
		b = binary.BigEndian.AppendUint32(b, uint32(s.highest))
		b = append(b, make([]byte, 12)...)
		if s.lsr != 0 {
			binary.BigEndian.PutUint32(b[len(b)-8:], s.lsr)
			binary.BigEndian.PutUint32(b[len(b)-4:], uint32(now.Sub(s.lsrAt)<<16/time.Second))
		}
	}
	b[0] |= blocks
	x.report(b)
}
