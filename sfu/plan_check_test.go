package sfu

import (
	"testing"
	"time"
)

// violations gives what the cross-check has counted.
func (s *sim) violations() (admission, consent uint64) {
	return s.w.count.AdmissionViolations, s.w.count.ConsentViolations
}

func (s *sim) wantNone(what string) {
	s.t.Helper()
	if a, c := s.violations(); a != 0 || c != 0 {
		s.t.Errorf("%s: %d and %d violations, and the gate works", what, a, c)
	}
}

// TestPlanCheckWithWorkingGate changes plans under traffic: peers join, leave, are muted, separated or recorded, and the gate applies each plan.
func TestPlanCheckWithWorkingGate(t *testing.T) {
	s, _ := newGroup(t, 41, simSpec{}, "a", "b", "c")
	newSimTap(s)
	step := func(what string, change func(*Plan)) {
		p := fullPlan("a", "b", "c")
		change(&p)
		s.applyPlan(p)
		s.run(time.Second)
		s.wantNone(what)
	}
	step("all", func(*Plan) {})
	step("recorded", func(p *Plan) { p.Record = []string{p.Entries[0].Sends[0].ID, p.Entries[1].Sends[1].ID} })
	step("muted", func(p *Plan) { p.Entries[0].Sends[0].Muted = true })
	step("apart", func(p *Plan) { p.Entries[0].Receives, p.Entries[1].Receives = []PeerID{"c"}, []PeerID{"c"} })
	step("removed", func(p *Plan) { p.Entries = p.Entries[1:] })
	step("back", func(*Plan) {})
}

// TestPlanCheckFindsViolations breaks the gate on purpose: a plan comes into force, and the gate keeps applying the previous one.
func TestPlanCheckFindsViolations(t *testing.T) {
	for what, c := range map[string]struct {
		change             func(*Plan)
		admission, consent bool
	}{
		"a removed peer goes on":          {func(p *Plan) { p.Entries = p.Entries[1:] }, true, true},
		"one is heard who must not be":    {func(p *Plan) { p.Entries[1].Receives = nil }, true, false},
		"a mute is not obeyed":            {func(p *Plan) { p.Entries[0].Sends[0].Muted = true }, true, false},
		"a source that may not be sent":   {func(p *Plan) { p.Entries[0].Sends = p.Entries[0].Sends[:1] }, true, false},
		"a publication under another id":  {func(p *Plan) { p.Entries[0].Sends[0].ID = "another" }, true, true},
		"recorded after a withdrawal":     {func(p *Plan) { p.Record = nil }, false, true},
		"recorded although another is so": {func(p *Plan) { p.Record = []string{p.Entries[1].Sends[0].ID} }, false, true},
	} {
		t.Run(what, func(t *testing.T) {
			s, _ := newGroup(t, 42, simSpec{}, "a", "b")
			newSimTap(s)
			p := fullPlan("a", "b")
			p.Record = []string{p.Entries[0].Sends[0].ID}
			s.applyPlan(p)
			s.run(2 * time.Second)
			s.wantNone("before")
			next := fullPlan("a", "b")
			next.Record = []string{next.Entries[0].Sends[0].ID}
			c.change(&next)
			s.room.snapshotPlan(next) // and the gate does not apply it
			s.run(time.Second)
			if a, k := s.violations(); (a > 0) != c.admission || (k > 0) != c.consent {
				t.Errorf("%d admission and %d consent violations", a, k)
			}
		})
	}
}

func TestPlanCheckWithoutPlan(t *testing.T) {
	var none *expectedPlan
	if none.receives("a", "b", Camera, "x") || none.records("b", Camera, "x") {
		t.Error("without a plan something is allowed")
	}
}

func TestDurations(t *testing.T) {
	var d, sum Durations
	for _, v := range []time.Duration{0, 5 * time.Millisecond, 6 * time.Millisecond, time.Second} {
		d.observe(v, 1)
	}
	sum.add(d)
	sum.add(d)
	d.observe(time.Hour, 3)
	if sum.Buckets[0] != 2 || sum.Buckets[5] != 2 || sum.Buckets[6] != 2 || sum.Buckets[len(DurationBounds)] != 2 || sum.Sum != 2022*time.Millisecond || d.Buckets[len(DurationBounds)] != 4 {
		t.Errorf("got %+v", sum)
	}
}

func TestForwardingTimes(t *testing.T) {
	var waiting, left arrivalBatches
	var d Durations
	for i := range 40 { // more rounds than the list holds
		for range 2 {
			waiting.add(simBegin.Add(time.Duration(i)*time.Microsecond), 1)
		}
	}
	left.take(&waiting)
	d.observeArrivals(&left, simBegin.Add(3*time.Millisecond))
	if d.Buckets[5] != 80 || waiting.n != 0 || left.n != 0 {
		t.Errorf("got %+v", d)
	}
	s, all := newGroup(t, 25, simSpec{}, "a", "b")
	s.w.box.departed.n, s.w.count.Forwarding = 0, Durations{}
	before := s.w.count.Audio + s.w.count.Video
	all[0].sim.run(2 * simTick)
	s.w.count.Forwarding.observeArrivals(&s.w.box.departed, s.now)
	if sent, n := s.w.count.Audio+s.w.count.Video-before, sumOf(s.w.count.Forwarding); n != sent {
		t.Errorf("%d packets timed of %d", n, sent)
	}
}

func sumOf(d Durations) (n uint64) {
	for _, b := range d.Buckets {
		n += b
	}
	return n
}
