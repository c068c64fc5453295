package sfu

import (
	"time"

	"alcove/sfu/udp"
)

// Constants of the load estimate.
const (
	loadWindow = 100 * time.Millisecond
	// lightLoad is the share of time up to which a worker is woken by every packet and forwards it at once. Above it looks for
	// packets at intervals; at fullLoad packets gather as long as they may.
	lightLoad = 0.08
	fullLoad  = 0.6
	// shortestWait is the first interval: shorter ones would wake it more often than the packets of that load do.
	shortestWait = 500 * time.Microsecond
	// roomLoad is what a room counts before its load shows: rooms that open at the same time go to different workers.
	roomLoad = 0.01
	// refuseLoad is the share from which a worker takes no new rooms: rather one group told to wait than all hurt.
	refuseLoad = 0.85
)

// Without a spare processor, signaling runs only when a worker lets it.
const (
	// longestHold is how long a worker works on before others get their turn: with one round more, and a nap, well under 5 ms.
	longestHold = 2 * time.Millisecond
	// leastRest is a sleep that the scheduler uses to look for what came from the network.
	leastRest = 50 * time.Microsecond
)

// pause lets packets gather. A nap costs less than a sleep, but holds the processor.
func (w *worker) pause(d time.Duration) {
	switch {
	case w.spare:
		udp.Nap(d)
	case d < leastRest:
		w.yield()
	default:
		w.sleep(d)
	}
}

// yield lets others run, if there is no processor for them and the worker did not wait for long.
func (w *worker) yield() {
	if !w.spare && time.Since(w.rested) >= longestHold {
		w.sleep(leastRest)
	}
}

func (w *worker) sleep(d time.Duration) {
	time.Sleep(d)
	w.rested = time.Now()
}

// A load is the share of its time that a worker works. Owned by worker.run.
type load struct {
	ratio float64
	busy  time.Duration
	began time.Time
}

// worked adds one round.
func (l *load) worked(from, to time.Time) {
	l.busy += to.Sub(from)
	if since := to.Sub(l.began); since >= loadWindow {
		l.ratio, l.busy, l.began = min(1, float64(l.busy)/float64(since)), 0, to
	}
}

// wait is how long packets may gather at this load.
func (l *load) wait(most time.Duration) time.Duration {
	if l.ratio <= lightLoad {
		return 0
	}
	return max(shortestWait, time.Duration(float64(most)*min(1, (l.ratio-lightLoad)/(fullLoad-lightLoad))))
}
