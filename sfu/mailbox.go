package sfu

import "sync"

// A mailbox holds what others want of a worker. It is bounded by what can write to it: one letter per room for plans, one per
// slot map that was sent, two per handshake, and handshakes are bounded (maxSetups); none is ever dropped, for a
// forgotten plan would leave open what should be closed.
type mailbox struct {
	mu      sync.Mutex
	letters []func() // Guarded by mu.
}

// put adds a letter and tells whether the reader has to be woken.
func (m *mailbox) put(f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letters = append(m.letters, f)
	return len(m.letters) == 1
}

// take empties the box.
func (m *mailbox) take(into []func()) []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	into = append(into[:0], m.letters...)
	clear(m.letters)
	m.letters = m.letters[:0]
	return into
}
