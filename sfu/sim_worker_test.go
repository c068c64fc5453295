package sfu

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestSpeakerEvents checks that a speaker change is reported once, after levels of RFC 6464 with hysteresis, and again only when it changed.
func TestSpeakerEvents(t *testing.T) {
	s, all := newGroup(t, 21, simSpec{}, "a", "b", "c")
	for _, x := range all {
		x.source(Microphone).every, x.source(Microphone).level = 20*time.Millisecond, 100
	}
	s.run(3 * time.Second)
	s.speakers = nil
	step := func(what string, d time.Duration, want ...PeerID) {
		t.Helper()
		s.run(d)
		var got []PeerID
		for _, ev := range s.speakers {
			got = append(got, PeerID(fmt.Sprint(ev.Peers)))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
		s.speakers = nil
	}
	level := func(i int, n byte) { all[i].source(Microphone).level = n }
	step("silence", 5*time.Second)
	level(0, 30)
	step("a speaks", 5*time.Second, "[a]")
	level(0, 55)
	step("a between the thresholds", 5*time.Second)
	level(0, 100)
	s.run(300 * time.Millisecond)
	level(0, 30)
	step("a takes a breath", 5*time.Second)
	level(1, 20)
	step("b speaks too", 5*time.Second, "[a b]")
	level(1, 35)
	step("they change places", 5*time.Second)
	level(0, 100)
	step("a ends", 5*time.Second, "[b]")
	level(1, 55)
	level(2, 55)
	step("c only murmurs", 5*time.Second)
	all[1].source(Microphone).on = false
	step("b's microphone stops", 5*time.Second, "[]")
	level(2, 40)
	step("c speaks", 5*time.Second, "[c]")
	p := fullPlan("a", "b", "c")
	p.Entries[2].Sends[0].Muted = true
	s.applyPlan(p)
	step("c is muted", time.Second, "[]")
}

func TestLoadWait(t *testing.T) {
	for _, c := range []struct {
		ratio         float64
		sound, images time.Duration
	}{
		{0, 0, 0}, {lowLoad, 0, 0}, {lowLoad + 0.01, minGather, minGather}, {(lowLoad + highLoad) / 2, audioWait / 2, videoWait / 2}, {highLoad, audioWait, videoWait}, {(1 + highLoad) / 2, audioWait, videoWait}, {1, audioWait, videoWait},
	} {
		l := load{ratio: c.ratio}
		for _, w := range [][2]time.Duration{{l.gatherTime(audioWait), c.sound}, {l.gatherTime(videoWait), c.images}} {
			if d := w[0] - w[1]; d < -time.Microsecond || d > time.Microsecond {
				t.Errorf("load %v waits %v, want %v", c.ratio, w[0], w[1])
			}
		}
	}
	l := load{began: simBegin}
	at := simBegin
	for range 10 { // 3 ms of 10
		l.addRound(at, at.Add(3*time.Millisecond))
		at = at.Add(10 * time.Millisecond)
	}
	l.addRound(at, at)
	if l.ratio < 0.29 || l.ratio > 0.31 {
		t.Errorf("3 ms of 10 are a load of %v", l.ratio)
	}
}

// TestLoadGathers drives the loop as run does: what an idle worker sends at once, a loaded one keeps until it is due.
func TestLoadGathers(t *testing.T) {
	for _, c := range []struct {
		ratio   float64
		picture bool
		most    time.Duration
		lay     time.Duration // in the socket, since the last look
	}{
		{0, true, 0, 0}, {0, false, 0, 0}, {0, false, 0, time.Second},
		{(lowLoad + highLoad) / 2, true, videoWait, 0}, {(lowLoad + highLoad) / 2, false, audioWait, 0},
		{1, true, videoWait, 0}, {1, false, audioWait, 0},
		{1, true, videoWait, videoWait}, {1, false, audioWait, videoWait}, {1, false, audioWait, time.Second},
	} {
		s, all := newGroup(t, 22, simSpec{}, "a", "b")
		s.w.load.ratio = c.ratio
		for _, x := range all {
			for _, src := range x.sources {
				src.on = false
			}
		}
		s.run(20 * simTick)
		s.w.nextTick = s.now.Add(time.Hour)
		src := all[0].source(Microphone)
		if c.picture {
			src = all[0].source(Camera)
			src.parts = 1
		}
		slot := all[1].shows("a", src.line.kind)
		before := slot.count
		if st := src.streams[0]; c.picture {
			src.sendFrame()
		} else {
			src.frame++
			st.send(true, st.clock(48), st.stamp(stampStart, nil, src.size))
		}
		s.w.now, s.w.previousRound = s.now, s.now.Add(-c.lay)
		for tick, flights := range s.wheel {
			for i := range flights {
				if f := &flights[i]; f.data != nil && classify(f.data) == classRTP {
					s.deliver(f)
				}
			}
			delete(s.wheel, tick)
		}
		began := s.now
		for slot.count == before {
			s.w.round(s.now, 0)
			if at := s.w.due(); slot.count == before {
				if !at.After(s.now) || at.Sub(began) > c.most {
					t.Fatalf("load %v: waits until %v after it came, at most %v; drops %v, used %d", c.ratio, at.Sub(began), c.most, s.drops(), s.w.box.used)
				}
				s.now = at
			}
		}
		waited, want := s.now.Sub(began), max(s.w.load.gatherTime(c.most)-c.lay, 0)
		if waited != want {
			t.Errorf("load %v, picture %v: left after %v, want %v", c.ratio, c.picture, waited, want)
		}
	}
}

// TestPlansApplyInOrder checks that a loaded worker sends what it gathered before a plan is in force, and nothing of it after:
// the checker knows the moment.
func TestPlansApplyInOrder(t *testing.T) {
	s, all := newGroup(t, 23, simSpec{}, "a", "b", "c")
	s.w.load.ratio = 1
	for _, x := range all {
		for _, src := range x.sources {
			src.every = 10 * time.Millisecond
		}
	}
	waited := 0
	for i := range 300 {
		s.run(simTick)
		if s.w.box.used > 0 {
			waited++
		}
		if i%3 > 0 {
			continue
		}
		p := fullPlan("a", "b", "c")
		for j := range p.Entries {
			p.Entries[j].Sends[0].Muted, p.Entries[j].Sends[1].Muted = (i+j)%3 == 0, (i+j)%4 == 0
			if (i+j)%5 == 0 {
				p.Entries[j].Receives = nil
			}
		}
		s.applyPlan(p)
	}
	if waited < 100 {
		t.Fatalf("only %d rounds left something waiting", waited)
	}
	if n := s.w.count.Audio; n < 500 {
		t.Fatalf("%d packets of sound", n)
	}
}

// TestTasksFlushFirst holds the same for one packet: it leaves before the task runs, not after.
func TestTasksFlushFirst(t *testing.T) {
	s, all := newGroup(t, 24, simSpec{}, "a", "b")
	s.w.load.ratio = 1
	slot := all[1].shows("a", slotAudio)
	s.until("a packet waits", time.Second, func() bool { return all[1].peer.audioQueue.count > 0 })
	before, during := slot.count, -1
	waiting := int(all[1].peer.audioQueue.count)
	s.w.submit(func() { during = slot.count })
	s.w.round(s.now, 0)
	if during != before+waiting {
		t.Errorf("%d packets had left when the letter was read, want %d", during-before, waiting)
	}
}
