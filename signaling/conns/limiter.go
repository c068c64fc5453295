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

	mu     sync.Mutex
	places map[*Place]bool            // Guarded by mu.
	seats  int                        // of places. Guarded by mu.
	seated map[netip.Addr]sourceSeats // Guarded by mu. By source.
	swept  time.Time                  // Guarded by mu.
}

// sourceSeats are the seats of a source: how many there are, or until when it is remembered.
type sourceSeats struct {
	open  int
	until time.Time
}

// Why a connection was closed for others.
const (
	forFull    = iota // for a newcomer
	forCrowded        // it did nothing for crowdedIdle
	reasons
)

// Reasons are their names, in order.
func Reasons() []string { return []string{"full", "crowded"} }

// A Place is that of one connection. A nil Place is that of a connection that nobody bounds; its methods do nothing.
type Place struct {
	limiter *Limiter
	close   func()
	moved   atomic.Int64 // when bytes moved last while serving, in Unix nanoseconds

	// Guarded by limiter.mu.
	nets    [3]netip.Addr // the networks it counts for, see levels
	many    bool          // of a proxy, which did not say whose it is
	since   time.Time     // of the present state
	serving bool
	seat    bool
	gone    bool
	rank    int // while places are searched, see ranked
}

// levels are the networks that share, in bits: an IPv6 customer has at least a /64, many have a /56 or a /48 (RFC 6177).
var levels = [3]struct{ v4, v6 int }{{32, 64}, {32, 56}, {24, 48}}

// New makes a limiter. An address of proxies stands for many people, until the client is known (Identify): each of its connections weighs
// less.
func New(limit int, proxies ...netip.Prefix) *Limiter {
	l := &Limiter{proxies: proxies, places: map[*Place]bool{}, seated: map[netip.Addr]sourceSeats{}}
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
	return len(l.places)
}

// Enter takes a place for a connection, which close ends at once, from any goroutine. It is nil if all places are seats.
func (l *Limiter) Enter(from netip.Addr, close func()) *Place {
	p := &Place{limiter: l, close: close, nets: netsOf(from), many: l.proxy(from)}
	now := time.Now()
	limit := int(l.limit.Load())
	l.mu.Lock()
	var idle, victims []*Place
	if len(l.places)*crowdedDenominator >= limit*crowdedNumerator && now.Sub(l.swept) >= sweepEvery {
		l.swept = now
		idle = l.idle(now)
	}
	if len(l.places) >= limit {
		victims = l.heaviest(now, min(max(limit/batchShare, 1), maxBatch)+len(l.places)-limit)
	}
	full := len(l.places) >= limit
	if !full {
		p.since = now
		l.places[p] = true
	}
	l.mu.Unlock()
	l.displaced[forCrowded].Add(uint64(len(idle)))
	l.displaced[forFull].Add(uint64(len(victims)))
	for _, v := range append(idle, victims...) {
		v.close()
	}
	if full {
		l.refused.Add(1)
		return nil
	}
	return p
}

// proxy reports whether an address is that of a proxy.
func (l *Limiter) proxy(a netip.Addr) bool {
	return slices.ContainsFunc(l.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// netsOf are the networks that an address counts for. Those of no address are one source.
func netsOf(a netip.Addr) (all [3]netip.Addr) {
	a = a.Unmap().WithZone("")
	for i, level := range levels {
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
func (l *Limiter) idle(now time.Time) (all []*Place) {
	for _, p := range l.ranked(now) {
		if p.rank >= 0 && !p.many && now.Sub(p.last()) >= crowdedIdle {
			l.remove(p)
			all = append(all, p)
		}
	}
	return all
}

// heaviest takes out n of those without a seat: of the heaviest network the heaviest source, of that the one that is idle longest, and
// again. The caller holds mu.
func (l *Limiter) heaviest(now time.Time, n int) []*Place {
	all := l.ranked(now)
	weigh := func(p *Place) int {
		if p.rank >= 0 && (p.many || now.Sub(p.last()) < staleAfter) {
			return p.rank / busyWeight
		}
		return p.rank
	}
	slices.SortFunc(all, func(a, b *Place) int { return cmp.Or(weigh(b)-weigh(a), a.last().Compare(b.last())) })
	all = all[:min(n, len(all))]
	for _, p := range all {
		l.remove(p)
	}
	return all
}

// ranked gives all without a seat, each with its rank in the widest of its networks: within a source the newest comes first, within a
// network its sources take turns, so what is last in there is of the heaviest. What sources with a seat keep has a rank below 0, and is taken away
// last. The caller holds mu.
func (l *Limiter) ranked(now time.Time) []*Place {
	var all, kept []*Place
	for p := range l.places {
		if !p.seat {
			p.rank = 0
			all = append(all, p)
		}
	}
	for level := range levels {
		slices.SortFunc(all, func(a, b *Place) int {
			return cmp.Or(a.nets[level].Compare(b.nets[level]), a.rank-b.rank, b.since.Compare(a.since))
		})
		rank := 0
		for i, p := range all {
			if i > 0 && p.nets[level] != all[i-1].nets[level] {
				rank = 0
			}
			p.rank = rank
			rank++
		}
		if level == 0 {
			all = slices.DeleteFunc(all, func(p *Place) bool {
				keep := p.rank < seatedPlaces && l.holds(now, p.nets[0])
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
func (l *Limiter) holds(now time.Time, source netip.Addr) bool {
	s, ok := l.seated[source]
	return ok && (s.open > 0 || now.Before(s.until))
}

// remove takes a place out. The caller holds mu.
func (l *Limiter) remove(p *Place) {
	if p.gone {
		return
	}
	p.gone = true
	delete(l.places, p)
	if p.seat {
		l.seats--
		l.unseat(p.nets[0])
	}
}
