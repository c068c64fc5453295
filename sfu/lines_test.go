package sfu

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestLinesChanged checks that a line is reported when its rating changes, once, in whichever direction packets are lost.
func TestLinesChanged(t *testing.T) {
	s, all := newGroup(t, 22, simSpec{}, "a", "b", "c")
	allSpeak(all)
	step := func(what string, d time.Duration, want ...string) {
		t.Helper()
		s.run(d)
		var got []string
		for _, ev := range s.lines {
			got = append(got, fmt.Sprint(ev.Lines))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
		s.lines = nil
	}
	step("all are good", 20*time.Second)
	all[0].up.loss = 0.3
	step("a is heard badly", 20*time.Second, "[{a false}]")
	all[0].up.loss = 0
	step("a is good again", 30*time.Second, "[]")
	all[1].down.loss = 0.3
	step("b hears badly", 20*time.Second, "[{b false}]")
	all[2].up.loss = 1
	step("c says nothing", 20*time.Second, "[{b false} {c true}]")
	s.applyPlan(fullPlan("a", "b"))
	step("c is out of the plan", 2*time.Second, "[{b false}]")
	all[1].down.loss = 0
	step("b is good again", 30*time.Second, "[]")
}
