package sfu

import "time"

// RoundTripBounds are the upper bounds of the buckets of Counters.RoundTrips: from a neighbour to a line on which nobody can talk.
var RoundTripBounds = [...]time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
}

// Durations are a histogram: how many fell below each bound and not below the one before, the rest last, and their sum.
type Durations struct {
	Buckets [len(RoundTripBounds) + 1]uint64
	Sum     time.Duration
}

func (d *Durations) observe(v time.Duration) {
	i := 0
	for i < len(RoundTripBounds) && v > RoundTripBounds[i] {
		i++
	}
	d.Buckets[i]++
	d.Sum += v
}

func (d *Durations) add(o Durations) {
	for i, n := range o.Buckets {
		d.Buckets[i] += n
	}
	d.Sum += o.Sum
}
