package forward

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestBucketRates checks that what passes is never more than the limit and a burst, in any stretch of time, and that what stays below
// always passes.
func TestBucketRates(t *testing.T) {
	for name, c := range map[string]struct {
		limit Limit
		every time.Duration
		bytes int
		want  float64 // packets a second that pass, in the long run
	}{
		"below":            {Limit{128_000, 200, 2 * time.Second}, 20 * time.Millisecond, 200, 50},
		"too many bits":    {Limit{128_000, 200, 2 * time.Second}, 5 * time.Millisecond, 800, 20},
		"too many packets": {Limit{128_000, 200, 2 * time.Second}, time.Millisecond, 40, 200},
		"no packets":       {Limit{128_000, 0, 2 * time.Second}, time.Millisecond, 8, 1000},
	} {
		var b Bucket
		now := time.Unix(1790000000, 0)
		passed, seconds := 0, 60
		for range int(time.Duration(seconds) * time.Second / c.every) {
			now = now.Add(c.every)
			if b.Take(now, &c.limit, c.bytes) {
				passed++
			}
		}
		burst := c.limit.Burst.Seconds() * c.want
		if n := float64(passed); n < c.want*float64(seconds)-1 || n > c.want*float64(seconds)+burst {
			t.Errorf("%s: %d packets in %d s", name, passed, seconds)
		}
	}
}

func TestBucketBursts(t *testing.T) {
	l := Limit{Bits: 80_000, Packets: 100, Burst: time.Second}
	rnd := rand.New(rand.NewPCG(1, 2))
	var b Bucket
	now := time.Unix(1790000000, 0)
	type took struct {
		at   time.Time
		bits int
	}
	var all []took
	for range 20_000 {
		now = now.Add(time.Duration(rnd.ExpFloat64() * float64(5*time.Millisecond)))
		if n := rnd.IntN(300); b.Take(now, &l, n) {
			all = append(all, took{now, 8 * n})
		}
	}
	for from := range all {
		bits, packets := 0, 0
		for _, x := range all[from:min(from+300, len(all))] {
			bits, packets = bits+x.bits, packets+1
			most := x.at.Sub(all[from].at).Seconds() + 1
			if float64(bits) > 80_000*most+1 || float64(packets) > 100*most+1 {
				t.Fatalf("%d bits and %d packets in %v", bits, packets, x.at.Sub(all[from].at))
			}
		}
	}
	now = now.Add(time.Hour)
	if !b.Take(now, &l, 10_000) || b.Take(now, &l, 1) {
		t.Fatal("a full bucket holds a burst, and no more")
	}
	if b.Take(now.Add(-time.Minute), &l, 1) {
		t.Fatal("a clock that goes back fills nothing")
	}
}
