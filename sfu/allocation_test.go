package sfu

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// testWish is a wish for a camera of 60, 100, 300 and 600 kbit/s, or for a single encoding.
func testWish(at int, first bool, rates ...int) wish {
	w := wish{at: at, first: first}
	for i, rate := range rates {
		if i == 1 && len(rates) > 2 { // the smallest in full
			w.levels = append(w.levels, choice{encoding: w.levels[0].encoding})
			w.levels[0].encoding.wire.rate = rate * 1000
			continue
		}
		e := &encoding{wire: wireMeter{rate: rate * 1000, baseRate: rate * 1000}}
		w.levels = append(w.levels, choice{e, i == 0 && len(rates) > 2})
	}
	w.most = len(w.levels) - 1
	return w
}

func levelsAt(all []wish) string {
	var b strings.Builder
	for i := range all {
		fmt.Fprintf(&b, "%d ", all[i].at)
	}
	return strings.TrimSpace(b.String())
}

// TestFill gives bandwidth bottom up: all frames of the smallest size to who speaks, then the lowest layer to all, then all frames, then the
// next size.
func TestFill(t *testing.T) {
	camera := func(first bool) wish { return testWish(-1, first, 60, 100, 300, 600) }
	for _, c := range []struct {
		kbit int
		want string
	}{
		{50, "-1 -1 -1"}, {60, "0 -1 -1"}, {100, "1 -1 -1"}, {159, "1 -1 -1"}, {160, "1 0 -1"}, {220, "1 0 0"}, {260, "1 1 0"}, {300, "1 1 1"},
		{499, "1 1 1"}, {500, "2 1 1"}, {900, "2 2 2"}, {1200, "3 2 2"}, {1800, "3 3 3"}, {9000, "3 3 3"},
	} {
		all := []wish{camera(true), camera(false), camera(false)}
		sum := fill(all, c.kbit*1000)
		taken := 0
		for i := range all {
			taken += all[i].cost()
		}
		if got := levelsAt(all); got != c.want || sum != taken || sum > c.kbit*1000 {
			t.Errorf("%d kbit/s: %s taking %d, want %s", c.kbit, got, sum, c.want)
		}
	}
	// A screen that does not fit leaves its place to others.
	all := []wish{testWish(-1, false, 2000), camera(false)}
	if fill(all, 500_000); levelsAt(all) != "-1 2" {
		t.Error(levelsAt(all))
	}
}

// TestRaise raises one wish by one level, the lowest first, and lets others give back what they would not get.
func TestRaise(t *testing.T) {
	camera := func(at int, first bool) wish { return testWish(at, first, 60, 100, 300, 600) }
	for _, c := range []struct {
		what string
		all  []wish
		kbit int
		want string // empty: nothing is raised
	}{
		{"paused ones come first, with all their frames", []wish{camera(2, true), camera(-1, false), camera(-1, false)}, 1000, "2 1 -1"},
		{"who speaks before all others", []wish{camera(-1, true), camera(-1, false)}, 1000, "1 -1"},
		{"not above nine tenths of the budget", []wish{camera(1, true), camera(1, false)}, 440, ""},
		{"one step only", []wish{camera(1, true), camera(1, false)}, 9000, "2 1"},
		{"another who speaks gets what the one before had", []wish{camera(1, true), camera(2, false)}, 450, "2 1"},
		{"all have all", []wish{camera(3, true), camera(3, false)}, 9000, ""},
	} {
		ok := raise(c.all, c.kbit*1000)
		if got := levelsAt(c.all); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s: %v %s, want %q", c.what, ok, got, c.want)
		}
	}
}

// TestPatience waits longer after each step that had to be taken back.
func TestPatience(t *testing.T) {
	b := newBandwidth(simBegin)
	now := simBegin
	var waits []time.Duration
	for range 5 {
		b.raisedAt = now
		now = now.Add(time.Second)
		b.takeBack(now)
		b.takeBack(now.Add(300 * time.Millisecond)) // of the same congestion
		from := now
		for !b.mayRaise(now) {
			now = now.Add(100 * time.Millisecond)
		}
		waits = append(waits, now.Sub(from).Truncate(time.Second))
	}
	if got := fmt.Sprint(waits); got != "[1s 2s 4s 8s 8s]" {
		t.Error(got)
	}
	b.raisedAt, now = now, now.Add(time.Minute)
	if b.takeBack(now); b.patience != minPatience {
		t.Errorf("%v after a step that held", b.patience)
	}
}

// TestWireMeter counts headers, and nothing of a pause.
func TestWireMeter(t *testing.T) {
	var m wireMeter
	now := simBegin
	send := func(d time.Duration) (begins int) {
		for range int(d / (10 * time.Millisecond)) {
			now = now.Add(10 * time.Millisecond)
			if m.add(now, 1000-wireOverhead, true) {
				begins++
			}
		}
		return begins
	}
	if n := send(5 * time.Second); n != 1 || m.rate < 790_000 || m.rate > 810_000 || m.baseRate != m.rate {
		t.Errorf("%d begins, %d bit/s, %d of the lowest layer", n, m.rate, m.baseRate)
	}
	now = now.Add(time.Minute)
	if n := send(5 * time.Second); n != 1 || m.rate < 790_000 || m.rate > 810_000 {
		t.Errorf("%d begins after a pause, %d bit/s", n, m.rate)
	}
}
