package sfu

import (
	"testing"
	"time"
)

// TestTransportWideNumbers loses packets of receivers whose slots have transport-wide numbers: all packets that leave are numbered in one
// sequence, repeats without RTX keep their number, and the feedback reaches the estimator. The sim checks each packet.
func TestTransportWideNumbers(t *testing.T) {
	for name, spec := range map[string]simSpec{"RTX": {numbered: true}, "no RTX": {numbered: true, plain: true}, "described": {numbered: true, dd: true}} {
		t.Run(name, func(t *testing.T) {
			s, all := newGroup(t, 17, spec, "a", "b", "c")
			for _, x := range all {
				x.down.loss = 0.05
			}
			s.run(20 * time.Second)
			for _, x := range all {
				b := x.peer.bandwidth
				if !b.heard || x.resent < 20 || x.numbers < 1000 {
					t.Errorf("%s: heard %v, %d repeats, %d numbers", x.id, b.heard, x.resent, x.numbers)
				}
				if c := b.estimator.Counters; c.Unknown > 0 {
					t.Errorf("%s: %+v", x.id, c)
				}
			}
			if n := s.w.count.Estimates; n.Buckets == [len(n.Buckets)]uint64{} {
				t.Error("no estimate was counted")
			}
		})
	}
}

// TestNumberLog never gives the number of one packet to another.
func TestNumberLog(t *testing.T) {
	var l numberLog
	if _, ok := l.find(0); ok {
		t.Error("a number of nothing")
	}
	l.put(5, 7)
	if n, ok := l.find(5); n != 7 || !ok {
		t.Error(n, ok)
	}
	l.put(5+numbersKept, 300)
	if _, ok := l.find(5); ok {
		t.Error("the number of a later packet")
	}
}
