package bwe

import (
	"time"
)

// A Probe is what to send to find out whether the path takes more: so many bytes, media included, at a rate in bit/s, in at least so many
// packets. What media does not fill is padding, or packets again.
type Probe struct {
	Rate, Bytes, Packets int
}

// A probe is what became of the last one. Times are in microseconds.
type probe struct {
	open    bool // what is sent now belongs to it
	waiting bool // for feedback
	id      uint8
	rate    float64 // asked for
	bytes   int     // to send
	began   int64
	ended   int64
	next    int64 // earliest time of the next one
	pause   int64
	target  float64 // bit/s that went through before a silence, 0: none

	sentPackets, sentBytes int
	firstSize, lastSize    int
	firstSent, lastSent    int64
	gotPackets, gotBytes   int
	firstArrival, lastCame int64
	firstGotSize           int
}

// Probe returns the probe to send now, if more than the rate is wanted and the path seems to have room. demand is in bit/s.
func (e *Estimator) Probe(now time.Duration, demand int) (Probe, bool) {
	at := micros(now)
	p := &e.probe
	if p.done(at, e.response) { // without feedback after it
		e.finishProbe(at)
	}
	switch {
	case p.open && at-p.began > micros(probeOpen):
		p.close(at)
		return Probe{}, false
	case p.open, p.waiting, !e.begun, at < p.next:
		return Probe{}, false
	case float64(demand) <= probeDemand*e.rate, e.rate >= maxRate:
		return Probe{}, false
	case !e.queue.short(), e.decreased.other:
		return Probe{}, false
	case at-e.decreased.at < e.response+micros(decreasePause), e.waits && at-e.unheard > micros(silence) && at-e.sentAt < micros(silence):
		return Probe{}, false
	}
	rate := min(probeFactor*e.rate, probeAbove*float64(demand))
	if p.target > 0 {
		rate = min(max(rate, p.target), probeAbove*float64(demand))
		p.target = 0
	}
	rate = min(rate, maxRate)
	bytes := max(int(rate*probeTime.Seconds()/8), probePackets*probePacketSize)
	id := p.id + 1
	if id == 0 {
		id = 1
	}
	*p = probe{open: true, id: id, rate: rate, bytes: bytes, began: at, next: p.next, pause: p.pause}
	e.Counters.Probes++
	return Probe{Rate: int(rate), Bytes: bytes, Packets: probePackets}, true
}

// add counts a packet that is sent while the probe is open, and returns the probe's number.
func (p *probe) add(at int64, size int) uint8 {
	if p.sentPackets == 0 {
		p.firstSent, p.firstSize = at, size
	}
	p.sentPackets++
	p.sentBytes += size
	p.lastSent, p.lastSize = at, size
	if p.sentBytes >= p.bytes && p.sentPackets >= probePackets {
		p.close(at)
	}
	return p.id
}

func (p *probe) close(at int64) {
	p.open, p.waiting, p.ended = false, true, at
}

func (p *probe) receive(s *sentPacket, arrived int64) {
	if s.probe != p.id || !p.open && !p.waiting {
		return
	}
	if p.gotPackets == 0 || arrived < p.firstArrival {
		p.firstArrival, p.firstGotSize = arrived, int(s.size)
	}
	p.lastCame = max(p.lastCame, arrived)
	p.gotPackets++
	p.gotBytes += int(s.size)
}

// done reports whether nothing more of the probe will come.
func (p *probe) done(at, response int64) bool {
	return p.waiting && (p.gotPackets == p.sentPackets || at-p.ended > response+micros(probePatience))
}

// settling reports whether the probe's own queue may still be there.
func (p *probe) settling(at int64) bool {
	return p.open || p.waiting || p.ended > 0 && at-p.ended < micros(probeSettle)
}

// finishProbe takes the result of a probe.
func (e *Estimator) finishProbe(at int64) {
	p := &e.probe
	p.waiting = false
	result, full := p.result(e.loss.own)
	if full > 0 {
		e.ceiling, e.ceilingAt = full, at
	} else if result > aboveCeiling*e.ceiling {
		e.ceiling = 0
	}
	if result > e.rate*1.02 {
		e.Counters.ProbesUseful++
		e.rate = result
		e.proved = max(e.proved, result)
		e.decreased.undone = true
		p.pause = 0
		p.next = at
		return
	}
	p.pause = min(max(2*p.pause, micros(probeFirstPause)), micros(probeMaxPause))
	p.next = at + p.pause
}

// result is the rate that the probe proves, and what the path took if it was full; 0: unknown.
func (p *probe) result(own float64) (rate, full float64) {
	if p.gotPackets < probePackets-1 || float64(p.gotPackets) < (1-probeLost-own)*float64(p.sentPackets) {
		return 0, 0
	}
	sendTime, receiveTime := float64(max(p.lastSent-p.firstSent, 1)), float64(max(p.lastCame-p.firstArrival, 1))
	sent := min(float64(p.sentBytes-p.lastSize)*8e6/sendTime, p.rate) // a train at once proves no more
	arrived := float64(p.gotBytes-p.firstGotSize) * 8e6 / receiveTime * float64(p.sentPackets) / float64(p.gotPackets)
	if arrived < probePath*sent {
		return probePath * arrived, arrived
	}
	return min(sent, arrived), 0
}
