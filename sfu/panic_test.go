package sfu

import (
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"alcove/sfu/forward"
)

// unattributedSteps are the steps that concern no peer and no room: a panic there closes none.
var unattributedSteps = []step{stepRead, stepHandshake, stepStray, stepPublish, stepWrite}

// TestFaults puts one panic, then two, at every step of the loop. One costs a peer of the room, or the room; two cost the room; the plan is in
// force or the room is closed; and the other room of the worker goes on. That nothing leaves against a plan, nor for a closed peer, is
// checked with every packet (sim_check_test.go).
func TestFaults(t *testing.T) {
	for _, at := range steps {
		if at == stepRead { // the sim has no socket to read from: see TestFaultsOfReading
			continue
		}
		for faults := 1; faults <= 2; faults++ {
			if faults == 2 && at == stepSnapshot { // the first cost the room
				continue
			}
			t.Run(string(at)+map[int]string{1: " once", 2: " twice"}[faults], func(t *testing.T) { testFault(t, at, faults) })
		}
	}
}

func testFault(t *testing.T, at step, faults int) {
	s, all := newGroup(t, 41, simSpec{numbered: true}, "a", "b", "c", "d")
	tap := newSimTap(s)
	others := s.addRoom("x", "y")
	s.run(2 * time.Second)
	if others[0].shows("y", slotAudio).count == 0 || all[0].shows("b", slotAudio).count == 0 {
		t.Fatal("nothing flows before the fault")
	}
	left := faults
	s.w.onStep = func(now step, p *peer) {
		if now != at || left == 0 || p != nil && p.member != nil && p.member.room != s.room {
			return
		}
		left--
		if at == stepWrite {
			s.refused = true
			for _, out := range s.w.box.out {
				s.misses(out)
			}
		}
		panic("a fault")
	}
	s.injectFaults(all)
	if left > 0 {
		t.Fatalf("%d of %d faults were never reached", left, faults)
	}
	closed := 0
	for _, x := range all[:3] { // d left
		if x.peer.closed {
			closed++
		}
	}
	switch {
	case slices.Contains(unattributedSteps, at):
		if closed > 0 || s.room.closed {
			t.Errorf("a panic that concerns nobody cost %d peers, and the room: %v", closed, s.room.closed)
		}
	case s.room.closed:
		if !s.failed || closed != 3 || len(s.w.rooms) != 1 {
			t.Errorf("a closed room: told %v, %d of 3 peers closed, %d rooms", s.failed, closed, len(s.w.rooms))
		}
	case faults == 2:
		t.Error("the second panic did not close the room")
	case closed > 1:
		t.Errorf("one panic cost %d peers", closed)
	}
	if s.ready != s.plans {
		t.Errorf("plan %d of %d is done", s.ready, s.plans)
	}
	for _, track := range tap.tracks {
		if s.room.closed && !track.ended {
			t.Error("a closed room is still recorded")
		}
	}
	audio, video := others[0].shows("y", slotAudio), others[1].shows("x", slotVideo)
	sound, pictures := audio.count, video.count
	s.run(2 * time.Second)
	if audio.count-sound < 15 || video.count-pictures < 15 || others[0].peer.closed || others[1].peer.closed {
		t.Errorf("the other room got %d packets of sound and %d of pictures", audio.count-sound, video.count-pictures)
	}
}

// injectFaults takes a room through every step of the loop.
func (s *sim) injectFaults(all []*simPeer) {
	stun := []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	stranger, sound := netip.MustParseAddrPort("192.0.2.77:7"), append([]byte{0x80, 111}, make([]byte, 40)...)
	for range 2 {
		s.w.datagram(stun, all[0].addr)
		s.w.datagram(sound, stranger)
	}
	muted := fullPlan("a", "b", "c", "d")
	muted.Entries[0].Sends[1].Muted = true
	muted.Record = []string{"b-microphone", "c-camera"}
	s.applyPlan(muted)
	s.run(time.Second)
	s.room.View("b", View{Heights: map[string]int{"c-camera": 180}})
	s.room.View("c", View{Heights: map[string]int{"b-camera": 180}})
	s.takes = 2
	s.run(200 * time.Millisecond)
	s.takes = -1
	apart := fullPlan("a", "b", "c") // d leaves, and a hears nobody
	apart.Entries[0].Receives = nil
	s.applyPlan(apart)
	s.run(time.Second)
	s.applyPlan(fullPlan("a", "b", "c", "e", "f"))
	s.run(100 * time.Millisecond)
	for _, id := range []PeerID{"e", "f"} {
		s.join(id, simSpec{pairs: 4})
	}
	s.run(time.Second)
	s.applyPlan(fullPlan("a", "b", "c"))
	s.run(time.Second)
}

// TestFaultOfEvents lets what is told of a room panic while a plan is applied that takes somebody out: the plan is in force or the room is
// closed, and who waits for the plan is told.
func TestFaultOfEvents(t *testing.T) {
	for faults := 1; faults <= 3; faults++ {
		s, all := newGroup(t, 42, simSpec{}, "a", "b", "c")
		s.run(time.Second)
		left, told := faults, s.room.events
		s.room.events = func(ev Event) {
			if _, ok := ev.(SlotsMapped); ok && left > 0 {
				left--
				panic("a fault")
			}
			told(ev)
		}
		p := fullPlan("a", "b")
		p.Entries[0].Receives = nil
		s.applyPlan(p)
		s.run(time.Second)
		if s.ready != s.plans {
			t.Fatalf("%d faults: the plan is not done", faults)
		}
		if !all[2].peer.closed || s.room.closed != (faults > 1) || s.failed != s.room.closed {
			t.Errorf("%d faults: c is out: %v, the room is closed: %v, told: %v", faults, all[2].peer.closed, s.room.closed, s.failed)
		}
	}
}

// TestFaultOfReading lets the socket panic: the worker goes on.
func TestFaultOfReading(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		set := make(chan bool)
		r.worker.submit(func() {
			left := 3
			r.worker.onStep = func(at step, _ *peer) {
				if at == stepRead && left > 0 {
					left--
					panic("a fault")
				}
			}
			close(set)
		})
		receive(t, set, "the worker")
		r.applyPlan(fullPlan("a", "b"))
		a, b := newClient(r, "a", 1), newClient(r, "b", 1)
		a.join()
		b.join()
		sendUntil(t, "b sees a", []*testClient{a}, func() bool { return b.count(11) > 5 })
		eventually(t, "the panics are counted", func() bool { return r.drops(forward.Panic) == 3 })
	})
}

// TestFaultOfSetup lets the reading of an offer panic: it is answered, its place is free again, and the next one works.
func TestFaultOfSetup(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		r.applyPlan(fullPlan("a", "b"))
		set := make(chan bool)
		var left atomic.Int32
		left.Store(2)
		r.worker.submit(func() {
			r.worker.onStep = func(at step, p *peer) {
				if at == stepSetup && left.Add(-1) >= 0 {
					panic("a fault")
				}
			}
			close(set)
		})
		receive(t, set, "the worker")
		for _, id := range []PeerID{"a", "b"} {
			if _, err := newClient(r, id, 1).ask(1); !errors.Is(err, ErrBusy) {
				t.Errorf("%s: %v", id, err)
			}
		}
		newClient(r, "a", 1).join()
		if r.failed.Load() {
			t.Error("setups that touched nothing closed the room")
		}
		eventually(t, "no setup holds a place", func() bool { return len(r.e.setups) == 0 })
	})
}

// TestCloseAllRooms closes all rooms of a worker that can do nothing.
func TestCloseAllRooms(t *testing.T) {
	s, all := newGroup(t, 43, simSpec{}, "a", "b")
	s.w.closeAllRooms()
	if !s.failed || !s.room.closed || len(s.w.peers)+len(s.w.byAddr)+len(s.w.rooms) > 0 || !all[0].peer.closed {
		t.Error("something is left")
	}
}
