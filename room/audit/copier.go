package audit

import (
	"errors"
	"sync"
	"time"
)

// A copier copies the newest checkpoint to a CheckpointStore. Its queue has one slot: a newer checkpoint replaces the pending one,
// because it proves everything that the older one does. A store that hangs or fails never blocks the log.
type copier struct {
	store CheckpointStore
	wake  chan struct{} // holds one
	done  chan struct{}

	mu      sync.Mutex
	pending []byte // Guarded by mu. nil: nothing to do
	failed  error  // Guarded by mu. Of the last attempt
	closing bool   // Guarded by mu.
}

func newCopier(place CheckpointStore) *copier {
	s := &copier{store: place, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *copier) put(signed []byte) {
	s.mu.Lock()
	s.pending = signed
	s.mu.Unlock()
	s.signal()
}

func (s *copier) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run saves checkpoints until close. A checkpoint that could not be saved is retried with the next one, or at the end.
func (s *copier) run() {
	defer close(s.done)
	for range s.wake {
		s.mu.Lock()
		signed, over := s.pending, s.closing
		s.pending = nil
		s.mu.Unlock()
		if signed != nil {
			err := s.store.Save(signed)
			s.mu.Lock()
			s.failed = err
			if err != nil && s.pending == nil {
				s.pending = signed
			}
			s.mu.Unlock()
		}
		if over {
			return
		}
	}
}

func (s *copier) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *copier) close() error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.signal()
	t := time.NewTimer(closeTimeout)
	defer t.Stop()
	select {
	case <-s.done:
		return s.err()
	case <-t.C:
		return errors.New("the second place of the checkpoint does not answer")
	}
}
