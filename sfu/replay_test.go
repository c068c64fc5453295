package sfu

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"alcove/sfu/internal/simnet"
)

// replayScene is a room in which a and b are connected and a has sent a key frame of its camera a while ago.
type replayScene struct {
	*sim
	a, b *simPeer
	e    *encoding // of a's camera
}

// newReplayScene lets a send a key frame; since is how long ago that is when it returns.
func newReplayScene(t *testing.T, spec simSpec, since time.Duration, ids ...PeerID) *replayScene {
	t.Helper()
	s := newSim(t, 17)
	plan := fullPlan(ids...)
	plan.Encrypted = spec.dd
	s.applyPlan(plan)
	spec.pairs = len(ids)
	x := &replayScene{sim: s, a: s.join("a", spec), b: s.join("b", spec)}
	s.run(3 * time.Second)
	x.e = x.a.peer.publications[1].encodings[len(x.a.peer.publications[1].encodings)-1]
	x.keyFrame()
	s.run(since)
	return x
}

// keyFrame lets a camera send a key frame and waits until the worker has it.
func (x *replayScene) keyFrame() {
	x.t.Helper()
	was := x.e.key.ext
	x.a.source(Camera).key = true
	x.until("a key frame", time.Second, func() bool { return x.e.key.ext > was })
}

// asked is how often a camera was asked for a key frame.
func (x *replayScene) asked() int { return len(x.a.source(Camera).plis) }

// camera returns the slot that shows somebody's camera, nil before there is one.
func (x *simPeer) camera(id PeerID) *simSlot {
	for _, o := range x.sim.mapped[x.id].Slots {
		if o.Peer == id && o.Kind == slotVideo {
			return x.list[slices.IndexFunc(x.list, func(s *simSlot) bool { return s.line.slotKind == slotVideo && s.line.slotIndex == o.Index })]
		}
	}
	return nil
}

// joins connects c, whose path may carry no more than it carried already, and returns after how long it had a frame of a, and how many frames it then had.
func (x *replayScene) joins(spec simSpec, spent bool) (after time.Duration, frames int) {
	x.t.Helper()
	spec.pairs = 3
	c := x.join("c", spec)
	if spent {
		c.peer.replays = replayBudget{left: -1 << 20, at: x.now}
	}
	began := x.now
	x.until("c has a picture of a", 2*time.Second, func() bool {
		slot := c.camera("a")
		return slot != nil && slot.frames > 0
	})
	after = x.now.Sub(began)
	x.run(4 * simTick)
	frames = c.camera("a").frames
	x.run(2 * time.Second) // the checker looks at what follows
	return after, frames
}

// TestJoinFromHistory checks when a new subscription starts from history, and that it then needs no key frame of its own.
func TestJoinFromHistory(t *testing.T) {
	for name, c := range map[string]struct {
		spec    simSpec
		since   time.Duration // between the key frame and the join
		before  func(*replayScene)
		spent   bool // its path carries no more
		history bool
	}{
		"young key frame": {since: 300 * time.Millisecond, history: true},
		"described":       {spec: simSpec{dd: true}, since: 300 * time.Millisecond, before: func(x *replayScene) { x.room.encrypted = false }, history: true},
		"no RTX":          {spec: simSpec{plain: true}, since: 300 * time.Millisecond, history: true},
		"numbered":        {spec: simSpec{numbered: true}, since: 300 * time.Millisecond, history: true},
		"old key frame":   {since: 1200 * time.Millisecond},
		"budget spent":    {since: 300 * time.Millisecond, spent: true},
		"encrypted":       {spec: simSpec{dd: true}, since: 300 * time.Millisecond},
		"incomplete": {since: 100 * time.Millisecond, before: func(x *replayScene) {
			x.a.up.loss = 1
			x.run(100 * time.Millisecond)
			x.a.up.loss = 0
			x.a.source(Camera).streams[0].kept = [256]simKept{} // nothing is repeated
			x.run(100 * time.Millisecond)
		}},
		"muted meanwhile": {since: 100 * time.Millisecond, before: func(x *replayScene) {
			x.a.source(Camera).deaf = true // to the request at the end of the mute
			for _, muted := range []bool{true, false} {
				plan := fullPlan("a", "b", "c")
				plan.Entries[0].Sends[1].Muted = muted
				x.applyPlan(plan)
				x.run(100 * time.Millisecond)
			}
			x.run(keyFrameRepeat - 100*time.Millisecond)
			x.a.source(Camera).deaf = false
		}},
		"not received until now": {since: 100 * time.Millisecond, before: func(x *replayScene) {
			plan := fullPlan("a", "b", "c")
			plan.Entries[2].Receives = []PeerID{"b"}
			x.applyPlan(plan)
			x.run(simTick)
			x.applyPlan(fullPlan("a", "b", "c"))
			x.run(simTick)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newReplayScene(t, c.spec, c.since, "a", "b", "c")
			if c.before != nil {
				c.before(x)
			}
			replays, asked, key := x.w.count.Replays, x.asked(), x.e.key.ext
			after, frames := x.joins(c.spec, c.spent)
			if got := x.w.count.Replays > replays; got != c.history {
				t.Fatalf("%d starts from history, %d requests", x.w.count.Replays-replays, x.asked()-asked)
			}
			if !c.history {
				if x.asked() == asked || x.e.key.ext == key {
					t.Error("no key frame was requested")
				}
				return
			}
			if x.asked() != asked {
				t.Errorf("%d key frames were requested", x.asked()-asked)
			}
			if want := int(c.since/(100*time.Millisecond)) + 1; after > 4*simTick || frames < want {
				t.Errorf("%d frames of %d, the first after %v", frames, want, after)
			}
		})
	}
}

// TestJoinBeforeAdmission checks that who joins gets nothing that was sent before the plan admitted them, or for others alone.
func TestJoinBeforeAdmission(t *testing.T) {
	for name, c := range map[string]struct {
		since time.Duration // between the key frame and the admission
		apart bool          // a was in a side room meanwhile
		after bool          // another key frame was sent between the admission and the join
	}{
		"just before": {since: 20 * time.Millisecond}, "before": {since: 500 * time.Millisecond}, "after": {since: 20 * time.Millisecond, after: true},
		"side room": {since: 100 * time.Millisecond, apart: true},
	} {
		t.Run(name, func(t *testing.T) {
			x := newReplayScene(t, simSpec{}, 0, "a", "b")
			if c.apart {
				plan := fullPlan("a", "b")
				plan.Entries[1].Receives = nil
				x.applyPlan(plan)
				x.run(simTick)
				x.keyFrame()
			}
			x.run(c.since)
			if c.apart {
				x.applyPlan(fullPlan("a", "b"))
				x.run(simTick)
			}
			frame, replays := x.a.source(Camera).frame, x.w.count.Replays
			x.applyPlan(fullPlan("a", "b", "c"))
			x.run(simTick)
			if c.after {
				x.keyFrame()
			}
			c3 := x.join("c", simSpec{pairs: 2})
			x.until("c has a picture of a", time.Second, func() bool {
				slot := c3.camera("a")
				return slot != nil && slot.frames > 0
			})
			first := c3.camera("a").sent[1]
			if got := x.w.count.Replays > replays; got != c.after || !got && first.frame <= frame {
				t.Errorf("%d starts from history; the first frame is %d, at the admission it was %d", x.w.count.Replays-replays, first.frame, frame)
			}
		})
	}
}

// TestHistoryOfTheSameRound checks that a key frame which came in the round that let a receiver have it is refused: the round took it before
// the plan.
func TestHistoryOfTheSameRound(t *testing.T) {
	for what, since := range map[string]func(*replayScene) *time.Time{
		"unmuted":   func(x *replayScene) *time.Time { return &x.e.publication.openSince },
		"connected": func(x *replayScene) *time.Time { return &x.b.peer.readySince },
		"admitted":  nil,
	} {
		x := newReplayScene(t, simSpec{dd: true}, 0, "a", "b")
		slot := x.b.peer.slotOf[x.b.camera("a").line.slotSSRC]
		if !slot.mayHave(x.e) {
			t.Fatalf("%s: refused a key frame from after it", what)
		}
		if since == nil {
			x.b.peer.member.receivesSince[x.a.peer.member] = x.e.key.at
		} else {
			*since(x) = x.e.key.at
		}
		if slot.mayHave(x.e) {
			t.Errorf("%s: allowed a key frame of the same round", what)
		}
	}
}

// TestEncryptedSlotFromHistory checks that in an encrypted room a slot that changes hands starts from history: its receiver has the keys of
// what was sent since it was connected.
func TestEncryptedSlotFromHistory(t *testing.T) {
	x := newReplayScene(t, simSpec{dd: true}, 0, "a", "b", "c")
	c := x.join("c", simSpec{pairs: 1, dd: true}) // for two people
	x.run(time.Second)
	hidden, other := x.a, PeerID("b")
	if c.camera("a") != nil {
		hidden, other = x.b, "a"
	}
	hidden.source(Camera).key = true
	x.run(300 * time.Millisecond)
	replays, asked := x.w.count.Replays, len(hidden.source(Camera).plis)
	plan := fullPlan("a", "b", "c")
	plan.Encrypted = true
	plan.Entries[2].Receives = slices.DeleteFunc(plan.Entries[2].Receives, func(id PeerID) bool { return id == other })
	x.applyPlan(plan)
	x.run(4 * simTick)
	if slot := c.camera(hidden.id); slot == nil || slot.frames == 0 || x.w.count.Replays != replays+1 || len(hidden.source(Camera).plis) != asked {
		t.Errorf("%+v, %d starts from history, %d requests", slot, x.w.count.Replays-replays, len(hidden.source(Camera).plis)-asked)
	}
	x.run(time.Second)
}

// TestManyJoinFromHistory lets 28 people join at once: each camera is asked for at most one key frame for all of them.
func TestManyJoinFromHistory(t *testing.T) {
	const size = 30
	var ids []PeerID
	for i := range size {
		ids = append(ids, PeerID(fmt.Sprintf("p%02d", i)))
	}
	s := newSim(t, 23)
	s.applyPlan(fullPlan(ids...))
	first := []*simPeer{s.join(ids[0], simSpec{pairs: size - 1}), s.join(ids[1], simSpec{pairs: size - 1})}
	s.run(4 * time.Second)
	before := []int{len(first[0].source(Camera).plis), len(first[1].source(Camera).plis)}
	var rest []*simPeer
	for _, id := range ids[2:] {
		rest = append(rest, s.join(id, simSpec{pairs: size - 1}))
	}
	s.run(900 * time.Millisecond)
	for i, x := range first {
		if n := len(x.source(Camera).plis) - before[i]; n > 1 {
			t.Errorf("%s was asked for %d key frames", x.id, n)
		}
		for _, y := range rest {
			if slot := y.camera(x.id); slot == nil || slot.frames == 0 {
				t.Errorf("%s has no picture of %s", y.id, x.id)
			}
		}
	}
	// One by one, while those who came before are served.
	last := s.join("p29", simSpec{pairs: size - 1})
	began := s.now
	s.until("a picture of everybody", time.Second, func() bool {
		for _, id := range ids[:size-1] {
			if slot := last.camera(id); slot == nil || slot.frames == 0 {
				return false
			}
		}
		return true
	})
	if d := s.now.Sub(began); d > 150*time.Millisecond {
		t.Errorf("the last picture came after %v", d)
	}
}

// joinsLargeFrames joins c some time after a key frame of a, whose frames are of so many packets of 1000 bytes.
func joinsLargeFrames(t *testing.T, seed uint64, parts int, since time.Duration, joins simSpec) (s *sim, camera *simSource, c *simPeer) {
	s = newSim(t, seed)
	s.applyPlan(fullPlan("a", "b", "c"))
	camera = s.join("a", simSpec{pairs: 2}).source(Camera)
	s.join("b", simSpec{pairs: 2})
	camera.parts, camera.size, camera.every = parts, 1000, 40*time.Millisecond
	s.run(3 * time.Second)
	camera.key = true
	s.run(since)
	joins.pairs = 2
	return s, camera, s.join("c", joins)
}

// TestReplayIsPaced checks that the key frame leaves at once and what follows in shares, behind which live packets wait in order.
func TestReplayIsPaced(t *testing.T) {
	s, src, c := joinsLargeFrames(t, 29, 12, 450*time.Millisecond, simSpec{})
	most, before := 0, 0
	for range 12 {
		s.run(simTick)
		if slot := c.camera("a"); slot != nil {
			most, before = max(most, slot.count-before), slot.count
		}
	}
	rate := c.peer.estimate.Rate()
	if limit := rate/8/100*2/1000 + 2*src.parts + 1; most > limit || most < src.parts {
		t.Errorf("%d packets in %v, at most %d may leave", most, simTick, limit)
	}
	if slot := c.camera("a"); slot.frames < 11 || len(slot.missing) > 0 {
		t.Errorf("%d frames, %d missing", slot.frames, len(slot.missing))
	}
	s.run(time.Second)
}

// TestMuteEndsReplay checks that a mute ends what leaves from history at once, and that the slot begins anew afterwards.
func TestMuteEndsReplay(t *testing.T) {
	s, _, c := joinsLargeFrames(t, 31, 30, 400*time.Millisecond, simSpec{})
	s.until("c gets something from history", time.Second, func() bool {
		slot := c.camera("a")
		return slot != nil && slot.count > 0
	})
	started := c.peer.slotOf[c.camera("a").line.slotSSRC]
	if !started.replaying {
		t.Fatal("all of it left at once")
	}
	muted := fullPlan("a", "b", "c")
	muted.Entries[0].Sends[1].Muted = true
	s.applyPlan(muted)
	s.run(simTick)
	count := c.camera("a").count
	s.run(500 * time.Millisecond)
	if n := c.camera("a").count - count; n > 0 || started.replaying || s.w.count.AdmissionViolations > 0 {
		t.Errorf("%d packets after the mute, %d violations", n, s.w.count.AdmissionViolations)
	}
	s.applyPlan(fullPlan("a", "b", "c"))
	s.run(500 * time.Millisecond)
	if c.camera("a").count == count {
		t.Error("nothing after the mute")
	}
}

// TestReplayBudgetOfTheEstimate checks that the path of a receiver with transport-wide feedback gets no more from history than that estimate.
func TestReplayBudgetOfTheEstimate(t *testing.T) {
	s, _, c := joinsLargeFrames(t, 33, 3, 200*time.Millisecond, simSpec{numbered: true})
	s.until("c starts from history", time.Second, func() bool { return s.w.count.Replays > 0 && !c.peer.replays.at.IsZero() })
	if left, most := c.peer.replays.left, c.peer.rate()/8/2; left >= most {
		t.Errorf("%d bytes left of half a second at %d bit/s, which are %d", left, c.peer.rate(), most)
	}
}

// TestReplayBudget checks that a path gets no more from history than it carries.
func TestReplayBudget(t *testing.T) {
	var b replayBudget
	now := simBegin
	const rate = 8_000_000 // a megabyte a second: half of it at once
	for i, c := range []struct {
		after time.Duration
		bytes int
		ok    bool
	}{
		{0, 400_000, true}, {0, 200_000, false}, {0, 100_000, true}, {100 * time.Millisecond, 25_000, true}, {0, 1, false},
		{time.Hour, 500_000, true}, {time.Hour, 500_001, false},
	} {
		now = now.Add(c.after)
		if ok := b.take(now, rate, c.bytes); ok != c.ok {
			t.Errorf("step %d: %v", i, ok)
		}
	}
}

// TestClimbFromHistory checks that a layer that goes up starts from history if others get it already.
func TestClimbFromHistory(t *testing.T) {
	x := newReplayScene(t, simSpec{rids: []string{"q", "h", "f"}, twcc: true}, 0, "a", "b", "c")
	c := x.join("c", simSpec{pairs: 2})
	small := View{Heights: map[string]int{"a-camera": 90}}
	x.room.View("c", small)
	x.run(2 * time.Second)
	slot := c.camera("a")
	if slot == nil || slot.last.encoding&3 != 0 {
		t.Fatalf("c gets %+v", slot)
	}
	x.keyFrame()
	x.run(200 * time.Millisecond)
	asked, replays := x.asked(), x.w.count.Replays
	x.room.View("c", View{})
	x.run(3 * simTick)
	if got := c.camera("a").last.encoding & 3; got != 2 || x.w.count.Replays != replays+1 || x.asked() != asked {
		t.Errorf("encoding %d, %d starts from history, %d requests", got, x.w.count.Replays-replays, x.asked()-asked)
	}
	// Down again, nothing comes twice.
	x.room.View("c", small)
	x.run(time.Second)
	if x.w.count.Replays != replays+1 {
		t.Error("a lower layer starts from history")
	}
}

// TestVirtualJoinFromHistory joins a third pion client over a path of 20 ms and measures, in virtual time, how long it waits for pictures.
// A client that loses some of the packets of its start asks for them again.
func TestVirtualJoinFromHistory(t *testing.T) {
	for name, loss := range map[string]float64{"clean": 0, "5 % loss": 0.05} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, v *virtualNet) {
				link := simnet.Link{Delay: 20 * time.Millisecond}
				r := v.room()
				r.applyPlan(fullPlan("a", "b", "c"))
				clients := []*testClient{v.clientWith(r, "a", 2, nil).testClient, v.clientWith(r, "b", 2, nil).testClient}
				for _, c := range clients {
					c.join()
				}
				sendFor(3*time.Second, clients...)
				done := make(chan struct{})
				go func() { // a key frame each second, and one when asked
					defer close(done)
					answered := []int64{clients[0].plis.Load(), clients[1].plis.Load()}
					for range 200 {
						for i, c := range clients {
							n := c.plis.Load()
							c.say(n != answered[i])
							answered[i] = n
						}
						time.Sleep(20 * time.Millisecond)
					}
				}()
				c := v.clientWith(r, "c", 2, nil)
				link.Loss = loss
				c.conn.SetLink(link)
				before := v.engine.Counters()
				c.join()
				began := time.Now()
				eventually(t, "c has both pictures", func() bool { return c.count(11) > 0 && c.count(21) > 0 })
				waited := time.Since(began)
				if loss == 0 && waited > 60*time.Millisecond {
					t.Errorf("the pictures came after %v", waited)
				}
				<-done
				count := v.engine.Counters()
				if count.Replays-before.Replays < 2 || count.KeyFrameRequestsOut-before.KeyFrameRequestsOut > 4 {
					t.Errorf("%d starts from history, %d requests", count.Replays-before.Replays, count.KeyFrameRequestsOut-before.KeyFrameRequestsOut)
				}
				for _, csrc := range []uint32{11, 21} {
					packets := c.packets(csrc)
					if packets[0].Payload[1]&1 != 0 && loss == 0 {
						t.Errorf("CSRC %d does not begin with a key frame", csrc)
					}
					seen := map[uint16]bool{}
					for _, p := range packets {
						seen[p.SequenceNumber] = true
					}
					missing := 0
					for i := range len(seen) {
						if !seen[packets[0].SequenceNumber+uint16(i)] {
							missing++
						}
					}
					if missing > len(seen)/50 {
						t.Errorf("CSRC %d: %d of %d packets are missing", csrc, missing, len(seen))
					}
				}
			})
		})
	}
}
