package relay

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/pion/turn/v5"
)

var (
	errForbiddenPeer = errors.New("relay: to our media ports only")
	errAllocation    = errors.New("relay: UDP from a client with a credential only")
)

// An allocation is the UDP half of an allocation. It exchanges datagrams with our media ports only. Clients know the ports by their public
// addresses, so pion sees those.
type allocation struct {
	*net.UDPConn
	conn *conn
}

// listenUDP opens the socket on the address of the media ports. Their answers report that address to the client, and Firefox rejects
// answers from a loopback address. Datagrams between the two never leave this host, and the kernel drops datagrams from outside with one of
// our addresses.
func (c *conn) listenUDP() (*allocation, error) {
	sock, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.media[0].Local.Addr(), 0)))
	if err != nil {
		return nil, err
	}
	sock.SetReadBuffer(receiveBuffer)
	return &allocation{sock, c}, nil
}

// WriteTo sends to a media port (net.PacketConn).
func (r *allocation) WriteTo(b []byte, to net.Addr) (int, error) {
	if u, ok := to.(*net.UDPAddr); ok {
		at := unmapped(u.AddrPort())
		for _, m := range r.conn.media {
			if m.Public == at {
				r.conn.server.bytesIn.Add(uint64(len(b)))
				return r.WriteToUDPAddrPort(b, m.Local)
			}
		}
	}
	r.conn.server.refused[forbiddenPeer].Add(1)
	return 0, errForbiddenPeer
}

// ReadFrom returns datagrams of the media ports (net.PacketConn).
func (r *allocation) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.ReadFromUDPAddrPort(b)
		if err != nil {
			return 0, nil, err
		}
		for _, m := range r.conn.media {
			if m.Local == unmapped(from) {
				r.conn.server.bytesOut.Add(uint64(n))
				return n, net.UDPAddrFromAddrPort(m.Public), nil
			}
		}
	}
}

// Close ends the client's connection too: without an allocation it is of no use.
func (r *allocation) Close() error {
	r.conn.Close()
	return r.UDPConn.Close()
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// An addressGenerator creates allocations for pion (turn.RelayAddressGenerator).
type addressGenerator struct{ conn *conn }

func (addressGenerator) Validate() error { return nil }

// AllocatePacketConn returns a client's relayed address, with the public name of this host. pion also asks for sockets without a client, in
// search of an even port: these are refused.
func (g addressGenerator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.UserID == "" {
		return nil, nil, errAllocation
	}
	r, err := g.conn.listenUDP()
	if err != nil {
		return nil, nil, err
	}
	if !g.conn.server.allocate(g.conn, r) {
		r.UDPConn.Close()
		return nil, nil, errAllocation
	}
	g.conn.SetReadDeadline(time.Time{}) // from here on the lifetime of the allocation counts
	port := r.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	return r, net.UDPAddrFromAddrPort(netip.AddrPortFrom(g.conn.media[0].Public.Addr(), port)), nil
}

func (addressGenerator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errAllocation
}

func (addressGenerator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) {
	return nil, errAllocation
}
