package bwe

import "math"

// A queue is how long packets wait on the path: the one-way delay above its floor, of which the least of two reports counts, because
// jitter rarely delays all packets. All times are in microseconds.
type queue struct {
	now         int64
	floor       windowMin
	least, last int64 // one-way delays, of this report and the one before
	begun       bool
	change      float64 // between reports, smoothed
	jitter      float64 // the largest delay that was jitter, forgotten with a half-life
	jitterAt    int64
	peak        int64 // of the delay that is under way
	peakAt      int64
	bytes       int64   // that arrived so far
	peakBytes   int64   // of these, at the peak
	peakRate    float64 // bit/s that came through then
}

// How a delay ended.
type ending int

const (
	notEnded ending = iota
	endedByDraining
	endedByJitter
)

func (q *queue) begin() { q.least = math.MaxInt64 }

func (q *queue) add(delay int64, size int) {
	q.least = min(q.least, delay)
	q.bytes += int64(size)
}

// end closes a report, which ended at a time of the receiver's clock. through is what came through lately, in bit/s.
func (q *queue) end(at int64, through float64) ending {
	last := q.last
	if !q.begun {
		last, q.begun = q.least, true
	}
	q.last = q.least
	floor := q.floor.update(at, q.least, micros(floorWindow))
	now := max(min(q.least, last)-floor, 0)
	q.change += (math.Abs(float64(now-q.now)) - q.change) / 32
	q.now = now
	q.jitter *= math.Exp2(-float64(min(max(at-q.jitterAt, 0), 1_000_000)) / float64(micros(peakHalfLife)))
	q.jitterAt = at
	return q.follow(at, through)
}

// follow looks for the end of a delay. While a queue empties, packets arrive as fast as the line takes them, as they did when it grew.
// Packets that jitter held back arrive faster.
func (q *queue) follow(at int64, through float64) ending {
	if q.now >= q.peak {
		q.peak, q.peakAt, q.peakBytes, q.peakRate = q.now, at, q.bytes, through
		return notEnded
	}
	if q.peak < micros(smallJitter) || float64(q.now) > endedShare*float64(q.peak) {
		return notEnded
	}
	rate := float64(q.bytes-q.peakBytes) * 8e6 / float64(max(at-q.peakAt, 1))
	peak, before := float64(q.peak), q.peakRate
	q.peak, q.peakAt, q.peakBytes, q.peakRate = q.now, at, q.bytes, through
	if rate < releaseRate*before {
		return endedByDraining
	}
	q.jitter = max(q.jitter, min(peak, float64(micros(maxJitter))))
	return endedByJitter
}

// gate is what a queue must exceed to count.
func (q *queue) gate() int64 {
	return int64(max(float64(micros(minQueue)), queueDeviations*q.change, peakMargin*q.jitter))
}

// short reports whether packets hardly wait.
func (q *queue) short() bool {
	return q.now <= max(micros(probeQueue), int64(q.jitter))
}
