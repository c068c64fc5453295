package signaling

import "time"

// Drain lets readyz say that no new room should come here; the registry of rooms refuses them. At a time that is not zero the
// daemon will stop: all who have a seat are told, and all who take one.
func (s *Server) Drain(stopsAt time.Time) {
	s.draining.Store(true)
	s.notifyDraining(stopsAt)
}

// Undrain takes it back.
func (s *Server) Undrain() {
	s.draining.Store(false)
	s.notifyDraining(time.Time{})
}

// announce tells all who have a seat when it is news. An outbox never blocks.
func (s *Server) notifyDraining(stopsAt time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopsAt.Equal(stopsAt) {
		return
	}
	s.stopsAt = stopsAt
	for c, seated := range s.sessions {
		if seated {
			c.out.event(s.now(), "server.draining", DrainingData(stopsAt))
		}
	}
}

// Draining reports whether no new room should come here.
func (s *Server) Draining() bool { return s.draining.Load() }

// People counts the connections that have a seat, waiting or admitted.
func (s *Server) People() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seated := range s.sessions {
		if seated {
			n++
		}
	}
	return n
}

// seated marks who is about to hear the welcome, and tells them after it what the others were told.
func (s *Server) markSeated(c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[c] = true
	if !s.stopsAt.IsZero() {
		c.out.event(s.now(), "server.draining", DrainingData(s.stopsAt))
	}
}

// draining is the data of server.draining.
func DrainingData(stopsAt time.Time) Object {
	if stopsAt.IsZero() {
		return Object{"draining": false}
	}
	return Object{"draining": true, "stopsAt": stopsAt.UnixMilli()}
}
