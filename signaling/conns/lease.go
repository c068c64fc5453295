package conns

import (
	"net/http"
	"net/netip"
	"time"
)

// lastActive returns the time of the last activity: while the connection serves, of the last transfer; else the start of its wait.
func (p *Lease) lastActive() time.Time {
	if moved := time.Unix(0, p.lastTransfer.Load()); p.serving && moved.After(p.since) {
		return moved
	}
	return p.since
}

// SetSource sets the address of the client, which a proxy has named.
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

// SetState follows the state of the connection in the HTTP server.
func (p *Lease) SetState(state http.ConnState) {
	if p == nil || state == http.StateNew || state == http.StateClosed { // Release follows
		return
	}
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	p.serving, p.since = state == http.StateActive, time.Now()
}

// MarkSeated keeps the lease until the connection ends. A new seat needs more free leases than a resumed one; false: there are too few.
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

// removeSeat ends a seat of a source. When too many sources are remembered, those without a seat are forgotten and lose their kept
// leases. The caller holds mu.
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

// Release ends the lease. Only its first call has an effect.
func (p *Lease) Release() {
	if p == nil {
		return
	}
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	p.limiter.remove(p)
}
