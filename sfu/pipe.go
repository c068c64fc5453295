package sfu

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"alcove/sfu/forward"
)

// ICE is ours (ice.go); pion, which does DTLS, needs an ICE connection to do it over. So it gets one that is always there: both sides
// ICE-lite, which makes pion use the one pair without any check, and both addresses of a network for documentation (RFC 5737), which no
// datagram ever carries.
var (
	pipeLocal  = netip.MustParseAddrPort("192.0.2.1:9")
	pipeRemote = netip.MustParseAddrPort("192.0.2.2:9")
)

// pipeCandidate is the client's candidate as pion sees it.
func pipeCandidate() *webrtc.ICECandidate {
	return &webrtc.ICECandidate{
		Foundation: "1", Priority: uint32(ourPriority), Address: pipeRemote.Addr().String(), Protocol: webrtc.ICEProtocolUDP,
		Port: pipeRemote.Port(), Typ: webrtc.ICECandidateTypeHost, Component: 1,
	}
}

// A pipe carries the DTLS datagrams of one peer between the worker and pion: an ice.UDPMux with one connection, which it is itself.
type pipe struct {
	in   chan []byte  // bounded; full: the datagram is dropped, DTLS repeats
	out  func([]byte) // gets a copy of each datagram of pion; set before pion starts
	done chan struct{}
	once sync.Once
}

func newPipe() *pipe { return &pipe{in: make(chan []byte, pipeQueue), done: make(chan struct{})} }

// push copies: the batch belongs to the worker.
func (p *pipe) push(data []byte) forward.Drop {
	select {
	case p.in <- append([]byte(nil), data...):
		return forward.Kept
	default:
		return forward.SocketFull
	}
}

// GetConn returns pion's connection (ice.UDPMux).
func (p *pipe) GetConn(string, net.Addr) (net.PacketConn, error) { return p, nil }

// RemoveConnByUfrag is called when pion's agent ends (ice.UDPMux).
func (p *pipe) RemoveConnByUfrag(string) {}

// GetListenAddresses returns one host candidate; the answer lists the real ones (ice.UDPMux).
func (p *pipe) GetListenAddresses() []net.Addr { return []net.Addr{p.LocalAddr()} }

// ReadFromAddrPort waits for the next datagram (ice.AddrPortReaderWriter).
func (p *pipe) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-p.in:
		return copy(b, d), pipeRemote, nil
	case <-p.done:
		return 0, netip.AddrPort{}, io.EOF
	}
}

// WriteToAddrPort passes on a datagram of pion; the worker knows its destination (ice.AddrPortReaderWriter).
func (p *pipe) WriteToAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	p.out(append([]byte(nil), b...))
	return len(b), nil
}

func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := p.ReadFromAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) { return p.WriteToAddrPort(b, pipeRemote) }

// Close ends the reads of pion's agent.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipe) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(pipeLocal) }
func (p *pipe) SetDeadline(time.Time) error      { return nil }
func (p *pipe) SetReadDeadline(time.Time) error  { return nil }
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
