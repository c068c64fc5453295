package sfu

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

var threeRIDs = []string{"q", "h", "f"}

// shown is the RID that somebody gets of a camera.
func (x *simPeer) shown(of PeerID) string {
	s := x.peer.slotOf[x.shows(of, slotVideo).line.slotSSRC]
	if s.current == nil {
		return ""
	}
	return s.current.rid
}

// view says how high one camera is shown.
func (x *simPeer) view(of PeerID, height int) {
	x.sim.room.View(x.id, View{Heights: map[string]int{string(of) + "-camera": height}})
}

// TestViewChooses checks that the height shown chooses the encoding (180, 360, 720 pixels high), with and without descriptors:
// with them nobody can read the payload.
func TestViewChooses(t *testing.T) {
	for _, dd := range []bool{false, true} {
		s, all := newGroup(t, 11, simSpec{rids: threeRIDs, dd: dd}, "a", "b", "c")
		a, c := all[0], all[2]
		s.run(time.Second)
		for _, step := range []struct {
			height int
			rid    string
		}{{90, "q"}, {180, "q"}, {240, "q"}, {242, "h"}, {360, "h"}, {480, "h"}, {500, "f"}, {2000, "f"}, {100, "q"}, {700, "f"}, {0, ""}, {360, "h"}} {
			a.view("b", step.height)
			slot := a.shows("b", slotVideo)
			for _, st := range all[1].source(Camera).streams {
				st.off = false
			}
			s.run(1500 * time.Millisecond)
			before := slot.count
			s.run(500 * time.Millisecond)
			if got := a.shown("b"); got != step.rid || (slot.count == before) != (step.rid == "") {
				t.Errorf("descriptors %v, height %d shows %q, want %q; %d packets", dd, step.height, got, step.rid, slot.count-before)
			}
			if got := c.shown("b"); got != "f" {
				t.Errorf("the other one gets %q", got)
			}
		}
	}
}

// TestSwitchWaitsForKey checks that the old encoding goes on until the key frame of the new one is there.
func TestSwitchWaitsForKey(t *testing.T) {
	for _, dd := range []bool{false, true} {
		s, all := newGroup(t, 12, simSpec{rids: threeRIDs, dd: dd}, "a", "b")
		a, cam := all[0], all[1].source(Camera)
		s.run(time.Second)
		cam.deaf = true
		asked := len(cam.plis)
		a.view("b", 180)
		slot := a.shows("b", slotVideo)
		small, large := slot.heights[0], slot.heights[2]
		s.run(2 * time.Second)
		if slot.heights[0] != small || slot.heights[2] < large+19 || a.shown("b") != "f" {
			t.Fatalf("descriptors %v: %d small and %d large frames while no key frame came", dd, slot.heights[0]-small, slot.heights[2]-large)
		}
		if n := len(cam.plis) - asked; n < 5 || n > 6 {
			t.Errorf("descriptors %v: asked %d times in 2 s", dd, n)
		}
		cam.deaf = false
		small = slot.heights[0]
		s.run(time.Second)
		if a.shown("b") != "q" || slot.heights[0] < small+5 {
			t.Errorf("descriptors %v: still %q, %d small frames", dd, a.shown("b"), slot.heights[0]-small)
		}
	}
}

// TestSwitchesLoseNothing lets somebody change size a hundred times over a bad path; sim_check_test.go holds what leaves.
func TestSwitchesLoseNothing(t *testing.T) {
	for _, dd := range []bool{false, true} {
		s, all := newGroup(t, 13, simSpec{rids: threeRIDs, dd: dd}, "a", "b")
		a := all[0]
		for _, l := range []*simLink{&a.up, &a.down, &all[1].up, &all[1].down} {
			l.loss, l.jitter, l.twice = 0.03, 30*time.Millisecond, 0.01
		}
		all[1].source(Camera).padding = 0.05
		slot := a.shows("b", slotVideo)
		for i := range 100 {
			a.view("b", 180<<(i*7%3))
			before := slot.frames
			s.run(1200 * time.Millisecond)
			if slot.frames < before+3 { // a key frame may be lost twice
				t.Errorf("descriptors %v, switch %d: %d frames in 1.2 s", dd, i, slot.frames-before)
			}
		}
		if slot.switches < 60 {
			t.Errorf("descriptors %v: %d switches", dd, slot.switches)
		}
	}
}

// TestEncodingsWanted checks that a client hears at once what somebody wants again, and after two seconds what nobody does.
func TestEncodingsWanted(t *testing.T) {
	s, all := newGroup(t, 14, simSpec{rids: threeRIDs}, "a", "b", "c")
	s.run(5 * time.Second)
	last := func() []string {
		for _, ev := range slices.Backward(s.wanted) {
			if ev.Peer == "b" && ev.Source == Camera {
				return ev.RIDs
			}
		}
		return threeRIDs
	}
	step := func(what string, after time.Duration, want ...string) {
		t.Helper()
		n := len(s.wanted)
		s.run(after)
		if got := last(); !slices.Equal(got, want) {
			t.Errorf("%s: after %v %v is wanted, want %v (%d events)", what, after, got, want, len(s.wanted)-n)
		}
	}
	all[0].view("b", 180)
	step("one goes small", 4*time.Second, "q", "f")
	all[2].view("b", 180)
	step("both go small", pauseAfter-500*time.Millisecond, "q", "f")
	step("both are small", 3*time.Second, "q")
	n := len(s.wanted)
	s.run(10 * time.Second)
	if len(s.wanted) != n {
		t.Errorf("%d events while nothing changes", len(s.wanted)-n)
	}
	for _, st := range all[1].source(Camera).streams[1:] {
		st.off = true // as it was told
	}
	s.run(2 * time.Second)
	all[0].view("b", 720)
	step("one goes large", 2*simTick, "q", "f")
	all[1].source(Camera).streams[2].off = false
	s.until("the large one is shown", 3*time.Second, func() bool { return all[0].shown("b") == "f" })
	all[0].view("b", 0)
	all[2].view("b", 0)
	step("nobody looks", 5*time.Second)
	all[2].view("b", 100)
	step("somebody looks", 2*simTick, "q")
}

// TestEncodingWithoutViewers checks that a client without receivers is asked to send nothing.
func TestEncodingWithoutViewers(t *testing.T) {
	s := newSim(t, 15)
	s.applyPlan(fullPlan("a", "b"))
	s.join("a", simSpec{pairs: 1, rids: threeRIDs})
	s.run(5 * time.Second)
	if want := []EncodingsWanted{{"a", Camera, nil}}; !reflect.DeepEqual(s.wanted, want) {
		t.Errorf("alone: %+v", s.wanted)
	}
	s.join("b", simSpec{pairs: 1})
	s.run(5 * simTick)
	if got := s.wanted[len(s.wanted)-1]; !slices.Contains(got.RIDs, "f") {
		t.Errorf("with another: %+v", s.wanted)
	}
}

// TestDeadTopLayer checks that the nearest encoding is shown while the wanted one does not come.
func TestDeadTopLayer(t *testing.T) {
	s, all := newGroup(t, 16, simSpec{rids: threeRIDs}, "a", "b")
	a, streams := all[0], all[1].source(Camera).streams
	s.run(time.Second)
	for _, step := range []struct {
		off [3]bool
		rid string
	}{{[3]bool{false, false, true}, "h"}, {[3]bool{false, true, true}, "q"}, {[3]bool{true, false, true}, "h"}, {[3]bool{}, "f"}, {[3]bool{true, true, false}, "f"}} {
		for i := range streams {
			streams[i].off = step.off[i]
		}
		s.run(4 * time.Second)
		if got := a.shown("b"); got != step.rid {
			t.Errorf("with %v left out %q is shown, want %q", step.off, got, step.rid)
		}
	}
	a.view("b", 100)
	s.run(3 * time.Second)
	if got := a.shown("b"); got != "f" {
		t.Errorf("only the largest comes, %q is shown", got)
	}
}

// TestFallbackEncoding checks that a client is asked for lesser encodings while the one that is wanted does not come: a browser leaves
// out the largest of a small camera, and the camera may be another one now.
func TestFallbackEncoding(t *testing.T) {
	s, all := newGroup(t, 17, simSpec{rids: threeRIDs}, "a", "b")
	wanted := threeRIDs
	for _, step := range []struct {
		can   []string // what the browser makes of the camera
		shown string
		want  []string
	}{
		{threeRIDs, "f", []string{"f"}},
		{[]string{"q"}, "q", []string{"q"}},
		{[]string{"q", "h"}, "h", []string{"h"}},
		{threeRIDs, "f", []string{"f"}},
	} {
		for range 170 { // it sends what it can of what is wanted
			for _, ev := range s.wanted {
				if ev.Peer == "b" {
					wanted = ev.RIDs
				}
			}
			for i, rid := range threeRIDs {
				all[1].source(Camera).streams[i].off = !slices.Contains(wanted, rid) || !slices.Contains(step.can, rid)
			}
			s.run(100 * time.Millisecond)
		}
		if got := all[0].shown("b"); got != step.shown || !slices.Equal(wanted, step.want) {
			t.Errorf("of %v %q is shown and %v wanted, want %q and %v", step.can, got, wanted, step.shown, step.want)
		}
	}
}

// TestAbsentEncoding checks that what a client does not make is wanted no more after absentAfter, by nobody, and wanted again from time to
// time and when the camera was off; a camera that is off altogether teaches nothing.
func TestAbsentEncoding(t *testing.T) {
	s, all := newGroup(t, 18, simSpec{rids: threeRIDs}, "a", "b", "c")
	cam := all[1].source(Camera)
	can := threeRIDs
	wanted := threeRIDs
	obey := func(d time.Duration) {
		for range d / (100 * time.Millisecond) {
			for _, ev := range s.wanted {
				if ev.Peer == "b" {
					wanted = ev.RIDs
				}
			}
			for i, rid := range threeRIDs {
				cam.streams[i].off = !slices.Contains(wanted, rid) || !slices.Contains(can, rid)
			}
			s.run(100 * time.Millisecond)
		}
	}
	step := func(what, shown string, want ...string) {
		t.Helper()
		if got := all[0].shown("b"); got != shown || !slices.Equal(wanted, want) {
			t.Errorf("%s: %q is shown and %v wanted, want %q and %v", what, got, wanted, shown, want)
		}
	}
	all[2].view("b", 100)
	can = []string{"q", "h"}
	obey(4 * time.Second)
	step("the largest does not come", "h", threeRIDs...)
	obey(absentAfter)
	step("nor is it made", "h", "q", "h")
	n := len(s.wanted)
	obey(absentFor - 6*time.Second)
	if len(s.wanted) != n {
		t.Errorf("%d events while nothing changes", len(s.wanted)-n)
	}
	obey(6 * time.Second)
	step("it is tried again", "h", threeRIDs...)
	obey(absentAfter + pauseAfter)
	step("in vain", "h", "q", "h")
	can = threeRIDs
	obey(absentFor)
	step("another camera", "f", "q", "f")

	can = []string{"q"}
	obey(absentAfter + 4*time.Second)
	step("a small one", "q", "q")
	can = nil
	obey(absentFor + absentAfter)
	step("it stands still, and nothing is learnt of that", "q", threeRIDs...)
}

// TestLowestLayerIsWanted checks that a client which sends only its largest encoding, because everybody shows it large, is asked for the
// smallest when a path has no room for the largest.
func TestLowestLayerIsWanted(t *testing.T) {
	s, all := newGroup(t, 19, simSpec{rids: threeRIDs}, "a", "b")
	a, cam := all[0], all[1].source(Camera)
	cam.size, cam.parts, cam.every = 290, 4, 50*time.Millisecond
	wanted := threeRIDs
	obey := func(d time.Duration, ok func() bool) bool {
		for range d / (100 * time.Millisecond) {
			for _, ev := range s.wanted {
				if ev.Peer == "b" && ev.Source == Camera {
					wanted = ev.RIDs
				}
			}
			for i, rid := range threeRIDs {
				cam.streams[i].off = !slices.Contains(wanted, rid)
			}
			if s.run(100 * time.Millisecond); ok() {
				return true
			}
		}
		return false
	}
	obey(5*time.Second, func() bool { return false })
	if !slices.Equal(wanted, []string{"f"}) {
		t.Fatalf("%v wanted", wanted)
	}
	a.loss = 120
	if !obey(60*time.Second, func() bool { return a.shown("b") == "q" }) {
		t.Errorf("%q is shown and %v wanted on a narrow path", a.shown("b"), wanted)
	}
	a.loss = 0
	if !obey(120*time.Second, func() bool { return a.shown("b") == "f" && slices.Equal(wanted, []string{"f"}) }) {
		t.Errorf("%q is shown and %v wanted on a wide path", a.shown("b"), wanted)
	}
}
