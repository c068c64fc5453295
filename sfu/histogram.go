package sfu

import "time"

// DurationBounds are the upper bounds of the buckets of all Durations: from forwarding by an idle worker to a round trip
// that makes conversation impossible.
var DurationBounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond,
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
}

// Durations are a histogram: how many fell below each bound and not below the one before, the rest last, and their sum.
type Durations struct {
	Buckets [len(DurationBounds) + 1]uint64
	Sum     time.Duration
}

// observe counts n times the same.
func (d *Durations) observe(v time.Duration, n int) {
	i := 0
	for i < len(DurationBounds) && v > DurationBounds[i] {
		i++
	}
	d.Buckets[i] += uint64(n)
	d.Sum += time.Duration(n) * v
}

func (d *Durations) add(o Durations) {
	for i, n := range o.Buckets {
		d.Buckets[i] += n
	}
	d.Sum += o.Sum
}

// RateBounds are the upper bounds of the buckets of all Rates, in bit/s: from what audio alone takes to what no view needs.
var RateBounds = [...]int{100_000, 200_000, 400_000, 800_000, 1_600_000, 3_200_000, 6_400_000, 12_800_000}

// Rates are a histogram as Durations are.
type Rates struct {
	Buckets [len(RateBounds) + 1]uint64
	Sum     uint64 // bit/s
}

func (r *Rates) observe(v int) {
	i := 0
	for i < len(RateBounds) && v > RateBounds[i] {
		i++
	}
	r.Buckets[i]++
	r.Sum += uint64(v)
}

func (r *Rates) add(o Rates) {
	for i, n := range o.Buckets {
		r.Buckets[i] += n
	}
	r.Sum += o.Sum
}

// arrivalBatches are packets grouped by their time of arrival. When the list is full, further packets count with the newest group.
type arrivalBatches struct {
	list [32]arrivalBatch
	n    int
}

type arrivalBatch struct {
	at      time.Time
	packets int
}

func (l *arrivalBatches) add(at time.Time, packets int) {
	if l.n == 0 || l.list[l.n-1].at != at && l.n < len(l.list) {
		l.list[l.n] = arrivalBatch{at: at}
		l.n++
	}
	l.list[l.n-1].packets += packets
}

// take moves the others here.
func (l *arrivalBatches) take(others *arrivalBatches) {
	for _, o := range others.list[:others.n] {
		l.add(o.at, o.packets)
	}
	others.n = 0
}

// observeArrivals counts how long packets took that left now.
func (d *Durations) observeArrivals(l *arrivalBatches, now time.Time) {
	for _, o := range l.list[:l.n] {
		d.observe(now.Sub(o.at), o.packets)
	}
	l.n = 0
}
