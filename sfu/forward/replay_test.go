package forward

import (
	"testing"
	"time"
)

// replayFrames passes frames of a source to a selector, from a number and a timestamp on, all at one moment.
func replayFrames(t *testing.T, s *Selector, now time.Time, ext uint64, ts uint32, frames int) (outs []Out) {
	t.Helper()
	for i := range frames {
		for part := range 2 {
			p := &Packet{Ext: ext + uint64(2*i+part), Timestamp: ts + uint32(3000*i), KeyFrame: i == 0 && part == 0, Picture: Picture{ID: uint16(100 + i), HasID: true}}
			out, drop := s.Next(now, p)
			if drop != Kept {
				t.Fatalf("frame %d: %v", i, drop)
			}
			outs = append(outs, out)
		}
	}
	return outs
}

// TestReplay checks that a slot that begins in history is one continuous stream: numbers without a gap, one timestamp for each frame, all of
// them just before that of the live packet, and the live packets on the time line of elapsed time.
func TestReplay(t *testing.T) {
	const frames = 30
	for name, c := range map[string]struct {
		ran bool
		gap time.Duration // since the last packet of the source before
	}{
		"first source": {}, "another source": {true, 5 * time.Second}, "another layer": {true, 33 * time.Millisecond},
		"within the same millisecond": {true, 0}, "after days": {true, 50 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1_790_000_000, 0)
			s := Selector{ClockRate: 90000, Video: true}
			last, lastTS, elapsed := uint64(0), uint32(0), uint32(0)
			if c.ran {
				s.Switch()
				outs := replayFrames(t, &s, now, 5000, 77_000, 1)
				last, lastTS = outs[1].Ext, outs[1].Timestamp
				now = now.Add(c.gap)
				elapsed = uint32(int64(c.gap) * 9 / 100_000)
			}
			key := uint32(4_000_000_000)
			newest := key + 3000*(frames-1) // wraps
			s.Replay(200+2*frames-1, newest)
			outs := replayFrames(t, &s, now, 200, key, frames)
			for i, out := range outs {
				if out.Ext != last+1 {
					t.Fatalf("packet %d has number %d after %d", i, out.Ext, last)
				}
				step := int32(out.Timestamp - lastTS)
				if first := i%2 == 0 && (i > 0 || c.ran && c.gap < time.Hour); first && step <= 0 || i%2 == 1 && step != 0 {
					t.Fatalf("packet %d has timestamp %d after %d", i, out.Timestamp, lastTS)
				}
				if i > 0 && c.gap < time.Hour && step > 3000>>replayShift+1 {
					t.Fatalf("packet %d is %d ticks after the one before", i, step)
				}
				last, lastTS = out.Ext, out.Timestamp
			}
			want := newest
			if c.ran {
				want = 77_000 + elapsed
			}
			if off := int32(lastTS - want); off < 0 || off > 1+87 {
				t.Errorf("the newest stored packet has timestamp %d, %d off", lastTS, off)
			}
			live := lastTS
			now = now.Add(33 * time.Millisecond)
			out, drop := s.Next(now, &Packet{Ext: 200 + 2*frames, Timestamp: newest + 3000})
			if drop != Kept || out.Ext != last+1 || out.Timestamp != live+3000 {
				t.Errorf("the first live packet: %+v, %v", out, drop)
			}
			if got := s.FromSource(newest + 9000); got != live+9000 {
				t.Errorf("reports map %d to %d", newest+9000, got)
			}
		})
	}
}

// TestReplayEnds checks that a switch ends a replay: timestamps of the next source are its own.
func TestReplayEnds(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	s := Selector{ClockRate: 90000, Video: true}
	s.Replay(1_000, 90_000)
	replayFrames(t, &s, now, 990, 60_000, 2)
	s.Switch()
	now = now.Add(time.Second)
	first := replayFrames(t, &s, now, 10, 500_000, 3)
	if step := first[2].Timestamp - first[0].Timestamp; step != 3000 {
		t.Errorf("frames of the next source are %d ticks apart", step)
	}
}

// TestReplayLayers checks that frames of upper temporal layers are left out of a replay without a gap.
func TestReplayLayers(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	s := Selector{ClockRate: 90000, Video: true}
	s.Replay(110, 30_000)
	last := uint64(0)
	for i := range uint64(11) {
		out, drop := s.Next(now, &Packet{Ext: 100 + i, Timestamp: uint32(3000 * i), KeyFrame: i == 0, AboveTarget: i%2 == 1})
		switch {
		case i%2 == 1 && drop != Layer:
			t.Errorf("packet %d: %v", i, drop)
		case i%2 == 0 && (drop != Kept || out.Ext != last+1):
			t.Errorf("packet %d: %+v, %v", i, out, drop)
		case i%2 == 0:
			last = out.Ext
		}
	}
}
