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

// A bandwidth is what is known of the path to a peer that reports on single packets, and how it is shared. Owned by the worker.
type bandwidth struct {
	estimator   *bwe.Estimator
	reader      bwe.Reader
	began       time.Time // from which the estimator counts
	sentFirst   time.Time // when the first packet left
	sentAny     bool      // one did
	heard       bool      // feedback came
	deaf        bool      // it did not, within feedbackWait
	decreases   uint64    // of the estimate, so far
	congestedAt time.Time // when it last decreased

	audioBytes, repeatBytes int // sent since measuredAt
	measuredAt              time.Time
	audioRate, repeatRate   int // bit/s, smoothed

	// The allocation, see allocation.go.
	allocated   int      // the estimate that it was made for
	demand      int      // the estimate that would do for all that is wanted
	due         bool     // an encoding came that a slot waits for
	paused      []string // publications, as last reported
	raisedAt    time.Time
	loweredAt   time.Time
	patience    time.Duration
	loweredRate int

	short bool // not all that is wanted fits

	probe probe
	pacer pacer
}

func newBandwidth(now time.Time) *bandwidth {
	return &bandwidth{estimator: bwe.New(), began: now, measuredAt: now}
}

// number returns the transport-wide number of a packet that leaves now.
func (p *peer) number(d *pendingPacket) uint16 {
	b, s := p.bandwidth, d.slot
	size := len(d.data) + srtp.TagSize + datagramOverhead
	if d.again {
		b.repeatBytes += size
		return d.number
	}
	n := b.estimator.Sent(p.worker.now.Sub(b.began), size)
	if !b.sentAny {
		b.sentAny, b.sentFirst = true, p.worker.now
	}
	switch {
	case !s.isVideo:
		b.audioBytes += size
	case d.ssrc != s.ssrc:
		b.repeatBytes += size
	}
	if s.numbers != nil {
		s.numbers.put(d.index, n)
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
	b.heard, b.deaf = true, false
	b.estimator.Feedback(w.now.Sub(b.began), reports)
	b.noteDecreases(w.now)
	if b.estimator.Rate() < b.allocated {
		p.allocate(w.now)
	}
}

// noteDecreases notes when the estimate decreased.
func (b *bandwidth) noteDecreases(now time.Time) {
	c := &b.estimator.Counters
	if n := c.Decreases + c.LossDecreases + c.Silences; n != b.decreases {
		b.decreases, b.congestedAt = n, now
	}
}

// tick looks at the estimate, at least every 50 ms.
func (b *bandwidth) tick(p *peer, now time.Time) {
	b.estimator.Tick(now.Sub(b.began))
	b.noteDecreases(now)
	if b.due || p.estimated() && b.estimator.Rate() < b.allocated {
		b.due = false
		p.shareBandwidth(now)
	}
	b.deaf = b.deaf || !b.heard && b.sentAny && now.Sub(b.sentFirst) > feedbackWait
	b.updatePacing(p, now)
	p.beginProbe(now)
}

// measure updates the rates of audio and repeats, once a second.
func (b *bandwidth) measure(now time.Time) {
	since := now.Sub(b.measuredAt)
	if since < reportInterval/2 {
		return
	}
	rate := func(before, bytes int) int {
		return (before + int(int64(8*bytes)*int64(time.Second)/int64(since))) / 2
	}
	b.audioRate, b.repeatRate = rate(b.audioRate, b.audioBytes), rate(b.repeatRate, b.repeatBytes)
	b.audioBytes, b.repeatBytes, b.measuredAt = 0, 0, now
}

// observeEstimate counts the estimate, once a second.
func (p *peer) observeEstimate(now time.Time) {
	if b := p.bandwidth; b != nil && b.heard {
		b.measure(now)
		p.worker.count.Estimates.observe(b.estimator.Rate())
	}
}

// estimated reports whether the path is estimated from feedback on single packets; else from receiver reports.
func (p *peer) estimated() bool { return p.bandwidth != nil && !p.bandwidth.deaf }

// feedbackWait is how long a client that agreed to send feedback may take for the first, from the first packet on.
const feedbackWait = 3 * time.Second

// rate is what the path to the peer takes, in bit/s, as far as is known.
func (p *peer) rate() int {
	if p.estimated() {
		return p.bandwidth.estimator.Rate()
	}
	return p.estimate.Rate()
}

// charge charges a packet that leaves to the probe under way and to the pacer. size is in bytes, with all headers.
func (b *bandwidth) charge(size int) {
	if b.probe.open() {
		b.probe.take(size)
	}
	b.pacer.credit -= float64(8 * size)
}
