package signaling

import (
	"time"

	"alcove/signaling/session"
	"alcove/signaling/wire"
)

// Drain makes readyz answer 503, so that a load balancer opens no new rooms here; the registry of rooms refuses them. If the daemon will
// stop at a known time (not zero), all seated clients are notified, including later ones.
func (s *Server) Drain(stopsAt time.Time) {
	s.draining.Store(true)
	s.notifyDraining(stopsAt)
}

// Undrain ends Drain.
func (s *Server) Undrain() {
	s.draining.Store(false)
	s.notifyDraining(time.Time{})
}

// notifyDraining sends server.draining to all seated clients if the time has changed. Sending never blocks.
func (s *Server) notifyDraining(stopsAt time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopsAt.Equal(stopsAt) {
		return
	}
	s.stopsAt = stopsAt
	for c, seated := range s.open {
		if seated {
			c.Send("server.draining", wire.DrainingData(stopsAt))
		}
	}
}

// Draining reports whether the server takes no new rooms.
func (s *Server) Draining() bool { return s.draining.Load() }

// People counts the connections that have a seat, waiting or admitted.
func (s *Server) People() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seated := range s.open {
		if seated {
			n++
		}
	}
	return n
}

// markSeated counts a connection as seated. If a stop was announced, the client is notified after the answer to its hello.
func (s *Server) markSeated(c *session.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[c] = true
	if !s.stopsAt.IsZero() {
		c.Send("server.draining", wire.DrainingData(s.stopsAt))
	}
}
