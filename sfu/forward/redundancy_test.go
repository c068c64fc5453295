package forward

import (
	"math/rand/v2"
	"testing"
	"time"
)

// over reports for a while on sound of one voice, and on pictures if there are some, over a path with a loss, and returns how many copies left
// for most of the time.
func over(r *Redundancy, rnd *rand.Rand, now *time.Time, loss float64, video int, d time.Duration) int {
	var spent [maxCopies + 1]time.Duration
	for end := now.Add(d); now.Before(end); *now = now.Add(time.Second) {
		lost, gone := 0, 0
		for range 50 {
			all := true
			for range 1 + r.Copies() {
				all = all && rnd.Float64() < loss
			}
			if all {
				lost++
			}
		}
		for range video {
			if rnd.Float64() < loss {
				gone++
			}
		}
		r.Report(*now, 50, lost, video, gone)
		spent[r.Copies()] += time.Second
	}
	most := 0
	for i := range spent {
		if spent[i] > spent[most] {
			most = i
		}
	}
	return most
}

func TestRedundancy(t *testing.T) {
	for _, video := range []int{0, 100} {
		rnd, r, now := rand.New(rand.NewPCG(1, uint64(video))), &Redundancy{}, time.Unix(1e9, 0)
		for _, step := range []struct {
			loss   float64
			copies int
		}{{0, 0}, {0.005, 0}, {0.06, 1}, {0.2, 2}, {0.2, 2}, {0.06, 1}, {0, 0}, {0.06, 1}} {
			over(r, rnd, &now, step.loss, video, 3*time.Minute) // it gets used to it
			if n := over(r, rnd, &now, step.loss, video, 3*time.Minute); n != step.copies {
				t.Errorf("%d pictures, %.1f %% lost: %d copies, want %d", video, 100*step.loss, n, step.copies)
			}
		}
	}
}

// TestRedundancyIsThereSoon checks how soon copies begin after a path begins to lose packets, and that they do not come and go.
func TestRedundancyIsThereSoon(t *testing.T) {
	rnd, r, now := rand.New(rand.NewPCG(2, 0)), &Redundancy{}, time.Unix(1e9, 0)
	over(r, rnd, &now, 0, 0, time.Minute)
	begin := now
	for r.Copies() < 1 {
		over(r, rnd, &now, 0.2, 0, time.Second)
	}
	if took := now.Sub(begin); took > 6*time.Second {
		t.Errorf("copies begin after %v", took)
	}
	changes, before := 0, r.Copies()
	for range 600 {
		over(r, rnd, &now, 0.2, 0, time.Second)
		if r.Copies() != before {
			changes, before = changes+1, r.Copies()
		}
	}
	if changes > 8 {
		t.Errorf("%d changes in ten minutes", changes)
	}
}

func TestRedundancyOfNothing(t *testing.T) {
	r, now := &Redundancy{}, time.Unix(1e9, 0)
	for range 100 {
		now = now.Add(time.Second)
		r.Report(now, 0, 0, 0, 0)
		r.Report(now, 3, -2, 1, 5)
	}
	if r.Copies() != 0 {
		t.Errorf("%d copies", r.Copies())
	}
}
