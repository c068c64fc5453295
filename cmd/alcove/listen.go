package main

import (
	"fmt"
	"net"
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

// A gate bounds the connections of all its listeners together. Full policy: the newest is closed at once, and counted.
type gate struct {
	limit   atomic.Int64
	open    atomic.Int64
	refused atomic.Uint64
}

func newGate(limit int) *gate {
	g := &gate{}
	g.limit.Store(int64(limit))
	return g
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
		if l.gate.open.Add(1) <= l.gate.limit.Load() {
			return &gatedConn{Conn: c, leave: sync.OnceFunc(func() { l.gate.open.Add(-1) })}, nil
		}
		l.gate.open.Add(-1)
		l.gate.refused.Add(1)
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
