package live

import "sync"

// A force knows whether the media plane obeys one plan yet, and whom to tell when it does. Its waiters are bounded by the
// connections of the room: each asks one thing at a time.
type force struct {
	mu      sync.Mutex
	met     bool     // Guarded by mu.
	waiters []func() // Guarded by mu.
}

// meet says that the plan is in force.
func (f *force) meet() {
	f.mu.Lock()
	f.met = true
	waiters := f.waiters
	f.waiters = nil
	f.mu.Unlock()
	for _, w := range waiters {
		w()
	}
}

// then calls w once the plan is in force, at once if it is. A nil force is always met.
func (f *force) then(w func()) {
	if f == nil {
		w()
		return
	}
	f.mu.Lock()
	if !f.met {
		f.waiters = append(f.waiters, w)
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	w()
}
