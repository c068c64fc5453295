package relay

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// listenTURN lets the relay serve a UDP socket of its own, and returns where that is.
func (l *testServer) listenTURN() *datagrams {
	l.t.Helper()
	sock := listenUDP(l.t, "127.0.0.1:0")
	d := newDatagrams(l.server, sock)
	go d.run()
	return d
}

func (d *datagrams) address() *net.UDPAddr { return d.sock.LocalAddr().(*net.UDPAddr) }

func (d *datagrams) known() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.clients)
}

// dialUDP is a client over UDP.
func (l *testServer) dialUDP(d *datagrams, c Credential) *turn.Client {
	l.t.Helper()
	tc, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: d.address().String(), Conn: listenUDP(l.t, "127.0.0.1:0"), Username: c.Username, Password: c.Password,
		RequestedAddressFamily: turn.RequestedAddressFamilyIPv4, RTO: 100 * time.Millisecond,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	if err := tc.Listen(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(tc.Close)
	return tc
}

// TestUDP lets a stock client reach the media port over UDP, and nobody without a credential.
func TestUDP(t *testing.T) {
	l := newTestServer(t)
	d := l.listenTURN()
	l.admit("ann", "bob")
	before := runtime.NumGoroutine()
	relayed, err := l.dialUDP(d, l.credential("ann")).Allocate()
	if err != nil {
		t.Fatal(err)
	}
	bob, err := l.dialUDP(d, l.credential("bob")).Allocate()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "odd length", string(make([]byte, 1400))} {
		l.echo(relayed, text)
	}
	l.echo(bob, "and of the other")
	if n := l.server.Counts().Allocations; n != 2 || d.known() != 2 {
		t.Errorf("%d allocations, %d clients", n, d.known())
	}
	near := listenUDP(t, "127.0.0.1:0")
	relayed.WriteTo([]byte("to another port"), near.LocalAddr())
	l.echo(relayed, "so all before was dealt with")
	if l.refused("destination") == 0 {
		t.Error("another port: not refused")
	}
	// Who is no longer admitted is forgotten at once, and others stay.
	l.admit("bob")
	if n := l.server.Counts().Allocations; n != 1 || d.known() != 1 {
		t.Errorf("%d allocations, %d clients after one was removed", n, d.known())
	}
	l.echo(bob, "who stays")
	l.server.Close()
	for end := time.Now().Add(10 * time.Second); d.known() > 0 || runtime.NumGoroutine() > before+8; runtime.Gosched() { // clients keep some
		if time.Now().After(end) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

// request is an Allocate request as browsers send it.
func request(setters ...stun.Setter) []byte {
	transport := stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
	return stun.MustBuild(append([]stun.Setter{stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), transport}, setters...)...).Raw
}

// ask sends a datagram and returns the answer, nil if none comes before that to an Allocate request behind it.
func ask(t *testing.T, from *net.UDPConn, to *net.UDPAddr, said []byte) *stun.Message {
	t.Helper()
	last := request()
	for _, b := range [][]byte{said, last} {
		if _, err := from.WriteToUDP(b, to); err != nil {
			t.Fatal(err)
		}
	}
	read := func() *stun.Message {
		from.SetReadDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, maxMessage)
		n, err := from.Read(b)
		m := &stun.Message{Raw: b[:n]}
		if err != nil || m.Decode() != nil {
			t.Fatalf("no answer: %v", err)
		}
		return m
	}
	m := read()
	if bytes.Equal(m.TransactionID[:], last[8:20]) {
		return nil
	}
	read()
	return m
}

// TestUDPUnproved checks what the relay does for addresses that may be forged: short answers, and nothing that it keeps.
func TestUDPUnproved(t *testing.T) {
	l := newTestServer(t)
	d := l.listenTURN()
	l.admit("ann")
	ann := l.credential("ann")
	at, elsewhere := listenUDP(t, "127.0.0.1:0"), listenUDP(t, "127.0.0.1:0")
	first := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)).Raw // the shortest that is answered
	m := ask(t, at, d.address(), first)
	var code stun.ErrorCodeAttribute
	var nonce stun.Nonce
	if m == nil || code.GetFrom(m) != nil || code.Code != stun.CodeUnauthorized || nonce.GetFrom(m) != nil {
		t.Fatalf("answered with %v", m)
	}
	const headers = 28 // of IPv4 and UDP
	if len(m.Raw)+headers > 2*(len(first)+headers) || len(m.Raw) > 3*len(first) {
		t.Errorf("%d bytes are answered with %d", len(first), len(m.Raw))
	}
	signed := func(c Credential, nonce stun.Nonce) []byte {
		return request(stun.NewUsername(c.Username), stun.NewRealm(realm), nonce, stun.NewLongTermIntegrity(c.Username, realm, c.Password))
	}
	for _, test := range []struct {
		name    string
		from    *net.UDPConn
		said    []byte
		code    stun.ErrorCode // 0: no answer
		refused string
	}{
		{"a nonce of another address", elsewhere, signed(ann, nonce), stun.CodeStaleNonce, ""},
		{"a nonce that is none", at, signed(ann, stun.NewNonce("AAAAAAAAAAAAAAAA")), stun.CodeStaleNonce, ""},
		{"an unknown name", at, signed(Credential{"nobody", "x"}, nonce), 0, "credential"},
		{"a wrong password", at, signed(Credential{ann.Username, "x"}, nonce), 0, "credential"},
		{"a Binding request", at, stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw, 0, ""},
		{"ChannelData", at, []byte("\x40\x01\x00\x04data"), 0, ""},
		{"two messages in one", at, append(request(), request()...), 0, "malformed"},
		{"half a message", at, request()[:21], 0, "malformed"},
		{"RTP", at, []byte("\x80\x6f\x00\x00\x00\x00\x00\x00"), 0, "malformed"},
		{"nothing", at, nil, 0, "malformed"},
	} {
		before := uint64(0)
		if test.refused != "" {
			before = l.refused(test.refused)
		}
		m := ask(t, test.from, d.address(), test.said)
		switch {
		case test.code == 0 && m != nil:
			t.Errorf("%s: answered with %v", test.name, m)
		case test.code != 0 && (m == nil || code.GetFrom(m) != nil || code.Code != test.code):
			t.Errorf("%s: answered with %v", test.name, m)
		case test.refused != "" && l.refused(test.refused) != before+1:
			t.Errorf("%s: not counted", test.name)
		}
		if d.known() != 0 || l.server.Counts().Allocations != 0 {
			t.Errorf("%s: something is kept of it", test.name)
		}
	}
	// The same nonce and credential from the address that the nonce is for is all that it takes.
	if m = ask(t, at, d.address(), signed(ann, nonce)); d.known() != 1 {
		t.Errorf("%d clients, answered with %v", d.known(), m)
	}
}

// TestServeUDPEnds checks that the socket's goroutine ends when the socket is closed.
func TestServeUDPEnds(t *testing.T) {
	l := newTestServer(t)
	sock := listenUDP(t, "127.0.0.1:0")
	ended := make(chan struct{})
	go func() {
		l.server.ServeUDP(sock)
		close(ended)
	}()
	sock.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it still serves a closed socket")
	}
}

// TestUDPRate checks that answers to unproved addresses are limited.
func TestUDPRate(t *testing.T) {
	l := newTestServer(t)
	sock := listenUDP(t, "127.0.0.1:0")
	d := newDatagrams(l.server, sock)
	now := d.rateAt // no time passes
	from := netip.MustParseAddrPort("127.0.0.1:9")
	for range 2 * maxChallenges {
		d.take(request(), from, now)
	}
	if n := l.refused("rate"); n != maxChallenges {
		t.Errorf("%d of %d were refused", n, 2*maxChallenges)
	}
	c := &udpConn{datagrams: d, queue: make(chan []byte, udpQueue)}
	for range 2 * udpQueue {
		c.deliver(request())
	}
	if n := l.refused("rate"); n != maxChallenges+udpQueue {
		t.Errorf("%d were refused", n)
	}
}

// TestUDPNonces checks that a nonce is for one address, and not for long.
func TestUDPNonces(t *testing.T) {
	d := newDatagrams(nil, nil)
	a, b := netip.MustParseAddrPort("192.0.2.1:5"), netip.MustParseAddrPort("[2001:db8::1]:5")
	now := time.Now()
	for name, test := range map[string]struct {
		nonce string
		valid bool
	}{
		"fresh":              {d.nonce(now, a), true},
		"of another address": {d.nonce(now, b), false},
		"of another relay":   {newDatagrams(nil, nil).nonce(now, a), false},
		"old":                {d.nonce(now.Add(-nonceLifetime-2*time.Second), a), false},
		"none":               {"", false},
	} {
		if d.valid(test.nonce, a) != test.valid {
			t.Errorf("%s: %v", name, !test.valid)
		}
	}
}

// TestUDPDeadline checks that a client that is silent goes.
func TestUDPDeadline(t *testing.T) {
	c := &udpConn{datagrams: newDatagrams(nil, nil), queue: make(chan []byte, 1), done: make(chan struct{}), timer: time.NewTimer(0)}
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := c.Read(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	c.SetReadDeadline(time.Time{})
	c.Close()
	if _, err := c.Read(nil); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
