package live

import "sync"

// A planBarrier waits until the media plane has applied one plan. Its callbacks are bounded by the connections of the room, because each
// has one request at a time.
type planBarrier struct {
	mu        sync.Mutex
	applied   bool     // Guarded by mu.
	callbacks []func() // Guarded by mu.
}

// done reports that the media plane has applied the plan.
func (b *planBarrier) done() {
	b.mu.Lock()
	b.applied = true
	callbacks := b.callbacks
	b.callbacks = nil
	b.mu.Unlock()
	for _, f := range callbacks {
		f()
	}
}

// onApplied calls f once the plan is applied, at once if it is. A nil planBarrier has always been applied.
func (b *planBarrier) onApplied(f func()) {
	if b == nil {
		f()
		return
	}
	b.mu.Lock()
	if !b.applied {
		b.callbacks = append(b.callbacks, f)
		b.mu.Unlock()
		return
	}
	b.mu.Unlock()
	f()
}
