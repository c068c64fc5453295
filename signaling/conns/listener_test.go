package conns

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
)

// header is one of the PROXY protocol, of a client at 203.0.113.9.
func header(t *testing.T, version byte, command proxyproto.ProtocolVersionAndCommand) []byte {
	t.Helper()
	h := &proxyproto.Header{
		Version: version, Command: command, TransportProtocol: proxyproto.TCPv4,
		SourceAddr:      net.TCPAddrFromAddrPort(netip.MustParseAddrPort("203.0.113.9:41234")),
		DestinationAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:443")),
	}
	b, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestProxyProtocol checks that the client's address is read from a trusted proxy only, and that a proxy without the header gets no answer.
func TestProxyProtocol(t *testing.T) {
	local := netip.MustParsePrefix("127.0.0.0/8")
	for name, tt := range map[string]struct {
		proxies []netip.Prefix
		on      bool
		says    []byte
		from    string // "": this host
		read    string
		fails   bool
	}{
		"version 2":        {[]netip.Prefix{local}, true, append(header(t, 2, proxyproto.PROXY), "hello"...), "203.0.113.9", "hello", false},
		"version 1":        {[]netip.Prefix{local}, true, append(header(t, 1, proxyproto.PROXY), "hello"...), "203.0.113.9", "hello", false},
		"the proxy itself": {[]netip.Prefix{local}, true, append(header(t, 2, proxyproto.LOCAL), "hello"...), "", "hello", false},
		"none of a proxy":  {[]netip.Prefix{local}, true, []byte("GET / HTTP/1.1\r\n"), "", "", true},
		"of a stranger":    {nil, true, append(header(t, 2, proxyproto.PROXY), "hello"...), "", string(header(t, 2, proxyproto.PROXY)) + "hello", false},
		"not wanted":       {[]netip.Prefix{local}, false, []byte("hello"), "", "hello", false},
	} {
		t.Run(name, func(t *testing.T) {
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var unproxied atomic.Int64
			limiter := New(10, tt.proxies...)
			l := limiter.Listener(inner, ListenerConfig{ProxyProtocol: tt.on, HeaderTimeout: 10 * time.Second, OnMissingHeader: func() { unproxied.Add(1) }})
			defer l.Close()
			client, err := net.Dial("tcp", inner.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := client.Write(tt.says); err != nil {
				t.Fatal(err)
			}
			client.(*net.TCPConn).CloseWrite()
			read, err := io.ReadAll(c)
			if string(read) != tt.read || (err != nil) != tt.fails || (unproxied.Load() > 0) != tt.fails {
				t.Errorf("read %q, %v; %d without a header", read, err, unproxied.Load())
			}
			want := tt.from
			if want == "" {
				want = "127.0.0.1"
			}
			if got := Addr(c.RemoteAddr()).String(); got != want {
				t.Errorf("from %s, want %s", got, want)
			}
			place, proxied := LeaseOf(tls.Server(c, nil))
			if place == nil || place.prefixes[0].String() != want || proxied != (tt.on && tt.proxies != nil) || TCPConn(c) == nil {
				t.Errorf("the place counts for %v, proxied %v", place.prefixes[0], proxied)
			}
			if place.proxy != (tt.proxies != nil && tt.from == "") {
				t.Errorf("stands for many: %v", place.proxy)
			}
			c.Close()
			c.Close()
			if limiter.Len() != 0 {
				t.Errorf("%d places are taken", limiter.Len())
			}
		})
	}
}

// TestListenerEvicts checks that with all leases taken the next connection is accepted, and that the evicted one is reset.
func TestListenerEvicts(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limiter := New(2)
	l := limiter.Listener(inner, ListenerConfig{})
	defer l.Close()
	var clients, served []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		clients, served = append(clients, c), append(served, s)
	}
	clients[0].SetReadDeadline(time.Now().Add(10 * time.Second))
	var network net.Error
	if _, err := clients[0].Read(make([]byte, 1)); err == nil || errors.As(err, &network) && network.Timeout() {
		t.Errorf("the oldest is still there: %v", err)
	}
	if limiter.Len() != 2 || limiter.Displaced()[displacedFull] != 1 {
		t.Errorf("%d places, %v closed", limiter.Len(), limiter.Displaced())
	}
	for _, c := range served[1:] {
		if place, _ := LeaseOf(c); !place.MarkSeated(true) {
			t.Error("no seat")
		}
	}
	c, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go l.Accept()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.As(err, &network) && network.Timeout() || limiter.Refused() != 1 {
		t.Errorf("all are seats: %v, refused %d", err, limiter.Refused())
	}
}
