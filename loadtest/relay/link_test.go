package relay

import (
	"math"
	"testing"
	"time"
)

// pass sends n packets of a size through a link at a fixed pace, in virtual time.
func pass(p Profile, seed uint64, n, size int, every time.Duration) (delays []time.Duration, drops map[Drop]int, out []time.Duration) {
	l := NewLink(p, seed)
	drops = map[Drop]int{}
	for i := range n {
		now := time.Duration(i) * every
		at, drop := l.Pass(now, size)
		drops[drop]++
		if drop == Kept {
			delays = append(delays, at-now)
			out = append(out, at)
		}
	}
	return delays, drops, out
}

func mean(all []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(len(all))
}

// within5 reports whether a figure is within 5 % of what was asked.
func within5(got, want float64) bool { return math.Abs(got-want) <= 0.05*want }

func TestDelayAndJitter(t *testing.T) {
	for _, p := range []Profile{
		{Delay: 80 * time.Millisecond},
		{Delay: 80 * time.Millisecond, Jitter: 20 * time.Millisecond},
		{Delay: 10 * time.Millisecond, Jitter: 10 * time.Millisecond},
	} {
		delays, drops, out := pass(p, 7, 200000, 1200, 5*time.Millisecond)
		if got := mean(delays); !within5(float64(got), float64(p.Delay)) {
			t.Errorf("%+v: mean delay %v", p, got)
		}
		if drops[Kept] != 200000 {
			t.Errorf("%+v: dropped %v", p, drops)
		}
		least, most := delays[0], delays[0]
		for i, d := range delays {
			least, most = min(least, d), max(most, d)
			if i > 0 && out[i] < out[i-1] {
				t.Fatalf("%+v: packet %d overtook another", p, i)
			}
		}
		if least < p.Delay-p.Jitter || most > p.Delay+p.Jitter {
			t.Errorf("%+v: delays from %v to %v", p, least, most)
		}
		if spread := most - least; !within5(float64(spread), float64(2*p.Jitter)) {
			t.Errorf("%+v: delays spread over %v, not over twice the jitter", p, spread)
		}
	}
}

func TestJitterRestartsAfterSilence(t *testing.T) {
	l := NewLink(Profile{Delay: time.Second, Jitter: 100 * time.Millisecond}, 1)
	for _, now := range []time.Duration{0, time.Hour, time.Hour + time.Millisecond, 300 * time.Hour} {
		if at, drop := l.Pass(now, 100); drop != Kept || (at-now-time.Second).Abs() > 100*time.Millisecond {
			t.Errorf("at %v: leaves at %v, %v", now, at, drop)
		}
	}
}

func TestLoss(t *testing.T) {
	for _, share := range []float64{0.01, 0.05, 0.3} {
		const n = 200000
		_, drops, _ := pass(Profile{Loss: share}, 3, n, 100, time.Millisecond)
		if got := float64(drops[Lost]) / n; !within5(got, share) {
			t.Errorf("asked for %v lost, got %v", share, got)
		}
	}
	if _, drops, _ := pass(Profile{}, 3, 1000, 100, time.Millisecond); drops[Kept] != 1000 {
		t.Errorf("a good line drops %v", drops)
	}
}

func TestReorder(t *testing.T) {
	const n = 100000
	_, _, out := pass(Profile{Delay: 10 * time.Millisecond, Reorder: 0.02}, 3, n, 100, 10*time.Millisecond)
	overtaken := 0
	for i := 1; i < len(out); i++ {
		if out[i] < out[i-1] {
			overtaken++
		}
	}
	// Two late ones in a row are overtaken once.
	if got := float64(overtaken) / n; !within5(got, 0.02*0.98) {
		t.Errorf("asked for 2 %% reordered, got %v", got)
	}
}

func TestRate(t *testing.T) {
	p := Profile{Rate: 1_000_000, Queue: 200 * time.Millisecond}
	// Twice as much as fits: 1,222 + 28 bytes of headers every 5 ms are 2 Mbit/s.
	const n = 20000
	_, drops, out := pass(p, 3, n, 1222, 5*time.Millisecond)
	rate := float64(len(out)*1250*8) / (out[len(out)-1] - out[0]).Seconds()
	if !within5(rate, 1e6) {
		t.Errorf("the line carries %.0f bit/s", rate)
	}
	if got := float64(drops[QueueFull]) / n; !within5(got, 0.5) {
		t.Errorf("the queue drops %v", got)
	}
	delays, drops, _ := pass(p, 3, n, 1222, 20*time.Millisecond) // half of what fits
	if drops[Kept] != n || mean(delays) != 10*time.Millisecond {
		t.Errorf("a line half full delays by %v and drops %v", mean(delays), drops)
	}
}

func TestDeterministicBySeed(t *testing.T) {
	p := Profile{Delay: 20 * time.Millisecond, Jitter: 9 * time.Millisecond, Loss: 0.1, Reorder: 0.1, Rate: 500_000, Queue: 100 * time.Millisecond}
	a, da, _ := pass(p, 1, 5000, 500, 7*time.Millisecond)
	b, db, _ := pass(p, 1, 5000, 500, 7*time.Millisecond)
	c, _, _ := pass(p, 2, 5000, 500, 7*time.Millisecond)
	if len(a) != len(b) || da[Lost] != db[Lost] {
		t.Fatalf("one seed, two fates: %d and %d came", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("one seed, two fates for packet %d", i)
		}
	}
	if mean(a) == mean(c) {
		t.Error("another seed has the same fate")
	}
}

// TestCourses sends through each built-in course, in virtual time, and checks what comes at its stages.
func TestCourses(t *testing.T) {
	type seen struct{ from, to, least, most float64 } // seconds, and shares of 1 Mbit/s that come
	for name, parts := range map[string][]seen{
		"home":            {{0, 30, 0.98, 1}},
		"mobile":          {{0, 19, 0.97, 1}, {21, 25, 0.5, 0.7}, {26, 30, 0.97, 1}},
		"clinic-firewall": {{0, 30, 0, 0}},
		"bufferbloat":     {{2, 30, 0.95, 1}},
		"step":            {{0, 8, 1, 1}, {10, 18, 0.25, 0.35}, {19, 30, 1, 1}},
		"loss20":          {{0, 30, 0.78, 0.82}},
	} {
		c, ok := CourseNamed(name)
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		l := newCourseLink(c.way(false), 3)
		came, sent := make([]float64, len(parts)), make([]float64, len(parts))
		const begin = time.Hour // links begin with their first packet, whenever that is
		for i := range 30 * 1000 / 8 {
			at := time.Duration(i) * 8 * time.Millisecond
			_, drop := l.Pass(begin+at, 1000-headerBytes) // 1 Mbit/s
			for p, part := range parts {
				if s := at.Seconds(); s >= part.from && s < part.to {
					if sent[p]++; drop == Kept {
						came[p]++
					}
				}
			}
		}
		for p, part := range parts {
			if share := came[p] / sent[p]; share < part.least || share > part.most {
				t.Errorf("%s from %v s on: %.3f came", name, part.from, share)
			}
		}
	}
	if len(Courses()) != 6 {
		t.Errorf("tested are not all of %v", Courses())
	}
	if _, ok := CourseNamed("nonsense"); ok {
		t.Error("nonsense is a network")
	}
}

// TestCourseWays checks that the ways of a course differ where it says so.
func TestCourseWays(t *testing.T) {
	c, _ := CourseNamed("home")
	if up, down := c.way(true)[0].profile.Rate, c.way(false)[0].profile.Rate; up != 5e6 || down != 25e6 {
		t.Errorf("%d up, %d down", up, down)
	}
}
