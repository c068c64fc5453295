package audit

import (
	"errors"
	"sync"
	"time"
)

// second brings the newest checkpoint to the second place. Its queue holds one: a newer checkpoint takes the place of the one
// that waits, because it proves all that the older did. A place that hangs or fails stops nobody.
type second struct {
	place Second
	wake  chan struct{} // holds one
	done  chan struct{}

	mu      sync.Mutex
	waiting []byte // Guarded by mu. nil: nothing to do
	failed  error  // Guarded by mu. Of the last try
	over    bool   // Guarded by mu.
}

func newSecond(place Second) *second {
	s := &second{place: place, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *second) put(signed []byte) {
	s.mu.Lock()
	s.waiting = signed
	s.mu.Unlock()
	s.signal()
}

func (s *second) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run saves until close. A checkpoint that could not be saved is tried again with the next one, or at the end.
func (s *second) run() {
	defer close(s.done)
	for range s.wake {
		s.mu.Lock()
		signed, over := s.waiting, s.over
		s.waiting = nil
		s.mu.Unlock()
		if signed != nil {
			err := s.place.Save(signed)
			s.mu.Lock()
			s.failed = err
			if err != nil && s.waiting == nil {
				s.waiting = signed
			}
			s.mu.Unlock()
		}
		if over {
			return
		}
	}
}

func (s *second) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *second) close() error {
	s.mu.Lock()
	s.over = true
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
