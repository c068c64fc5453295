package relay

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/turn/v5"
)

// A testServer is a relay on a loopback port, with a media port that sends back what it hears.
type testServer struct {
	t      *testing.T
	server *Server
	group  *Group
	at     string
	public *net.UDPAddr   // by which clients know the media port; nobody listens there
	local  netip.AddrPort // where it is
}

func newTestServer(t *testing.T) *testServer {
	t.Helper()
	media := listenUDP(t, "127.0.0.1:0")
	go func() {
		b := make([]byte, maxMessage)
		for {
			n, from, err := media.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			media.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	l := &testServer{t: t, public: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1).To4(), Port: 9}, local: media.LocalAddr().(*net.UDPAddr).AddrPort()}
	l.server = New(func() []Media { return []Media{{l.public.AddrPort(), l.local}} })
	l.group = l.server.Group()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close(); l.server.Close() })
	l.at = tcp.Addr().String()
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			l.server.Serve(c)
		}
	}()
	return l
}

func listenUDP(t *testing.T, at string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// admit lets these use the relay, and nobody else.
func (l *testServer) admit(who ...string) { l.group.Allow(who) }

func (l *testServer) credential(who string) Credential {
	l.t.Helper()
	c, ok := l.server.Credential(who)
	if !ok {
		l.t.Fatalf("%s has no credential", who)
	}
	return c
}

// A client is one TCP connection to the relay.
type client struct {
	*turn.Client
	tcp  net.Conn
	gone chan struct{} // closed when the relay closed the connection
}

// watched notes the end of a connection.
type watched struct {
	net.Conn
	gone chan struct{}
}

func (w watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err != nil {
		select {
		case <-w.gone:
		default:
			close(w.gone)
		}
	}
	return n, err
}

func (l *testServer) dial(c Credential) *client {
	l.t.Helper()
	tcp, err := net.Dial("tcp", l.at)
	if err != nil {
		l.t.Fatal(err)
	}
	gone := make(chan struct{})
	tc, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: l.at, Conn: turn.NewSTUNConn(watched{tcp, gone}), Username: c.Username, Password: c.Password,
		RequestedAddressFamily: turn.RequestedAddressFamilyIPv4,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	if err := tc.Listen(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { tc.Close(); tcp.Close() })
	return &client{tc, tcp, gone}
}

// allocate must work.
func (l *testServer) allocate(who string) (*client, net.PacketConn) {
	l.t.Helper()
	c := l.dial(l.credential(who))
	relayed, err := c.Allocate()
	if err != nil {
		l.t.Fatal(err)
	}
	return c, relayed
}

// echo sends to the media port and waits for what comes back. pion's client waits for more than four bytes.
func (l *testServer) echo(relayed net.PacketConn, text string) {
	l.t.Helper()
	if _, err := relayed.WriteTo([]byte(text), l.public); err != nil {
		l.t.Fatal(err)
	}
	b := make([]byte, maxMessage)
	relayed.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, from, err := relayed.ReadFrom(b)
	if err != nil || string(b[:n]) != text || from.String() != l.public.String() {
		l.t.Fatalf("came back: %q from %v, %v", b[:n], from, err)
	}
}

func (c *client) wait(t *testing.T) {
	t.Helper()
	select {
	case <-c.gone:
	case <-time.After(10 * time.Second):
		t.Fatal("the connection stays")
	}
}

func (l *testServer) refused(name string) uint64 {
	return l.server.Counts().Refused[slices.Index(Refusals(), name)]
}

func TestRelaysToMediaAndBack(t *testing.T) {
	l := newTestServer(t)
	l.admit("ann", "bob")
	_, relayed := l.allocate("ann")
	for _, text := range []string{"more than four bytes", "and a longer one, by its channel maybe"} {
		l.echo(relayed, text)
	}
	if shown := relayed.LocalAddr().(*net.UDPAddr); !shown.IP.Equal(l.public.IP) {
		t.Errorf("the relayed address is %v", shown)
	}
	if n := l.server.Counts(); n.Allocations != 1 || n.BytesIn != 58 || n.BytesOut != 58 {
		t.Errorf("counted %+v", n)
	}
	if a, b := l.credential("ann"), l.credential("bob"); a.Username == b.Username || a.Password == b.Password || len(a.Username) < 22 || len(a.Password) < 22 {
		t.Errorf("credentials %v, %v", a, b)
	}
}

func TestOnlyAdmittedHolders(t *testing.T) {
	l := newTestServer(t)
	l.admit("ann", "bob")
	ann, bob := l.credential("ann"), l.credential("bob")
	l.admit("ann")
	if _, ok := l.server.Credential("bob"); ok {
		t.Error("who left has a credential")
	}
	for name, c := range map[string]Credential{
		"nobody": {}, "unknown user": {"x", ann.Password}, "wrong password": {ann.Username, bob.Password}, "one that ended": bob,
	} {
		before := l.refused("credential")
		if _, err := l.dial(c).Allocate(); err == nil {
			t.Errorf("%s: has an allocation", name)
		}
		if n := l.refused("credential") - before; n == 0 && name != "nobody" {
			t.Errorf("%s: not counted", name)
		}
	}
	if l.admit("ann"); l.credential("ann") != ann {
		t.Error("the credential of one who stays changed")
	}
	l.admit()
	if l.admit("ann"); l.credential("ann") == ann {
		t.Error("who comes again has the credential of before")
	}
}

func TestConnectionsEndWithAdmission(t *testing.T) {
	l := newTestServer(t)
	l.admit("ann", "bob")
	before := runtime.NumGoroutine()
	ann, relayedAnn := l.allocate("ann")
	_, relayedBob := l.allocate("bob")
	l.echo(relayedAnn, "before the end")
	l.admit("bob")
	ann.wait(t)
	l.echo(relayedBob, "after the end of another")
	if n := l.server.Counts().Allocations; n != 1 {
		t.Errorf("%d allocations, bob's alone should be", n)
	}
	// A room that ends later takes only its own with it.
	again := l.server.Group()
	again.Allow([]string{"bob"})
	fresh := l.credential("bob")
	l.admit()
	if l.credential("bob") != fresh {
		t.Error("the end of the old room took the credential of the new one")
	}
	l.server.Close()
	if n := l.server.Counts().Allocations; n != 0 {
		t.Errorf("%d allocations after the end", n)
	}
	c := l.dial(fresh)
	c.wait(t)
	relayedAnn.Close()
	relayedBob.Close()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before+8; runtime.Gosched() { // clients keep some
		if time.Now().After(end) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

// TestForbiddenPeers checks that datagrams pass only to and from the media port.
func TestForbiddenPeers(t *testing.T) {
	l := newTestServer(t)
	l.admit("ann")
	_, relayed := l.allocate("ann")
	near, six := listenUDP(t, "127.0.0.1:0"), listenUDP(t, "[::1]:0")
	for name, to := range map[string]net.Addr{
		"another port of this host":                   near.LocalAddr(),
		"the media port by its inner name":            net.UDPAddrFromAddrPort(l.local),
		"this host by IPv6":                           six.LocalAddr(),
		"this host by IPv4 in IPv6":                   &net.UDPAddr{IP: net.ParseIP("::ffff:127.0.0.1"), Port: near.LocalAddr().(*net.UDPAddr).Port},
		"the address of a cloud's secrets":            &net.UDPAddr{IP: net.IPv4(169, 254, 169, 254), Port: 80},
		"the other addresses of this host's loopback": &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: near.LocalAddr().(*net.UDPAddr).Port},
		"no address":                                  &net.UDPAddr{IP: net.IPv4zero, Port: near.LocalAddr().(*net.UDPAddr).Port},
	} {
		before := l.refused("destination")
		relayed.WriteTo([]byte("planted"), to) // fails where the address is refused, and is lost where only the port is
		l.echo(relayed, "so all before was dealt with")
		if l.refused("destination") == before && to != six.LocalAddr() { // of another family: refused before we are asked
			t.Errorf("%s: not counted", name)
		}
	}
	for _, c := range []*net.UDPConn{near, six} {
		c.SetReadDeadline(time.Now())
		if n, err := c.Read(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v heard %d bytes, %v", c.LocalAddr(), n, err)
		}
	}
	port := relayed.LocalAddr().(*net.UDPAddr).Port
	near.WriteToUDP([]byte("planted"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	l.echo(relayed, "and nothing else")
}

func TestNoTCPAllocations(t *testing.T) {
	l := newTestServer(t)
	l.admit("ann")
	if _, err := l.dial(l.credential("ann")).AllocateTCP(); err == nil {
		t.Error("a TCP allocation (RFC 6062)")
	}
}

func TestQuota(t *testing.T) {
	l := newTestServer(t)
	l.admit("ann", "bob")
	var last *client
	for range maxConns {
		last, _ = l.allocate("ann")
	}
	if _, err := l.dial(l.credential("ann")).Allocate(); err == nil || l.refused("quota") != 1 {
		t.Errorf("one more: %v, counted %d", err, l.refused("quota"))
	}
	l.allocate("bob")
	last.Close()
	last.tcp.Close()
	for end := time.Now().Add(10 * time.Second); l.server.Counts().Allocations != maxConns; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("the allocation of a connection that is gone stays")
		}
	}
	l.allocate("ann")
}

// TestUnauthenticatedLimits checks that a connection without an allocation costs little, and not for long.
func TestUnauthenticatedLimits(t *testing.T) {
	l := newTestServer(t)
	binding := []byte("\x00\x01\x00\x00\x21\x12\xa4\x42............")
	for name, say := range map[string][]byte{
		"not TURN":                  []byte("GET / HTTP/1.1\r\n\r\n"),
		"a length that overflows":   []byte("\x00\x01\xff\xec\x21\x12\xa4\x42............"),
		"the same of a channel":     []byte("\x40\x00\xff\xfc........"),
		"RFC 6062":                  []byte("\x00\x0a\x00\x00\x21\x12\xa4\x42............"),
		"more than before a ticket": slices.Repeat(binding, maxUnallocatedMessages+1),
	} {
		before := l.refused("malformed")
		c, err := net.Dial("tcp", l.at)
		if err != nil {
			t.Fatal(err)
		}
		c.Write(say)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: not closed", name)
		}
		if l.refused("malformed") != before+1 {
			t.Errorf("%s: not counted", name)
		}
		c.Close()
	}
	l.server.Refuse(closing{})
	if l.refused("full") != 1 {
		t.Error("no place: not counted")
	}
}

// messagesOf reads whole messages.
func messagesOf(from net.Conn) func([]byte) (int, error) {
	in := bufio.NewReader(from)
	return func(b []byte) (int, error) { return readMessage(in, b) }
}

type closing struct{ net.Conn }

func (closing) Close() error { return nil }

func TestTimeouts(t *testing.T) {
	media := func() []Media {
		return []Media{{netip.MustParseAddrPort("203.0.113.7:50000"), netip.MustParseAddrPort("127.0.0.1:50000")}}
	}
	synctest.Test(t, func(t *testing.T) {
		s := New(media)
		near, far := net.Pipe()
		begin := time.Now()
		s.Serve(far)
		if _, err := near.Read(make([]byte, 1)); err == nil || time.Since(begin) != allocateTimeout {
			t.Errorf("who says nothing: %v after %v", err, time.Since(begin))
		}
		synctest.Wait()
		if n := s.Counts().Refused[timeout]; n != 1 {
			t.Errorf("counted %d", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := New(media)
		_, far := net.Pipe()
		c := &conn{Conn: far, server: s}
		begin := time.Now()
		if _, err := c.WriteTo([]byte("to who does not read"), nil); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != writeTimeout {
			t.Errorf("who reads nothing: %v after %v", err, time.Since(begin))
		}
		if !c.closed {
			t.Error("the connection stays")
		}
	})
	// Without a media port there is nothing to relay to.
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		New(func() []Media { return nil }).Serve(far)
		if _, err := near.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
	})
}

// TestConnectionEndsBeforeAllocation checks that the reading goroutine ends a connection, and not the timer of pion's allocation, because a
// permission that is created at that moment would end the daemon.
func TestConnectionEndsBeforeAllocation(t *testing.T) {
	answer := func(kind byte, seconds byte) []byte {
		return []byte("\x01" + string([]byte{kind}) + "\x00\x08" + cookie + "123456789012" + "\x00\x0d\x00\x04\x00\x00\x00" + string([]byte{seconds}))
	}
	binding := []byte("\x00\x01\x00\x00" + cookie + "123456789012")
	const allocate, refresh = 3, 4
	for name, test := range map[string]struct {
		said []byte // answers, one each 50 s
		ends time.Duration
	}{
		"never refreshed":       {[]byte{allocate}, 97 * time.Second},
		"asked for again":       {[]byte{allocate, allocate}, 97 * time.Second},
		"refreshed":             {[]byte{allocate, refresh}, 147 * time.Second},
		"refreshed, then asked": {[]byte{allocate, refresh, allocate}, 147 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				go io.Copy(io.Discard, near)
				c := &conn{Conn: far, server: New(nil), next: messagesOf(far), allocation: &allocation{}}
				begin := time.Now()
				for i, kind := range test.said {
					time.Sleep(time.Until(begin.Add(time.Duration(i) * 50 * time.Second)))
					if _, err := c.WriteTo(answer(kind, 100), nil); err != nil {
						t.Fatal(err)
					}
				}
				if _, _, err := c.ReadFrom(make([]byte, maxMessage)); err == nil || time.Since(begin) != test.ends || !c.closed {
					t.Errorf("%v after %v", err, time.Since(begin))
				}
				if c.server.Counts().Refused[timeout] != 0 {
					t.Error("counted as one who has no allocation")
				}
			})
		})
	}
	// What was read before the end is not heard after it.
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &conn{Conn: far, server: New(nil), next: messagesOf(far), allocation: &allocation{}}
		go func() { near.Write(append(binding, binding...)); io.Copy(io.Discard, near) }()
		if _, _, err := c.ReadFrom(make([]byte, maxMessage)); err != nil {
			t.Fatal(err)
		}
		c.WriteTo(answer(allocate, 1), nil) // shorter than we wait
		if _, _, err := c.ReadFrom(make([]byte, maxMessage)); err == nil || !c.closed {
			t.Error("heard")
		}
	})
}

// TestChannels checks that channels are limited, because pion searches all of them for each datagram.
func TestChannels(t *testing.T) {
	l := newTestServer(t)
	l.admit("ann")
	c, relayed := l.allocate("ann")
	for n := range maxChannels + 1 { // the client binds one for each port, even where nothing is heard
		relayed.WriteTo([]byte("to a port of the address of our media"), &net.UDPAddr{IP: l.public.IP, Port: l.public.Port + n})
	}
	c.wait(t)
	if l.refused("destination") == 0 {
		t.Error("not counted")
	}
}
