package sfu

import "sync"

// A taskQueue holds the tasks that other goroutines submit to a worker. Its writers bound it: one task per room for plans, one per slot map
// that was sent, two per handshake, and handshakes are bounded (maxSetups). No task is ever dropped, because a lost plan would leave media
// flowing that it forbids.
type taskQueue struct {
	mu    sync.Mutex
	tasks []task // Guarded by mu.
}

// A task is a function for the worker to run, with the room or peer that a panic in it closes (both may be nil).
type task struct {
	room *Room
	peer *peer
	run  func()
}

// put adds a task that belongs to no room and no peer.
func (m *taskQueue) put(f func()) bool { return m.add(task{run: f}) }

// add adds a task and reports whether the worker has to be woken.
func (m *taskQueue) add(l task) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tasks = append(m.tasks, l)
	return len(m.tasks) == 1
}

// take removes and returns all tasks.
func (m *taskQueue) take(into []task) []task {
	m.mu.Lock()
	defer m.mu.Unlock()
	into = append(into[:0], m.tasks...)
	clear(m.tasks)
	m.tasks = m.tasks[:0]
	return into
}
