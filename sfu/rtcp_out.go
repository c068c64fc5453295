package sfu

import (
	"slices"
	"time"

	"github.com/pion/rtcp"

	"alcove/sfu/forward"
	"alcove/sfu/srtp"
	"alcove/sfu/udp"
)

// maxReport is how large an RTCP packet may grow before SRTCP adds its tag, in bytes: within any path's MTU.
const maxReport = 1150

// sendRTCP seals and queues packets, in as few datagrams as they fit.
func (p *peer) sendRTCP(packets ...rtcp.Packet) {
	w := p.worker
	var b []byte
	for _, packet := range packets {
		raw, err := packet.Marshal()
		if err != nil || len(raw) > udp.BaseDatagram-srtp.TagSize-8 {
			continue // omit feedback that does not fit; the next one follows
		}
		if b != nil && len(b)+len(raw) > maxReport {
			p.sendControl(p.keys.seal.RTCP(b))
			b = nil
		}
		if b == nil {
			b = w.slabBuffer()
		}
		b = append(b, raw...)
	}
	if b != nil {
		p.sendControl(p.keys.seal.RTCP(b))
	}
}

// sendControl queues a sealed packet, nil if the key is used up.
func (p *peer) sendControl(sealed []byte) {
	if sealed == nil {
		p.worker.drop(p.markKeyUsedUp())
		return
	}
	p.worker.sendControl(sealed, p.remote)
}

// markKeyUsedUp ends the peer with its next tick: its key can seal no more packets, so the client has to make another connection.
func (p *peer) markKeyUsedUp() forward.Drop {
	p.keyUsedUp = true
	return forward.KeyUsedUp
}

// sendPLI requests a key frame (RFC 4585, section 6.3.1), unless the source never sent.
func (p *peer) sendPLI(e *encoding) {
	p.worker.count.KeyFrameRequestsOut++
	p.sendRTCP(&rtcp.PictureLossIndication{SenderSSRC: p.ssrc, MediaSSRC: e.main.ssrc})
}

// repeatRequests repeats unanswered requests for lost packets and key frames.
func (p *peer) repeatRequests(now time.Time) {
	for _, pub := range p.publications {
		if !pub.open() {
			continue
		}
		for _, e := range pub.encodings {
			if e.main != nil && e.main.track.HasMissing() {
				e.requestLost(now)
			}
		}
		if !pub.video() {
			continue
		}
		if slices.ContainsFunc(pub.encodings, func(e *encoding) bool { return e.alive(now) }) {
			pub.dropDeadRequests(now)
			pub.sendKeyFrameRequest(now)
		}
	}
}

// dropDeadRequests stops asking for key frames of encodings that are gone while others are there: each request would cost one of
// all that are left, and never end. A slot that waits for one requests it again when the encoding is back.
func (pub *publication) dropDeadRequests(now time.Time) {
	for _, e := range pub.encodings {
		if !e.alive(now) {
			pub.keyFramesWanted &^= 1 << e.index
		}
	}
}

func (e *encoding) requestLost(now time.Time) {
	p := e.publication.peer
	times := forward.MaxNacks
	if !e.publication.video() {
		times = audioNacks
	}
	ask, lost := e.main.track.Nacks(now, p.rtt, times, p.worker.nackBuffer[:0])
	if lost > 0 && e.publication.video() && e.publication.watched() {
		e.requestKeyFrame() // no retransmission arrived: only a key frame repairs the video
	}
	if e.main.track.HasMissing() {
		p.worker.wakeSoon()
	}
	if len(ask) == 0 {
		return
	}
	p.worker.count.NacksOut += uint64(len(ask))
	p.sendRTCP(&rtcp.TransportLayerNack{
		SenderSSRC: p.ssrc, MediaSSRC: e.main.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(ask),
	})
}

// sendFeedback reports packet arrivals to the client's bandwidth estimator
// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
func (p *peer) sendFeedback() {
	p.sendRTCP(p.feedback.BuildFeedbackPacket()...)
}

// cname is the CNAME of all that we send (RFC 3550, section 6.5.1), as in our session descriptions.
const cname = "alcove"

// Sizes of reports in bytes (RFC 3550, sections 6.4.1 and 6.5), and how many chunks a source description holds.
const (
	senderReportSize = 28
	chunkSize        = 4 + 2 + len(cname) + 4 // SSRC, the item, and nulls to the next word: one at least
	sdesHeader       = 4
	maxChunks        = 31
)

// A compound gathers reports that leave in one datagram. It ends with the CNAME of each SSRC that reports in it (RFC 3550,
// section 6.1); what is sent between reports is of reduced size and needs none (RFC 5506).
type compound struct {
	packets []rtcp.Packet
	names   rtcp.SourceDescription
	size    int // without the names
}

// add adds a report and the CNAME of its SSRC. It reports whether there was room.
func (c *compound) add(report rtcp.Packet, ssrc uint32, size int) bool {
	names := len(c.names.Chunks) + 1
	if len(c.packets) > 0 && (names > maxChunks || c.size+size+sdesHeader+names*chunkSize > maxReport) {
		return false
	}
	c.packets, c.size = append(c.packets, report), c.size+size
	c.names.Chunks = append(c.names.Chunks, rtcp.SourceDescriptionChunk{
		Source: ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: cname}},
	})
	return true
}

func (p *peer) sendCompound(c *compound) { p.sendRTCP(append(c.packets, &c.names)...) }

// sendReports sends a receiver report for incoming streams and a sender report for each active slot.
func (p *peer) sendReports(now time.Time) {
	var blocks []rtcp.ReceptionReport
	for _, pub := range p.publications {
		for _, e := range pub.encodings {
			if e.main != nil && e.main.track.Started() && len(blocks) < 31 {
				blocks = append(blocks, e.receptionReport(now))
			}
		}
		pub.notifyWanted(now)
	}
	var c compound
	rr := &rtcp.ReceiverReport{SSRC: p.ssrc, Reports: blocks}
	c.add(rr, p.ssrc, rr.MarshalSize())
	for _, s := range p.slots {
		if s.flow == nil || !s.selector.Running() {
			continue
		}
		if report := s.senderReport(now); !c.add(report, s.ssrc, senderReportSize) {
			p.sendCompound(&c)
			c = compound{}
			c.add(report, s.ssrc, senderReportSize)
		}
	}
	p.sendCompound(&c)
}

// maxReportDelay is the age from which a sender report is no longer named: DLSR has 16 bits of seconds (RFC 3550, section 6.4.1).
const maxReportDelay = 1 << 16 * time.Second

func (e *encoding) receptionReport(now time.Time) rtcp.ReceptionReport {
	r := e.main.track.Report()
	e.publication.peer.noteInbound(e.main.track.Interval())
	block := rtcp.ReceptionReport{
		SSRC: e.main.ssrc, FractionLost: r.FractionLost, TotalLost: r.TotalLost, LastSequenceNumber: r.Highest,
	}
	if since := now.Sub(e.reportAt); e.reported && since < maxReportDelay {
		block.LastSenderReport = e.reportLSR
		block.Delay = uint32(since << 16 / time.Second)
	}
	return block
}

// senderReport relates the slot's time line to our clock, by the source's own reports if there are any, so that audio and video of one peer
// stay in sync.
func (s *slot) senderReport(now time.Time) rtcp.Packet {
	ts := s.selector.TimestampAt(now)
	if s.current != nil {
		if source, ok := s.current.rtpAt(now); ok {
			ts = s.selector.FromSource(source)
		}
	}
	ns := uint64(now.UnixNano())
	return &rtcp.SenderReport{
		SSRC: s.line.slotSSRC, NTPTime: (ns/1e9+ntpEpoch)<<32 | ns%1e9<<32/1e9, RTPTime: ts,
		PacketCount: s.packets, OctetCount: s.octets,
	}
}
