package conns

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Limiter bounds how many connections there are. Full policy: the idle connection of the heaviest source is closed for the newest;
// if all places are seats, the newest is refused. All methods are safe for concurrent use.
type Limiter struct {
	limit     atomic.Int64
	proxies   []netip.Prefix
	refused   atomic.Uint64
	displaced [reasons]atomic.Uint64

	mu        sync.Mutex
	leases    map[*Lease]bool            // Guarded by mu.
	seats     int                        // of places. Guarded by mu.
	sources   map[netip.Addr]sourceSeats // Guarded by mu. By source.
	lastSweep time.Time                  // Guarded by mu.
}

// sourceSeats are the seats of a source: how many there are, or until when it is remembered.
type sourceSeats struct {
	open  int
	until time.Time
}

// Why a connection was closed for others.
const (
	displacedFull    = iota // for a newcomer
	displacedCrowded        // it did nothing for crowdedIdle
	reasons
)

// Reasons are their names, in order.
func DisplacedReasons() []string { return []string{"full", "crowded"} }

// A Place is that of one connection. A nil Place is that of a connection that nobody bounds; its methods do nothing.
type Lease struct {
	limiter      *Limiter
	abort        func()
	lastTransfer atomic.Int64 // when bytes moved last while serving, in Unix nanoseconds

	// Guarded by limiter.mu.
	prefixes [3]netip.Addr // the networks it counts for, see levels
	proxy    bool          // of a proxy, which did not say whose it is
	since    time.Time     // of the present state
	serving  bool
	seated   bool
	released bool
	rank     int // while places are searched, see ranked
}

// levels are the networks that share, in bits: an IPv6 customer has at least a /64, many have a /56 or a /48 (RFC 6177).
var prefixLevels = [3]struct{ v4, v6 int }{{32, 64}, {32, 56}, {24, 48}}

// New makes a limiter. An address of proxies stands for many people, until the client is known (Identify): each of its connections weighs
// less.
func New(limit int, proxies ...netip.Prefix) *Limiter {
	l := &Limiter{proxies: proxies, leases: map[*Lease]bool{}, sources: map[netip.Addr]sourceSeats{}}
	l.limit.Store(int64(limit))
	return l
}

// SetLimit changes the bound. Connections above it go when the next one comes, but for seats.
func (l *Limiter) SetLimit(n int) { l.limit.Store(int64(n)) }

// Refused counts connections for which there was no place.
func (l *Limiter) Refused() uint64 { return l.refused.Load() }

// Displaced counts connections that were closed for others, in the order of Reasons.
func (l *Limiter) Displaced() []uint64 {
	var all []uint64
	for i := range l.displaced {
		all = append(all, l.displaced[i].Load())
	}
	return all
}

// Len is how many connections there are.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.leases)
}

// Enter takes a place for a connection, which close ends at once, from any goroutine. It is nil if all places are seats.
func (l *Limiter) Acquire(from netip.Addr, close func()) *Lease {
	p := &Lease{limiter: l, abort: close, prefixes: prefixesOf(from), proxy: l.isProxy(from)}
	now := time.Now()
	limit := int(l.limit.Load())
	l.mu.Lock()
	var idle, victims []*Lease
	if len(l.leases)*crowdedDenominator >= limit*crowdedNumerator && now.Sub(l.lastSweep) >= sweepEvery {
		l.lastSweep = now
		idle = l.evictIdle(now)
	}
	if len(l.leases) >= limit {
		victims = l.evictHeaviest(now, min(max(limit/batchShare, 1), maxBatch)+len(l.leases)-limit)
	}
	full := len(l.leases) >= limit
	if !full {
		p.since = now
		l.leases[p] = true
	}
	l.mu.Unlock()
	l.displaced[displacedCrowded].Add(uint64(len(idle)))
	l.displaced[displacedFull].Add(uint64(len(victims)))
	for _, v := range append(idle, victims...) {
		v.abort()
	}
	if full {
		l.refused.Add(1)
		return nil
	}
	return p
}

// proxy reports whether an address is that of a proxy.
func (l *Limiter) isProxy(a netip.Addr) bool {
	return slices.ContainsFunc(l.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// netsOf are the networks that an address counts for. Those of no address are one source.
func prefixesOf(a netip.Addr) (all [3]netip.Addr) {
	a = a.Unmap().WithZone("")
	for i, level := range prefixLevels {
		bits := level.v4
		if a.Is6() {
			bits = level.v6
		}
		around, _ := a.Prefix(bits) // fits
		all[i] = around.Addr()
	}
	return all
}

// idle takes out those that did nothing for crowdedIdle, but for those of proxies and the places that seated sources keep. The caller
// holds mu.
func (l *Limiter) evictIdle(now time.Time) (all []*Lease) {
	for _, p := range l.rankUnseated(now) {
		if p.rank >= 0 && !p.proxy && now.Sub(p.lastActive()) >= crowdedIdle {
			l.remove(p)
			all = append(all, p)
		}
	}
	return all
}

// heaviest takes out n of those without a seat: of the heaviest network the heaviest source, of that the one that is idle longest, and
// again. The caller holds mu.
func (l *Limiter) evictHeaviest(now time.Time, n int) []*Lease {
	all := l.rankUnseated(now)
	weigh := func(p *Lease) int {
		if p.rank >= 0 && (p.proxy || now.Sub(p.lastActive()) < staleAfter) {
			return p.rank / busyWeight
		}
		return p.rank
	}
	slices.SortFunc(all, func(a, b *Lease) int { return cmp.Or(weigh(b)-weigh(a), a.lastActive().Compare(b.lastActive())) })
	all = all[:min(n, len(all))]
	for _, p := range all {
		l.remove(p)
	}
	return all
}

// ranked gives all without a seat, each with its rank in the widest of its networks: within a source the newest comes first, within a
// network its sources take turns, so what is last in there is of the heaviest. What sources with a seat keep has a rank below 0, and is taken away
// last. The caller holds mu.
func (l *Limiter) rankUnseated(now time.Time) []*Lease {
	var all, kept []*Lease
	for p := range l.leases {
		if !p.seated {
			p.rank = 0
			all = append(all, p)
		}
	}
	for level := range prefixLevels {
		slices.SortFunc(all, func(a, b *Lease) int {
			return cmp.Or(a.prefixes[level].Compare(b.prefixes[level]), a.rank-b.rank, b.since.Compare(a.since))
		})
		rank := 0
		for i, p := range all {
			if i > 0 && p.prefixes[level] != all[i-1].prefixes[level] {
				rank = 0
			}
			p.rank = rank
			rank++
		}
		if level == 0 {
			all = slices.DeleteFunc(all, func(p *Lease) bool {
				keep := p.rank < seatedLeases && l.hasSeat(now, p.prefixes[0])
				if keep {
					p.rank = -1
					kept = append(kept, p)
				}
				return keep
			})
		}
	}
	return append(all, kept...)
}

// holds reports whether a source has a seat, or had one a short time ago. The caller holds mu.
func (l *Limiter) hasSeat(now time.Time, source netip.Addr) bool {
	s, ok := l.sources[source]
	return ok && (s.open > 0 || now.Before(s.until))
}

// remove takes a place out. The caller holds mu.
func (l *Limiter) remove(p *Lease) {
	if p.released {
		return
	}
	p.released = true
	delete(l.leases, p)
	if p.seated {
		l.seats--
		l.removeSeat(p.prefixes[0])
	}
}
