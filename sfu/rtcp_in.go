package sfu

import (
	"encoding/binary"
	"math/bits"
	"time"

	"alcove/sfu/forward"
	"alcove/sfu/srtp"
)

// RTCP packet types and feedback formats (RFC 3550, section 12.1; RFC 4585, section 6.1; RFC 5104, section 4.3).
const (
	typeSR    = 200
	typeRR    = 201
	typeRTPFB = 205
	typePSFB  = 206

	formatNACK = 1
	formatTWCC = 15 // draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1
	formatPLI  = 1
	formatFIR  = 4
)

var controlLimit = forward.Limit{Bits: controlBits, Packets: controlPackets, Burst: time.Second}

// handleRTCP takes one SRTCP compound packet of a peer.
func (w *worker) handleRTCP(p *peer, data []byte) forward.Drop {
	if len(data) < 8 {
		return forward.Malformed
	}
	plain, err := p.keys.open.RTCP(data)
	switch err {
	case nil:
	case srtp.ErrReplayed:
		return forward.Replayed
	case srtp.ErrKeyExhausted:
		return p.markKeyUsedUp()
	default:
		return forward.Unauthentic
	}
	p.heardAt = w.now
	if !p.control.Take(w.now, &controlLimit, len(data)) {
		return forward.ControlLimit
	}
	for len(plain) > 0 {
		size, ok := reportSize(plain)
		if !ok {
			return forward.Malformed
		}
		p.report(plain[:size])
		plain = plain[size:]
	}
	return forward.Kept
}

// reportSize is the length of the first packet of a compound, in bytes (RFC 3550, section 6.4.1: words minus one).
func reportSize(b []byte) (int, bool) {
	if len(b) < 8 || b[0]>>6 != 2 {
		return 0, false
	}
	size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
	return size, size >= 8 && size <= len(b)
}

// report handles one RTCP packet of at least 8 bytes; short or unknown ones are skipped.
func (p *peer) report(b []byte) {
	count := int(b[0] & 0x1f)
	switch b[1] {
	case typeSR:
		if len(b) >= 28 {
			p.senderReport(b)
			p.reportBlocks(b[28:], count)
		}
	case typeRR:
		p.reportBlocks(b[8:], count)
	case typeRTPFB:
		switch {
		case count == formatNACK && len(b) >= 12:
			p.nack(binary.BigEndian.Uint32(b[8:]), b[12:])
		case count == formatTWCC && len(b) >= 12:
			p.transportFeedback(b[12:])
		}
	case typePSFB:
		switch {
		case count == formatPLI && len(b) >= 12:
			p.keyRequest(binary.BigEndian.Uint32(b[8:]))
		case count == formatFIR:
			for entries := b[min(12, len(b)):]; len(entries) >= 8; entries = entries[8:] {
				p.keyRequest(binary.BigEndian.Uint32(entries))
			}
		}
	}
}

// ntpEpoch is 1970 in seconds of NTP time (RFC 5905, section 6).
const ntpEpoch = 2208988800

// senderReport relates a publication's RTP clock to the client's wall clock, and that to ours.
func (p *peer) senderReport(b []byte) {
	s := p.streams[binary.BigEndian.Uint32(b[4:])]
	if s == nil || s != s.encoding.main {
		return
	}
	seconds, fraction := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
	ntp := time.Duration(int64(seconds)-ntpEpoch)*time.Second + time.Duration(uint64(fraction)*uint64(time.Second)>>32)
	now := p.worker.now
	e := s.encoding
	e.reported, e.reportNTP, e.reportRTP = true, ntp, binary.BigEndian.Uint32(b[16:])
	e.reportLSR, e.reportAt = seconds<<16|fraction>>16, now
	offset := time.Duration(now.UnixNano()) - ntp
	if !p.clockKnown || offset < p.clockOffset {
		p.clockOffset, p.clockKnown = offset, true
	} else {
		p.clockOffset += min(offset-p.clockOffset, clockDrift) // slowly up: clocks drift, the path only adds
	}
	e.publication.tapped.reportClock(now, e)
}

// clockDrift is how far the estimate of a client's clock may rise with each report: 0.1 % of a second.
const clockDrift = time.Millisecond

// reportBlocks handles the receiver's reports on our slots: loss limits the bitrate, LSR and DLSR give the round trip (RFC 3550, section
// 6.4.1).
func (p *peer) reportBlocks(b []byte, count int) {
	now := p.worker.now
	lost, ours, sent, judged, heard, video := 0, 0, 0, 0, false, false
	sound, soundLost := 0, 0
	for ; count > 0 && len(b) >= 24; count, b = count-1, b[24:] {
		s := p.slotOf[binary.BigEndian.Uint32(b)]
		if s == nil || s.flow == nil {
			continue
		}
		lsr, dlsr := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
		if rtt := shortNTP(now) - lsr - dlsr; lsr != 0 && rtt < 10<<16 {
			p.rtt, heard = time.Duration(rtt)*time.Second>>16, true
		}
		if !s.video() {
			n, gone := s.soundReport(now, b)
			sound, soundLost = sound+n, soundLost+gone
			continue
		}
		video = true
		n, numbers := int(s.packets-s.reportedPackets), int(s.selector.Last()-s.reportedSeq)
		since := now.Sub(s.reportedAt)
		if p.cutOffBy(s, binary.BigEndian.Uint32(b[8:]), numbers, since) {
			continue // its losses are in a later report
		}
		// The fraction lost is of an interval that the receiver chose; when packets wait, it is not the one since its last report.
		total := int(int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8) // 24 bits, signed
		fresh := total - s.reportedLost
		s.reportedPackets, s.reportedSeq, s.reportedLost = s.packets, s.selector.Last(), total
		cut := !s.reportedAt.IsZero() && p.estimate.CutOff(since)
		s.reportedAt = now
		lost += fresh
		sent += n
		if !cut { // browsers do not report of what is long silent: after a cut each slot comes back in a report of its own
			ours += fresh + n - numbers // packets that never reached us are no loss of this path
			judged += n
		}
	}
	p.redundancy.Report(now, sound, soundLost, judged, ours)
	p.lossBudget += sent
	lost = min(max(lost, 0), p.lossBudget) // losses never exceed what was sent
	p.lossBudget -= lost
	p.noteOutbound(sent, lost)
	p.worker.count.Reported += uint64(sent)
	p.worker.count.Lost += uint64(lost)
	if heard {
		p.worker.count.RoundTrips.observe(p.rtt, 1)
		p.sample.RoundTrip = p.rtt
	}
	if !video {
		return
	}
	rtt := time.Duration(0)
	if heard {
		rtt = p.rtt
	}
	fell := p.estimate.Report(now, judged, 256*ours, rtt, p.videoBits, now.Sub(p.videoSince))
	if p.videoBits, p.videoSince = 0, now; fell {
		p.shareBandwidth(now)
	}
}

// cutOffBy reports whether a receiver with this highest sequence number was cut off: of the numbers since the last report it lacks more
// than can be in flight.
func (p *peer) cutOffBy(s *slot, highest uint32, numbers int, since time.Duration) bool {
	behind := int(int16(uint16(s.selector.Last()) - uint16(highest)))
	if s.reportedAt.IsZero() || highest == 0 || behind <= 0 || numbers <= 0 {
		return false
	}
	return p.estimate.CutOff(since*time.Duration(min(behind, numbers))/time.Duration(numbers) - p.rtt)
}

// shortNTP is the middle 32 bits of an NTP timestamp (RFC 3550, section 4).
func shortNTP(t time.Time) uint32 {
	ns := uint64(t.UnixNano())
	return uint32(ns/1e9+ntpEpoch)<<16 | uint32(ns%1e9<<16/1e9)
}

// nack retransmits missing packets from the history of the publication.
func (p *peer) nack(media uint32, b []byte) {
	s := p.slotOf[media]
	if s == nil {
		return
	}
	for ; len(b) >= 4; b = b[4:] {
		first, more := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		p.worker.count.NacksIn += uint64(1 + bits.OnesCount16(more))
		p.worker.drop(p.worker.resend(s, first))
		for i := range uint16(16) {
			if more&(1<<i) != 0 {
				p.worker.drop(p.worker.resend(s, first+i+1))
			}
		}
	}
}

// mayResend takes one of the tokens for repeats of video.
func (p *peer) mayResend(now time.Time) bool {
	budget := min(nackBudget, max(nackLeast, float64(p.rate())/nackShare))
	p.resendTokens = min(max(nackBurst, budget), p.resendTokens+now.Sub(p.resendAt).Seconds()*budget)
	p.resendAt = now
	if p.resendTokens < 1 {
		return false
	}
	p.resendTokens--
	return true
}

// keyRequest passes a PLI or FIR on, at most one for each gap.
func (p *peer) keyRequest(media uint32) {
	s := p.slotOf[media]
	now := p.worker.now
	if s == nil || s.target == nil || !s.video() || now.Sub(s.keyRequestedAt) < minKeyFrameGap {
		return
	}
	p.worker.count.KeyFrameRequestsIn++
	s.keyRequestedAt = now
	s.target.requestKeyFrame()
}
