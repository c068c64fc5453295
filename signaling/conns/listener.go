package conns

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// A Front says how connections come to a listener.
type ListenerConfig struct {
	// Proxied: connections of proxies begin with the client's address, by the PROXY protocol (haproxy.org, proxy-protocol.txt). Without
	// it they are closed. Of others nothing is read: they could write any address.
	ProxyProtocol bool
	// HeaderTimeout is how long a proxy may take over that.
	HeaderTimeout time.Duration
	// Unproxied, if not nil, is told of a proxy that did not write it.
	OnMissingHeader func()
}

// Listener bounds the connections that inner accepts.
func (l *Limiter) Listener(inner net.Listener, front ListenerConfig) net.Listener {
	return listener{inner, l, front}
}

type listener struct {
	net.Listener
	limiter *Limiter
	cfg     ListenerConfig
}

// Accept gives the next connection that has a place.
func (l listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := Addr(c.RemoteAddr())
		place := l.limiter.Acquire(from, func() { Abort(c) })
		if place == nil {
			Abort(c)
			continue
		}
		if l.cfg.ProxyProtocol && l.limiter.isProxy(from) {
			return &conn{Conn: l.read(c, place), raw: c, lease: place, cfg: l.cfg, proxied: true}, nil
		}
		return &conn{Conn: c, raw: c, lease: place}, nil
	}
}

// read makes the connection whose header is read at its first use, on the goroutine of who uses it.
func (l listener) read(c net.Conn, place *Lease) net.Conn {
	return proxyproto.NewConn(c, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(l.cfg.HeaderTimeout),
		proxyproto.ValidateHeader(func(h *proxyproto.Header) error {
			if !h.Command.IsLocal() && h.SourceAddr != nil { // the proxy's own look at us has none
				place.SetSource(Addr(h.SourceAddr))
			}
			return nil
		}))
}

// Addr is the IP address of an address of net; not valid if there is none.
func Addr(a net.Addr) netip.Addr {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr().Unmap().WithZone("")
}

// Cut closes a connection of TCP at once, with what it has not sent: it holds nothing in the kernel either.
func Abort(c net.Conn) {
	if t := TCPConn(c); t != nil {
		t.SetLinger(0)
	}
	c.Close()
}

// A conn gives its place back when it is closed.
type conn struct {
	net.Conn
	raw     net.Conn
	lease   *Lease
	cfg     ListenerConfig
	proxied bool
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.lease.lastTransfer.Store(time.Now().UnixNano())
	}
	if err != nil && c.cfg.OnMissingHeader != nil && errors.Is(err, proxyproto.ErrNoProxyProtocol) {
		c.cfg.OnMissingHeader()
	}
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if n > 0 {
		c.lease.lastTransfer.Store(time.Now().UnixNano())
	}
	return n, err
}

func (c *conn) Close() error {
	c.lease.Release()
	return c.Conn.Close()
}

// Under finds the place of a connection below whatever speaks over it, and whether its address came by the PROXY protocol.
func LeaseOf(c net.Conn) (p *Lease, proxied bool) {
	for {
		switch at := c.(type) {
		case *conn:
			return at.lease, at.proxied
		case interface{ NetConn() net.Conn }:
			c = at.NetConn()
		default:
			return nil, false
		}
	}
}

// TCP finds the connection of TCP below whatever speaks over it; nil if there is none.
func TCPConn(c net.Conn) *net.TCPConn {
	for {
		switch at := c.(type) {
		case *conn:
			c = at.raw
		case *net.TCPConn:
			return at
		case interface{ NetConn() net.Conn }:
			c = at.NetConn()
		default:
			return nil
		}
	}
}
