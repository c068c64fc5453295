package conns

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// A limiterTest holds connections by name and records which were closed.
type limiterTest struct {
	t *testing.T
	*Limiter
	cut map[string]bool
	all map[string]*Lease
}

func newCrowd(t *testing.T, limit int, proxies ...netip.Prefix) *limiterTest {
	return &limiterTest{t, New(limit, proxies...), map[string]bool{}, map[string]*Lease{}}
}

// enter opens n connections, a millisecond apart.
func (c *limiterTest) enter(from string, n int) {
	c.t.Helper()
	for i := range n {
		name := fmt.Sprint(from, "#", i)
		p := c.Limiter.Acquire(netip.MustParseAddr(from), func() { c.cut[name] = true })
		if p == nil {
			c.t.Fatalf("%s is refused", name)
		}
		c.all[name] = p
		time.Sleep(time.Millisecond)
	}
}

// gone counts the connections of an address that were closed for others.
func (c *limiterTest) gone(from string) (n int) {
	for name := range c.cut {
		if len(name) > len(from) && name[:len(from)+1] == from+"#" {
			n++
		}
	}
	return n
}

// TestHeaviestSourceIsEvicted checks that a new connection displaces the oldest idle one of the heaviest source, and that the sources of
// one network count together.
func TestHeaviestSourceIsEvicted(t *testing.T) {
	for name, tt := range map[string]struct {
		attack map[string]int
		person string
	}{
		"two addresses":   {map[string]int{"192.0.2.1": 32, "198.51.100.1": 32}, "203.0.113.9"},
		"one address":     {map[string]int{"192.0.2.1": 64}, "203.0.113.9"},
		"its neighbour":   {map[string]int{"192.0.2.1": 64}, "192.0.2.2"},
		"behind the same": {map[string]int{"192.0.2.1": 64}, "192.0.2.1"},
		"one /64":         {map[string]int{"2001:db8::1": 32, "2001:db8::2": 32}, "2001:db8:1::9"},
		"another family":  {map[string]int{"::ffff:192.0.2.1": 32, "192.0.2.1": 32}, "2001:db8::9"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t, 64)
				for from, n := range tt.attack {
					c.enter(from, n)
				}
				time.Sleep(staleAfter)
				before := len(c.cut)
				c.enter(tt.person, 1)
				if before != 0 || len(c.cut) != 1 || c.cut[tt.person+"#0"] && tt.attack[tt.person] == 0 || c.Len() != 64 {
					t.Errorf("closed before %d, then %v; %d are open", before, c.cut, c.Len())
				}
				c.enter(tt.person, 5) // a browser opens six
				if c.gone(tt.person) != 0 && tt.attack[tt.person] == 0 {
					t.Errorf("closed %v", c.cut)
				}
				if c.Displaced()[displacedFull] != uint64(len(c.cut)) || c.Refused() != 0 {
					t.Errorf("counted %v for %d, refused %d", c.Displaced(), len(c.cut), c.Refused())
				}
			})
		})
	}
}

// TestPrefixesShareLeases checks that 64 addresses of one /24, or 64 /64s of one /48, share their leases and weigh as much as one address
// with 64.
func TestPrefixesShareLeases(t *testing.T) {
	for name, address := range map[string]string{"/24": "192.0.2.%d", "/56": "2001:db8:0:%x::1", "/48": "2001:db8:0:%x00::1"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t, 64)
				for i := range 60 {
					c.enter(fmt.Sprintf(address, i), 1)
				}
				c.enter("203.0.113.9", 4) // must not be evicted
				time.Sleep(staleAfter)
				c.enter("198.51.100.7", 6)
				if len(c.cut) != 6 || c.gone("203.0.113.9") != 0 || c.gone("198.51.100.7") != 0 {
					t.Errorf("closed %v", c.cut)
				}
			})
		})
	}
}

// TestIdleIsEvicted checks that within a source idle connections are evicted first, and that a clinic loading the page weighs less than a
// source of idle connections.
func TestIdleIsEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 64)
		c.enter("192.0.2.1", 44)
		c.enter("198.51.100.1", 20)
		time.Sleep(staleAfter)
		for i := range 44 { // they are served now
			p := c.all[fmt.Sprint("192.0.2.1#", i)]
			p.SetState(http.StateActive)
			p.lastTransfer.Store(time.Now().UnixNano())
		}
		c.enter("203.0.113.9", 10)
		if c.gone("192.0.2.1") != 0 || c.gone("198.51.100.1") != 10 {
			t.Errorf("closed %v", c.cut)
		}
		time.Sleep(staleAfter) // an answer that is not read is idle, too
		c.enter("203.0.113.10", 1)
		if c.gone("192.0.2.1") != 1 {
			t.Errorf("who takes no answer stays: closed %v", c.cut)
		}
	})
}

// TestSeatsAreKept checks that seated connections are never evicted, and that new seats leave some leases to resuming clients.
func TestSeatsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 64)
		c.enter("192.0.2.1", 20)
		for i := range 20 {
			if i < 2 && !c.all[fmt.Sprint("192.0.2.1#", i)].MarkSeated(false) {
				t.Fatal("no seat")
			}
		}
		c.enter("198.51.100.1", 44)
		time.Sleep(staleAfter)
		for i := range 60 {
			c.enter(fmt.Sprintf("203.0.%d.9", i), 1)
		}
		if c.gone("192.0.2.1") != 0 {
			t.Errorf("one with a seat lost %d", c.gone("192.0.2.1"))
		}
		c.all["192.0.2.1#0"].Release()
		c.all["192.0.2.1#0"].Release() // releases one lease, not two
		c.all["192.0.2.1#1"].Release()
		time.Sleep(seatedFor - 2*time.Second)
		c.enter("198.51.100.2", 60)
		time.Sleep(time.Second)
		c.enter("198.51.101.2", 1)
		if c.gone("192.0.2.1") != 0 {
			t.Errorf("one who had a seat a short time ago lost %d", c.gone("192.0.2.1"))
		}
		time.Sleep(time.Second)
		c.enter("198.51.102.2", 1)
		time.Sleep(crowdedIdle)
		c.enter("198.51.103.2", 1)
		if c.gone("192.0.2.1") == 0 {
			t.Error("a seat of long ago is remembered")
		}
	})
	c := newCrowd(t, 16)
	c.enter("192.0.2.1", 16)
	seats := 0
	for i := range 16 {
		if c.all[fmt.Sprint("192.0.2.1#", i)].MarkSeated(false) {
			seats++
		}
	}
	if seats != 14 || !c.all["192.0.2.1#0"].MarkSeated(false) {
		t.Errorf("%d new seats of 16", seats)
	}
	for i := range 16 {
		if !c.all[fmt.Sprint("192.0.2.1#", i)].MarkSeated(true) {
			t.Errorf("one who resumes gets no seat")
		}
	}
	if c.Acquire(netip.MustParseAddr("203.0.113.9"), nil) != nil || c.Refused() != 1 || len(c.cut) != 0 {
		t.Errorf("all places are seats: refused %d, closed %v", c.Refused(), c.cut)
	}
	c.all["192.0.2.1#3"].Release()
	c.enter("203.0.113.9", 1)
	if c.Len() != 16 {
		t.Errorf("%d places", c.Len())
	}
}

// TestCrowded checks that at three quarters of the limit connections that are idle for some seconds are evicted.
func TestCrowded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 64)
		c.enter("192.0.2.1", 40)
		time.Sleep(crowdedIdle)
		c.enter("203.0.113.9", 1)
		if len(c.cut) != 0 {
			t.Errorf("closed %d while there is room", len(c.cut))
		}
		c.enter("203.0.113.9", 10)
		if c.gone("192.0.2.1") != 40 || c.gone("203.0.113.9") != 0 || c.Displaced()[displacedCrowded] != 40 {
			t.Errorf("closed %v, counted %v", c.cut, c.Displaced())
		}
	})
}

// TestProxyCountsPerClient checks that a connection of a proxy has little weight until its client is known.
func TestProxyCountsPerClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 64, netip.MustParsePrefix("10.0.0.0/8"))
		c.enter("10.0.0.1", 52)
		c.enter("192.0.2.1", 12)
		time.Sleep(staleAfter)
		c.enter("203.0.113.9", 4)
		if c.gone("192.0.2.1") != 4 {
			t.Errorf("closed %v", c.cut)
		}
		for i := range 52 {
			c.all[fmt.Sprint("10.0.0.1#", i)].SetSource(netip.MustParseAddr("198.51.100.1"))
		}
		c.enter("203.0.113.10", 4)
		if c.gone("10.0.0.1") != 4 {
			t.Errorf("a client behind a proxy: closed %v", c.cut)
		}
	})
}

// TestSeatedAreBounded checks that the list of sources that had a seat is bounded, however many sources come.
func TestSeatedAreBounded(t *testing.T) {
	l := New(10)
	var buf [4]byte
	for i := range maxSeated + 10 {
		buf = [4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}
		p := l.Acquire(netip.AddrFrom4(buf), func() {})
		if !p.MarkSeated(true) {
			t.Fatal("no seat")
		}
		p.Release()
		if len(l.sources) > maxSeated {
			t.Fatalf("%d are remembered", len(l.sources))
		}
	}
	if l.seats != 0 || l.Len() != 0 {
		t.Errorf("%d seats, %d places", l.seats, l.Len())
	}
}

// TestNilLease checks that connections without a limit need no lease.
func TestNilLease(t *testing.T) {
	var p *Lease
	p.SetState(http.StateActive)
	p.SetSource(netip.Addr{})
	p.Release()
	if !p.MarkSeated(false) {
		t.Error("refused")
	}
}

// BenchmarkFull measures a new connection when all leases are taken, by one connection in each of many networks.
func BenchmarkFull(b *testing.B) {
	for _, limit := range []int{2000, 20_000} {
		b.Run(fmt.Sprint(limit), func(b *testing.B) {
			l := New(limit)
			i := 0
			enter := func() {
				l.Acquire(netip.AddrFrom4([4]byte{10, byte(i % 200), byte(i % 11), 1}), func() {})
				i++
			}
			for range limit {
				enter()
			}
			for b.Loop() {
				enter()
			}
		})
	}
}
