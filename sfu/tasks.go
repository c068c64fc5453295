package sfu

import "sync"

// A taskQueue holds what others want of a worker. It is bounded by what can write to it: one letter per room for plans, one per
// slot map that was sent, two per handshake, and handshakes are bounded (maxSetups); none is ever dropped, for a
// forgotten plan would leave open what should be closed.
type taskQueue struct {
	mu    sync.Mutex
	tasks []task // Guarded by mu.
}

// A task is a step for the worker, and on whose behalf it is: a peer's, a room's, or nobody's (both nil).
type task struct {
	room *Room
	peer *peer
	run  func()
}

// put adds a step on nobody's behalf.
func (m *taskQueue) put(f func()) bool { return m.add(task{run: f}) }

// add adds a letter and tells whether the reader has to be woken.
func (m *taskQueue) add(l task) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tasks = append(m.tasks, l)
	return len(m.tasks) == 1
}

// take empties the box.
func (m *taskQueue) take(into []task) []task {
	m.mu.Lock()
	defer m.mu.Unlock()
	into = append(into[:0], m.tasks...)
	clear(m.tasks)
	m.tasks = m.tasks[:0]
	return into
}
