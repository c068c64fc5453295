package sfu

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"alcove/sfu/forward"
)

// newGroup is a sim of people who all see each other, over paths without fault, for a second already.
func newGroup(t *testing.T, seed uint64, spec simSpec, ids ...PeerID) (*sim, []*simPeer) {
	s := newSim(t, seed)
	s.applyPlan(fullPlan(ids...))
	var all []*simPeer
	spec.pairs = len(ids) - 1
	for _, id := range ids {
		all = append(all, s.join(id, spec))
	}
	s.run(time.Second)
	return s, all
}

// shows is the slot of a kind that shows somebody.
func (x *simPeer) shows(id PeerID, kind string) *simSlot {
	for _, o := range x.sim.mapped[x.id].Slots {
		if o.Peer == id && o.Kind == kind {
			i := slices.IndexFunc(x.list, func(s *simSlot) bool { return s.line.slotKind == kind && s.line.slotIndex == o.Index })
			return x.list[i]
		}
	}
	x.sim.fatal("%s has no %s slot for %s", x.id, kind, id)
	return nil
}

// frames counts what comes to each slot of a client while time passes.
func (x *simPeer) during(d time.Duration) map[*simSlot]int {
	n := map[*simSlot]int{}
	for _, s := range x.list {
		n[s] -= s.count
	}
	x.sim.run(d)
	for _, s := range x.list {
		n[s] += s.count
	}
	return n
}

func TestStalledReceiver(t *testing.T) {
	s, all := newGroup(t, 2, simSpec{}, "a", "b", "c")
	all[0].stalled = true
	for id, slots := range map[int]map[*simSlot]int{1: all[1].during(20 * time.Second), 2: all[2].during(20 * time.Second)} {
		for slot, n := range slots {
			if n < 190 {
				t.Errorf("%s gets %d packets of %s", all[id].id, n, all[id].slotName(slot))
			}
		}
	}
	if n := all[0].peer.audioQueue.count + all[0].peer.videoQueue.count; n != 0 || s.w.box.used != 0 {
		t.Errorf("%d packets wait for who is stalled", n)
	}
}

// TestNackBudgetOnNarrowPath checks that retransmissions do not fill a path that is too narrow for the video.
func TestNackBudgetOnNarrowPath(t *testing.T) {
	s, all := newGroup(t, 28, simSpec{}, "a", "b", "c")
	for _, x := range all {
		x.source(Camera).every, x.source(Camera).parts = 20*time.Millisecond, 4
	}
	a := all[0]
	a.loss = 120
	s.until("the path is narrow", 60*time.Second, func() bool { return a.peer.estimate.Rate() < 400_000 })
	a.nacksAll = true
	before := a.resent
	s.run(10 * time.Second)
	if n := a.resent - before; n == 0 || n > 10*25+nackBurst {
		t.Errorf("%d repeats in 10 s on a path of %d bit/s", n, a.peer.estimate.Rate())
	}
}

// TestPausedVideoIsNotRepeated narrows a path until a video is paused: its packets were repeated on request before, and are not any more.
func TestPausedVideoIsNotRepeated(t *testing.T) {
	for name, spec := range map[string]simSpec{"RTX": {}, "no RTX": {plain: true}, "numbered": {numbered: true}} {
		s, all := newGroup(t, 44, spec, "a", "b", "c")
		a := all[0]
		for _, x := range all {
			x.source(Camera).every, x.source(Camera).parts, x.source(Camera).size = 20*time.Millisecond, 4, 1000
		}
		s.run(time.Second)
		slot := a.peer.slotOf[a.shows("c", slotVideo).line.slotSSRC]
		ask := func(what string, sent, late uint64) {
			t.Helper()
			resent, refused := s.w.count.Resent, s.w.count.Drops[forward.NackLate]
			last := slot.selector.Last()
			a.peer.nack(slot.ssrc, []byte{byte(last >> 8), byte(last), 0, 0})
			if resent, refused = s.w.count.Resent-resent, s.w.count.Drops[forward.NackLate]-refused; resent != sent || refused != late {
				t.Errorf("%s, %s: %d repeats, %d refused as late", name, what, resent, refused)
			}
		}
		ask("shown", 1, 0)
		a.loss, a.down.loss = 200, 0.7 // for receiver reports, and for transport-wide feedback
		s.until("a video is paused", 60*time.Second, func() bool { return slot.paused })
		ask("paused", 0, 1)
	}
}

// TestNackBudget lets one receiver ask again for everything, all the time.
func TestNackBudget(t *testing.T) {
	s, all := newGroup(t, 3, simSpec{}, "a", "b", "c")
	for _, x := range all {
		x.source(Camera).every, x.source(Camera).parts = 20*time.Millisecond, 4
	}
	s.run(time.Second)
	all[0].nacksAll = true
	others := all[1].during(10 * time.Second)
	if all[0].resent < 10*nackBudget || all[0].resent > 12*nackBudget {
		t.Errorf("%d repeats in 10 s, the budget is %d a second and as many at once", all[0].resent, nackBudget)
	}
	if s.w.count.Drops[forward.NackLimit] == 0 || all[1].resent > 0 {
		t.Errorf("drops %v, repeats for others %d", s.drops(), all[1].resent)
	}
	if n := others[all[1].shows("c", slotVideo)]; n < 1990 {
		t.Errorf("the other one got %d packets of 2000", n)
	}
}

// TestKeyFrameStorm lets two receivers ask for key frames a hundred times a second; that the source is asked three times at
// most is checked for each request.
func TestKeyFrameStorm(t *testing.T) {
	s, all := newGroup(t, 4, simSpec{rids: []string{"q", "h", "f"}}, "a", "b", "c")
	before := len(all[2].source(Camera).plis)
	all[0].pestering, all[1].pestering = true, true
	s.run(10 * time.Second)
	n := len(all[2].source(Camera).plis) - before
	if n < 20 || n > 30 {
		t.Errorf("%d requests in 10 s", n)
	}
	if in := s.w.count.KeyFrameRequestsIn; in > 150 {
		t.Errorf("%d of 4000 requests were heard", in)
	}
}

// TestFullSocket checks that audio goes first, that what has to go is named, and that video goes on with its key frame,
// asked for at once.
func TestFullSocket(t *testing.T) {
	s, all := newGroup(t, 5, simSpec{}, "a", "b", "c", "d")
	for _, x := range all {
		for _, src := range x.sources {
			src.next = s.now.Add(50 * time.Millisecond) // all at once
		}
	}
	s.run(40 * time.Millisecond)
	s.takes = 3 + 12 // RTCP, and the audio of three for four
	sound := all[0].shows("b", slotAudio).count
	plis := len(all[1].source(Camera).plis)
	full := s.w.count.Drops[forward.SocketFull]
	s.run(30 * time.Millisecond)
	s.takes = -1
	if got := all[0].shows("b", slotAudio).count; got != sound+1 {
		t.Errorf("%d packets of sound where one was sent", got-sound)
	}
	if n := s.w.count.Drops[forward.SocketFull] - full; n == 0 {
		t.Error("nothing was dropped")
	}
	s.run(40 * time.Millisecond)
	if n := len(all[1].source(Camera).plis); n != plis+1 {
		t.Errorf("%d requests for a key frame right after the drop", n-plis)
	}
	frames := all[0].shows("b", slotVideo).frames
	s.run(time.Second)
	if n := all[0].shows("b", slotVideo).frames - frames; n < 9 {
		t.Errorf("%d frames in the second after", n)
	}
}

// TestNarrowPath lets the path of one receiver become narrower and narrower: temporal layers go first, then sizes, then video, never
// audio; and all of it comes back.
func TestNarrowPath(t *testing.T) {
	s, all := newGroup(t, 6, simSpec{rids: []string{"q", "h", "f"}}, "a", "b")
	a, cam := all[0], all[1].source(Camera)
	cam.size, cam.parts, cam.every = 290, 4, 50*time.Millisecond
	s.run(5 * time.Second)
	video, slot := a.shows("b", slotVideo), a.peer.slotOf[a.shows("b", slotVideo).line.slotSSRC]
	var steps []string
	note := func() {
		step := "none"
		if slot.target != nil {
			step = slot.target.rid
		}
		if slot.baseOnly && slot.target != nil {
			step += " base"
		}
		if n := len(steps); n == 0 || steps[n-1] != step {
			steps = append(steps, step)
		}
	}
	note()
	for capacity := 2e6; capacity > 10_000; capacity *= 0.96 { // bit/s
		before := slot.octets
		s.run(500 * time.Millisecond)
		sent := float64(slot.octets-before) * 8 * 2
		a.loss = int(256 * max(0, 1-capacity/max(sent, 1)))
		note()
	}
	if want := []string{"f", "f base", "h", "h base", "q", "q base", "none"}; !inOrder(steps, want) || steps[0] != "f" || !slices.Contains(steps, "f base") {
		t.Errorf("steps down: %v", steps)
	}
	low := slices.Index([]string{"q", "q base", "none"}, steps[len(steps)-1])
	if low < 0 {
		t.Errorf("a path without room still gets %q", steps[len(steps)-1])
	}
	if n := a.during(5 * time.Second)[a.shows("b", slotAudio)]; n < 48 {
		t.Errorf("%d packets of sound in 5 s", n)
	}
	a.loss = 0
	s.until("the whole picture is back", 120*time.Second, func() bool { return slot.current != nil && slot.current.rid == "f" && !slot.baseOnly })
	if n := a.during(2 * time.Second)[video]; n < 150 {
		t.Errorf("%d packets in 2 s", n)
	}
}

// inOrder reports whether steps only go forward through want.
func inOrder(steps, want []string) bool {
	at := 0
	for _, s := range steps {
		i := slices.Index(want[at:], s)
		if i < 0 {
			return false
		}
		at += i
	}
	return true
}

// TestPausedPathRecovers checks that a path on which not even one camera fits is tried again, though its client reports
// nothing of what it does not get.
func TestPausedPathRecovers(t *testing.T) {
	s, all := newGroup(t, 7, simSpec{}, "a", "b")
	a, cam := all[0], all[1].source(Camera)
	cam.size, cam.parts, cam.every, cam.flat = 1000, 4, 100*time.Millisecond, true // 320 kbit/s
	s.run(3 * time.Second)
	slot := a.peer.slotOf[a.shows("b", slotVideo).line.slotSSRC]
	a.loss = 200
	s.until("the picture pauses", 60*time.Second, func() bool { return slot.target == nil })
	s.run(20 * time.Second)
	a.loss = 0
	s.until("it comes back", 120*time.Second, func() bool { return slot.current != nil })
}

// TestMissingLayerRequestsNothing checks that no slot requests the key frame of an encoding that is gone.
func TestMissingLayerRequestsNothing(t *testing.T) {
	s, all := newGroup(t, 8, simSpec{rids: []string{"q", "h", "f"}}, "a", "b", "c")
	cam := all[2].source(Camera)
	all[0].pestering = true // a request is open
	s.run(time.Second)
	all[0].pestering = false
	cam.deaf = true
	for _, x := range all[:2] {
		x.pestering = true
	}
	s.run(400 * time.Millisecond)
	for _, x := range all[:2] {
		x.pestering = false
	}
	cam.streams[2].off, cam.deaf = true, false
	s.run(4 * time.Second)
	before := len(cam.plis)
	s.run(5 * time.Second)
	if n := len(cam.plis) - before; n > 1 {
		t.Errorf("%d requests in 5 s while nobody lacks a picture", n)
	}
	for _, x := range all[:2] {
		if n := x.during(time.Second)[x.shows("c", slotVideo)]; n < 18 {
			t.Errorf("%s gets %d packets of the nearest encoding", x.id, n)
		}
	}
}

// TestUpstreamLossIsNotCountedDownstream lets a publisher's line lose much, mended late or, where it hears no NACK, never: those who see it
// have good lines, and keep what they get. A receiver that tells of more gets less.
func TestUpstreamLossIsNotCountedDownstream(t *testing.T) {
	for _, deaf := range []float64{0, 1} {
		s, all := newGroup(t, 26, simSpec{}, "a", "b", "c")
		start := all[1].peer.estimate.Rate()
		all[0].up.loss, all[0].down.loss = 0.4, deaf
		all[2].loss = 150
		s.run(30 * time.Second)
		if rate := all[1].peer.estimate.Rate(); rate < start {
			t.Errorf("who loses nothing was bound to %d bit/s, from %d", rate, start)
		}
		if rate := all[2].peer.estimate.Rate(); rate > start/2 {
			t.Errorf("who loses much is bound to %d bit/s", rate)
		}
	}
}

// TestOutageIsNotCongestion checks that what was lost while a receiver was cut off bounds nobody, also where the first report afterwards does not
// tell of all that it watches, for browsers leave out what is long silent; or leaves before anything comes.
func TestOutageIsNotCongestion(t *testing.T) {
	for name, back := range map[string]func(s *sim, a *simPeer, cameras []*simStream){
		"one picture before the others": func(s *sim, a *simPeer, cameras []*simStream) {
			for _, camera := range cameras[1:] {
				camera.off = true
			}
			s.run(500 * time.Millisecond) // until nothing of them is on its way
			a.up.loss, a.down.loss = 0, 0
			s.run(1500 * time.Millisecond)
			for _, camera := range cameras[1:] {
				camera.off = false
			}
		},
		"a report before all pictures": func(s *sim, a *simPeer, _ []*simStream) {
			a.up.loss = 0
			s.run(1500 * time.Millisecond)
			a.down.loss = 0
		},
	} {
		for _, length := range []time.Duration{4 * time.Second, 6700 * time.Millisecond, 10 * time.Second, 20 * time.Second} {
			s, all := newGroup(t, 30, simSpec{}, "a", "b", "c", "d")
			s.run(5 * time.Second)
			a, start := all[0], all[0].peer.estimate.Rate()
			var cameras []*simStream
			for _, x := range all[1:] {
				cameras = append(cameras, x.source(Camera).streams[0])
			}
			a.up.loss, a.down.loss = 1, 1
			s.run(length)
			back(s, a, cameras)
			s.run(5 * time.Second)
			if rate := a.peer.estimate.Rate(); rate < start {
				t.Errorf("%s: after a cut of %v %d bit/s are left of %d", name, length, rate, start)
			}
		}
	}
}

// newWatcher is one who watches one other, who sends 1.2 Mbit/s.
func newWatcher(t *testing.T, seed uint64) (s *sim, a, b *simPeer) {
	t.Helper()
	s, all := newGroup(t, seed, simSpec{}, "a", "b")
	cam := all[1].source(Camera)
	cam.size, cam.parts, cam.every, cam.flat = 1000, 5, 33*time.Millisecond, true
	s.run(2 * time.Second)
	return s, all[0], all[1]
}

// TestDecreaseKeepsThroughput checks that the first report of a full path, even after a long silence, leaves its receiver about
// what came through, not the least there is.
func TestDecreaseKeepsThroughput(t *testing.T) {
	s, a, b := newWatcher(t, 27)
	camera := b.source(Camera).streams[0]
	camera.off = true
	s.run(30 * time.Second)
	camera.off, a.loss = false, 77 // three of ten: 840 kbit/s come
	start := a.peer.estimate.Rate()
	s.until("the bound falls", 5*time.Second, func() bool { return a.peer.estimate.Rate() < start })
	if rate := a.peer.estimate.Rate(); rate < 500_000 || rate > 800_000 {
		t.Errorf("of 840 kbit/s that came through %d bit/s are left", rate)
	}
}

// TestLossIsSummedOverSlots checks that loss counts whatever fraction a receiver gives for intervals of its own: reports that it sends with
// each NACK come late and in heaps when packets wait. What it makes up counts only up to what was sent.
func TestLossIsSummedOverSlots(t *testing.T) {
	s, a, _ := newWatcher(t, 29)
	a.nextReport = s.now.Add(time.Hour)
	slot := a.peer.slotOf[a.shows("b", slotVideo).line.slotSSRC]
	start, begin := a.peer.estimate.Rate(), slot.packets
	tell := func(lost uint32) {
		block := make([]byte, 24)
		binary.BigEndian.PutUint32(block, slot.ssrc)
		binary.BigEndian.PutUint32(block[4:], lost)
		a.peer.reportBlocks(block, 1)
	}
	for range 20 {
		s.run(100 * time.Millisecond)
		for range 3 {
			tell((slot.packets - begin) / 2)
		}
	}
	if rate := a.peer.estimate.Rate(); rate > start/2 {
		t.Errorf("who loses every second packet is bound to %d bit/s, from %d", rate, start)
	}
	for range 20 {
		tell(1<<23 - 1)
		tell(0)
	}
	if c := &s.w.count; c.Lost > c.Reported {
		t.Errorf("%d of %d packets are counted as lost", c.Lost, c.Reported)
	}
}

// TestRandomLossIsNotCongestion lets a path without any limit lose 5 % or 20 % of all packets at random, with jitter, as a radio link
// does: its receiver keeps the largest encoding and full frame rate.
func TestRandomLossIsNotCongestion(t *testing.T) {
	for _, loss := range []float64{0.05, 0.2} {
		for seed := uint64(53); seed < 55; seed++ {
			s, all := newGroup(t, seed, simSpec{rids: threeRIDs}, "a", "b", "c", "d")
			for _, x := range all {
				cam := x.source(Camera)
				cam.size, cam.parts, cam.every = 125, 4, 40*time.Millisecond // 0.1, 0.2 and 0.4 Mbit/s
			}
			a := all[0]
			for _, l := range []*simLink{&a.up, &a.down} {
				l.loss, l.delay, l.jitter = loss, 60*time.Millisecond, 40*time.Millisecond
			}
			worst := a.peer.estimate.Rate()
			s.run(8 * time.Second) // enough to learn what the path loses by itself
			for range 20 {
				s.run(500 * time.Millisecond)
				worst = min(worst, a.peer.estimate.Rate())
			}
			if worst < 1_500_000 {
				t.Errorf("%.0f %% loss, seed %d: the bound fell to %d bit/s", 100*loss, seed, worst)
			}
		}
	}
}
