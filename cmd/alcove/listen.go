package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// listenLoopback listens on an address that only this host can reach, and on the other family's loopback address with the same port
// where there is one: "localhost" is either to a browser.
func listenLoopback(address string) ([]net.Listener, error) {
	if !loopback(address) {
		return nil, fmt.Errorf("%q is not a loopback address: dev gives tokens to whoever asks, so it listens on 127.0.0.1, [::1] or localhost only; use `alcove serve` for others", address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	twin := map[string]string{"127.0.0.1": "::1", "::1": "127.0.0.1", "localhost": "::1"}[host]
	if host == "localhost" {
		host = "127.0.0.1"
	}
	first, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w (another port: --listen 127.0.0.1:0)", err)
	}
	all := []net.Listener{first}
	if twin != "" {
		port = strconv.Itoa(first.Addr().(*net.TCPAddr).Port)
		if second, err := net.Listen("tcp", net.JoinHostPort(twin, port)); err == nil { // a host without the other family is fine
			all = append(all, second)
		}
	}
	return all, nil
}

// A gate bounds the connections of all its listeners together, and lets one address hold half of them, and half of those of the relay:
// who has a single machine keeps nobody out. Full policy: the newest is closed at once, and counted.
type gate struct {
	limit   atomic.Int64
	refused atomic.Uint64
	many    []netip.Prefix // addresses that stand for many people: proxies

	mu      sync.Mutex
	all     taken // Guarded by mu.
	relayed taken // of all, those that the relay has. Guarded by mu.
}

// taken is how many connections there are, and how many of one source.
type taken struct {
	open     int64
	bySource map[netip.Prefix]int64 // No zeros; none of many.
}

func newGate(limit int, many ...netip.Prefix) *gate {
	g := &gate{many: many, all: taken{bySource: map[netip.Prefix]int64{}}, relayed: taken{bySource: map[netip.Prefix]int64{}}}
	g.limit.Store(int64(limit))
	return g
}

// enter takes a place; leave gives it back and may be called often. It is nil if there is none.
func (g *gate) enter(from net.Addr) (leave func()) {
	if leave = g.take(&g.all, from, g.limit.Load()); leave == nil {
		g.refused.Add(1)
	}
	return leave
}

// relays takes one of the places of the relay as well: it may have half of all, so that it keeps nobody from the page.
func (g *gate) relays(from net.Addr) (leave func()) {
	return g.take(&g.relayed, from, half(g.limit.Load()))
}

func (g *gate) take(p *taken, from net.Addr, limit int64) (leave func()) {
	source := g.source(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.open >= limit || source.IsValid() && p.bySource[source] >= half(limit) {
		return nil
	}
	p.open++
	if source.IsValid() {
		p.bySource[source]++
	}
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		p.open--
		if !source.IsValid() {
			return
		}
		if p.bySource[source]--; p.bySource[source] == 0 {
			delete(p.bySource, source)
		}
	})
}

// half of one is one.
func half(limit int64) int64 { return (limit + 1) / 2 }

// source is whose share a connection counts for: an IPv6 customer has at least a /64 (RFC 6177). It is not valid where an address says
// nothing: of a proxy, and of this host.
func (g *gate) source(from net.Addr) netip.Prefix {
	peer, err := netip.ParseAddrPort(from.String())
	a := peer.Addr().Unmap().WithZone("")
	if err != nil || a.IsLoopback() || slices.ContainsFunc(g.many, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return netip.Prefix{}
	}
	bits := 32
	if a.Is6() {
		bits = 64
	}
	source, _ := a.Prefix(bits) // fits: both are lengths of their kind
	return source
}

func (g *gate) listener(l net.Listener) net.Listener { return gatedListener{l, g} }

type gatedListener struct {
	net.Listener
	gate *gate
}

func (l gatedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if leave := l.gate.enter(c.RemoteAddr()); leave != nil {
			return &gatedConn{Conn: c, leave: leave}, nil
		}
		c.Close()
	}
}

// gatedConn gives its place back when it is closed.
type gatedConn struct {
	net.Conn
	leave func()
}

func (c *gatedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
