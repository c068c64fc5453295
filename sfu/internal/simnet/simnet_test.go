package simnet

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

var (
	addrA = netip.MustParseAddrPort("192.0.2.1:1")
	addrB = netip.MustParseAddrPort("192.0.2.2:2")
	addrC = netip.MustParseAddrPort("192.0.2.3:3")
)

func listen(t *testing.T, n *Network, at netip.AddrPort, l Link) *Conn {
	t.Helper()
	c, err := n.Listen(at, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestDelay checks that delays of both links add up, and that datagrams of one moment arrive in order.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := listen(t, n, addrA, Link{Delay: 30 * time.Millisecond}), listen(t, n, addrB, Link{Delay: 20 * time.Millisecond})
		began := time.Now()
		for i := range 100 {
			a.WriteToUDPAddrPort([]byte{byte(i)}, addrB)
		}
		buffer := make([]byte, 10)
		for i := range 100 {
			_, from, err := b.ReadFromUDPAddrPort(buffer)
			if err != nil || from != addrA || buffer[0] != byte(i) || time.Since(began) != 50*time.Millisecond {
				t.Fatalf("read %d from %v after %v, %v; want %d", buffer[0], from, time.Since(began), err, i)
			}
		}
	})
}

// TestLossAndJitter checks the share of lost datagrams, that some overtake others, and that equal seeds give equal results.
func TestLossAndJitter(t *testing.T) {
	run := func() (arrived []byte) {
		synctest.Test(t, func(t *testing.T) {
			n := New(7)
			a, b := listen(t, n, addrA, Link{}), listen(t, n, addrB, Link{Jitter: 50 * time.Millisecond, Loss: 0.2})
			for i := range 200 {
				a.WriteToUDPAddrPort([]byte{byte(i)}, addrB)
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Second)
			b.SetReadDeadline(time.Now().Add(time.Second))
			for buffer := make([]byte, 10); ; {
				if _, _, err := b.ReadFromUDPAddrPort(buffer); err != nil {
					break
				}
				arrived = append(arrived, buffer[0])
			}
			if n.Lost()+len(arrived) != 200 {
				t.Errorf("%d lost, %d arrived", n.Lost(), len(arrived))
			}
		})
		return arrived
	}
	first, second := run(), run()
	if len(first) < 140 || len(first) > 180 || string(first) != string(second) {
		t.Errorf("%d arrived, then %d", len(first), len(second))
	}
	overtaken := 0
	for i := 1; i < len(first); i++ {
		if first[i] < first[i-1] {
			overtaken++
		}
	}
	if overtaken < 10 {
		t.Errorf("%d were overtaken", overtaken)
	}
}

// TestRebind checks that a socket with another public address sends from it, and gets nothing at the old one.
func TestRebind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := listen(t, n, addrA, Link{}), listen(t, n, addrB, Link{})
		a.Rebind(addrC)
		a.WriteToUDPAddrPort([]byte{1}, addrB)
		if _, from, err := b.ReadFromUDPAddrPort(make([]byte, 1)); err != nil || from != addrC {
			t.Fatal(from, err)
		}
		b.WriteToUDPAddrPort([]byte{2}, addrA)
		b.WriteToUDPAddrPort([]byte{3}, addrC)
		buffer := make([]byte, 1)
		if _, _, err := a.ReadFromUDPAddrPort(buffer); err != nil || buffer[0] != 3 || n.Lost() != 1 {
			t.Error(buffer, n.Lost(), err)
		}
	})
}

// TestReadEnds checks that a read ends at its deadline, when the deadline moves, and at Close.
func TestReadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := listen(t, New(1), addrA, Link{})
		a.SetReadDeadline(time.Now().Add(time.Hour))
		began := time.Now()
		time.AfterFunc(time.Minute, func() { a.SetReadDeadline(time.Now()) })
		if _, _, err := a.ReadFromUDPAddrPort(nil); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Minute {
			t.Error(err, time.Since(began))
		}
		a.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Minute, func() { a.Close() })
		if _, _, err := a.ReadFromUDPAddrPort(nil); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}
