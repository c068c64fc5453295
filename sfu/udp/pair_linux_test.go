package udp

import (
	"net/netip"
	"testing"
	"time"
)

// TestPair reads and writes both families on one socket: all that is sent comes, from the address of its family, and in order in each.
func TestPair(t *testing.T) {
	pair, _ := open(t, inPair)
	four, at4 := open(t, Trains)
	six, err := Listen(netip.MustParseAddrPort("[::1]:0"), Trains)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { six.Close() })
	if !pair.Local.Addr().Is4() || !pair.Second.Addr().Is6() || pair.Second.Addr().Is4In6() {
		t.Fatalf("it listens on %v and %v", pair.Local, pair.Second)
	}
	const each = 200
	more := make(chan bool, 1) // the reader has read all, and waits
	more <- true
	go func() {
		for i := range each {
			if i%10 == 0 {
				<-more
			}
			four.WriteTo([]byte{byte(i)}, pair.Local)
			six.WriteTo([]byte{byte(i)}, pair.Second)
		}
	}()
	in, next := batch(8), map[netip.AddrPort]int{}
	for got := 0; got < 2*each; {
		n, err := pair.Read(in, time.Now().Add(5*time.Second))
		if err != nil || n == 0 {
			t.Fatalf("%d of %d, then %v", got, 2*each, err)
		}
		for _, p := range in[:n] {
			if int(p.Data[0]) != next[p.Addr] {
				t.Fatalf("%v: %d, want %d", p.Addr, p.Data[0], next[p.Addr])
			}
			next[p.Addr]++
		}
		if got += n; got%20 == 0 {
			select {
			case more <- true:
			default:
			}
		}
	}
	if next[at4] != each || next[six.Local] != each {
		t.Errorf("came %v", next)
	}
	out := []Packet{{Data: []byte("a"), Addr: six.Local}, {Data: []byte("b"), Addr: six.Local}, {Data: []byte("c"), Addr: at4}, {Data: []byte("d"), Addr: six.Local}}
	if n := pair.Write(out); n != len(out) || pair.Stats.Datagrams != uint64(len(out)) {
		t.Errorf("%d taken, %d counted", n, pair.Stats.Datagrams)
	}
	pair.WriteTo([]byte("e"), at4)
	pair.WriteTo([]byte("f"), six.Local)
	for sock, want := range map[*Socket]string{four: "ce", six: "abdf"} {
		got := ""
		for len(got) < len(want) {
			n, err := sock.Read(in, time.Now().Add(5*time.Second))
			if err != nil || n == 0 {
				t.Fatalf("%q, then %v", got, err)
			}
			for _, p := range in[:n] {
				got += string(p.Data)
				if from := p.Addr; from != pair.Local && from != pair.Second {
					t.Errorf("from %v", from)
				}
			}
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestPairIsFair checks that a family with more to read than a batch holds leaves room for the other.
func TestPairIsFair(t *testing.T) {
	pair, _ := open(t, inPair)
	four, _ := open(t, Plain)
	six, err := Listen(netip.MustParseAddrPort("[::1]:0"), Plain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { six.Close() })
	for range 64 {
		four.WriteTo([]byte("much"), pair.Local)
	}
	six.WriteTo([]byte("little"), pair.Second)
	in := batch(4)
	for reads := 1; ; reads++ {
		n, err := pair.Read(in, time.Now().Add(5*time.Second))
		if err != nil || n == 0 || reads > 2 {
			t.Fatalf("not in %d reads: %v", reads, err)
		}
		if in[0].Addr == six.Local {
			return
		}
	}
}

func TestPairOfOneFamily(t *testing.T) {
	a := netip.MustParseAddrPort("127.0.0.1:0")
	if _, err := ListenPair(a, a, Trains); err == nil {
		t.Error("twice IPv4")
	}
	if _, err := ListenPair(a, netip.MustParseAddrPort("[2001:db8::77]:0"), Trains); err == nil {
		t.Error("on an address that this host does not have")
	}
}
