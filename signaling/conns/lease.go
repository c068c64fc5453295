package conns

import (
	"net/http"
	"net/netip"
	"time"
)

// last is when a connection did something last: while it serves, when bytes moved; else, when it began to wait.
func (p *Lease) lastActive() time.Time {
	if moved := time.Unix(0, p.lastTransfer.Load()); p.serving && moved.After(p.since) {
		return moved
	}
	return p.since
}

// Identify says whose connection it is, where a proxy told.
func (p *Lease) SetSource(from netip.Addr) {
	if p == nil {
		return
	}
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	if !p.seated {
		p.prefixes, p.proxy = prefixesOf(from), false
	}
}

// Follow notes what an HTTP server does with the connection.
func (p *Lease) SetState(state http.ConnState) {
	if p == nil || state == http.StateNew || state == http.StateClosed { // Leave follows
		return
	}
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	p.serving, p.since = state == http.StateActive, time.Now()
}

// Seat keeps the place until the connection ends. A new seat needs more free places than one that is taken up again: false, there are
// too few.
func (p *Lease) MarkSeated(resumed bool) bool {
	if p == nil {
		return true
	}
	l := p.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := int(l.limit.Load())
	switch {
	case p.seated:
		return true
	case p.released || !resumed && l.seats >= limit-limit/seatReserve:
		return false
	}
	p.seated = true
	l.seats++
	s := l.sources[p.prefixes[0]]
	s.open++
	l.sources[p.prefixes[0]] = s
	return true
}

// unseat notes that a seat of a source ended. When too many are remembered, those who have none are forgotten: they have to come in as
// strangers do. The caller holds mu.
func (l *Limiter) removeSeat(source netip.Addr) {
	s := l.sources[source]
	s.open--
	s.until = time.Now().Add(seatedFor)
	l.sources[source] = s
	if len(l.sources) < maxSeated {
		return
	}
	for a, s := range l.sources {
		if s.open == 0 {
			delete(l.sources, a)
		}
	}
}

// Leave gives the place back. It may be called often.
func (p *Lease) Release() {
	if p == nil {
		return
	}
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	p.limiter.remove(p)
}
