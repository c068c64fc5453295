// Package relay is a network that is worse than it looks: UDP with delay, jitter, loss, reordering and a line that is too
// narrow.
//
//	client ──► Relay ──► Link (what becomes of the packet, and when) ──► heap ──► server
//	       ◄──       ◄── Link of its own ◄──────────────────────────────────────
//
// Each client gets links and an upstream socket of its own, as behind a home router, so that the server tells clients apart.
// A Link is pure and deterministic by its seed; only the Relay knows sockets and time. The kernel here has no netem.
package relay

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"alcove/loadtest/pace"
)

// Limits.
const (
	// maxFlows bounds the clients of one relay, and so its sockets.
	maxFlows = 4096
	// maxInFlight bounds the packets on their way, some 64 MiB: more than 300 Mbit/s for a second. Full: dropped, as by a router.
	maxInFlight = 50000
	// maxDatagram is larger than any packet of WebRTC, in bytes.
	maxDatagram = 2048
	// socketBuffer asks for enough that the relay itself loses nothing, in bytes.
	socketBuffer = 4 << 20
)

// Counts of a relay. Figures only grow.
type Counts struct {
	Passed, Lost, QueueFull, Refused uint64 // Refused: beyond the relay's own limits
}

// A Relay passes packets between clients and one target.
type Relay struct {
	course Course
	seed   uint64
	target netip.AddrPort
	sock   *net.UDPConn
	pacer  *pace.Pacer

	mu       sync.Mutex
	flows    map[netip.AddrPort]*flow // Guarded by mu, as all below.
	inFlight int
	counts   Counts
	closed   bool
}

// A flow is one client.
type flow struct {
	client   netip.AddrPort
	upstream *net.UDPConn
	up, down *Link // Guarded by the relay's mu.
}

// Listen opens a relay to a target on a free port of the address.
func Listen(at netip.Addr, target netip.AddrPort, c Course, seed uint64) (*Relay, error) {
	sock, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		return nil, err
	}
	_ = sock.SetReadBuffer(socketBuffer)
	pacer, err := pace.NewPacer()
	if err != nil {
		return nil, errors.Join(err, sock.Close())
	}
	r := &Relay{course: c, seed: seed, target: target, sock: sock, pacer: pacer, flows: map[netip.AddrPort]*flow{}}
	go r.readClients()
	return r, nil
}

// Addr is where clients send to.
func (r *Relay) Addr() netip.AddrPort {
	local := r.sock.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
}

// Counts returns the fates of the packets so far.
func (r *Relay) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// SetProfile changes the network from now on, for all flows.
func (r *Relay) SetProfile(p Profile) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.course = Steady(p)
	for _, f := range r.flows {
		f.up.profile, f.down.profile = p, p
		f.up.later, f.down.later = nil, nil
	}
}

// Close closes the relay; packets in flight are lost.
func (r *Relay) Close() {
	r.mu.Lock()
	r.closed = true
	for _, f := range r.flows {
		_ = f.upstream.Close()
	}
	r.mu.Unlock()
	_ = r.sock.Close()
	r.pacer.Close()
}

func (r *Relay) readClients() {
	b := make([]byte, maxDatagram)
	for {
		n, from, err := r.sock.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of one client is not the socket's
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if f := r.flow(from); f != nil {
			r.forward(f.up, b[:n], func(data []byte) { _, _ = f.upstream.Write(data) })
		}
	}
}

// flow returns the flow of a client, and creates it if it is new.
func (r *Relay) flow(client netip.AddrPort) *flow {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flows[client]; f != nil {
		return f
	}
	if r.closed || len(r.flows) >= maxFlows {
		r.counts.Refused++
		return nil
	}
	upstream, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.target))
	if err != nil {
		r.counts.Refused++
		return nil
	}
	_ = upstream.SetReadBuffer(socketBuffer)
	seed := r.seed + 2*uint64(len(r.flows))
	f := &flow{client: client, upstream: upstream, up: newCourseLink(r.course.way(true), seed), down: newCourseLink(r.course.way(false), seed+1)}
	r.flows[client] = f
	go r.readUpstream(f)
	return f
}

func (r *Relay) readUpstream(f *flow) {
	b := make([]byte, maxDatagram)
	for {
		n, err := f.upstream.Read(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			r.forward(f.down, b[:n], func(data []byte) { _, _ = r.sock.WriteToUDPAddrPort(data, f.client) })
		}
	}
}

// forward passes a packet to the link, and sends a copy at the time of its arrival.
func (r *Relay) forward(l *Link, data []byte, send func([]byte)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, drop := l.Pass(pace.Now(), len(data))
	switch {
	case drop == Lost:
		r.counts.Lost++
		return
	case drop == QueueFull:
		r.counts.QueueFull++
		return
	case r.inFlight >= maxInFlight || r.closed:
		r.counts.Refused++
		return
	}
	r.counts.Passed++
	r.inFlight++
	packet := append([]byte(nil), data...)
	r.pacer.Add(at, true, func(_, _ time.Duration) (time.Duration, bool) {
		send(packet)
		r.mu.Lock()
		r.inFlight--
		r.mu.Unlock()
		return 0, false
	})
}
