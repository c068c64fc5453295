package sfu

import (
	"time"

	"alcove/sfu/bwe"
	"alcove/sfu/srtp"
)

// numbersKept is how many transport-wide numbers a slot without RTX remembers: as many as packets that can be repeated.
const numbersKept = 256

// A numberLog holds the transport-wide numbers of the last packets of a slot without RTX. A repeat leaves under the index of the original, so
// it must have its number, too: any other makes two packets under one nonce (RFC 7714, section 8.1).
type numberLog [numbersKept]struct {
	index  uint32 // low bits of the SRTP index, which is never 0
	number uint16
}

func (l *numberLog) put(index uint64, number uint16) {
	e := &l[index%numbersKept]
	e.index, e.number = uint32(index), number
}

func (l *numberLog) find(index uint64) (number uint16, ok bool) {
	e := &l[index%numbersKept]
	return e.number, e.index == uint32(index) && index != 0
}

// datagramOverhead is what IPv4 and UDP add to a datagram, in bytes: it fills the path, too.
const datagramOverhead = 28

// A bandwidth is what is known of the path to a peer that reports on single packets. Owned by the worker.
type bandwidth struct {
	estimator *bwe.Estimator
	reader    bwe.Reader
	began     time.Time // from which the estimator counts
	heard     bool      // feedback came
}

func newBandwidth(now time.Time) *bandwidth {
	return &bandwidth{estimator: bwe.New(), began: now}
}

// number returns the transport-wide number of a packet that leaves now.
func (p *peer) number(d *pendingPacket) uint16 {
	if d.again {
		return d.number
	}
	b := p.bandwidth
	n := b.estimator.Sent(p.worker.now.Sub(b.began), len(d.data)+srtp.TagSize+datagramOverhead)
	if d.slot.numbers != nil {
		d.slot.numbers.put(d.index, n)
	}
	return n
}

// transportFeedback takes the feedback control information of a transport-wide feedback.
func (p *peer) transportFeedback(fci []byte) {
	w, b := p.worker, p.bandwidth
	if b == nil {
		return
	}
	reports, ok := b.reader.Read(fci, w.reports[:0])
	if !ok {
		return
	}
	b.heard = true
	b.estimator.Feedback(w.now.Sub(b.began), reports)
}

// observeEstimate counts the estimate, once a second.
func (p *peer) observeEstimate() {
	if b := p.bandwidth; b != nil && b.heard {
		p.worker.count.Estimates.observe(b.estimator.Rate())
	}
}
