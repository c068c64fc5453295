package udp

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func open(t *testing.T) (Conn, netip.AddrPort) {
	t.Helper()
	c, at, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, at
}

func batch(n int) []Packet {
	b := make([]Packet, n)
	for i := range b {
		b[i].Data = make([]byte, MaxDatagram)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	a, from := open(t)
	b, to := open(t)
	if n := a.Write([]Packet{{Data: []byte("one"), Addr: to}, {Data: []byte("two"), Addr: to}}); n != 2 {
		t.Fatalf("%d taken", n)
	}
	if _, err := a.WriteTo([]byte("three"), to); err != nil {
		t.Fatal(err)
	}
	in := batch(4)
	for got := 0; got < 3; {
		n, err := b.Read(in, time.Now().Add(5*time.Second))
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		for _, p := range in[:n] {
			if want := []string{"one", "two", "three"}[got]; string(p.Data) != want || p.Addr != from {
				t.Fatalf("%q from the wrong side or out of order, want %q", p.Data, want)
			}
			got++
		}
	}
}

func TestDeadline(t *testing.T) {
	c, _ := open(t)
	for range 2 { // the second time the deadline must still work
		if n, err := c.Read(batch(1), time.Now().Add(time.Millisecond)); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	}
}

func TestWake(t *testing.T) {
	c, at := open(t)
	c.Wake()
	if n, err := c.Read(batch(1), time.Time{}); n != 0 || err != nil {
		t.Fatal("a wake before the read", n, err)
	}
	done := make(chan error)
	go func() {
		_, err := c.Read(batch(1), time.Time{})
		done <- err
	}()
	c.Wake()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for range 2000 { // wakes that race with the setting of a deadline are never lost
		go c.Wake()
		if n, err := c.Read(batch(1), time.Now().Add(10*time.Second)); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := c.WriteTo([]byte("x"), at); err != nil {
		t.Fatal(err)
	}
	for { // late wakes may come first
		if n, err := c.Read(batch(1), time.Now().Add(5*time.Second)); err != nil {
			t.Fatal(err)
		} else if n == 1 {
			break
		}
	}
}

func TestClose(t *testing.T) {
	c, _ := open(t)
	done := make(chan error)
	go func() {
		_, err := c.Read(batch(1), time.Time{})
		done <- err
	}()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}
