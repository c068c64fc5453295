//go:build !race

package sfu

import (
	"testing"
	"time"
)

// simSeed makes the hour: any other must do as well.
var simSeed = uint64(4)

// TestSimulatedHour is an hour of one group in which everything happens that may; the checks are those of sim_check_test.go.
func TestSimulatedHour(t *testing.T) {
	h := newHour(t, simSeed)
	for h.now.Sub(simBegin) < time.Hour {
		h.scene()
		h.bounded()
	}
	h.settle()
	if h.tap.begun < 20 || h.tap.ended < 10 || h.tap.units < 5_000 || h.tap.clocks < 500 || h.tap.late < 10 {
		t.Errorf("too little was recorded: %+v", h.tap)
	}
	for _, name := range []string{"padding", "repeated", "muted", "await_key", "before_switch", "layer", "socket_full", "history_gone"} {
		if h.drops()[name] == 0 {
			t.Errorf("nothing was dropped as %s: the hour did not show it", name)
		}
	}
	for _, name := range []string{"rate_limit", "control_limit"} {
		if n := h.drops()[name]; n > 0 {
			t.Errorf("%d packets were dropped as %s: nobody sent too much", n, name)
		}
	}
	if c := h.w.count; c.AdmissionViolations+c.ConsentViolations > 0 {
		t.Errorf("the check beside the gate counts %d packets and %d records", c.AdmissionViolations, c.ConsentViolations)
	}
	t.Logf("%d packets left, drops %v, %v", h.writes, h.drops(), h.did)
	if c := h.w.count; c.Video < 50_000 || c.Audio < 25_000 || c.Resent < 500 || c.NacksOut < 500 || h.w.count.Drops[len(c.Drops)-1] > 0 {
		t.Errorf("too little happened: %+v", c)
	}
}
