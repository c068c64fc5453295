// Package simnet is a network of UDP sockets in memory, for tests that run in a testing/synctest bubble.
//
//	Conn.WriteTo ──► Link of the sender ──► Link of the receiver ──► queue of the receiver ──► Conn.ReadFrom
//	                 loses, delays, reorders, by a seed                bounded; full: dropped
//
// Invariants: it uses no real socket, and a reader that waits is durably blocked, so that the bubble's clock advances; equal seeds and
// equal calls give equal losses and delays.
package simnet

import (
	"container/heap"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// queueSize is how many datagrams wait for a reader, as in the receive buffer of a kernel.
const queueSize = 4096

// A Link is the access link of one socket. It applies to both directions.
type Link struct {
	Delay  time.Duration // one way
	Jitter time.Duration // added to Delay, evenly distributed: datagrams overtake each other
	Loss   float64       // share of datagrams that are lost, 0 to 1

	// Towards the socket only:
	Rate  int                                  // bit/s, with the headers of IP and UDP; 0: unlimited
	Queue time.Duration                        // how long datagrams wait for Rate at most; those that would wait longer are lost
	Wait  func(at time.Duration) time.Duration // added to Delay, by the time since New; datagrams keep their order. nil: nothing
}

// headerBytes are those of IPv4 and UDP.
const headerBytes = 28

// A Network connects sockets by their addresses. Its methods are safe for concurrent use.
type Network struct {
	mu      sync.Mutex
	chance  *rand.Rand                 // Guarded by mu.
	conns   map[netip.AddrPort]*Conn   // Guarded by mu.
	filter  func(Datagram) (lose bool) // Guarded by mu.
	lost    int                        // Guarded by mu.
	flights flights                    // on their way. Guarded by mu.
	count   uint64                     // of flights so far. Guarded by mu.
	began   time.Time
}

// A Datagram is one datagram on its way.
type Datagram struct {
	From, To netip.AddrPort
	Data     []byte
}

// New returns an empty network.
func New(seed uint64) *Network {
	return &Network{chance: rand.New(rand.NewPCG(seed, 1)), conns: map[netip.AddrPort]*Conn{}, began: time.Now()}
}

// Lose makes the network lose the datagrams for which lose returns true, besides those that links lose; nil: none. lose must not call
// the network.
func (n *Network) Lose(lose func(Datagram) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.filter = lose
}

// Lost is the number of datagrams that were lost, by links, by Lose or because nobody had their address.
func (n *Network) Lost() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lost
}

// Listen opens a socket at an address, which must be free.
func (n *Network) Listen(at netip.AddrPort, link Link) (*Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns[at] != nil {
		return nil, errors.New("simnet: the address is in use")
	}
	c := &Conn{net: n, local: at, public: at, link: link, queue: make(chan Datagram, queueSize), closed: make(chan struct{}), moved: make(chan struct{})}
	n.conns[at] = c
	return c, nil
}

// send puts a datagram on its way.
func (n *Network) send(c *Conn, data []byte, to netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := Datagram{From: c.public, To: to, Data: append([]byte(nil), data...)}
	delay, lost := n.cross(c.link)
	receiver := n.conns[to]
	if receiver != nil {
		more, lostThere := n.cross(receiver.link)
		delay, lost = delay+more, lost || lostThere
		if !lost {
			more, lost = receiver.squeeze(len(data))
			delay += more
		}
	}
	if lost || receiver == nil || n.filter != nil && n.filter(d) {
		n.lost++
		return
	}
	n.count++
	heap.Push(&n.flights, flight{at: time.Now().Add(delay), number: n.count, Datagram: d})
	if delay == 0 {
		n.deliver()
		return
	}
	time.AfterFunc(delay, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.deliver()
	})
}

// deliver queues the datagrams that have arrived, those that arrive at the same time in the order in which they were sent. The caller
// holds mu.
func (n *Network) deliver() {
	for now := time.Now(); len(n.flights) > 0 && !n.flights[0].at.After(now); {
		n.arrive(heap.Pop(&n.flights).(flight).Datagram)
	}
}

// A flight is a datagram that has not arrived yet.
type flight struct {
	at     time.Time
	number uint64 // in the order of sending
	Datagram
}

// flights is a heap, the next to arrive first.
type flights []flight

func (f flights) Len() int      { return len(f) }
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f flights) Less(i, j int) bool {
	return f[i].at.Before(f[j].at) || f[i].at.Equal(f[j].at) && f[i].number < f[j].number
}
func (f *flights) Push(x any) { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	*f = (*f)[:last]
	return x
}

// cross returns the delay of one datagram on a link, and whether the link loses it. The caller holds mu.
func (n *Network) cross(l Link) (delay time.Duration, lost bool) {
	delay = l.Delay
	if l.Jitter > 0 {
		delay += time.Duration(n.chance.Int64N(int64(l.Jitter)))
	}
	return delay, l.Loss > 0 && n.chance.Float64() < l.Loss
}

// squeeze returns how long a datagram takes through the narrowest part of the way to this socket, and whether it is lost there. The caller
// holds net.mu.
func (c *Conn) squeeze(size int) (delay time.Duration, lost bool) {
	now := time.Now()
	if c.link.Rate > 0 {
		wait := max(c.busy.Sub(now), 0)
		if wait > c.link.Queue {
			c.overflows++
			return 0, true
		}
		delay = wait + time.Duration(int64(size+headerBytes)*8*int64(time.Second)/int64(c.link.Rate))
		c.busy = now.Add(delay)
		c.waits = append(c.waits, wait)
		c.passed += size + headerBytes
	}
	if c.link.Wait != nil {
		at := now.Add(delay + c.link.Wait(now.Add(delay).Sub(c.net.began)))
		if at.Before(c.last) {
			at = c.last
		}
		c.last, delay = at, at.Sub(now)
	}
	return delay, false
}

// Squeezed returns how long each datagram waited for the Rate of the link since the last call, how many bytes came through, and how many
// datagrams were lost because the queue was full.
func (c *Conn) Squeezed() (waits []time.Duration, passed, overflows int) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	waits, passed, overflows = c.waits, c.passed, c.overflows
	c.waits, c.passed, c.overflows = nil, 0, 0
	return waits, passed, overflows
}

// arrive queues a datagram for the socket that has its address now. The caller holds mu.
func (n *Network) arrive(d Datagram) {
	c := n.conns[d.To]
	if c == nil {
		n.lost++
		return
	}
	select {
	case c.queue <- d:
	default:
		n.lost++
	}
}

// A Conn is a socket: a net.PacketConn, and what sfu/udp needs of one.
type Conn struct {
	net               *Network
	local             netip.AddrPort
	public            netip.AddrPort // as others see it. Guarded by net.mu.
	link              Link           // Guarded by net.mu.
	busy              time.Time      // until which Rate is in use. Guarded by net.mu, as all below to overflows.
	last              time.Time      // when the newest datagram arrives, with Wait
	waits             []time.Duration
	passed, overflows int
	queue             chan Datagram
	closed            chan struct{}
	once              sync.Once

	mu       sync.Mutex
	deadline time.Time     // of reads. Guarded by mu.
	moved    chan struct{} // closed when the deadline changes. Guarded by mu.
}

// SetLink replaces the link of the socket.
func (c *Conn) SetLink(l Link) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.link = l
}

// Rebind gives the socket another public address, as a NAT does after a pause or another network after a handover. Nothing reaches the
// old one any more; the socket itself does not notice.
func (c *Conn) Rebind(public netip.AddrPort) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	delete(c.net.conns, c.public)
	c.public = public
	c.net.conns[public] = c
}

// ReadFromUDPAddrPort waits for a datagram, the deadline or Close.
func (c *Conn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		c.mu.Lock()
		deadline, moved := c.deadline, c.moved
		c.mu.Unlock()
		var expired <-chan time.Time
		if !deadline.IsZero() {
			left := time.Until(deadline)
			if left <= 0 {
				return c.expire()
			}
			timer := time.NewTimer(left)
			defer timer.Stop()
			expired = timer.C
		}
		select {
		case d := <-c.queue:
			return copy(b, d.Data), d.From, nil
		case <-c.closed:
			return 0, netip.AddrPort{}, net.ErrClosed
		case <-moved:
		case <-expired:
		}
	}
}

// expire is a read after the deadline. Like that of the net package it returns no datagram, even if one is queued.
func (c *Conn) expire() (int, netip.AddrPort, error) {
	select {
	case <-c.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	default:
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	}
}

// WriteToUDPAddrPort sends a datagram. It never waits.
func (c *Conn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
	}
	c.net.send(c, b, to)
	return len(b), nil
}

// ReadFrom implements net.PacketConn.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	addr, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, errors.New("simnet: no UDP address")
	}
	at := addr.AddrPort()
	return c.WriteToUDPAddrPort(b, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
}

// Close ends the socket and its reads.
func (c *Conn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.net.mu.Lock()
		defer c.net.mu.Unlock()
		delete(c.net.conns, c.public)
	})
	return nil
}

// LocalAddr is the address that the socket itself knows.
func (c *Conn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// SetReadDeadline ends reads at a time; zero: never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	close(c.moved)
	c.moved = make(chan struct{})
	return nil
}

// SetDeadline is SetReadDeadline, because writes never wait.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline does nothing, because writes never wait.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
