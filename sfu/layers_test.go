package sfu

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// videoOf is a publication whose encodings come with these rates of all and of the lowest temporal layer, in bit/s.
func videoOf(now time.Time, rates ...[2]int) *publication {
	pub := &publication{}
	for i, r := range rates {
		pub.encodings = append(pub.encodings, &encoding{publication: pub, index: i, rid: threeRIDs[i], main: &stream{},
			lastArrival: now, bitrate: r[0], baseRate: r[1]})
	}
	return pub
}

// shared is what shareRate leaves of videos that are all wanted in full: the RID, with "-" if only its lowest temporal layer, or "x".
func shared(videos []*publication, paused []bool, rate int, now time.Time) (string, int) {
	choices := make([]choice, len(videos))
	for i, v := range videos {
		choices[i].encoding = v.best()
	}
	if paused == nil {
		paused = make([]bool, len(videos))
	}
	sum := shareRate(choices, paused, rate, now)
	var out []string
	for i, c := range choices {
		paused[i] = c.encoding == nil
		switch {
		case c.encoding == nil:
			out = append(out, "x")
		case c.base:
			out = append(out, c.encoding.rid+"-")
		default:
			out = append(out, c.encoding.rid)
		}
	}
	return strings.Join(out, " "), sum
}

// TestPriority checks that a path without room for everything gives it to screens, then to what is displayed largest.
func TestPriority(t *testing.T) {
	p := &peer{member: &member{view: View{Heights: map[string]int{"small": 90, "pinned": 600, "other": 90, "hidden": 0}}}}
	for i, c := range []struct{ kind, id string }{
		{slotVideo, "small"}, {slotAudio, "sound"}, {slotVideo, "hidden"}, {slotVideo, "pinned"}, {slotVideo, "other"}, {slotVideo, "unnamed"},
		{slotScreen, "screen"}, {slotVideo, ""},
	} {
		s := &slot{peer: p, line: &mLine{slotKind: c.kind, slotIndex: i}}
		if c.id != "" { // else nobody is in it
			s.flow = &publication{send: Send{ID: c.id}}
		}
		p.slots = append(p.slots, s)
	}
	var got []string
	for _, s := range p.byPriority() {
		got = append(got, s.flow.send.ID)
	}
	if want := "screen unnamed pinned small other hidden"; strings.Join(got, " ") != want {
		t.Fatalf("%v, want %s", got, want)
	}
}

// TestLowestLayerFirst checks that every video gets its lowest layer before any gets a higher one, that the rest goes to videos in the
// order of priority, and that what cannot be paid for is dropped from the end.
func TestLowestLayerFirst(t *testing.T) {
	now := time.Unix(1_000, 0)
	full := func() *publication { return videoOf(now, [2]int{100, 40}, [2]int{300, 120}, [2]int{900, 360}) }
	small := func() *publication { return videoOf(now, [2]int{100, 40}) } // a newcomer whose browser sends only the smallest as yet
	fresh := func() *publication { return videoOf(now, [2]int{0, 0}) }    // nothing is measured yet
	for _, c := range []struct {
		name   string
		videos []*publication
		paused []bool
		rate   int
		want   string
	}{
		{"room for everything", []*publication{full(), full(), small()}, nil, 1900, "f f q"},
		{"newcomers keep the smallest", []*publication{full(), full(), small(), small()}, nil, 320, "h- h- q- q-"},
		{"newcomers that are not measured", []*publication{full(), full(), fresh(), fresh()}, nil, 240, "h- h- q q"},
		{"all at the lowest layer", []*publication{full(), full(), full(), small()}, nil, 160, "q- q- q- q-"},
		{"the first gets more than the last", []*publication{full(), full(), full(), full()}, nil, 240, "q q- q- q-"},
		{"dropped from the end", []*publication{full(), full(), full(), small()}, nil, 120, "q- q- q- x"},
		{"more dropped from the end", []*publication{full(), small(), small(), full()}, nil, 95, "q- q- x x"},
		{"what is left goes to the first", []*publication{full(), full(), full()}, nil, 110, "q- q- x"},
		{"no room for one", []*publication{full(), full()}, nil, 39, "x x"},
		{"one that was dropped needs a margin", []*publication{full(), full(), full()}, []bool{false, false, true}, 125, "q- q- x"},
		{"and comes back with it", []*publication{full(), full(), full()}, []bool{false, false, true}, 134, "q- q- q-"},
	} {
		got, sum := shared(c.videos, slices.Clone(c.paused), c.rate, now)
		if got != c.want || sum > c.rate {
			t.Errorf("%s: of %d bit/s %q is sent with %d, want %q", c.name, c.rate, got, sum, c.want)
		}
	}
}

// TestDroppedVideoStaysDropped checks that a bound that moves a little does not switch a video off and on.
func TestDroppedVideoStaysDropped(t *testing.T) {
	now := time.Unix(1_000, 0)
	videos := []*publication{videoOf(now, [2]int{100, 40}), videoOf(now, [2]int{100, 40}), videoOf(now, [2]int{100, 40})}
	paused, changes := make([]bool, len(videos)), 0
	for i := range 100 {
		before := slices.Clone(paused)
		shared(videos, paused, 120+i%3*4-4, now) // 116, 120, 124
		if !slices.Equal(before, paused) {
			changes++
		}
	}
	if changes != 1 || !paused[2] {
		t.Errorf("%d changes, %v", changes, paused)
	}
}
