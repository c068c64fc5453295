package signaling

import (
	"net/netip"
	"sync"
)

// strangers counts the connections that have not said hello: nothing is known of them, so what they may cost is fixed. Full
// policy: the newest is refused, with HTTP 429 from one source and 503 in all.
type strangers struct {
	mu       sync.Mutex
	total    int                  // Guarded by mu.
	bySource map[netip.Prefix]int // Guarded by mu. No zeros.
}

func newStrangers() *strangers { return &strangers{bySource: map[netip.Prefix]int{}} }

type quota int

const (
	within quota = iota
	sourceFull
	allFull
)

// enter takes a place; leave gives it back and may be called often.
func (s *strangers) enter(source netip.Prefix) (leave func(), q quota) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bySource[source] >= maxStrangersPerSource {
		return nil, sourceFull
	}
	if s.total >= maxStrangers {
		return nil, allFull
	}
	s.total++
	s.bySource[source]++
	return sync.OnceFunc(func() { s.leave(source) }), within
}

func (s *strangers) leave(source netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.bySource[source]--; s.bySource[source] == 0 {
		delete(s.bySource, source)
	}
}
