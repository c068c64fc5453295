package bwe

import (
	"testing"
	"time"
)

// exchange sends and acknowledges 25 packets, as in 50 ms of a receiver that gets 500 packets a second.
func exchange(e *Estimator, now time.Duration, reports []Report) {
	for i := range reports {
		at := now + time.Duration(i)*2*time.Millisecond
		reports[i].Number = e.Sent(at, 1150)
		reports[i].At = at + 20*time.Millisecond
	}
	e.Feedback(now+90*time.Millisecond, reports)
}

func TestNothingIsAllocated(t *testing.T) {
	e := New()
	reports := make([]Report, 25)
	now := time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		now += 50 * time.Millisecond
		exchange(e, now, reports)
		e.Probe(now, 20_000_000)
		e.Tick(now)
	}); n != 0 {
		t.Errorf("%v allocations for 25 packets", n)
	}
}

// BenchmarkPacket is Sent and Feedback of one packet, over 2,000 receivers in turn, so that none is in the cache.
func BenchmarkPacket(b *testing.B) {
	all := make([]*Estimator, 2000)
	for i := range all {
		all[i] = New()
	}
	reports := make([]Report, 25)
	now := time.Duration(0)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += len(reports) {
		if i/len(reports)%len(all) == 0 {
			now += 50 * time.Millisecond
		}
		exchange(all[i/len(reports)%len(all)], now, reports)
	}
}
