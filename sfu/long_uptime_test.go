package sfu

import (
	"testing"
	"time"
)

// TestOutboxRoundsBeyond32Bits lets an outbox count over 2^32 rounds, as a busy worker does within days: a slot whose number is old must not be passed over.
func TestOutboxRoundsBeyond32Bits(t *testing.T) {
	s, all := newGroup(t, 31, simSpec{}, "a", "b")
	s.w.box.rounds = 1<<32 - 20
	before := all[1].shows("a", slotAudio).count
	s.run(2 * time.Second)
	if s.w.box.rounds < 1<<32 {
		t.Fatalf("only %d rounds", s.w.box.rounds)
	}
	if n := all[1].shows("a", slotAudio).count - before; n < 15 {
		t.Errorf("%d packets of sound in two seconds", n)
	}
}

// TestReportDelayLimit checks that a receiver report does not name a sender report that is too old for DLSR: the sender would take a round trip
// of hours from it.
func TestReportDelayLimit(t *testing.T) {
	_, all := newGroup(t, 32, simSpec{}, "a", "b")
	e := all[0].peer.publications[0].encodings[0]
	e.reported, e.reportLSR, e.reportAt = true, 7, simBegin
	for _, c := range []struct {
		age  time.Duration
		want uint32
	}{{time.Second, 1 << 16}, {18 * time.Hour, 18 * 3600 << 16}, {19 * time.Hour, 0}, {40 * time.Hour, 0}, {400 * 24 * time.Hour, 0}} {
		block := e.receptionReport(simBegin.Add(c.age))
		if block.Delay != c.want || (block.LastSenderReport != 0) != (c.want != 0) {
			t.Errorf("after %v: LSR %d, DLSR %d, want %d", c.age, block.LastSenderReport, block.Delay, c.want)
		}
	}
}
