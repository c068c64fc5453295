package conns

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// ListenerConfig configures a listener.
type ListenerConfig struct {
	// ProxyProtocol: connections of proxies begin with the address of the client (haproxy.org, proxy-protocol.txt), else they are
	// closed. From other addresses the header is not read, because anybody could write one.
	ProxyProtocol bool
	// HeaderTimeout bounds the wait for that header.
	HeaderTimeout time.Duration
	// OnMissingHeader, if not nil, is called when a proxy did not send the header.
	OnMissingHeader func()
}

// Listener limits the connections that inner accepts.
func (l *Limiter) Listener(inner net.Listener, front ListenerConfig) net.Listener {
	return listener{inner, l, front}
}

type listener struct {
	net.Listener
	limiter *Limiter
	cfg     ListenerConfig
}

// Accept returns the next connection that is not refused.
func (l listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := Addr(c.RemoteAddr())
		lease := l.limiter.Acquire(from, func() { Abort(c) })
		if lease == nil {
			Abort(c)
			continue
		}
		if l.cfg.ProxyProtocol && l.limiter.isProxy(from) {
			return &conn{Conn: l.read(c, lease), raw: c, lease: lease, cfg: l.cfg, proxied: true}, nil
		}
		return &conn{Conn: c, raw: c, lease: lease}, nil
	}
}

// read returns a connection that reads the header at its first use, on the goroutine that uses it.
func (l listener) read(c net.Conn, lease *Lease) net.Conn {
	return proxyproto.NewConn(c, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(l.cfg.HeaderTimeout),
		proxyproto.ValidateHeader(func(h *proxyproto.Header) error {
			if !h.Command.IsLocal() && h.SourceAddr != nil { // a health check of the proxy has none
				lease.SetSource(Addr(h.SourceAddr))
			}
			return nil
		}))
}

// Addr returns the IP address of a net.Addr, invalid if there is none.
func Addr(a net.Addr) netip.Addr {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr().Unmap().WithZone("")
}

// Abort closes a TCP connection at once and discards what it has not sent, so that the kernel keeps nothing of it.
func Abort(c net.Conn) {
	if t := TCPConn(c); t != nil {
		t.SetLinger(0)
	}
	c.Close()
}

// A conn releases its lease when it is closed.
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

// LeaseOf returns the lease of a connection below TLS and other layers, and whether its address came by the PROXY protocol.
func LeaseOf(c net.Conn) (lease *Lease, proxied bool) {
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

// TCPConn returns the TCP connection below TLS and other layers, nil if there is none.
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
