package udp

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func open(t *testing.T, mode Mode) (*Socket, netip.AddrPort) {
	t.Helper()
	s, err := listenIn(mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, s.Local
}

// inPair is the mode of a socket that has IPv6, too.
const inPair = Mode(99)

func listenIn(mode Mode) (*Socket, error) {
	v4 := netip.MustParseAddrPort("127.0.0.1:0")
	if mode == inPair {
		return ListenPair(v4, netip.MustParseAddrPort("[::1]:0"), Trains)
	}
	return Listen(v4, mode)
}

// forEachMode runs a test with and without what Linux has.
func forEachMode(t *testing.T, test func(t *testing.T, mode Mode)) {
	t.Run("trains", func(t *testing.T) { test(t, Trains) })
	t.Run("batches", func(t *testing.T) { test(t, Batch) })
	t.Run("pair", func(t *testing.T) { test(t, inPair) })
	t.Run("plain", func(t *testing.T) { test(t, Plain) })
}

// TestAddressFamily checks that an IPv4 wildcard is an IPv4 socket: pion derives the family of peers from that of the socket.
func TestAddressFamily(t *testing.T) {
	for _, at := range []string{"0.0.0.0", "127.0.0.1", "::", "::1"} {
		s, err := Listen(netip.AddrPortFrom(netip.MustParseAddr(at), 0), Trains)
		if err != nil {
			t.Fatal(err)
		}
		if s.Local.Addr().String() != at {
			t.Errorf("%s: listens on %s", at, s.Local)
		}
		s.Close()
	}
}

func batch(n int) []Packet { return make([]Packet, n) }

func TestRoundTrip(t *testing.T) { forEachMode(t, testRoundTrip) }

func testRoundTrip(t *testing.T, mode Mode) {
	a, from := open(t, mode)
	b, to := open(t, mode)
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

func TestDeadline(t *testing.T) { forEachMode(t, testDeadline) }

func testDeadline(t *testing.T, mode Mode) {
	c, _ := open(t, mode)
	for range 2 { // the second time the deadline must still work
		if n, err := c.Read(batch(1), time.Now().Add(time.Millisecond)); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	}
}

func TestWake(t *testing.T) { forEachMode(t, testWake) }

func testWake(t *testing.T, mode Mode) {
	c, at := open(t, mode)
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

func TestClose(t *testing.T) { forEachMode(t, testClose) }

func testClose(t *testing.T, mode Mode) {
	c, _ := open(t, mode)
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

// TestSegmentationOffload sends to two addresses in every mixture of sizes and holds that each gets its own, whole and in order.
func TestSegmentationOffload(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode Mode) {
		from, _ := open(t, mode)
		to := []*Socket{nil, nil}
		for i := range to {
			to[i], _ = open(t, mode)
		}
		var out []Packet
		want := [2][][]byte{}
		for i, size := range []int{1100, 1100, 300, 300, 300, 1, 1200, 1200, 1200, 1199, 5, 5, 6, 40} {
			dst := i / 5 % 2
			data := bytes.Repeat([]byte{byte(i + 1)}, size)
			out = append(out, Packet{Data: data, Addr: to[dst].Local})
			want[dst] = append(want[dst], data)
		}
		if n := from.Write(out); n != len(out) {
			t.Fatalf("%d of %d taken", n, len(out))
		}
		for i, s := range to {
			in := batch(2) // fewer than a train holds
			for len(want[i]) > 0 {
				n, err := s.Read(in, time.Now().Add(5*time.Second))
				if err != nil || n == 0 {
					t.Fatalf("%d datagrams are missing: %v", len(want[i]), err)
				}
				for _, p := range in[:n] {
					if !bytes.Equal(p.Data, want[i][0]) {
						t.Fatalf("got %d bytes of %d, want %d of %d", len(p.Data), p.Data[0], len(want[i][0]), want[i][0][0])
					}
					want[i] = want[i][1:]
				}
			}
		}
		if s := from.Stats; s.Datagrams != uint64(len(out)) || mode != Plain && s.Messages >= s.Datagrams {
			t.Fatalf("stats %+v", *s)
		}
	})
}

// TestOneBadDestination holds that the others of a batch get theirs.
func TestOneBadDestination(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode Mode) {
		from, _ := open(t, mode)
		to, at := open(t, mode)
		bad := netip.AddrPortFrom(at.Addr(), 0) // EINVAL
		from.Write([]Packet{{Data: []byte("a"), Addr: bad}, {Data: []byte("b"), Addr: at}})
		in := batch(1)
		if n, err := to.Read(in, time.Now().Add(5*time.Second)); n != 1 || err != nil || string(in[0].Data) != "b" {
			t.Fatal(n, err)
		}
	})
}

func TestNoAllocations(t *testing.T) {
	t.Run("trains", func(t *testing.T) { testNoAllocations(t, Trains) })
	t.Run("pair", func(t *testing.T) { testNoAllocations(t, inPair) })
}

func testNoAllocations(t *testing.T, mode Mode) {
	from, _ := open(t, mode)
	to, at := open(t, mode)
	data := make([]byte, 1000)
	out := []Packet{{Data: data, Addr: at}, {Data: data, Addr: at}}
	in := batch(4)
	n := testing.AllocsPerRun(200, func() {
		from.Write(out)
		for got := 0; got < 2; {
			n, err := to.Read(in, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
	})
	if n != 0 {
		t.Fatalf("%v allocations for two datagrams", n)
	}
}
