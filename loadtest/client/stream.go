package client

import (
	"time"

	"github.com/pion/rtcp"
)

// windowSize is how many sequence numbers are remembered, to distinguish late from duplicate packets.
const windowSize = 1024

// A stream is one slot as its receiver sees it: one SSRC, whose CSRC says who is in it now. Guarded by the group's mu.
type stream struct {
	video          bool
	started        bool
	csrc           uint32
	first          uint64 // extended numbers (RFC 3550, appendix A.1)
	highest        uint64
	received       uint64                       // since first, each once
	bits           [windowSize / 64]uint64      // by number modulo recent
	publisherCount uint32                       // the publisher's count with highest
	sent           time.Duration                // as stamped on it
	arrival        time.Duration                // of it
	jitter         time.Duration                // RFC 3550, section 6.4.1
	incomplete     bool                         // something is missing of this frame
	missing        uint64                       // packets missing since the last complete frame
	shownAt        time.Duration                // the last whole frame
	shownDue       time.Duration                // when that was due
	deltas         [freezeHistory]time.Duration // between whole frames, a ring
	frames         int

	// of the last receiver report
	reportedExpected, reportedCame uint64
	senderReport                   uint32 // middle 32 bits of its NTP time
	senderReportAt                 time.Duration
}

// updateSequence keeps the sequence numbers; it reports false for a packet that came before. Numbers go on when a slot changes hands,
// so what is lost between two people is lost for neither.
func (s *stream) updateSequence(m *Measurement, p Packet) bool {
	if !s.started || s.csrc != p.CSRC {
		fresh := stream{video: s.video, started: true, csrc: p.CSRC, senderReport: s.senderReport, senderReportAt: s.senderReportAt}
		fresh.first = 1<<16 | uint64(p.Seq)
		fresh.highest = fresh.first
		fresh.received = 1
		*s = fresh
		s.mark(s.first)
		return true
	}
	ext := s.highest + uint64(int64(int16(p.Seq-uint16(s.highest))))
	switch {
	case ext > s.highest:
		skipped := ext - s.highest - 1
		m.Lost += int64(skipped)
		for n := s.highest + 1; n < ext && n < s.highest+windowSize; n++ {
			s.bits[n/64%uint64(len(s.bits))] &^= 1 << (n % 64)
		}
		s.incomplete = s.incomplete || skipped > 0
		s.missing += skipped
		s.highest = ext
		s.mark(ext)
		s.received++
		return true
	case ext < s.first || s.highest-ext >= windowSize:
		m.Reordered++ // from before the slot changed hands, or too late to matter
		return false
	case s.bits[ext/64%uint64(len(s.bits))]&(1<<(ext%64)) != 0:
		m.Duplicates++
		return false
	}
	s.mark(ext)
	s.received++
	m.Lost--
	m.Reordered++
	return true
}

func (s *stream) mark(n uint64) { s.bits[n/64%uint64(len(s.bits))] |= 1 << (n % 64) }

// updateTiming measures jitter, withheld media and freezes.
func (s *stream) updateTiming(now time.Duration, m *Measurement, mark stamp, p Packet) {
	if p.Seq != uint16(s.highest) {
		return // late packets do not count for the pace
	}
	if s.arrival != 0 {
		d := (now - s.arrival) - (mark.sent - s.sent)
		s.jitter += (d.Abs() - s.jitter) / 16
		if skipped := mark.count - s.publisherCount; skipped > 1 && skipped < 1<<31 && !s.incomplete {
			m.Withheld += uint64(skipped - 1)
			s.incomplete = true
			s.missing += uint64(skipped - 1)
		}
	}
	s.publisherCount, s.sent, s.arrival = mark.count, mark.sent, now
	if s.video && !p.Marker {
		return
	}
	whole := !s.incomplete || !s.video // a frame with a hole is not shown
	s.incomplete = false
	if whole {
		m.Frames++
		s.frameComplete(now, m, mark.sent-mark.late)
	}
}

// frameComplete takes a whole frame. What the publisher paused by itself is no freeze: a freeze is what came later than it was sent, and
// what was sent and did not come.
func (s *stream) frameComplete(now time.Duration, m *Measurement, due time.Duration) {
	gap, paused := now-s.shownAt, due-s.shownDue
	mean := s.mean()
	limit := max(freezeFactor*mean, mean+freezeMargin)
	switch {
	case s.shownAt == 0:
	case gap <= limit || s.frames < 2:
		s.deltas[s.frames%freezeHistory] = gap
		s.frames++
	default:
		perPacket := mean * time.Duration(s.frames) / time.Duration(max(s.received, 1))
		if frozen := gap - paused + mean + time.Duration(s.missing)*perPacket; frozen > limit {
			m.Freezes++
			m.Frozen += min(frozen, gap)
		}
	}
	s.shownAt, s.shownDue, s.missing = now, due, 0
}

func (s *stream) mean() time.Duration {
	n := min(s.frames, freezeHistory)
	if n == 0 {
		return 0
	}
	var sum time.Duration
	for _, d := range s.deltas[:n] {
		sum += d
	}
	return sum / time.Duration(n)
}

// report is the block of a receiver report (RFC 3550, section 6.4.1 and appendix A.3).
func (s *stream) report(ssrc uint32, at time.Duration) rtcp.ReceptionReport {
	expected := s.highest - s.first + 1
	fresh, came := expected-s.reportedExpected, s.received-s.reportedCame
	if s.reportedExpected > expected { // the slot changed hands
		fresh, came = expected, s.received
	}
	s.reportedExpected, s.reportedCame = expected, s.received
	r := rtcp.ReceptionReport{
		SSRC: ssrc, LastSequenceNumber: uint32(s.highest - 1<<16), LastSenderReport: s.senderReport,
		TotalLost: uint32(expected-s.received) & 0xffffff,
	}
	clock := int64(48000)
	if s.video {
		clock = 90000
	}
	r.Jitter = uint32(int64(s.jitter) * clock / int64(time.Second))
	if fresh > 0 && came < fresh {
		r.FractionLost = uint8((fresh - came) * 255 / fresh)
	}
	if s.senderReport != 0 {
		r.Delay = uint32((at - s.senderReportAt) * 65536 / time.Second)
	}
	return r
}
