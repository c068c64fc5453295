package relay

import (
	"net/netip"
	"sync"
)

// A Pool opens one Relay for each target that it is asked for: a daemon with several workers has several.
type Pool struct {
	course Course
	seed   uint64
	local  netip.Addr

	mu     sync.Mutex
	relays map[netip.AddrPort]*Relay // Guarded by mu.
}

// NewPool returns an empty pool that listens on an address.
func NewPool(c Course, seed uint64, local netip.Addr) *Pool {
	return &Pool{course: c, seed: seed, local: local, relays: map[netip.AddrPort]*Relay{}}
}

// Via returns the address to which packets for a target are sent.
func (p *Pool) Via(target netip.AddrPort) netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.relays[target]; r != nil {
		return r.Addr()
	}
	r, err := Listen(p.local, target, p.course, p.seed+uint64(len(p.relays))<<32)
	if err != nil {
		return netip.AddrPort{} // nothing is sent: a path that was asked for and is not there must not look like a good one
	}
	p.relays[target] = r
	return r.Addr()
}

// Counts sums up.
func (p *Pool) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sum Counts
	for _, r := range p.relays {
		c := r.Counts()
		sum.Passed, sum.Lost = sum.Passed+c.Passed, sum.Lost+c.Lost
		sum.QueueFull, sum.Refused = sum.QueueFull+c.QueueFull, sum.Refused+c.Refused
	}
	return sum
}

// Close ends all.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.relays {
		r.Close()
	}
}
