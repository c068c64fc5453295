package sfu

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"alcove/sfu/forward"
	"alcove/sfu/udp"
)

// A mux hands STUN and DTLS datagrams of one socket to pion and takes what pion sends: an ice.UDPMux of our own, so that
// media never passes through it. STUN finds its connection by the ICE username (RFC 8445, section 7.3), DTLS by the
// address, which is known once pion has answered a check from there.
type mux struct {
	sock  udp.Conn
	local *net.UDPAddr // what pion takes for the host candidate

	mu      sync.Mutex
	byUfrag map[string]*muxConn         // Guarded by mu.
	byAddr  map[netip.AddrPort]*muxConn // Guarded by mu.
	closed  bool                        // Guarded by mu.
}

func newMux(sock udp.Conn, local netip.AddrPort) *mux {
	return &mux{sock: sock, local: net.UDPAddrFromAddrPort(local), byUfrag: map[string]*muxConn{}, byAddr: map[netip.AddrPort]*muxConn{}}
}

// GetConn gives pion the connection of a username (ice.UDPMux).
func (m *mux) GetConn(ufrag string, _ net.Addr) (net.PacketConn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, io.ErrClosedPipe
	}
	c := m.byUfrag[ufrag]
	if c == nil {
		c = &muxConn{mux: m, ufrag: ufrag, in: make(chan datagram, muxQueue), done: make(chan struct{})}
		m.byUfrag[ufrag] = c
	}
	return c, nil
}

// RemoveConnByUfrag forgets a connection and its addresses (ice.UDPMux).
func (m *mux) RemoveConnByUfrag(ufrag string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.byUfrag[ufrag]
	delete(m.byUfrag, ufrag)
	for addr, other := range m.byAddr {
		if other == c {
			delete(m.byAddr, addr)
		}
	}
}

// GetListenAddresses tells pion of one host candidate; the answer names all (ice.UDPMux).
func (m *mux) GetListenAddresses() []net.Addr { return []net.Addr{m.local} }

// Close ends all connections; the socket is the worker's.
func (m *mux) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, c := range m.byUfrag {
		c.end()
	}
	return nil
}

// stun hands over a STUN datagram.
func (m *mux) stun(data []byte, from netip.AddrPort) forward.Drop {
	ufrag, ok := stunUfrag(data)
	if !ok {
		return forward.Malformed
	}
	m.mu.Lock()
	c := m.byUfrag[string(ufrag)]
	full := c != nil && c.addresses >= maxAddresses && m.byAddr[from] != c
	m.mu.Unlock()
	if full {
		return forward.Unknown
	}
	return c.push(data, from)
}

// dtls hands over a DTLS datagram, from addresses only that passed a check.
func (m *mux) dtls(data []byte, from netip.AddrPort) forward.Drop {
	m.mu.Lock()
	c := m.byAddr[from]
	m.mu.Unlock()
	return c.push(data, from)
}

func (m *mux) learn(c *muxConn, addr netip.AddrPort) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byUfrag[c.ufrag] != c || m.byAddr[addr] == c {
		return
	}
	if old := m.byAddr[addr]; old != nil {
		old.addresses--
	}
	m.byAddr[addr] = c
	c.addresses++
}

type datagram struct {
	data []byte
	from netip.AddrPort
}

// A muxConn is pion's side of one connection.
type muxConn struct {
	mux   *mux
	ufrag string
	in    chan datagram // bounded; full: the datagram is dropped, STUN and DTLS repeat
	done  chan struct{}
	once  sync.Once

	addresses int // in byAddr. Guarded by mux.mu.

	known netip.AddrPort // Owned by the writer of pion's agent: the address it last wrote to.
	mu    sync.Mutex     // guards known: pion writes from two goroutines
}

// push copies: the batch belongs to the worker.
func (c *muxConn) push(data []byte, from netip.AddrPort) forward.Drop {
	if c == nil {
		return forward.Unknown
	}
	select {
	case c.in <- datagram{append([]byte(nil), data...), from}:
		return forward.Kept
	default:
		return forward.SocketFull
	}
}

// ReadFromAddrPort waits for the next datagram (ice.AddrPortReaderWriter).
func (c *muxConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-c.in:
		return copy(b, d.data), d.from, nil
	case <-c.done:
		return 0, netip.AddrPort{}, io.EOF
	}
}

// WriteToAddrPort sends at once and learns the address for DTLS: pion answers only checks that it authenticated.
func (c *muxConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	c.mu.Lock()
	fresh := c.known != to
	c.known = to
	c.mu.Unlock()
	if fresh {
		c.mux.learn(c, to)
	}
	return c.mux.sock.WriteTo(b, to)
}

func (c *muxConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

func (c *muxConn) WriteTo(b []byte, to net.Addr) (int, error) {
	udpAddr, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	return c.WriteToAddrPort(b, udpAddr.AddrPort())
}

func (c *muxConn) end() { c.once.Do(func() { close(c.done) }) }

// Close ends the reads of pion's agent.
func (c *muxConn) Close() error {
	c.end()
	c.mux.RemoveConnByUfrag(c.ufrag)
	return nil
}

func (c *muxConn) LocalAddr() net.Addr              { return c.mux.local }
func (c *muxConn) SetDeadline(time.Time) error      { return nil }
func (c *muxConn) SetReadDeadline(time.Time) error  { return nil }
func (c *muxConn) SetWriteDeadline(time.Time) error { return nil }
