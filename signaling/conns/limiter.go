package conns

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Limiter bounds the number of connections. Full policy: the idle connection of the heaviest source is closed for the newest; if
// all leases are seated, the newest is refused. All methods are safe for concurrent use.
type Limiter struct {
	limit     atomic.Int64
	proxies   []netip.Prefix
	refused   atomic.Uint64
	displaced [reasons]atomic.Uint64

	mu        sync.Mutex
	leases    map[*Lease]bool            // Guarded by mu.
	seats     int                        // seated leases. Guarded by mu.
	sources   map[netip.Addr]sourceSeats // Guarded by mu. By source.
	lastSweep time.Time                  // Guarded by mu.
}

// sourceSeats counts the seats of a source, and until when the source is remembered after the last one.
type sourceSeats struct {
	open  int
	until time.Time
}

// Reasons why a connection was closed for others.
const (
	displacedFull    = iota // to make room for a new connection
	displacedCrowded        // idle for crowdedIdle
	reasons
)

// DisplacedReasons returns the names of the reasons in the order of Displaced.
func DisplacedReasons() []string { return []string{"full", "crowded"} }

// A Lease permits one connection. The methods of a nil Lease are no-ops: the connection is not limited.
type Lease struct {
	limiter      *Limiter
	abort        func()
	lastTransfer atomic.Int64 // time of the last read or write, in Unix nanoseconds

	// Guarded by limiter.mu.
	prefixes [3]netip.Addr // see prefixLevels
	proxy    bool          // of a proxy that has not named the client yet
	since    time.Time     // start of the current state
	serving  bool
	seated   bool
	released bool
	rank     int // scratch of rankUnseated
}

// prefixLevels are the prefix lengths whose addresses count together: an IPv6 customer has at least a /64, many have a /56 or a
// /48 (RFC 6177).
var prefixLevels = [3]struct{ v4, v6 int }{{32, 64}, {32, 56}, {24, 48}}

// New returns a limiter. An address of a proxy stands for many people until the client is known (SetSource), so its connections
// weigh less.
func New(limit int, proxies ...netip.Prefix) *Limiter {
	l := &Limiter{proxies: proxies, leases: map[*Lease]bool{}, sources: map[netip.Addr]sourceSeats{}}
	l.limit.Store(int64(limit))
	return l
}

// SetLimit changes the bound. Connections above it are closed when the next one comes, except seated ones.
func (l *Limiter) SetLimit(n int) { l.limit.Store(int64(n)) }

// Refused returns the number of refused connections.
func (l *Limiter) Refused() uint64 { return l.refused.Load() }

// Displaced returns the numbers of connections that were closed for others, in the order of DisplacedReasons.
func (l *Limiter) Displaced() []uint64 {
	var all []uint64
	for i := range l.displaced {
		all = append(all, l.displaced[i].Load())
	}
	return all
}

// Len returns the number of connections.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.leases)
}

// Acquire leases a connection. close ends it at once and may run on any goroutine. The lease is nil if the connection is refused.
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

// isProxy reports whether an address belongs to a proxy.
func (l *Limiter) isProxy(a netip.Addr) bool {
	return slices.ContainsFunc(l.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// prefixesOf returns the prefixes of an address, one for each level. All invalid addresses are one source.
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

// evictIdle removes the leases that were idle for crowdedIdle, except those of proxies and those that seated sources keep. The caller
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

// evictHeaviest removes n leases without a seat, one after the other: from the heaviest network its heaviest source, and of that the lease
// that was idle longest. The caller holds mu.
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

// rankUnseated returns the leases without a seat and sets their ranks. Within a source the newest has the lowest rank; within a network
// its sources take turns, so the highest rank belongs to the heaviest source. A lease that a seated source keeps has rank -1 and is
// evicted last. The caller holds mu.
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

// hasSeat reports whether a source has a seat, or had one in the last seatedFor. The caller holds mu.
func (l *Limiter) hasSeat(now time.Time, source netip.Addr) bool {
	s, ok := l.sources[source]
	return ok && (s.open > 0 || now.Before(s.until))
}

// remove removes a lease. The caller holds mu.
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
