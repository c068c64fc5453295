package pace

import (
	"container/heap"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Tick is run by a Pacer when it is due. It returns when it is due next, or false if never.
type Tick func(due, now time.Duration) (next time.Duration, ok bool)

// A task waits in the pacer's heap.
type task struct {
	due time.Duration
	do  Tick
	lag bool // counts for the send lag
}

type taskHeap []task

func (e taskHeap) Len() int           { return len(e) }
func (e taskHeap) Less(i, j int) bool { return e[i].due < e[j].due }
func (e taskHeap) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *taskHeap) Push(x any)        { *e = append(*e, x.(task)) }
func (e *taskHeap) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// A Pacer sends everything of a run when it is due: one beat at a time, absolute times, so that lateness never adds up. What it
// is late by is measured: a generator that cannot keep its schedule measures itself, not the server.
type Pacer struct {
	clock   clock        // a timer finer than Go's, where there is one
	next    atomic.Int64 // when something is due, as a time of Now
	running sync.Mutex   // held while due ticks run
	ready   []task       // Guarded by turn.

	mu      sync.Mutex
	waiting taskHeap // Guarded by mu, as all below.
	lag     *hdrhistogram.Histogram
	worst   time.Duration
	closed  bool
	done    chan struct{}
}

// A clock wakes the pacer.
type clock interface {
	arm(at time.Duration) // of Now; from any goroutine
	wait()                // until then
	close()
}

// NewPacer starts one; Close ends it.
func NewPacer() (*Pacer, error) {
	c, err := newClock()
	if err != nil {
		return nil, err
	}
	p := &Pacer{clock: c, lag: NewHistogram(), done: make(chan struct{})}
	go p.run()
	return p, nil
}

// Add runs a tick from a moment on, as long as it returns when it is due again. lag: it counts for the send lag.
func (p *Pacer) Add(at time.Duration, lag bool, do Tick) {
	p.mu.Lock()
	defer p.mu.Unlock()
	heap.Push(&p.waiting, task{at, do, lag})
	if p.waiting[0].due == at && !p.closed {
		p.next.Store(int64(at))
		p.clock.arm(at)
	}
}

func (p *Pacer) run() {
	defer close(p.done)
	for {
		p.clock.wait()
		p.mu.Lock()
		closed := p.closed
		p.mu.Unlock()
		if closed {
			p.clock.close()
			return
		}
		p.running.Lock()
		p.step()
		p.running.Unlock()
	}
}

// Poll does what is due now, if nobody does already. A goroutine that works through much calls it now and then: where there is one
// processor, the pacer's own goroutine would wait until all others are done.
func (p *Pacer) Poll() {
	if int64(Now()) >= p.next.Load() && p.running.TryLock() {
		p.step()
		p.running.Unlock()
	}
}

// step does all that is due and sets the clock. Called with turn held.
func (p *Pacer) step() {
	p.mu.Lock()
	now := Now()
	p.ready = p.ready[:0]
	for len(p.waiting) > 0 && p.waiting[0].due <= now {
		p.ready = append(p.ready, heap.Pop(&p.waiting).(task))
	}
	p.mu.Unlock()
	again := p.runDue(p.ready)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range again {
		heap.Push(&p.waiting, e)
	}
	p.next.Store(math.MaxInt64)
	if len(p.waiting) > 0 {
		p.next.Store(int64(p.waiting[0].due))
		if !p.closed {
			p.clock.arm(p.waiting[0].due)
		}
	}
}

// runDue runs the due ticks, and returns those that are due again.
func (p *Pacer) runDue(ready []task) []task {
	again := ready[:0]
	for _, e := range ready {
		now := Now()
		if e.lag {
			p.recordLag(now - e.due)
		}
		next, ok := e.do(e.due, now)
		if ok {
			again = append(again, task{next, e.do, e.lag})
		}
	}
	return again
}

func (p *Pacer) recordLag(by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	Record(p.lag, by)
	p.worst = max(p.worst, by)
}

// TakeLag returns how late packets were sent since the last call, and the worst since then.
func (p *Pacer) TakeLag() (*hdrhistogram.Histogram, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, worst := p.lag, p.worst
	p.lag, p.worst = NewHistogram(), 0
	return h, worst
}

// Close ends the pacer and waits for it.
func (p *Pacer) Close() {
	p.mu.Lock()
	p.closed = true
	p.clock.arm(0)
	p.mu.Unlock()
	<-p.done
}
