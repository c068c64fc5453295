package sfu

import (
	"time"

	"alcove/sfu/udp"
)

// Constants of the load estimate.
const (
	loadWindow = 100 * time.Millisecond
	// lowLoad is the share of time up to which a worker is woken by every packet and forwards it at once. Above it looks for
	// packets at intervals; at highLoad packets gather as long as they may.
	lowLoad  = 0.08
	highLoad = 0.6
	// minGather is the first interval: shorter ones would wake it more often than the packets of that load do.
	minGather = 500 * time.Microsecond
	// roomLoad is the assumed load of a new room, so that rooms opened at the same time go to different workers.
	roomLoad = 0.01
	// refuseLoad is the share from which a worker refuses new rooms: one refused group is better than loss for all.
	refuseLoad = 0.85
)

// Without a spare processor, signaling runs only while a worker yields.
const (
	// maxBusy is how long a worker works before it yields: with one more round and a nap, well under 5 ms.
	maxBusy = 2 * time.Millisecond
	// minSleep is a sleep long enough for the scheduler to poll the network.
	minSleep = 50 * time.Microsecond
)

// pause waits while packets gather. A nap costs less than a sleep, but occupies the processor.
func (w *worker) pause(d time.Duration) {
	switch {
	case w.spareCPU:
		udp.Nap(d)
	case d < minSleep:
		w.yield()
	default:
		w.sleep(d)
	}
}

// yield lets other goroutines run if there is no spare processor and the worker did not wait lately.
func (w *worker) yield() {
	if !w.spareCPU && time.Since(w.yieldedAt) >= maxBusy {
		w.sleep(minSleep)
	}
}

func (w *worker) sleep(d time.Duration) {
	time.Sleep(d)
	w.yieldedAt = time.Now()
}

// A load is the share of its time that a worker works. Owned by worker.run.
type load struct {
	ratio float64
	busy  time.Duration
	began time.Time
}

// addRound adds one round.
func (l *load) addRound(from, to time.Time) {
	l.busy += to.Sub(from)
	if since := to.Sub(l.began); since >= loadWindow {
		l.ratio, l.busy, l.began = min(1, float64(l.busy)/float64(since)), 0, to
	}
}

// gatherTime is how long packets may gather at this load.
func (l *load) gatherTime(most time.Duration) time.Duration {
	if l.ratio <= lowLoad {
		return 0
	}
	return max(minGather, time.Duration(float64(most)*min(1, (l.ratio-lowLoad)/(highLoad-lowLoad))))
}
