package sfu

import "sync"

// A mailbox holds what others want of a worker. It is bounded by what can write to it: one letter per room for plans, one per
// slot map that was sent, two per handshake, and handshakes are bounded (maxSetups); none is ever dropped, for a
// forgotten plan would leave open what should be closed.
type mailbox struct {
	mu      sync.Mutex
	letters []letter // Guarded by mu.
}

// A letter is a step for the worker, and on whose behalf it is: a peer's, a room's, or nobody's (both nil).
type letter struct {
	room *Room
	peer *peer
	run  func()
}

// put adds a step on nobody's behalf.
func (m *mailbox) put(f func()) bool { return m.add(letter{run: f}) }

// add adds a letter and tells whether the reader has to be woken.
func (m *mailbox) add(l letter) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letters = append(m.letters, l)
	return len(m.letters) == 1
}

// take empties the box.
func (m *mailbox) take(into []letter) []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	into = append(into[:0], m.letters...)
	clear(m.letters)
	m.letters = m.letters[:0]
	return into
}
