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

// A gate bounds the connections of all its listeners together, and lets one address hold half of them: who has a single machine keeps
// nobody out. Full policy: the newest is closed at once, and counted.
type gate struct {
	limit   atomic.Int64
	refused atomic.Uint64
	many    []netip.Prefix // addresses that stand for many people: proxies

	mu       sync.Mutex
	open     int64                  // Guarded by mu.
	relayed  int64                  // how many of them the relay has. Guarded by mu.
	bySource map[netip.Prefix]int64 // Guarded by mu. No zeros; none of many.
}

func newGate(limit int, many ...netip.Prefix) *gate {
	g := &gate{many: many, bySource: map[netip.Prefix]int64{}}
	g.limit.Store(int64(limit))
	return g
}

// enter takes a place; leave gives it back and may be called often. It is nil if there is none.
func (g *gate) enter(from net.Addr) (leave func()) {
	source := g.source(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	limit := g.limit.Load()
	if g.open >= limit || source.IsValid() && g.bySource[source] >= (limit+1)/2 {
		g.refused.Add(1)
		return nil
	}
	g.open++
	if source.IsValid() {
		g.bySource[source]++
	}
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.open--
		if !source.IsValid() {
			return
		}
		if g.bySource[source]--; g.bySource[source] == 0 {
			delete(g.bySource, source)
		}
	})
}

// relays takes one of the places of the relay: it may have half of all, so that it keeps nobody from the page. leave gives it back
// and may be called often. It is nil if there is none.
func (g *gate) relays() (leave func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.relayed >= (g.limit.Load()+1)/2 {
		return nil
	}
	g.relayed++
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.relayed--
	})
}

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
