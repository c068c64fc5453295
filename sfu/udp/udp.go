// Package udp is the media socket: it reads and writes batches of datagrams, and a read can be woken.
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
	"time"
)

// MaxDatagram is the largest accepted datagram, in bytes: a path without fragments carries nothing larger than an Ethernet frame, and DTLS
// splits certificates.
const MaxDatagram = 1600

// BaseDatagram is the size that every path supports, in bytes: the minimum MTU of IPv6 without its header and that of UDP (RFC 8200,
// section 5). It fits an RTP packet of 1,200 bytes, the largest that browsers send, with the SRTP tag.
const BaseDatagram = 1280 - 40 - 8

// receiveBuffer is the requested size of the kernel's receive buffer, in bytes: 160 ms of a 200 Mbit/s worker. The kernel may grant less
// (net.core.rmem_max); see Socket.ReceiveBuffer.
const receiveBuffer = 4 << 20

// A Packet is one datagram with the address of the peer.
type Packet struct {
	Data    []byte
	Addr    netip.AddrPort
	TooLong bool // set by Write: larger than the MTU of the interface, and not sent
}

// Now is the deadline of a Read that does not wait.
var Now = time.Unix(0, 2)

// A Conn is the media socket of one worker.
type Conn interface {
	// Read waits for datagrams until the deadline (zero: forever; Now: not at all) or Wake, and returns as many as fit into the batch.
	// Their Data is valid until the next Read. It returns 0 and no error at the deadline and after Wake.
	Read(batch []Packet, deadline time.Time) (int, error)
	// Write sends as much as it can without waiting and returns how many packets from the front were handled; for the rest the kernel was
	// full. A refusal by one destination is counted and does not affect the others. Datagrams above BaseDatagram are never sent in
	// fragments, which many networks drop: those that the interface does not support are marked TooLong.
	Write(batch []Packet) int
	// WriteTo sends one datagram, from any goroutine.
	WriteTo(data []byte, to netip.AddrPort) (int, error)
	// Wake lets a waiting Read, or the next one, return at once. It may be called from any goroutine.
	Wake()
	// Close ends the socket; Read then answers net.ErrClosed.
	Close() error
}

// A Socket is an open Conn with its address and counters.
type Socket struct {
	Conn
	Local         netip.AddrPort
	Second        netip.AddrPort // that of IPv6, where Local is one of IPv4 and it has both; else invalid
	ReceiveBuffer int            // bytes granted by the kernel; 0 if unknown
	Stats         *Stats         // Owned by the goroutine that reads and writes.
}

// Stats are the counters of a socket. They only grow.
type Stats struct {
	Datagrams    uint64 // sent in batches
	Messages     uint64 // of the kernel that carried them: Datagrams/Messages is the mean length of a train
	KernelDrops  uint64 // received, and dropped before we read them (SO_RXQ_OVFL)
	Refused      uint64 // sent, and refused for reasons of their destination
	TooLong      uint64 // of Refused: larger than the MTU of the interface
	Fragmented   uint64 // sent in fragments, for the MTU of the interface is below BaseDatagram
	ResentTrains uint64 // trains that a device or a path refused, resent as single datagrams
}

// A Mode selects the system calls that a socket may use.
type Mode uint8

// The modes.
const (
	Plain  Mode = iota // one datagram a call, everywhere
	Batch              // batches, and trains out
	Trains             // batches, and trains both ways
)

// ListenPair opens a media socket of an IPv4 and an IPv6 address. It needs the fast path of Linux.
func ListenPair(v4, v6 netip.AddrPort, mode Mode) (*Socket, error) {
	if !v4.Addr().Is4() || v6.Addr().Is4() {
		return nil, errors.New("udp: a pair is of IPv4 and IPv6")
	}
	s, err := Listen(v4, mode)
	if err != nil {
		return nil, err
	}
	other, err := listen("udp6", v6, mode, s.Stats) // of its family only, so both may have one port
	if err != nil {
		s.Close()
		return nil, err
	}
	both, err := pair(s, other)
	if err != nil {
		s.Close()
		other.Close()
		return nil, err
	}
	return &Socket{Conn: both, Local: s.Local, Second: other.Local, ReceiveBuffer: min(s.ReceiveBuffer, other.ReceiveBuffer), Stats: s.Stats}, nil
}

// Listen opens a media socket in the given mode, or in mode Plain where the system lacks its calls.
func Listen(at netip.AddrPort, mode Mode) (*Socket, error) {
	network := "udp"
	if at.Addr().Is4() {
		network = "udp4" // 0.0.0.0 would be a socket of both families, which calls itself [::]
	}
	return listen(network, at, mode, &Stats{})
}

func listen(network string, at netip.AddrPort, mode Mode, stats *Stats) (*Socket, error) {
	c, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	_ = c.SetReadBuffer(receiveBuffer) // a smaller buffer still works
	local := c.LocalAddr().(*net.UDPAddr).AddrPort()
	s := &Socket{Local: netip.AddrPortFrom(local.Addr().Unmap(), local.Port()), ReceiveBuffer: receiveBufferSize(c), Stats: stats}
	if mode != Plain {
		if s.Conn, err = newBatchConn(c, s.Stats, mode == Trains); err == nil {
			return s, nil
		}
	}
	s.Conn = newPlainConn(c, s.Stats)
	return s, nil
}

// A PacketConn is the part of *net.UDPConn that Wrap uses.
type PacketConn interface {
	ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	SetReadDeadline(time.Time) error
	Close() error
}

// Wrap returns a media socket in mode Plain on top of an open one, for simulated networks.
func Wrap(c PacketConn, local netip.AddrPort) *Socket {
	s := &Socket{Local: local, Stats: &Stats{}}
	s.Conn = newPlainConn(c, s.Stats)
	return s
}
