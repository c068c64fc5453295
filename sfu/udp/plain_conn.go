package udp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// wakeDeadline is a deadline in the past that no caller uses: Wake sets it, and the next Read restores its own.
var wakeDeadline = time.Unix(0, 1)

// plainConn sends and receives one datagram a call: it works on every system.
type plainConn struct {
	conn     PacketConn
	woken    atomic.Bool
	deadline time.Time // Owned by the reader: the socket's present deadline.
	stats    *Stats    // Owned by the reader, as buffer.
	buffer   []byte
}

func newPlainConn(c PacketConn, stats *Stats) *plainConn {
	return &plainConn{conn: c, stats: stats, buffer: make([]byte, MaxDatagram)}
}

func (p *plainConn) Read(batch []Packet, deadline time.Time) (int, error) {
	if !deadline.Equal(p.deadline) {
		p.deadline = deadline
		if err := p.conn.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
	}
	// Wake sets the flag before it moves the deadline, so a wake that this check misses still ends the read.
	if p.woken.Swap(false) {
		p.deadline = wakeDeadline
		return 0, nil
	}
	n, addr, err := p.conn.ReadFromUDPAddrPort(p.buffer)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.woken.Store(false)
			p.deadline = wakeDeadline
			return 0, nil
		}
		if errors.Is(err, net.ErrClosed) {
			return 0, net.ErrClosed
		}
		return 0, nil // ICMP errors of single destinations are not the socket's
	}
	batch[0] = Packet{Data: p.buffer[:n:n], Addr: netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}
	return 1, nil
}

func (p *plainConn) Write(batch []Packet) int {
	for i := range batch {
		p.stats.Messages++
		p.stats.Datagrams++
		if _, err := p.conn.WriteToUDPAddrPort(batch[i].Data, batch[i].Addr); err != nil {
			p.stats.Refused++
		}
	}
	return len(batch)
}

func (p *plainConn) WriteTo(data []byte, to netip.AddrPort) (int, error) {
	return p.conn.WriteToUDPAddrPort(data, to)
}

func (p *plainConn) Wake() {
	p.woken.Store(true)
	_ = p.conn.SetReadDeadline(wakeDeadline)
}

func (p *plainConn) Close() error { return p.conn.Close() }
