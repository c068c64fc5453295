package conns

import (
	"net/http"
	"net/netip"
	"time"
)

// last is when a connection did something last: while it serves, when bytes moved; else, when it began to wait.
func (p *Place) last() time.Time {
	if moved := time.Unix(0, p.moved.Load()); p.serving && moved.After(p.since) {
		return moved
	}
	return p.since
}

// Identify says whose connection it is, where a proxy told.
func (p *Place) Identify(from netip.Addr) {
	if p == nil {
		return
	}
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	if !p.seat {
		p.nets, p.many = netsOf(from), false
	}
}

// Follow notes what an HTTP server does with the connection.
func (p *Place) Follow(state http.ConnState) {
	if p == nil || state == http.StateNew || state == http.StateClosed { // Leave follows
		return
	}
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	p.serving, p.since = state == http.StateActive, time.Now()
}

// Seat keeps the place until the connection ends. A new seat needs more free places than one that is taken up again: false, there are
// too few.
func (p *Place) Seat(resumed bool) bool {
	if p == nil {
		return true
	}
	l := p.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := int(l.limit.Load())
	switch {
	case p.seat:
		return true
	case p.gone || !resumed && l.seats >= limit-limit/seatReserve:
		return false
	}
	p.seat = true
	l.seats++
	s := l.seated[p.nets[0]]
	s.open++
	l.seated[p.nets[0]] = s
	return true
}

// unseat notes that a seat of a source ended. When too many are remembered, those who have none are forgotten: they have to come in as
// strangers do. The caller holds mu.
func (l *Limiter) unseat(source netip.Addr) {
	s := l.seated[source]
	s.open--
	s.until = time.Now().Add(seatedFor)
	l.seated[source] = s
	if len(l.seated) < maxSeated {
		return
	}
	for a, s := range l.seated {
		if s.open == 0 {
			delete(l.seated, a)
		}
	}
}

// Leave gives the place back. It may be called often.
func (p *Place) Leave() {
	if p == nil {
		return
	}
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	p.limiter.remove(p)
}
