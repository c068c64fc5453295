package forward

import (
	"testing"
	"time"
)

func TestLineQuality(t *testing.T) {
	calm := LineSample{Inbound: Loss{Expected: 50}, Outbound: Loss{Expected: 200}, RoundTrip: 40 * time.Millisecond}
	with := func(change func(*LineSample)) LineSample {
		s := calm
		change(&s)
		return s
	}
	lossIn := with(func(s *LineSample) { s.Inbound.Lost = 10 })
	lossOut := with(func(s *LineSample) { s.Outbound.Lost = 40 })
	late := with(func(s *LineSample) { s.RoundTrip = 900 * time.Millisecond })
	between := with(func(s *LineSample) { s.Inbound.Lost = 2 })
	silent := with(func(s *LineSample) { s.Silence = lostAfter })
	few := LineSample{Inbound: Loss{Expected: 10, Lost: 9}}
	surplus := with(func(s *LineSample) { s.Inbound.Lost, s.Outbound.Lost = -9, -300 })
	type step struct {
		sample  LineSample
		seconds int
		want    LineLevel
	}
	for name, steps := range map[string][]step{
		"good":                             {{calm, 60, LineGood}},
		"one bad second":                   {{calm, 5, LineGood}, {lossIn, 1, LineGood}, {calm, 20, LineGood}},
		"loss on the way in":               {{calm, 5, LineGood}, {lossIn, 4, LineWeak}, {calm, 3, LineWeak}, {calm, 20, LineGood}},
		"loss on the way out":              {{calm, 5, LineGood}, {lossOut, 4, LineWeak}, {calm, 30, LineGood}},
		"a long round trip":                {{calm, 5, LineGood}, {late, 4, LineWeak}, {calm, 4, LineWeak}, {calm, 30, LineGood}},
		"between the limits it stays weak": {{lossIn, 10, LineWeak}, {between, 60, LineWeak}},
		"between the limits it stays good": {{calm, 10, LineGood}, {between, 60, LineGood}},
		"silence, and back by way of weak": {{calm, 5, LineGood}, {silent, 1, LineLost}, {calm, 1, LineWeak}, {calm, 3, LineWeak}, {calm, 4, LineGood}},
		"silence of a weak line":           {{lossIn, 5, LineWeak}, {silent, 3, LineLost}, {lossIn, 9, LineWeak}},
		"too few packets to tell":          {{few, 60, LineGood}},
		"more arrived than was expected":   {{surplus, 30, LineGood}},
	} {
		t.Run(name, func(t *testing.T) {
			var q LineQuality
			now := time.Unix(1_790_000_000, 0)
			for i, s := range steps {
				var got LineLevel
				for range s.seconds {
					now = now.Add(time.Second)
					got = q.Observe(now, s.sample)
				}
				if got != s.want || q.Level() != got {
					t.Fatalf("step %d: level %d, want %d", i, got, s.want)
				}
			}
		})
	}
}

// A sign that comes and goes each second says nothing: between two changes to weak lie at least lineCalm.
func TestLineQualityDoesNotFlicker(t *testing.T) {
	var q LineQuality
	now := time.Unix(1_790_000_000, 0)
	var weakAt time.Time
	was, changes := LineGood, 0
	for i := range 600 {
		now = now.Add(time.Second)
		s := LineSample{Inbound: Loss{Expected: 50, Lost: i * 7 % 13}, RoundTrip: time.Duration(300+i*37%300) * time.Millisecond}
		got := q.Observe(now, s)
		if got != was && got == LineWeak {
			changes++
			if !weakAt.IsZero() && now.Sub(weakAt) < lineCalm {
				t.Fatalf("weak again after %v", now.Sub(weakAt))
			}
			weakAt = now
		}
		was = got
	}
	if changes == 0 {
		t.Fatal("never weak: the test looks at nothing")
	}
}

func TestLineQualityAllocatesNothing(t *testing.T) {
	var q LineQuality
	now := time.Unix(1_790_000_000, 0)
	if n := testing.AllocsPerRun(100, func() { q.Observe(now, LineSample{Silence: time.Second}) }); n != 0 {
		t.Fatal(n)
	}
}
