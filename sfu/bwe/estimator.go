package bwe

import (
	"math"
	"time"
)

// A Report is what the receiver says of one packet.
type Report struct {
	At     time.Duration // when it arrived, by the receiver's clock
	Number uint16
	Lost   bool
}

// A sentPacket is what is known of a packet until its feedback comes.
type sentPacket struct {
	at     int64  // µs since the epoch
	number uint32 // extended
	size   uint16
	probe  uint8 // of which probe it was, 0: none
	state  packetState
}

type packetState uint8

const (
	pending packetState = iota + 1
	lost
	received
)

// Counters tell what the estimator did. They only grow.
type Counters struct {
	Decreases, Undone, LossDecreases, OwnLoss, Futile uint64
	Probes, ProbesUseful, Silences                    uint64
	Unknown, Repeated                                 uint64 // reports of packets that were not sent or are forgotten; of those that were reported
}

// An Estimator estimates the rate of the path to one receiver, for all packets to it: audio and retransmissions included. now is the time since
// any moment that is the same in all calls. Owned by the worker of the receiver.
type Estimator struct {
	Counters Counters

	ring [ringSize]sentPacket
	next uint32 // extended number of the next packet

	rate     float64
	proved   float64 // bit/s that went through without a queue, or by a probe, since the last decrease
	response int64   // smoothed, from sending a packet to its feedback, µs
	begun    bool    // feedback came
	heard    int64   // when it came last
	sentAt   int64   // when a packet was sent last
	unheard  int64   // when the first packet was sent since the last feedback, if any was
	waits    bool    // one was
	halvedAt int64

	sent, acked rateMeter
	peakAcked   windowMax
	peakSent    windowMax
	trend       trend
	queue       queue
	loss        lossWatch
	probe       probe
	decreased   decrease
	ceiling     float64 // bit/s that the path took when it was full last, 0: unknown
	ceilingAt   int64
	otherSeen   int64 // when another flow filled the queue last
	fullSince   int64 // since when the delay shows congestion, by the receiver's clock
	arrival     int64 // newest, by the receiver's clock, µs
}

// A decrease is what is known of the last one.
type decrease struct {
	at     int64
	before float64 // rate
	queue  int64   // µs
	futile int
	other  bool // another flow fills the queue
	undone bool // or not to be undone
}

// New returns an estimator for a receiver that connects.
func New() *Estimator {
	return &Estimator{rate: startRate, proved: startRate, halvedAt: -int64(time.Hour / 1000), decreased: decrease{at: -int64(time.Hour / 1000), undone: true}}
}

func micros(d time.Duration) int64 { return int64(d / time.Microsecond) }

// Rate is the estimate in bit/s.
func (e *Estimator) Rate() int { return int(e.rate) }

// Queue is how long packets wait on the path, as far as is known.
func (e *Estimator) Queue() time.Duration { return time.Duration(e.queue.now) * time.Microsecond }

// Sent notes that a packet leaves and returns its transport-wide number. size is in bytes, with the headers of UDP and IP.
func (e *Estimator) Sent(now time.Duration, size int) uint16 {
	at := micros(now)
	n := e.next
	e.next++
	p := &e.ring[n%ringSize]
	p.at, p.number, p.size, p.state, p.probe = at, n, uint16(min(size, math.MaxUint16)), pending, 0
	e.sent.add(at, size)
	if !e.waits || at-e.sentAt > micros(silence) { // what was sent before a pause has been too little to tell
		e.waits, e.unheard = true, at
	}
	e.sentAt = at
	if e.probe.open {
		p.probe = e.probe.add(at, size)
	}
	return uint16(n)
}

// find returns the packet of a number, nil if it was not sent or is forgotten.
func (e *Estimator) find(number uint16) *sentPacket {
	back := uint16(e.next) - number // 1: the newest
	if back == 0 || back > ringSize || uint32(back) > e.next {
		return nil
	}
	return &e.ring[(e.next-uint32(back))%ringSize]
}

// Feedback takes what one feedback packet reports.
func (e *Estimator) Feedback(now time.Duration, reports []Report) {
	at := micros(now)
	newest, fresh := int64(-1), 0
	e.queue.begin()
	for i := range reports {
		r := &reports[i]
		p := e.find(r.Number)
		switch {
		case p == nil:
			e.Counters.Unknown++
			continue
		case r.Lost:
			if p.state == pending {
				p.state = lost
				e.loss.add(p, true)
			}
			continue
		case p.state == received:
			e.Counters.Repeated++
			continue
		}
		e.receive(p, micros(r.At))
		fresh++
		newest = max(newest, p.at)
	}
	if fresh == 0 {
		return
	}
	passed := min(at-e.heard, 200_000)
	e.waits = false
	if e.heard = at; !e.begun {
		e.begun, passed = true, 0
		e.response = at - newest
	}
	e.response += (at - newest - e.response) / responseGain
	e.update(at, passed)
}

// receive takes a packet that arrived.
func (e *Estimator) receive(p *sentPacket, arrived int64) {
	if p.state == lost {
		e.loss.late(p)
	} else {
		e.loss.add(p, false)
	}
	p.state = received
	e.arrival = max(e.arrival, arrived)
	e.acked.add(arrived, int(p.size))
	e.queue.add(arrived-p.at, int(p.size))
	if p.probe != 0 {
		e.probe.receive(p, arrived)
	} else {
		e.trend.add(p.at, arrived)
	}
}

// through is the acknowledged rate over a window, at most what was sent: a receiver cannot make up more.
func (e *Estimator) through(window time.Duration) float64 {
	return min(e.acked.rate(e.arrival, micros(window)), 1.05*e.peakSent.value())
}

// update changes the rate by what the last feedback told.
func (e *Estimator) update(at, passed int64) {
	e.peakSent.update(at, e.sent.rate(at, micros(rateWindow)), micros(2*time.Second))
	through := e.through(rateWindow)
	e.peakAcked.update(at, through, micros(peakWindow))
	ended := e.queue.end(e.arrival, e.acked.rate(e.arrival, micros(rateShort)))
	if ended == endedByJitter {
		e.undo(at)
	}
	rising := e.trend.judge(e.arrival)
	if e.probe.done(at, e.response) {
		e.finishProbe(at)
	}
	if e.loss.ready(at, e.decreased.other) {
		e.judgeLoss(at)
	}
	d := &e.decreased
	if !d.other || e.queue.now >= micros(otherEnded) {
		e.otherSeen = at
	} else if at-e.otherSeen > micros(otherEndedFor) {
		d.other, d.futile = false, 0
	}
	settling := e.probe.settling(at)
	full := e.full(rising)
	if !full {
		e.fullSince = e.arrival
	}
	switch {
	case full && !settling && !d.other:
		if e.arrival-e.fullSince >= micros(confirmTime) && at-d.at > e.response+micros(decreasePause) {
			e.decrease(at)
		}
	case settling:
	case !full || d.other:
		if !rising && e.queue.short() {
			e.proved = max(e.proved, through)
		}
		e.increase(at, passed, through)
	}
	e.bound()
}

// full reports whether the delay shows congestion.
func (e *Estimator) full(rising bool) bool {
	q, gate := e.queue.now, e.queue.gate()
	switch {
	case q <= gate:
		return false
	case e.acked.rate(e.arrival, micros(rateShort)) > drainingRatio*e.shareWindow():
		return false // it empties
	case rising:
		return true
	default:
		return q > max(gate, micros(longQueue))
	}
}

// shareWindow is what was sent in the last short window.
func (e *Estimator) shareWindow() float64 {
	return e.sent.rate(e.sentAt, micros(rateShort))
}

// decrease leaves the path less than what comes through it.
func (e *Estimator) decrease(at int64) {
	d := &e.decreased
	q := e.queue.now
	through, sent := e.through(rateShort), e.shareWindow()
	if d.queue > 0 && float64(q) >= futileQueue*float64(d.queue) && through > 0.9*sent && at-d.at < micros(5*time.Second) {
		d.futile++
	} else {
		d.futile = 0
	}
	if d.futile >= maxFutile {
		e.Counters.Futile++
		d.other, d.futile = true, 0
		// The decreases emptied nothing, they only made room for the other flow.
		e.rate = max(e.rate, otherShare*min(d.before, e.peakAcked.value()))
		e.proved = max(e.proved, e.rate)
		return
	}
	e.Counters.Decreases++
	drain := min(float64(q)/1e6, maxDrain)
	before := e.rate
	if !d.undone && (d.futile > 0 || at-d.at < micros(2*time.Second)) {
		before = max(before, d.before) // of the same delay
	}
	*d = decrease{at: at, before: before, queue: q, futile: d.futile}
	e.ceiling, e.ceilingAt = through, at
	e.rate = min(e.rate, decreaseFactor*through*(1-drain))
	e.proved = min(e.proved, e.rate)
}

// undo takes a decrease back that jitter caused.
func (e *Estimator) undo(at int64) {
	d := &e.decreased
	if d.undone || at-d.at > micros(2*time.Second) {
		return
	}
	e.Counters.Undone++
	d.undone, d.queue, d.futile = true, 0, 0
	e.ceiling = 0
	e.rate = max(e.rate, d.before)
	e.proved = max(e.proved, d.before)
}

// increase lets the rate grow by what is used of it.
func (e *Estimator) increase(at, passed int64, through float64) {
	if e.loss.hold || e.sent.rate(e.sentAt, micros(rateWindow)) < usedShare*e.rate {
		return
	}
	seconds := float64(passed) / 1e6
	step := growth * e.rate * seconds
	if e.ceiling > 0 && e.rate > nearCeiling*e.ceiling && e.rate < aboveCeiling*e.ceiling && at-e.ceilingAt < micros(ceilingFor) {
		step /= ceilingCare
	}
	if e.decreased.other {
		step = growth * e.rate * seconds / otherCare
	}
	limit := growthCap
	if e.queue.short() && !e.decreased.other {
		limit = probedCap
	}
	e.rate = max(e.rate, min(e.rate+step, limit*through))
}

// bound keeps the rate within its invariants.
func (e *Estimator) bound() {
	most := max(growthCap*e.peakAcked.value(), e.proved)
	e.rate = min(max(min(e.rate, most), minRate), maxRate)
}

// Tick notices that feedback stays away although something is sent. Call it at least twice a second.
func (e *Estimator) Tick(now time.Duration) {
	at := micros(now)
	quiet := int64(silence / time.Microsecond)
	if !e.begun || !e.waits || at-e.unheard < quiet || e.sentAt-e.unheard < quiet/2 || at-e.halvedAt < quiet {
		return
	}
	e.Counters.Silences++
	e.halvedAt = at
	if e.probe.target == 0 {
		e.probe.target = e.rate // where it comes back to
	}
	e.rate = max(e.rate/2, minRate)
	e.proved = min(e.proved, e.rate)
	e.probe.next = 0
}
