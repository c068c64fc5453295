package forward

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestBound(t *testing.T) {
	for name, c := range map[string]struct {
		rate, sent int
		lost       uint8
		want       int
	}{
		"no loss grows 8 %":             {1_000_000, 1_000_000, 0, 1_080_000},
		"under 2 % grows":               {1_000_000, 1_000_000, 4, 1_080_000},
		"2 % stays":                     {1_000_000, 1_000_000, 5, 1_000_000},
		"10 % stays":                    {1_000_000, 1_000_000, 26, 1_000_000},
		"over 10 % falls by half of it": {1_024_000, 1_024_000, 64, 896_000},
		"all lost halves":               {1_000_000, 1_000_000, 255, 1_000_000 - 1_000_000*255/512},
		"falls from what was sent":      {8_000_000, 1_024_000, 64, 896_000},
		"falls from no more than it":    {1_024_000, 9_000_000, 64, 896_000},
		"never under the least":         {160_000, 160_000, 255, boundMin},
		"nothing sent":                  {1_000_000, 0, 255, boundMin},
		"never over the most":           {29_000_000, 29_000_000, 0, boundMax},
	} {
		b := Bound{rate: c.rate}
		if b.Report(epoch, c.lost, c.sent); b.Rate() != c.want {
			t.Errorf("%s: %d, want %d", name, b.Rate(), c.want)
		}
	}
	if rate := (&Bound{}).Rate(); rate != boundStart {
		t.Errorf("begins at %d", rate)
	}
}

// Receivers report several times a second: one loss counts once, growth is by the second.
func TestBoundTakesItsTime(t *testing.T) {
	b := Bound{rate: 1_024_000}
	b.Report(epoch, 64, 1_024_000)
	b.Report(epoch.Add(boundHold-1), 64, 896_000)
	if b.Rate() != 896_000 {
		t.Errorf("fell twice in %v: %d", boundHold, b.Rate())
	}
	b.Report(epoch.Add(boundHold), 64, 896_000)
	if b.Rate() != 784_000 {
		t.Errorf("fell no further: %d", b.Rate())
	}
	b = Bound{rate: 1_000_000}
	for now := epoch; now.Before(epoch.Add(10 * time.Second)); now = now.Add(100 * ms) {
		b.Report(now, 0, 1_000_000)
	}
	if b.Rate() < 2_100_000 || b.Rate() > 2_200_000 {
		t.Errorf("after ten seconds without loss: %d", b.Rate())
	}
}

// A path that carries 2 Mbit/s and loses the rest: the bound settles near it, from either side.
func TestBoundSettles(t *testing.T) {
	const path = 2_000_000
	for _, start := range []int{boundMin, boundStart, boundMax} {
		b := Bound{rate: start}
		low, high := boundMax, 0
		for i := range 600 {
			lost := 256 * max(b.Rate()-path, 0) / b.Rate()
			b.Report(epoch.Add(time.Duration(i)*500*ms), uint8(lost), b.Rate())
			if b.Rate() < boundMin || b.Rate() > boundMax {
				t.Fatalf("rate %d", b.Rate())
			}
			if i >= 300 {
				low, high = min(low, b.Rate()), max(high, b.Rate())
			}
		}
		if low < path*3/4 || high > path*5/4 {
			t.Errorf("from %d: between %d and %d", start, low, high)
		}
	}
}

// A path that carries 2 Mbit/s and loses 9 % by itself, now more, now less: that is no reason to send much less than it carries.
func TestBoundOnRadio(t *testing.T) {
	const path = 2_000_000
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 8))
		b := Bound{rate: boundMin}
		sum := 0
		for i := range 200 {
			sent, lost := 10+b.Rate()/20_000, 0 // packets of a report
			for range sent {
				if rnd.Float64() < 0.09 || rnd.Float64() < float64(b.Rate()-path)/float64(b.Rate()) {
					lost++
				}
			}
			b.Report(epoch.Add(time.Duration(i)*time.Second), uint8(min(255, 256*lost/sent)), b.Rate())
			if i >= 100 {
				sum += b.Rate() / 100
			}
		}
		if sum < path/2 || sum > path*5/4 {
			t.Errorf("seed %d: %d bit/s on average", seed, sum)
		}
	}
}
