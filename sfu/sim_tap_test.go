package sfu

import (
	"slices"
	"testing"
	"time"
)

// A simTap takes what is recorded, and holds every packet against the plan in force.
type simTap struct {
	sim     *sim
	tracks  []*simTrack
	refuses bool
	begun, ended,
	units, clocks, late int
}

func newSimTap(s *sim) *simTap {
	t := &simTap{sim: s}
	s.room.Tap(t)
	return t
}

// A simTrack is one recorded publication.
type simTrack struct {
	tap    *simTap
	about  TapInfo
	ended  bool
	units  int
	lastAt time.Time
	max    uint64
	seen   map[uint64]stamp
	ts     uint32 // of max
	clock  struct {
		ts uint32
		at time.Time
	}
	skew time.Duration // the worst, of what was recorded against when it was sent
}

func (t *simTap) Begin(about TapInfo, ready func(TapTrack)) {
	t.begun++
	if !slices.Contains(t.sim.record, about.Publication) {
		t.sim.fatal("%s is to be recorded against the plan", about.Publication)
	}
	track := &simTrack{tap: t, about: about, seen: map[uint64]stamp{}}
	t.tracks = append(t.tracks, track)
	switch {
	case t.refuses:
		ready(nil)
	case t.sim.rnd.IntN(2) == 0:
		ready(track)
	default: // some time later, when the plan may be another
		tick := t.sim.tick + 1 + t.sim.rnd.Int64N(20)
		t.sim.wheel[tick] = append(t.sim.wheel[tick], flight{call: func() { ready(track) }})
	}
}

func (x *simTrack) End() {
	if x.ended {
		x.tap.sim.fatal("%s ends twice", x.about.Publication)
	}
	x.ended = true
	x.tap.ended++
}

func (x *simTrack) Clock(ts uint32, at time.Time) {
	x.tap.clocks++
	x.clock.ts, x.clock.at = ts, at
}

// Put checks that the plan in force allows what is recorded, that it is what the source sent, once, and that it begins with a
// key frame.
func (x *simTrack) Put(u TapUnit) {
	s := x.tap.sim
	x.tap.units++
	st, ok := readStamp(u.Payload)
	if !ok {
		s.fatal("%s: a payload that nobody sent", x.about.Publication)
	}
	src := s.sources[st.source]
	from := src.owner
	send := s.force[from.id].sends[src.line.source]
	_, again := x.seen[u.Seq]
	switch {
	case x.ended:
		s.fatal("%s is recorded after its end", x.about.Publication)
	case s.people[from.id] != from:
		s.fatal("an old connection of %s is recorded", from.id)
	case send.ID != x.about.Publication || from.id != x.about.Peer || src.line.source != x.about.Source:
		s.fatal("%s of %s is recorded as %+v", send.ID, from.id, x.about)
	case send.Muted || !slices.Contains(s.record, send.ID):
		s.fatal("%s is recorded against the plan", send.ID)
	case u.Seq == 0 || again:
		s.fatal("%s: number %d twice, %+v and %+v", send.ID, u.Seq, x.seen[u.Seq], st)
	case x.units == 0 && src.line.kind == "video" && (st.flags&stampKey == 0 || !u.KeyFrame):
		s.fatal("%s begins %+v without its key frame", send.ID, st)
	case src.line.ddExt == 0 && u.KeyFrame != (src.line.kind == "video" && st.flags&stampKey != 0 && st.flags&stampStart != 0):
		s.fatal("%s: key frame %v, sent was %+v", send.ID, u.KeyFrame, st)
	}
	x.order(u, st)
	x.seen[u.Seq], x.lastAt = st, s.now
	x.units++
}

// order checks that numbers and times follow those of the source.
func (x *simTrack) order(u TapUnit, st stamp) {
	s := x.tap.sim
	if u.Seq < x.max {
		x.tap.late++
	}
	if before, ok := x.seen[u.Seq-1]; ok && before.stream(st) && before.seq >= st.seq {
		s.fatal("%s: number %d is %+v after %+v", x.about.Publication, u.Seq, st, before)
	}
	if x.max > 0 && u.Seq > x.max && int32(u.Timestamp-x.ts) < 0 {
		s.fatal("%s: timestamp %d after %d, %+v", x.about.Publication, u.Timestamp, x.ts, st)
	}
	if u.Seq > x.max {
		x.max, x.ts = u.Seq, u.Timestamp
	}
}

// settled checks that all that may be recorded is.
func (t *simTap) settled(since time.Time) {
	s := t.sim
	live := map[string]*simTrack{}
	for _, x := range t.tracks {
		if !x.ended {
			live[x.about.Publication] = x
		}
	}
	for _, p := range s.order {
		for _, src := range p.sources {
			name := s.force[p.id].sends[src.line.source].ID
			if x := live[name]; x == nil || x.lastAt.Before(since) {
				s.fatal("nothing of %s is recorded", name)
			}
		}
	}
}

// TestTapRecordsBestEncoding checks that a recorder has the best encoding that comes, even where nobody watches it, and falls back
// to the next when that stops.
func TestTapRecordsBestEncoding(t *testing.T) {
	s := newSim(t, 31)
	s.tap = newSimTap(s)
	p := fullPlan("a", "b")
	p.Record = []string{p.Entries[0].Sends[1].ID}
	s.applyPlan(p)
	x := s.join("a", simSpec{pairs: 1, rids: []string{"q", "h", "f"}})
	s.join("b", simSpec{pairs: 1})
	s.run(simTick)
	s.room.View("b", View{Heights: map[string]int{p.Record[0]: 0}})
	s.run(5 * time.Second)
	track := s.tap.tracks[0]
	newest := func() uint8 { return track.seen[track.max].encoding & 3 }
	if newest() != 2 {
		t.Fatalf("encoding %d is recorded", newest())
	}
	for _, ev := range s.wanted {
		if !slices.Contains(ev.RIDs, "f") {
			t.Fatalf("the best is not wanted any more: %v", ev.RIDs)
		}
	}
	streams := x.source(Camera).streams
	streams[2].off = true
	s.until("the second best is recorded", 3*time.Second, func() bool { return newest() == 1 })
	streams[2].off = false
	s.until("the best is recorded again", 3*time.Second, func() bool { return newest() == 2 })
	if len(s.tap.tracks) != 1 {
		t.Fatalf("%d tracks", len(s.tap.tracks))
	}
}

// TestTapClock checks that two tracks of one person lie on one time line, whatever their clocks begin with, and that a pause
// in which a clock stood still does not part them.
func TestTapClock(t *testing.T) {
	s := newSim(t, 32)
	s.tap = newSimTap(s)
	p := fullPlan("a", "b")
	p.Record = []string{p.Entries[0].Sends[0].ID, p.Entries[0].Sends[1].ID}
	s.applyPlan(p)
	x := s.join("a", simSpec{pairs: 1})
	s.join("b", simSpec{pairs: 1})
	s.run(5 * time.Second)
	check := func() {
		t.Helper()
		if len(s.tap.tracks) != 2 {
			t.Fatalf("%d tracks", len(s.tap.tracks))
		}
		for _, track := range s.tap.tracks {
			if st := x.source(track.about.Source).streams[0]; st.clock(int64(track.about.ClockRate/1000))-track.ts > track.about.ClockRate/5 {
				t.Errorf("%s: its timestamps are not those of the source", track.about.Publication)
			}
			sent := s.now.Add(-time.Duration(int32(track.ts-track.clock.ts)) * time.Second / time.Duration(track.about.ClockRate))
			if d := sent.Sub(track.clock.at); track.clock.at.IsZero() || d < -time.Millisecond || d > 200*time.Millisecond {
				t.Errorf("%s: its newest packet lies %v after it was sent", track.about.Publication, d)
			}
		}
	}
	check()
	mic := x.source(Microphone)
	mic.on = false
	s.run(3 * time.Second)
	mic.on = true
	mic.streams[0].base -= 48 * 3000 // the clock stood still
	s.run(2500 * time.Millisecond)
	check()
}

// TestTapRefused checks that what the recorder cannot take is not offered again and again, but with the next plan.
func TestTapRefused(t *testing.T) {
	s := newSim(t, 33)
	s.tap = newSimTap(s)
	s.tap.refuses = true
	p := fullPlan("a", "b")
	p.Record = []string{p.Entries[0].Sends[0].ID}
	s.applyPlan(p)
	s.join("a", simSpec{pairs: 1})
	s.join("b", simSpec{pairs: 1})
	s.run(3 * time.Second)
	if s.tap.begun != 1 || s.tap.units != 0 {
		t.Fatalf("asked %d times", s.tap.begun)
	}
	s.tap.refuses = false
	record := p.Record
	p.Record = nil
	s.applyPlan(p)
	s.run(simTick)
	p.Record = record
	s.applyPlan(p)
	s.run(3 * time.Second)
	if s.tap.begun != 2 || s.tap.units == 0 {
		t.Fatalf("asked %d times, %d units", s.tap.begun, s.tap.units)
	}
}
