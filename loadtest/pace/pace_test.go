package pace

import (
	"testing"
	"time"
)

// TestPacerKeepsTheSchedule checks that a task runs at every interval from its first due time, however late the pacer is, until the task
// returns that it is done.
func TestPacerKeepsTheSchedule(t *testing.T) {
	p, err := NewPacer()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const every, times = 2 * time.Millisecond, 50
	begin := Now() + every
	var dues []time.Duration
	done := make(chan struct{})
	p.Add(begin, true, func(due, now time.Duration) (time.Duration, bool) {
		if now < due {
			t.Errorf("called %v before it was due", due-now)
		}
		dues = append(dues, due)
		if len(dues) == times {
			close(done)
			return 0, false
		}
		return due + every, true
	})
	<-done
	for i, due := range dues {
		if want := begin + time.Duration(i)*every; due != want {
			t.Fatalf("beat %d was due at %v, want %v: lateness adds up", i, due, want)
		}
	}
	if h, worst := p.TakeLag(); h.TotalCount() != times || worst <= 0 {
		t.Errorf("lag of %d beats, worst %v", h.TotalCount(), worst)
	}
	if h, worst := p.TakeLag(); h.TotalCount() != 0 || worst != 0 {
		t.Error("the lag was not taken")
	}
}

// TestPacerOrder checks that a task that is added later but due earlier runs first.
func TestPacerOrder(t *testing.T) {
	p, err := NewPacer()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	order := make(chan int, 2)
	once := func(n int) Tick {
		return func(time.Duration, time.Duration) (time.Duration, bool) { order <- n; return 0, false }
	}
	now := Now()
	p.Add(now+50*time.Millisecond, false, once(2))
	p.Add(now+5*time.Millisecond, false, once(1))
	if a, b := <-order, <-order; a != 1 || b != 2 {
		t.Errorf("order %d, %d", a, b)
	}
}

// TestLagShowsStalledTick checks that a task that blocks delays the others, and that the lag shows it, because an overloaded generator is
// detected by its lag.
func TestLagShowsStalledTick(t *testing.T) {
	p, err := NewPacer()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const stall = 60 * time.Millisecond
	done := make(chan struct{})
	count := 0
	p.Add(Now(), true, func(due, _ time.Duration) (time.Duration, bool) {
		if count++; count == 5 {
			timer := time.NewTimer(stall)
			<-timer.C
		}
		if count == 100 {
			close(done)
			return 0, false
		}
		return due + time.Millisecond, true
	})
	<-done
	h, worst := p.TakeLag()
	if worst < stall-5*time.Millisecond {
		t.Errorf("worst lag %v after a stall of %v", worst, stall)
	}
	// Everything that was due during the stall was late, not only the one beat: no omission.
	if late := h.ValueAtQuantile(60); late < int64(stall/time.Microsecond)/10 {
		t.Errorf("the stall shows in one beat only: p60 is %d us", late)
	}
}
