package forward

import (
	"testing"
	"time"
)

// A step of a table: a packet, when it comes, and what becomes of it.
type step struct {
	after     time.Duration // since the step before
	packet    Packet
	out       Out
	drop      Drop
	switching bool // Switch comes first
}

func at(ext uint64, timestamp uint32) Packet { return Packet{Ext: ext, Timestamp: timestamp} }

func key(ext uint64, timestamp uint32) Packet {
	return Packet{Ext: ext, Timestamp: timestamp, KeyFrame: true}
}

func pad(ext uint64) Packet { return Packet{Ext: ext, Empty: true} }

const ms = time.Millisecond

var audioSteps = map[string][]step{
	"the first is number 1": {
		{0, at(70_000, 960), Out{Ext: 1, Timestamp: 960}, Kept, true},
		{20 * ms, at(70_001, 1920), Out{Ext: 2, Timestamp: 1920}, Kept, false},
	},
	"nothing without a switch": {
		{0, at(70_000, 960), Out{}, BeforeSwitch, false},
		{0, pad(70_001), Out{}, Padding, false},
		{0, at(70_002, 960), Out{Ext: 1, Timestamp: 960}, Kept, true},
	},
	"loss leaves its gap, and what comes late fills it": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{20 * ms, at(70_003, 2880), Out{Ext: 4, Timestamp: 2880}, Kept, false},
		{1 * ms, at(70_001, 960), Out{Ext: 2, Timestamp: 960}, Kept, false},
		{1 * ms, at(69_999, 960), Out{}, BeforeSwitch, false},
	},
	"a switch follows in number and time": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{100 * ms, at(500_000, 77), Out{Ext: 2, Timestamp: 4800}, Kept, true},
		{20 * ms, at(500_001, 77+960), Out{Ext: 3, Timestamp: 5760}, Kept, false},
		{0, at(499_999, 0), Out{}, BeforeSwitch, false},
		{0, at(100, 1<<31), Out{Ext: 4, Timestamp: 5761}, Kept, true},
	},
	"padding leaves no gap": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{1 * ms, pad(70_001), Out{}, Padding, false},
		{1 * ms, pad(70_002), Out{}, Padding, false},
		{1 * ms, at(70_003, 960), Out{Ext: 2, Timestamp: 960}, Kept, false},
	},
	"padding after a loss": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{1 * ms, pad(70_002), Out{}, Padding, false},
		{1 * ms, at(70_003, 960), Out{Ext: 3, Timestamp: 960}, Kept, false},
		{1 * ms, at(70_001, 480), Out{Ext: 2, Timestamp: 480}, Kept, false},
	},
	"padding that comes late": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{1 * ms, at(70_002, 960), Out{Ext: 3, Timestamp: 960}, Kept, false},
		{1 * ms, pad(70_001), Out{}, Padding, false},
		{1 * ms, at(70_003, 1920), Out{Ext: 4, Timestamp: 1920}, Kept, false},
	},
	"what was padding never gets a number": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{1 * ms, pad(70_001), Out{}, Padding, false},
		{1 * ms, pad(70_002), Out{}, Padding, false},
		{1 * ms, at(70_003, 960), Out{Ext: 2, Timestamp: 960}, Kept, false},
		{1 * ms, at(70_001, 480), Out{}, Padding, false},
		{1 * ms, at(70_002, 480), Out{}, Padding, false},
	},
	"what comes late behind padding does not move the time": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{20 * ms, pad(70_002), Out{}, Padding, false},
		{time.Second, at(70_001, 960), Out{Ext: 2, Timestamp: 960}, Kept, false},
		{0, at(70_003, 1920), Out{Ext: 3, Timestamp: 1020 * 48}, Kept, false},
	},
	"padding overtakes the last packet before a switch": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{20 * ms, pad(70_002), Out{}, Padding, false},
		{0, at(70_001, 960), Out{Ext: 2, Timestamp: 960}, Kept, false},
		{0, at(9, 9), Out{Ext: 3, Timestamp: 961}, Kept, true},
	},
	"the start of a frame that padding and its end overtook after a silence": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{time.Second, pad(70_002), Out{}, Padding, false},
		{0, at(70_003, 960), Out{Ext: 3, Timestamp: 48_000}, Kept, false},
		{0, at(70_001, 960), Out{Ext: 2, Timestamp: 48_000}, Kept, false},
	},
	"a silence with a clock that ran": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{time.Second, at(70_001, 48_480), Out{Ext: 2, Timestamp: 48_480}, Kept, false},
	},
	"a silence with a clock that stood": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{20 * ms, at(70_001, 960), Out{Ext: 2, Timestamp: 960}, Kept, false},
		{time.Second, at(70_003, 2880), Out{Ext: 4, Timestamp: 48_960}, Kept, false},
		{20 * ms, at(70_004, 3840), Out{Ext: 5, Timestamp: 49_920}, Kept, false},
		{0, at(70_002, 2880), Out{Ext: 3, Timestamp: 48_960}, Kept, false},
		{0, at(70_001, 960), Out{Ext: 2, Timestamp: 960}, Kept, false}, // the answer of before the silence
	},
	"a silence with a clock that ran away": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{time.Second, at(70_001, 90_000), Out{Ext: 2, Timestamp: 48_000}, Kept, false},
	},
	"late, hours after a silence": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{time.Second, at(70_001, 90_000), Out{Ext: 2, Timestamp: 48_000}, Kept, false},
		{20 * time.Hour, at(70_002, 90_000+3456000000%(1<<32)), Out{Ext: 3, Timestamp: 48_000 + 3456000000%(1<<32)}, Kept, false},
		{0, at(70_004, 90_000+3456001920%(1<<32)), Out{Ext: 5, Timestamp: 48_000 + 3456001920%(1<<32)}, Kept, false},
		{0, at(70_003, 90_000+3456000960%(1<<32)), Out{Ext: 4, Timestamp: 48_000 + 3456000960%(1<<32)}, Kept, false},
	},
	"a muted hour": {
		{0, at(70_000, 1<<32-1), Out{Ext: 1, Timestamp: 1<<32 - 1}, Kept, true},
		{time.Hour, at(70_001, 959), Out{Ext: 2, Timestamp: 3600*48_000 - 1}, Kept, false},
	},
	"a muted week": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{7 * 24 * time.Hour, at(70_001, 960), Out{Ext: 2, Timestamp: uint32(7 * 24 * 3600 * 48_000 % (1 << 32))}, Kept, false},
		{7 * 24 * time.Hour, at(9, 9), Out{Ext: 3, Timestamp: uint32(14 * 24 * 3600 * 48_000 % (1 << 32))}, Kept, true},
	},
	"losses between padding add up": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{20 * ms, pad(72_000), Out{}, Padding, false},
		{20 * ms, pad(74_000), Out{}, Padding, false},
		{20 * ms, at(74_001, 960), Out{Ext: 2, Timestamp: 2880}, Kept, false},
	},
	"a step that no receiver's rollover counter survives": {
		{0, at(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{20 * ms, at(140_000, 1<<31), Out{Ext: 2, Timestamp: 960}, Kept, false},
		{20 * ms, at(70_001, 960), Out{}, BeforeSwitch, false},
	},
}

var videoSteps = map[string][]step{
	"a switch waits for a key frame": {
		{0, at(70_000, 0), Out{}, AwaitKey, true},
		{0, pad(70_001), Out{}, Padding, false},
		{0, key(70_002, 3000), Out{Ext: 1, Timestamp: 3000}, Kept, false},
		{0, at(70_001, 0), Out{}, BeforeSwitch, false},
		{0, at(70_003, 3000), Out{Ext: 2, Timestamp: 3000}, Kept, false},
		{33 * ms, at(4_000_000, 5), Out{}, AwaitKey, true},
		{33 * ms, key(4_000_001, 5), Out{Ext: 3, Timestamp: 3000 + 66*90}, Kept, false},
	},
	"the end of a frame that was lost before a silence": {
		{0, key(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{time.Second, at(70_002, 3000), Out{Ext: 3, Timestamp: 90_000}, Kept, false},
		{0, at(70_001, 0), Out{Ext: 2, Timestamp: 0}, Kept, false},
		{0, at(70_003, 3000), Out{Ext: 4, Timestamp: 90_000}, Kept, false},
	},
	"two pictures never share a timestamp": {
		{0, key(70_000, 500), Out{Ext: 1, Timestamp: 500}, Kept, true},
		{0, key(9, 9), Out{Ext: 2, Timestamp: 501}, Kept, true},
	},
	"a frame keeps its timestamp over a silence, in any order": {
		{0, key(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{time.Second, at(70_002, 3000), Out{Ext: 3, Timestamp: 90_000}, Kept, false},
		{0, at(70_001, 3000), Out{Ext: 2, Timestamp: 90_000}, Kept, false},
		{0, at(70_003, 3000), Out{Ext: 4, Timestamp: 90_000}, Kept, false},
	},
	"the end of a frame comes after a silence": {
		{0, key(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{400 * ms, at(70_001, 0), Out{Ext: 2, Timestamp: 0}, Kept, false},
		{33 * ms, at(70_002, 39_000), Out{Ext: 3, Timestamp: 39_000}, Kept, false},
	},
	"losses in a silence that no history spans": {
		{0, key(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{time.Second + ms, at(70_001, 90_000), Out{Ext: 2, Timestamp: 90_000}, Kept, false}, // nothing was lost
		{time.Second, at(70_003, 180_000), Out{Ext: 4, Timestamp: 180_000}, Kept, false},    // nor is it long
		{time.Second + ms, at(70_005, 270_000), Out{}, AwaitKey, false},
		{1 * ms, key(70_006, 270_090), Out{Ext: 5, Timestamp: 180_000 + 1002*90}, Kept, false},
		{1 * ms, at(70_004, 180_000), Out{}, BeforeSwitch, false},
	},
	"a silence of the shown layer only": {
		{0, key(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{900 * ms, above(at(70_001, 81_000)), Out{}, Layer, false},
		{900 * ms, at(70_003, 162_000), Out{Ext: 3, Timestamp: 162_000, PictureIDOffset: 1<<16 - 1}, Kept, false},
	},
	"a long outage waits for a key frame": {
		{0, key(70_000, 0), Out{Ext: 1, Timestamp: 0}, Kept, true},
		{33 * ms, at(70_000+maxJump, 3000), Out{Ext: 1 + maxJump, Timestamp: 3000}, Kept, false},
		{33 * ms, at(70_001+2*maxJump, 6000), Out{}, AwaitKey, false},
		{1 * ms, key(70_002+2*maxJump, 6000), Out{Ext: 2 + maxJump, Timestamp: 3000 + 34*90}, Kept, false},
	},
}

func TestSelector(t *testing.T) {
	for name, steps := range audioSteps {
		runSteps(t, name, &Selector{ClockRate: 48_000}, steps)
	}
	for name, steps := range videoSteps {
		runSteps(t, name, &Selector{ClockRate: 90_000, Video: true}, steps)
	}
}

func runSteps(t *testing.T, name string, s *Selector, steps []step) {
	t.Helper()
	now := epoch
	for i, st := range steps {
		now = now.Add(st.after)
		if st.switching {
			s.Switch()
		}
		out, drop := s.next(now, st.packet)
		if out != st.out || drop != st.drop {
			t.Errorf("%s, step %d: %+v, %v; want %+v, %v", name, i, out, drop, st.out, st.drop)
		}
		if again, d := s.next(now, st.packet); again != out || d != drop {
			t.Errorf("%s, step %d, again: %+v, %v; first %+v, %v", name, i, again, d, out, drop)
		}
		if s.AwaitsKey() != (drop == AwaitKey || s.Video && drop == Padding) || s.Running() != (s.lastOut > 0) {
			t.Errorf("%s, step %d: awaits a key frame %v, running %v", name, i, s.AwaitsKey(), s.Running())
		}
	}
}

func TestSlotTime(t *testing.T) {
	s := Selector{ClockRate: 48_000}
	s.Switch()
	s.next(epoch, at(9, 1000))
	s.Switch()
	s.next(epoch.Add(time.Second), at(9, 7))
	if got := s.TimestampAt(epoch.Add(1500 * ms)); got != 1000+72_000 {
		t.Errorf("timestamp %d", got)
	}
	if s.Last() != 2 {
		t.Errorf("last number %d", s.Last())
	}
	if got := s.FromSource(7 + 960); got != 1000+48_000+960 {
		t.Errorf("timestamp %d", got)
	}
	if got := s.TimestampAt(epoch.Add(48 * time.Hour)); got != uint32((1000+48*3600*48_000)%(1<<32)) {
		t.Errorf("timestamp %d", got)
	}
}

// TestRunsOfPadding checks that packets lost before a run of padding, which probes a path, still get their number while the run is
// remembered.
func TestRunsOfPadding(t *testing.T) {
	s := Selector{ClockRate: 90_000}
	s.Switch()
	s.next(epoch, at(1000, 0))
	ext := uint64(1001) // 1001 is lost
	for range 100 {
		ext++
		s.next(epoch, pad(ext))
	}
	if out, _ := s.next(epoch, at(ext+1, 0)); out.Ext != 3 {
		t.Errorf("behind the run: %d", out.Ext)
	}
	if out, d := s.next(epoch, at(1001, 0)); out.Ext != 2 || d != Kept {
		t.Errorf("before the run: %d, %v", out.Ext, d)
	}
	for e := uint64(1002); e <= ext; e++ {
		if out, d := s.next(epoch, at(e, 0)); d != Padding {
			t.Fatalf("%d of the run got %d", e, out.Ext)
		}
	}
}

// TestForgottenOffsets checks that a packet older than the bounded list of offsets gets no number, rather than that of another packet.
func TestForgottenOffsets(t *testing.T) {
	s := Selector{ClockRate: 90_000}
	s.Switch()
	given := map[uint64]uint64{}
	for e := uint64(1000); e < 1300; e += 3 { // a packet, one that is lost, and padding
		out, _ := s.next(epoch, at(e, 0))
		given[out.Ext] = e
		s.next(epoch, pad(e+2))
	}
	kept := 0
	for e := uint64(990); e < 1310; e++ {
		out, d := s.next(epoch, at(e, 0))
		if d != Kept {
			continue
		}
		if other, taken := given[out.Ext]; taken && other != e {
			t.Fatalf("number %d for %d and %d", out.Ext, other, e)
		}
		given[out.Ext] = e
		kept++
	}
	if kept < 2*(maxChanges-1) {
		t.Errorf("only %d", kept)
	}
}

func TestSelectorAllocates(t *testing.T) {
	s, now, ext := Selector{ClockRate: 90_000, Video: true}, epoch, uint64(extBase)
	s.Switch()
	if n := testing.AllocsPerRun(5000, func() {
		now, ext = now.Add(7*ms), ext+1
		if ext%500 == 0 {
			s.Switch()
			ext, now = ext*2, now.Add(time.Second)
		}
		s.next(now, Packet{Ext: ext, Timestamp: uint32(ext) * 3000, KeyFrame: ext%20 == 0, Empty: ext%7 == 0})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// next is Next of a packet at hand.
func (s *Selector) next(now time.Time, p Packet) (Out, Drop) { return s.Next(now, &p) }
