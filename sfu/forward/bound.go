package forward

import (
	"math"
	"time"
)

// Constants of the bound, in bits per second and 1/256 of packets. Its thresholds of loss are those of Google congestion control
// (draft-ietf-rmcat-gcc-02, section 6).
const (
	boundStart = 20_000_000 // thirty pictures of 600 kbit/s: a path that is narrower says so within a second
	boundMin   = 150_000
	boundMax   = 30_000_000
	lossHigh   = 26 // 10 %: the path is full
	lossSome   = 10 // 4 %: it is full if packets wait, too
	lossLow    = 5  // 2 %: grow
	// fullQueue is a round trip so much above the shortest, all of a sample: what we send waits on its way.
	fullQueue = 120 * time.Millisecond
	someQueue = 40 * time.Millisecond
	// A full path gets so much less than came through it that its queue empties within seconds: a share, or the time that
	// packets wait, of each second.
	drainNone  = 0.15 // nothing waits
	drainLeast = 0.25
	drainMost  = 0.5
	// growth is for each second in which the path was not full.
	growth = 1.10
	// boundHold is how long after a fall reports tell what was before it, the round trip not counted.
	boundHold = 300 * time.Millisecond
	// A silence of the receiver, longer than cutOff and much longer than it usually takes: what was lost meanwhile says nothing of how
	// wide the path is.
	cutOff     = 2 * time.Second
	cutOffMuch = 3
	// A short cut looks like a full path without a queue. It does not take all, and what follows comes back soon, unless the path
	// was full not long ago.
	leastStep = 0.25 // of what was sent
	comeback  = 1.5  // a second
	longAgo   = 30 * time.Second
	// A path that was full holds as much for a while, and if it is full soon again, for twice as long: to try more costs a
	// picture that stands still.
	patienceLeast = 8 * time.Second
	patienceMost  = time.Minute
	settled       = 0.85
)

// A sample is judged when it is large enough: of a few packets one that is lost by chance looks like a full path.
const (
	samplePackets = 60 // at least, in sampleSoon
	sampleSoon    = 500 * time.Millisecond
	sampleFew     = 20 // at least, in sampleLate
	sampleLate    = 2 * time.Second
)

// What the path does by itself is the least of this window and the one before.
const (
	// A radio link loses some packets at any rate: what was lost at least, for a while, is none of ours. What is too much for
	// the path falls to nothing whenever we back off.
	ownWindow = 5 * time.Second
	ownMost   = 20 // 8 %: above it nobody would like to see more
	rttWindow = 30 * time.Second
	// notOurs is how many falls in a row may leave the queue as it is; then it is another's, such as of an upload.
	notOurs = 3
)

// A Bound is how much video may go to one subscriber: from the loss and the round trips in its receiver reports, for a full
// path drops packets or lets them wait. Owned by the worker.
type Bound struct {
	rate    int // bit/s, 0: boundStart
	sample  sample
	smooth  int // loss of the last samples, in 1/2048
	ownLoss floor[int]
	ownTrip floor[time.Duration]
	grew    time.Time
	steady  time.Time     // since when the path was never full: the first report, or the last fall
	heard   time.Time     // the last report
	usual   time.Duration // between reports, smoothed
	before  time.Duration // round trip of the sample before, 0: unknown
	judged  time.Time

	// Of the last fall:
	fell     time.Time
	ceiling  float64       // bit/s that came through
	trip     time.Duration // the round trip then
	queue    time.Duration // then, or less since
	standing int           // falls in a row that left the queue as it was
	patient  time.Duration
	back     int // bit/s to come back to soon, 0: none
}

// A sample is what several reports say.
type sample struct {
	packets, lost int           // lost in 1/256
	owed          int           // of lost, below zero: what the sample before was told never came to us, and the receiver not yet
	rtt           time.Duration // the shortest, 0: unknown
	bits          int           // sent
	time          time.Duration // in which they were sent
}

// A floor is the least of a window and the one before.
type floor[T int | time.Duration] struct {
	least, before T
	since         time.Time
}

func (f *floor[T]) see(now time.Time, v T, window time.Duration) T {
	switch {
	case f.since.IsZero():
		f.least, f.before, f.since = v, v, now
	case now.Sub(f.since) >= window:
		f.before, f.least, f.since = f.least, v, now
	}
	f.least = min(f.least, v)
	return min(f.least, f.before)
}

// Rate is the bound in bit/s.
func (b *Bound) Rate() int {
	if b.rate == 0 {
		return boundStart
	}
	return b.rate
}

// Report takes what a receiver report says: of how many packets, how much of them was lost in 1/256, and the round trip, 0 if
// unknown; and how many bits were sent meanwhile, in what time. It reports whether the bound fell.
func (b *Bound) Report(now time.Time, packets, lost int, rtt time.Duration, bits int, since time.Duration) (fell bool) {
	if b.steady.IsZero() {
		b.steady, b.heard = now, now
	}
	gap := now.Sub(b.heard)
	silent := b.Silent(gap)
	b.heard, b.usual = now, b.usual+(min(gap, b.longest())-b.usual)/4
	if silent {
		b.sample = sample{}
		return false
	}
	if now.Sub(b.fell) < boundHold+b.trip {
		return false
	}
	s := &b.sample
	s.packets, s.lost, s.bits, s.time = s.packets+packets, s.lost+lost, s.bits+bits, s.time+since
	if s.rtt == 0 || rtt > 0 && rtt < s.rtt {
		s.rtt = rtt
	}
	if many := s.packets >= samplePackets && s.time >= sampleSoon; !many && (s.packets < sampleFew || s.time < sampleLate) {
		return false
	}
	before := b.Rate()
	b.judge(now, *s)
	owed := 0
	if s.lost != s.owed { // else nobody draws on it
		owed = max(min(s.lost, 0), -256*s.packets)
	}
	b.sample = sample{lost: owed, owed: owed}
	return b.Rate() < before
}

// Silent tells whether a receiver that says nothing for so long was cut off.
func (b *Bound) Silent(gap time.Duration) bool { return gap > b.longest() }

func (b *Bound) longest() time.Duration { return max(cutOff, cutOffMuch*b.usual) }

// judge lets the bound fall if the path was full, and grow if it was not.
func (b *Bound) judge(now time.Time, s sample) {
	fraction := min(max(s.lost/s.packets, 0), 255)
	sent := float64(s.bits) / s.time.Seconds()
	through := sent * float64(256-fraction) / 256
	if since := now.Sub(b.judged).Seconds(); b.before > 0 && s.rtt > b.before {
		// What a path does not drop waits: by how much the queue grew says how much more came than went.
		through /= 1 + (s.rtt-b.before).Seconds()/since
	}
	b.before, b.judged = s.rtt, now
	b.smooth += fraction - b.smooth/8
	own := min(b.ownLoss.see(now, b.smooth/8, ownWindow), ownMost)
	queue := time.Duration(0)
	if s.rtt > 0 {
		queue = s.rtt - b.ownTrip.see(now, s.rtt, rttWindow)
	}
	switch lost := fraction - own; {
	case lost > lossHigh, lost > lossSome && queue > someQueue:
	case queue > fullQueue && queue < b.queue*9/10:
		b.queue = queue // it empties
		return
	case queue > fullQueue:
	case lost < lossLow:
		b.Grow(now)
		fallthrough
	default:
		b.queue, b.standing = 0, 0
		return
	}
	b.fall(now, max(through, sent*leastStep), s.rtt, queue)
}

// fall leaves the path less than what came through it, in bit/s.
func (b *Bound) fall(now time.Time, through float64, rtt, queue time.Duration) {
	if b.back = 0; queue <= someQueue && now.Sub(b.steady) > longAgo {
		b.back = b.Rate()
	}
	b.steady = now
	switch since := now.Sub(b.fell); {
	case since > 3*b.patient:
		b.patient = patienceLeast
	case since > b.patient:
		b.patient = min(2*b.patient, patienceMost)
	}
	if b.queue > 0 {
		b.standing++
	}
	if b.standing == notOurs {
		b.ownTrip, b.queue, b.standing, b.patient = floor[time.Duration]{}, 0, 0, 0
		return
	}
	drain := drainNone
	if queue > someQueue {
		drain = min(max(queue.Seconds(), drainLeast), drainMost)
	}
	b.fell, b.grew, b.ceiling, b.trip, b.queue = now, now, through, rtt, queue
	b.rate = max(min(b.Rate(), int(through*(1-drain))), boundMin)
}

// Grow takes note that the path was not full since it was asked last.
func (b *Bound) Grow(now time.Time) {
	since := now.Sub(b.grew)
	b.grew = now
	step := min(since, sampleLate).Seconds()
	rate := float64(b.Rate())
	switch {
	case b.Rate() < b.back:
		rate = min(rate*math.Pow(comeback, step), float64(b.back))
	case now.Sub(b.fell) < b.patient && b.back == 0:
		rate = min(rate*math.Pow(growth, step), b.ceiling*settled)
	default:
		rate *= math.Pow(growth, step)
	}
	b.rate = min(max(int(rate), boundMin), boundMax)
}
