package relay

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// echo returns every datagram to its sender.
func echo(t *testing.T) netip.AddrPort {
	t.Helper()
	sock, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.Close() })
	go func() {
		b := make([]byte, maxDatagram)
		for {
			n, from, err := sock.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = sock.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	return sock.LocalAddr().(*net.UDPAddr).AddrPort()
}

func dial(t *testing.T, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRelayDelaysBothWays(t *testing.T) {
	pool := NewPool(Steady(Profile{Delay: 30 * time.Millisecond}), 1, loopback)
	defer pool.Close()
	target := echo(t)
	via := pool.Via(target)
	if via != pool.Via(target) {
		t.Error("one target, two relays")
	}
	c := dial(t, via)
	for _, word := range []string{"one", "two", "three"} {
		began := time.Now()
		if _, err := c.Write([]byte(word)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		n, err := c.Read(b)
		if err != nil || string(b[:n]) != word {
			t.Fatalf("sent %q, got %q, %v", word, b[:n], err)
		}
		// Only the lower bound is the relay's alone; the upper one belongs to the machine, and Link's tests have it.
		if took := time.Since(began); took < 60*time.Millisecond {
			t.Errorf("there and back took %v", took)
		}
	}
	if got := pool.Counts(); got.Passed != 6 {
		t.Errorf("counted %+v", got)
	}
}

// TestRelayUpstreamSocketPerClient checks that each client has its own address at the server, and that a change of the network applies to
// connected clients.
func TestRelayUpstreamSocketPerClient(t *testing.T) {
	r, err := Listen(loopback, echo(t), Steady(Profile{}), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	a, b := dial(t, r.Addr()), dial(t, r.Addr())
	buffer := make([]byte, 100)
	for i, c := range []*net.UDPConn{a, b} {
		if _, err := c.Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(buffer); err != nil || n != 1 || buffer[0] != byte(i) {
			t.Fatalf("client %d got %v, %v", i, buffer[:n], err)
		}
	}
	r.SetProfile(Profile{Loss: 1})
	if _, err := a.Write([]byte("gone")); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for r.Counts().Lost == 0 {
		<-tick.C
	}
}
