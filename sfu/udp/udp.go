// Package udp is the media socket: batches in, batches out, and a wake from elsewhere.
//
//	Read(batch, deadline) ──► datagrams, or none at the deadline or after Wake
//	Write(batch)          ──► how many the kernel took
//
// One goroutine reads and writes batches; WriteTo and Wake may come from any.
package udp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// MaxDatagram is the largest datagram taken, in bytes: nothing larger than an Ethernet frame comes through a path without
// fragments, and DTLS certificates are split by their sender.
const MaxDatagram = 1600

// ReceiveBuffer is the size asked for the kernel's receive buffer, in bytes: 50 ms of a 200 Mbit/s worker. The kernel may
// give less (net.core.rmem_max); Conn.ReceiveBuffer tells.
const ReceiveBuffer = 4 << 20

// A Packet is one datagram with the address of the other side.
type Packet struct {
	Data []byte
	Addr netip.AddrPort
}

// A Conn is the media socket of one worker.
type Conn interface {
	// Read waits for datagrams until the deadline (zero: for ever) or Wake. Each Packet's Data must have room for MaxDatagram;
	// it is cut to what came. It returns 0 and no error at the deadline and after Wake.
	Read(batch []Packet, deadline time.Time) (int, error)
	// Write sends all it can without waiting and returns how many were taken.
	Write(batch []Packet) int
	// WriteTo sends one datagram, from any goroutine.
	WriteTo(data []byte, to netip.AddrPort) (int, error)
	// Wake makes a Read that waits, or the next one, return at once. From any goroutine.
	Wake()
	// Close ends the socket; Read then answers net.ErrClosed.
	Close() error
}

// Listen opens a media socket.
func Listen(at netip.AddrPort) (Conn, netip.AddrPort, error) {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	_ = c.SetReadBuffer(ReceiveBuffer) // a smaller buffer still works
	local := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return &plain{conn: c}, netip.AddrPortFrom(local.Addr().Unmap(), local.Port()), nil
}

// plain sends and receives one datagram a call: it works on every system.
type plain struct {
	conn     *net.UDPConn
	woken    atomic.Bool
	deadline time.Time // Owned by the reader: what the socket's deadline is.
}

func (p *plain) Read(batch []Packet, deadline time.Time) (int, error) {
	if !deadline.Equal(p.deadline) {
		p.deadline = deadline
		if err := p.conn.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
	}
	// Wake sets the flag before it moves the deadline, so a wake that this check misses still ends the read.
	if p.woken.Swap(false) {
		p.deadline = time.Unix(0, 1) // unlike any deadline asked for: set it again next time
		return 0, nil
	}
	b := &batch[0]
	n, addr, err := p.conn.ReadFromUDPAddrPort(b.Data[:cap(b.Data)])
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.woken.Store(false)
			p.deadline = time.Unix(0, 1)
			return 0, nil
		}
		if errors.Is(err, net.ErrClosed) {
			return 0, net.ErrClosed
		}
		return 0, nil // ICMP errors of single destinations are not the socket's
	}
	b.Data, b.Addr = b.Data[:n], netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	return 1, nil
}

func (p *plain) Write(batch []Packet) int {
	taken := 0
	for i := range batch {
		if _, err := p.conn.WriteToUDPAddrPort(batch[i].Data, batch[i].Addr); err == nil {
			taken++
		}
	}
	return taken
}

func (p *plain) WriteTo(data []byte, to netip.AddrPort) (int, error) {
	return p.conn.WriteToUDPAddrPort(data, to)
}

func (p *plain) Wake() {
	p.woken.Store(true)
	_ = p.conn.SetReadDeadline(time.Unix(0, 1))
}

func (p *plain) Close() error { return p.conn.Close() }
