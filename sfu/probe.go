package sfu

import (
	"slices"
	"time"

	"alcove/sfu/forward"
)

// Probing for bandwidth.
const (
	// maxFiller is the largest packet that fills a probe, in bytes of payload.
	maxFiller = 1200
	// fillerPadding is the padding of a packet that carries nothing else, in bytes: it may grow by maxPadding, and one byte says its size
	// (RFC 3550, section 5.1).
	fillerPadding = 255 - maxPadding
)

// A probe is what is left to send to find out whether a path takes more. What media does not fill are packets that were sent before, as RTX
// (RFC 4588): these have numbers of their own. Without any, RTX packets of padding. Owned by the worker.
type probe struct {
	left, packets int     // to send, in bytes with all headers and in packets
	rate          float64 // bit/s
	credit        float64 // bits that may leave now
	at            time.Time
	largest       int    // payload of a packet, in bytes
	slot          int    // of the peer's slots, of which the next packet is repeated
	out           uint64 // and which one; 0: the newest
}

// open reports whether something is left to send.
func (b *probe) open() bool { return b.left > 0 || b.packets > 0 }

// take charges a packet that leaves, of this size with all headers.
func (b *probe) take(size int) {
	b.left, b.packets, b.credit = b.left-size, b.packets-1, b.credit-float64(8*size)
}

// beginProbe probes the path if more is wanted than it is known to take.
func (p *peer) beginProbe(now time.Time) {
	b := p.bandwidth
	if !b.heard || b.probe.open() || b.demand == 0 {
		return
	}
	order, ok := b.estimator.Probe(now.Sub(b.began), b.demand)
	if !ok {
		return
	}
	p.worker.count.Probes++
	b.probe = probe{
		left: order.Bytes, packets: order.Packets, rate: float64(order.Rate), at: now,
		credit: float64(order.Rate) * paceInterval.Seconds(), largest: min(order.Bytes/order.Packets, maxFiller),
	}
	p.worker.pace(p)
	p.fillProbe(now)
}

// fillProbe sends what is due of a probe and media did not send. Media that leaves meanwhile counts, too.
func (p *peer) fillProbe(now time.Time) {
	b := &p.bandwidth.probe
	if !b.open() {
		return
	}
	b.credit += b.rate * now.Sub(b.at).Seconds()
	b.at = now
	for b.open() && b.credit > 0 {
		if !p.release() && !p.sendFiller() {
			*b = probe{} // nothing carries it
			return
		}
	}
}

// sendFiller sends one packet of a probe.
func (p *peer) sendFiller() bool {
	b := &p.bandwidth.probe
	for ; b.slot < len(p.slots); b.slot, b.out = b.slot+1, 0 {
		s := p.slots[b.slot]
		if s.slotRTX() == 0 || s.flow == nil || !s.flow.open() || s.sent.Empty() {
			continue
		}
		if b.out == 0 {
			b.out = s.selector.Last()
		}
		for tries := 0; b.out > 0 && tries < fillerTries; tries++ {
			b.out--
			if p.worker.repeatForProbe(s, b.out+1, b.largest) {
				return true
			}
		}
	}
	return p.sendPadding()
}

// fillerTries is how many packets of one slot are looked at for one that is still there and small enough.
const fillerTries = 8

func (s *slot) slotRTX() uint32 { return s.line.slotRTX }

// repeatForProbe sends a packet of a slot again through RTX.
func (w *worker) repeatForProbe(s *slot, out uint64, largest int) bool {
	_, origin, ok := s.sent.Find(uint16(out), s.selector.Last())
	if !ok {
		return false
	}
	stored, ok := s.flow.encodings[origin.Encoding].history.Get(origin.Ext)
	if !ok || len(stored.Payload) > largest || s.datagramSize(len(stored.Payload)+2) > s.peer.limit {
		return false
	}
	w.count.ProbePackets++
	w.writeRTX(s, uint16(out), &origin, &stored)
	return true
}

// sendPadding sends an RTX packet of padding alone, in any slot that has RTX.
func (p *peer) sendPadding() bool {
	i := slices.IndexFunc(p.slots, func(s *slot) bool { return s.slotRTX() != 0 && s.numberExt != 0 })
	if i < 0 {
		return false
	}
	w, s := p.worker, p.slots[i]
	w.count.ProbePackets++
	csrc := uint32(0)
	if s.flow != nil {
		csrc = s.flow.send.CSRC
	}
	b := forward.AppendNumberedHeader(w.slabBuffer(), false, s.line.rtx, uint16(s.nextRTX), s.selector.TimestampAt(w.now), s.slotRTX(), csrc, s.numberExt)
	b[0] |= 0x20 // P
	for range fillerPadding - 1 {
		b = append(b, 0)
	}
	b = append(b, fillerPadding)
	w.enqueue(s, b, s.slotRTX(), s.nextRTX)
	s.nextRTX++
	return true
}
