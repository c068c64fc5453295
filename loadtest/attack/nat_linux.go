package attack

import (
	"net"
	"net/netip"
	"sync"
	"testing"
)

// A NAT stands between one client and the daemon: what comes to Inside leaves from its outer address, and back. Rebind gives it
// another outer address, as a NAT that forgot does, or a phone that changes networks.
type NAT struct {
	Inside netip.AddrPort // where the client sends

	t      testing.TB
	inner  *net.UDPConn
	server netip.AddrPort

	mu     sync.Mutex
	outer  *net.UDPConn   // Guarded by mu, as all below.
	client netip.AddrPort // who sent last to Inside
}

func newNAT(t testing.TB, server netip.AddrPort) *NAT {
	t.Helper()
	n := &NAT{t: t, server: server, inner: listen(t, netip.AddrFrom4([4]byte{127, 0, 0, 1}))}
	n.Inside = n.inner.LocalAddr().(*net.UDPAddr).AddrPort()
	n.Rebind(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	go n.outward()
	return n
}

// via is where the client sends instead of straight to the daemon.
func (n *NAT) via(netip.AddrPort) netip.AddrPort { return n.Inside }

func listen(t testing.TB, at netip.Addr) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Outside is the address that the daemon sees.
func (n *NAT) Outside() netip.AddrPort {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.outer.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Rebind takes another outer address; the old one is deaf from now on.
func (n *NAT) Rebind(at netip.Addr) {
	outer := listen(n.t, at)
	n.mu.Lock()
	old := n.outer
	n.outer = outer
	n.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
	go n.inward(outer)
}

func (n *NAT) outward() {
	b := make([]byte, 1<<16)
	for {
		size, from, err := n.inner.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		n.mu.Lock()
		n.client = from
		outer := n.outer
		n.mu.Unlock()
		_, _ = outer.WriteToUDPAddrPort(b[:size], n.server)
	}
}

// inward passes on what the server sends, and nothing of anybody else.
func (n *NAT) inward(outer *net.UDPConn) {
	b := make([]byte, 1<<16)
	for {
		size, from, err := outer.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		n.mu.Lock()
		to := n.client
		n.mu.Unlock()
		if from == n.server && to.IsValid() {
			_, _ = n.inner.WriteToUDPAddrPort(b[:size], to)
		}
	}
}
