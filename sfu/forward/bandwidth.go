package forward

import (
	"math"
	"time"
)

// Constants of the estimate, in bits per second and 1/256 of packets. Its thresholds of loss are those of Google congestion control
// (draft-ietf-rmcat-gcc-02, section 6).
const (
	initialRate  = 20_000_000 // thirty cameras at 600 kbit/s: a narrower path shows loss or delay within a second
	minRate      = 150_000
	maxRate      = 30_000_000
	lossHigh     = 26 // 10 %: the path is full
	lossModerate = 10 // 4 %: it is full if packets wait, too
	lossLow      = 5  // 2 %: grow
	// longQueue is the excess over the shortest round trip, in a whole sample, that shows queueing on the path.
	longQueue  = 120 * time.Millisecond
	shortQueue = 40 * time.Millisecond
	// After congestion we send less than the path delivers, so that its queue drains within seconds: less by a share, or by the queueing
	// delay per second.
	drainUnqueued = 0.15 // nothing waits
	minDrain      = 0.25
	maxDrain      = 0.5
	// growth is for each second in which the path was not full.
	growth = 1.10
	// decreaseHold is how long after a decrease reports still describe the time before it, beside the round trip.
	decreaseHold = 300 * time.Millisecond
	// A receiver is cut off if it is silent for longer than cutOff and much longer than usual: its losses then say nothing about the
	// bandwidth.
	minCutOff    = 2 * time.Second
	cutOffFactor = 3
	// A short outage looks like congestion without a queue. The decrease is partial and recovers soon, unless the path was congested
	// lately.
	minStep        = 0.25 // of what was sent
	recoveryGrowth = 1.5  // a second
	uncongestedFor = 30 * time.Second
	// After congestion the rate is held for a while, and twice as long if the path is congested again soon, because each attempt to exceed
	// it costs a frozen picture.
	minHold      = 8 * time.Second
	maxHold      = time.Minute
	ceilingShare = 0.85
)

// A sample is evaluated when it is large enough: among few packets a single random loss looks like congestion.
const (
	samplePackets    = 60 // at least, in sampleSoon
	sampleMinTime    = 500 * time.Millisecond
	sampleMinPackets = 20 // at least, in sampleLate
	sampleMaxTime    = 2 * time.Second
)

// The path's own loss and delay are the minimum of this window and the one before.
const (
	// A radio link always loses some packets: the minimum loss over a while is not caused by us, because loss by congestion vanishes
	// whenever we back off.
	baseLossWindow = 5 * time.Second
	maxBaseLoss    = 77 // 30 %: above it retransmissions cannot repair video
	// After a decrease for loss, loss that is still at least this share of before was not caused by our rate.
	unchangedLoss = 0.6
	judgedPackets = 150 // after which it is settled that it went away
	// Standard deviations by which chance alone may change the loss of a sample: of 60 packets over a path that loses 5 %, one
	// sample in fifty is above 10 %.
	lossDeviations = 1.5
	// Times that round trips may differ from each other as usual, before the difference counts as a queue.
	rttDeviations = 2
	rttWindow     = 30 * time.Second
	// maxFutileDecreases is how many falls in a row may leave the queue as it is; then it is another's, such as of an upload.
	maxFutileDecreases = 3
)

// A BandwidthEstimate limits the video sent to one subscriber that sends no transport-wide feedback (with it, package bwe estimates). It uses
// loss and round-trip times of receiver reports: a congested path drops or delays packets. Owned by the worker.
type BandwidthEstimate struct {
	rate             int // bit/s, 0: initialRate
	sample           sample
	smoothedLoss     int // loss of the last samples, in 1/2048
	baseLoss         windowedMin[int]
	baseRTT          windowedMin[time.Duration]
	lastIncrease     time.Time
	uncongestedSince time.Time     // since when the path was never full: the first report, or the last fall
	lastReport       time.Time     // the last report
	usualGap         time.Duration // between reports, smoothed
	previousRTT      time.Duration // round trip of the sample before, 0: unknown
	rttChange        time.Duration // between samples, smoothed
	lastSample       time.Time

	// Of the last fall:
	lastDecrease    time.Time
	ceiling         float64       // bit/s that the path delivered
	decreaseRTT     time.Duration // the round trip then
	queue           time.Duration // then, or less since
	futileDecreases int           // falls in a row that left the queue as it was
	hold            time.Duration
	recoverTo       int    // bit/s to recover to soon; 0: none
	unprovenLoss    int    // loss that caused the decrease, in 1/256; 0: none, or judged
	unprovenRate    int    // bit/s before that decrease
	judged          sample // since it
}

// A sample sums up several reports.
type sample struct {
	packets, lost int           // lost in 1/256
	credit        int           // of lost, at most zero: upstream losses the last sample subtracted before the receiver reported them
	rtt           time.Duration // the shortest, 0: unknown
	bits          int           // sent
	time          time.Duration // in which they were sent
}

// A windowedMin is the least of a window and the one before.
type windowedMin[T int | time.Duration] struct {
	least, before T
	since         time.Time
}

func (f *windowedMin[T]) update(now time.Time, v T, window time.Duration) T {
	switch {
	case f.since.IsZero():
		f.least, f.before, f.since = v, v, now
	case now.Sub(f.since) >= window:
		f.before, f.least, f.since = f.least, v, now
	}
	f.least = min(f.least, v)
	return min(f.least, f.before)
}

// Rate is the estimate in bit/s.
func (b *BandwidthEstimate) Rate() int {
	if b.rate == 0 {
		return initialRate
	}
	return b.rate
}

// Report handles a receiver report: of how many packets, how many were lost in 1/256, and the round trip, 0 if unknown; and how many bits
// were sent in the meantime, over what time. It reports whether the estimate decreased.
func (b *BandwidthEstimate) Report(now time.Time, packets, lost int, rtt time.Duration, bits int, since time.Duration) (fell bool) {
	if b.uncongestedSince.IsZero() {
		b.uncongestedSince, b.lastReport = now, now
	}
	gap := now.Sub(b.lastReport)
	silent := b.CutOff(gap)
	b.lastReport, b.usualGap = now, b.usualGap+(min(gap, b.cutOffAfter())-b.usualGap)/4
	if silent {
		b.sample = sample{}
		return false
	}
	if now.Sub(b.lastDecrease) < decreaseHold+b.decreaseRTT {
		return false
	}
	s := &b.sample
	s.packets, s.lost, s.bits, s.time = s.packets+packets, s.lost+lost, s.bits+bits, s.time+since
	if s.rtt == 0 || rtt > 0 && rtt < s.rtt {
		s.rtt = rtt
	}
	if many := s.packets >= samplePackets && s.time >= sampleMinTime; !many && (s.packets < sampleMinPackets || s.time < sampleMaxTime) {
		return false
	}
	before := b.Rate()
	b.evaluate(now, *s)
	owed := 0
	if s.lost != s.credit { // else the credit is unused
		owed = max(min(s.lost, 0), -256*s.packets)
	}
	b.sample = sample{lost: owed, credit: owed}
	return b.Rate() < before
}

// CutOff reports whether a receiver that was silent for this long was cut off.
func (b *BandwidthEstimate) CutOff(gap time.Duration) bool { return gap > b.cutOffAfter() }

func (b *BandwidthEstimate) cutOffAfter() time.Duration {
	return max(minCutOff, cutOffFactor*b.usualGap)
}

// evaluate decreases the estimate if the path was congested, and increases it if not.
func (b *BandwidthEstimate) evaluate(now time.Time, s sample) {
	fraction := min(max(s.lost/s.packets, 0), 255)
	sent := float64(s.bits) / s.time.Seconds()
	through := sent * float64(256-fraction) / 256
	if since := now.Sub(b.lastSample).Seconds(); b.previousRTT > 0 && s.rtt > b.previousRTT {
		// Packets that are not dropped are queued: the growth of the queue shows the excess over the bandwidth.
		through /= 1 + (s.rtt-b.previousRTT).Seconds()/since
	}
	queue := b.queueOf(now, s.rtt)
	b.lastSample = now
	if b.judgeDecrease(now, s) {
		return
	}
	b.smoothedLoss += fraction - b.smoothedLoss/8
	own := min(b.baseLoss.update(now, b.smoothedLoss/8, baseLossWindow), maxBaseLoss)
	switch lost := leastLoss(fraction, s.packets) - own; {
	case lost > lossHigh, lost > lossModerate && queue > shortQueue:
	case queue > longQueue && queue < b.queue*9/10:
		b.queue = queue // it empties
		return
	case queue > longQueue:
	case fraction-own < lossLow:
		b.Increase(now)
		fallthrough
	default:
		b.queue, b.futileDecreases = 0, 0
		return
	}
	if b.unprovenLoss = 0; leastLoss(fraction, s.packets)-own > lossModerate {
		b.unprovenLoss, b.unprovenRate, b.judged = leastLoss(fraction, s.packets), b.Rate(), sample{}
	}
	b.decrease(now, max(through, sent*minStep), s.rtt, queue)
}

// queueOf returns how much longer a round trip is than the shortest one, by more than round trips usually differ, 0 if unknown: jitter of
// the path is no queue.
func (b *BandwidthEstimate) queueOf(now time.Time, rtt time.Duration) time.Duration {
	if rtt == 0 {
		return 0
	}
	usual := b.rttChange
	if b.previousRTT > 0 {
		b.rttChange += ((rtt - b.previousRTT).Abs() - b.rttChange) / 8
	}
	b.previousRTT = rtt
	return max(rtt-b.baseRTT.update(now, rtt, rttWindow)-rttDeviations*usual, 0)
}

// leastLoss returns the loss that a sample proves, in 1/256: chance takes more of some samples than the path does on average.
func leastLoss(fraction, packets int) int {
	f := float64(fraction) / 256
	return max(fraction-int(256*lossDeviations*math.Sqrt(f*(1-f)/float64(packets))), 0)
}

// judgeDecrease examines the samples after a decrease for loss. If as much is lost although less was sent, the path itself loses it: the
// loss becomes the base, and the rate is restored. It reports whether it did.
func (b *BandwidthEstimate) judgeDecrease(now time.Time, s sample) bool {
	if b.unprovenLoss == 0 {
		return false
	}
	j := &b.judged
	j.packets, j.lost = j.packets+s.packets, j.lost+max(s.lost, 0)
	fraction := j.lost / j.packets
	if fraction > maxBaseLoss || float64(fraction) < unchangedLoss*float64(b.unprovenLoss) {
		if j.packets >= judgedPackets {
			b.unprovenLoss = 0
		}
		return false
	}
	b.unprovenLoss = 0
	b.smoothedLoss = 8 * fraction
	b.baseLoss = windowedMin[int]{least: fraction, before: fraction, since: now}
	b.rate, b.lastIncrease, b.hold, b.recoverTo = b.unprovenRate, now, 0, 0
	return true
}

// decrease sets the rate below what the path delivered, in bit/s.
func (b *BandwidthEstimate) decrease(now time.Time, through float64, rtt, queue time.Duration) {
	if b.recoverTo = 0; queue <= shortQueue && now.Sub(b.uncongestedSince) > uncongestedFor {
		b.recoverTo = b.Rate()
	}
	b.uncongestedSince = now
	switch since := now.Sub(b.lastDecrease); {
	case since > 3*b.hold:
		b.hold = minHold
	case since > b.hold:
		b.hold = min(2*b.hold, maxHold)
	}
	if b.queue > 0 {
		b.futileDecreases++
	}
	if b.futileDecreases == maxFutileDecreases {
		b.baseRTT, b.queue, b.futileDecreases, b.hold = windowedMin[time.Duration]{}, 0, 0, 0
		return
	}
	drain := drainUnqueued
	if queue > shortQueue {
		drain = min(max(queue.Seconds(), minDrain), maxDrain)
	}
	b.lastDecrease, b.lastIncrease, b.ceiling, b.decreaseRTT, b.queue = now, now, through, rtt, queue
	b.rate = max(min(b.Rate(), int(through*(1-drain))), minRate)
}

// Increase raises the estimate, because the path was not congested since the last call.
func (b *BandwidthEstimate) Increase(now time.Time) {
	since := now.Sub(b.lastIncrease)
	b.lastIncrease = now
	step := min(since, sampleMaxTime).Seconds()
	rate := float64(b.Rate())
	switch {
	case b.Rate() < b.recoverTo:
		rate = min(rate*math.Pow(recoveryGrowth, step), float64(b.recoverTo))
	case now.Sub(b.lastDecrease) < b.hold && b.recoverTo == 0:
		rate = min(rate*math.Pow(growth, step), b.ceiling*ceilingShare)
	default:
		rate *= math.Pow(growth, step)
	}
	b.rate = min(max(int(rate), minRate), maxRate)
}
