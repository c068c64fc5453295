package front

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/turn/v5"
	"golang.org/x/crypto/acme"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/sfu/relay"
	"alcove/signaling/conns"
)

// A split is a splitter in front of a page that says whether it came over TLS, and of a relay.
type split struct {
	*Demux
	t      *testing.T
	roots  *x509.CertPool // nil: no TLS
	at     string
	failed atomic.Int64
}

func newSplit(t *testing.T, secure bool, connections int) *split {
	t.Helper()
	return newSplitBehind(t, secure, connections, conns.ListenerConfig{})
}

// newSplitBehind is behind proxies on this host.
func newSplitBehind(t *testing.T, secure bool, connections int, front conns.ListenerConfig) *split {
	t.Helper()
	proxies := netip.MustParsePrefix("127.0.0.1/32")
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &split{t: t, at: inner.Addr().String()}
	var settings *tls.Config
	if secure {
		cert, roots := alcovetest.SelfSigned(t)
		certs, err := NewCertificates(config.TLS{CertFile: "given"}, &cert)
		if err != nil {
			t.Fatal(err)
		}
		s.roots, settings = roots, certs.TLSConfig()
	}
	r := relay.New(func() []relay.Media {
		at := netip.MustParseAddrPort("127.0.0.1:9")
		return []relay.Media{{Public: at, Local: at}}
	})
	r.Group().Allow([]string{"ann"})
	s.Demux = NewDemux(conns.New(connections, proxies).Listener(inner, front), conns.New(halfOf(connections), proxies), settings, r, func() { s.failed.Add(1) })
	page := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil {
			io.WriteString(w, "over "+tls.VersionName(r.TLS.Version))
		} else {
			io.WriteString(w, "in the open")
		}
	})}
	go page.Serve(s.Demux)
	t.Cleanup(func() { page.Close(); r.Close() })
	return s
}

// dial connects as a browser does.
func (s *split) dial(protocols ...string) net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.at)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if s.roots == nil {
		return c
	}
	return tls.Client(c, &tls.Config{RootCAs: s.roots, ServerName: "localhost", NextProtos: protocols})
}

// ask gets the page and gives its body.
func (s *split) ask(c net.Conn) string {
	s.t.Helper()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(body)
}

// allocate asks the relay for an allocation.
func (s *split) allocate(c net.Conn) error {
	s.t.Helper()
	credential, _ := s.relay.Credential("ann")
	client, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: s.at, Conn: turn.NewSTUNConn(c), Username: credential.Username, Password: credential.Password})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(client.Close)
	if err := client.Listen(); err != nil {
		s.t.Fatal(err)
	}
	_, err = client.Allocate()
	return err
}

func TestOnePortForPageAndRelay(t *testing.T) {
	for name, secure := range map[string]bool{"in the open": false, "over TLS 1.3": true} {
		t.Run(name, func(t *testing.T) {
			s := newSplit(t, secure, 100)
			for range 5 { // who says nothing keeps nobody waiting
				s.dial()
			}
			for _, protocols := range [][]string{nil, {"http/1.1"}, {"h2", "http/1.1"}} {
				if got := s.ask(s.dial(protocols...)); got != name {
					t.Errorf("the page came %q", got)
				}
			}
			for _, protocols := range [][]string{nil, {"stun.turn"}} {
				if err := s.allocate(s.dial(protocols...)); err != nil {
					t.Error(err)
				}
			}
			// Again on one connection: the first byte is read once.
			c := s.dial()
			for range 2 {
				if got := s.ask(c); got != name {
					t.Errorf("the page came %q", got)
				}
			}
			if n := s.relay.Counts().Allocations; n != 2 {
				t.Errorf("%d allocations", n)
			}
		})
	}
}

// TestPageNotServedOverOtherProtocols checks that connections that negotiate the protocol of ACME or of the relay get no page (RFC 8737,
// section 3).
func TestPageNotServedOverOtherProtocols(t *testing.T) {
	s := newSplit(t, true, 100)
	for _, protocol := range []string{acme.ALPNProto, "stun.turn"} {
		c := s.dial(protocol)
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if said, err := io.ReadAll(c); len(said) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("by %s: %q, %v", protocol, said, err)
		}
	}
	if c := s.dial(acme.ALPNProto); s.allocate(c) == nil {
		t.Error("an allocation by the protocol of ACME")
	}
}

// TestRelayConnectionLimit checks that relay connections use at most half of all places, so that the page stays reachable.
func TestRelayConnectionLimit(t *testing.T) {
	s := newSplit(t, false, 6)
	var all []net.Conn
	for range 3 {
		all = append(all, s.dial())
		if err := s.allocate(all[len(all)-1]); err != nil {
			t.Fatal(err)
		}
	}
	c := s.dial()
	c.Write([]byte{0, 3})
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a fourth of six is served")
	}
	if got := s.ask(s.dial()); got != "in the open" {
		t.Errorf("the page came %q", got)
	}
	if refused := s.relay.Counts().Refused; refused[2] != 1 || relay.Refusals()[2] != "full" {
		t.Errorf("refused %v", refused)
	}
	// A place comes back.
	all[0].Close()
	for end := time.Now().Add(10 * time.Second); s.relay.Counts().Allocations != 2; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("who left is still there")
		}
	}
	if err := s.allocate(s.dial()); err != nil {
		t.Error(err)
	}
}

// TestIdleRelayConnectionsAreReplaced checks that connections that send the first bytes of TURN and then nothing are closed for new ones,
// so that the relay and the page stay reachable.
func TestIdleRelayConnectionsAreReplaced(t *testing.T) {
	s := newSplit(t, false, 6)
	var idle []net.Conn
	for i := range 9 {
		c := s.dial()
		if _, err := c.Write([]byte{0, 3}); err != nil {
			t.Fatal(err)
		}
		for min(i+1, 3) != s.relayLimit.Len() || s.relayLimit.Displaced()[0] != uint64(max(i-2, 0)) {
			runtime.Gosched()
		}
		idle = append(idle, c)
	}
	if err := s.allocate(s.dial()); err != nil {
		t.Error(err)
	}
	if got := s.ask(s.dial()); got != "in the open" {
		t.Errorf("the page came %q", got)
	}
	if _, err := idle[0].Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("who was idle longest: %v", err)
	}
	if refused := s.relay.Counts().Refused; refused[2] != 0 {
		t.Errorf("refused %v", refused)
	}
}

// TestRelayBehindTCPBalancer checks that, behind a load balancer that sends the PROXY protocol, the page and the relay both learn the
// client's address on one port.
func TestRelayBehindTCPBalancer(t *testing.T) {
	for name, secure := range map[string]bool{"in the open": false, "over TLS 1.3": true} {
		t.Run(name, func(t *testing.T) {
			var unproxied atomic.Int64
			s := newSplitBehind(t, secure, 100, conns.ListenerConfig{ProxyProtocol: true, HeaderTimeout: HeaderTimeout, OnMissingHeader: func() { unproxied.Add(1) }})
			proxied := func(protocols ...string) net.Conn {
				raw, err := net.Dial("tcp", s.at)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { raw.Close() })
				raw.SetDeadline(time.Now().Add(10 * time.Second))
				io.WriteString(raw, "PROXY TCP4 203.0.113.9 192.0.2.1 41234 443\r\n")
				if !secure {
					return raw
				}
				return tls.Client(raw, &tls.Config{RootCAs: s.roots, ServerName: "localhost", NextProtos: protocols})
			}
			if got := s.ask(proxied()); got != name {
				t.Errorf("the page came %q", got)
			}
			if err := s.allocate(proxied(turnProtocol)); err != nil {
				t.Error(err)
			}
			c := s.dial()
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
			if said, err := io.ReadAll(c); len(said) > 0 && secure == false || errors.Is(err, os.ErrDeadlineExceeded) || unproxied.Load() == 0 {
				t.Errorf("a proxy that does not write it gets %q, %v", said, err)
			}
		})
	}
}

func TestSplitterRefuses(t *testing.T) {
	s := newSplit(t, true, 100)
	plain, err := net.Dial("tcp", s.at)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	plain.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(plain, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if said, _ := io.ReadAll(plain); !strings.Contains(string(said), "HTTP request to an HTTPS server") {
		t.Errorf("to who forgot the s: %q", said)
	}
	if s.failed.Load() != 1 {
		t.Errorf("%d handshakes failed", s.failed.Load())
	}
	// The end does not wait for who says nothing.
	silent := s.dial()
	s.ask(s.dial())
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("who said nothing is still connected")
	}
}

// failingListener is a listener that fails, then gives one connection, and then waits for its end.
type failingListener struct {
	net.Listener
	next []acceptResult
	done chan struct{}
}

func (f *failingListener) Accept() (net.Conn, error) {
	if len(f.next) == 0 {
		<-f.done
		return nil, net.ErrClosed
	}
	a := f.next[0]
	f.next = f.next[1:]
	return a.conn, a.err
}

func (f *failingListener) Close() error { close(f.done); return nil }

func TestSplitterPassesErrorsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trouble := errors.New("too many open files")
		near, far := net.Pipe()
		quiet, ours := net.Pipe()
		s := NewDemux(&failingListener{done: make(chan struct{}), next: []acceptResult{{nil, trouble}, {far, nil}, {ours, nil}}}, conns.New(4), nil, nil, nil)
		if _, err := s.Accept(); !errors.Is(err, trouble) {
			t.Errorf("Accept: %v", err)
		}
		go near.Write([]byte("GET"))
		c, err := s.Accept()
		if err != nil {
			t.Fatal(err)
		}
		said := make([]byte, 3)
		if _, err := io.ReadFull(c, said); err != nil || string(said) != "GET" {
			t.Errorf("read %q, %v", said, err)
		}
		begin := time.Now()
		if _, err := quiet.Read(said); err == nil || time.Since(begin) != HeaderTimeout {
			t.Errorf("who says nothing: %v after %v", err, time.Since(begin))
		}
		s.Close()
	})
}
