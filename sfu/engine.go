package sfu

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"alcove/sfu/udp"
)

// Errors of Room.Answer besides those of the offer.
var (
	ErrRefused = errors.New("not_admitted")     // the plan has no such peer
	ErrStale   = errors.New("stale_generation") // a newer PeerConnection exists
	ErrBusy    = errors.New("unavailable")      // too many setups at once, or no transport
)

// An Engine is the media plane of a daemon: its workers and everything that all connections share.
type Engine struct {
	config     Config
	log        *slog.Logger
	identities identities
	workers    []*worker
	setups     chan struct{} // one token for each handshake under way
	running    sync.WaitGroup
	closing    chan struct{}

	handshake time.Duration // 0: handshakeLimit
}

// New opens the sockets and starts the workers.
func New(c Config) (*Engine, error) {
	return openEngine(c, func(at, second netip.AddrPort) (*udp.Socket, error) {
		if second.IsValid() {
			return udp.ListenPair(at, second, udp.Trains)
		}
		return udp.Listen(at, udp.Trains)
	})
}

// openEngine is New with another way to open a socket, for tests.
func openEngine(c Config, listen func(at, second netip.AddrPort) (*udp.Socket, error)) (*Engine, error) {
	at, err := netip.ParseAddrPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("sfu: listen address: %w", err)
	}
	var second netip.AddrPort
	if c.ListenIPv6 != "" {
		if second, err = netip.ParseAddrPort(c.ListenIPv6); err != nil {
			return nil, fmt.Errorf("sfu: listen address: %w", err)
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{config: c, log: c.Log, setups: make(chan struct{}, maxSetups), closing: make(chan struct{})}
	if _, err = e.identities.at(time.Now()); err != nil { // a failure here would fail each connection
		return nil, err
	}
	for i := range max(c.Workers, 1) {
		if i > 0 {
			at, second = nextPort(at), nextPort(second)
		}
		sock, err := listen(at, second)
		if err != nil {
			e.Close()
			return nil, fmt.Errorf("sfu: media socket: %w", err)
		}
		w := newWorker(e, sock)
		e.workers = append(e.workers, w)
		e.running.Go(w.run)
	}
	return e, nil
}

// nextPort is the address of the next worker, unless the system chooses ports.
func nextPort(at netip.AddrPort) netip.AddrPort {
	if at.Port() == 0 {
		return at
	}
	return netip.AddrPortFrom(at.Addr(), at.Port()+1)
}

// Addresses are those of the workers' sockets, of IPv4 where they have both.
func (e *Engine) Addresses() []netip.AddrPort {
	var all []netip.AddrPort
	for _, w := range e.workers {
		all = append(all, w.sock.Local)
	}
	return all
}

// Close ends all rooms, their peers and the workers, and waits for them.
func (e *Engine) Close() error {
	select {
	case <-e.closing:
		return nil
	default:
		close(e.closing)
	}
	for _, w := range e.workers {
		w.submit(w.stop)
	}
	e.running.Wait()
	return nil
}

// Open places a room on the least loaded worker, by the number of rooms where loads are alike. It refuses (ErrBusy) when
// even that one works at its limit. events is called by the worker and must not block.
func (e *Engine) Open(events func(Event)) (*Room, error) {
	best, least := (*worker)(nil), 0.0
	for _, w := range e.workers {
		load := w.shared.Load().Load + float64(w.roomCount.Load())*roomLoad
		if best == nil || load < least {
			best, least = w, load
		}
	}
	if best.shared.Load().Load > refuseLoad {
		return nil, ErrBusy
	}
	best.roomCount.Add(1)
	return newRoom(best, events), nil
}

// A Room is the media of one session. Its methods never wait for the worker.
type Room struct {
	worker *worker
	events func(Event)
	tap    Tap // nil: nothing is recorded

	mu     sync.Mutex
	next   *Plan    // Guarded by mu: the newest plan not yet in force.
	dones  []func() // Guarded by mu: called once it is in force.
	queued bool     // Guarded by mu: the taskQueue has a task for it.

	admitted   map[PeerID]bool        // Guarded by mu: the peers of the newest plan; none once the room is closed.
	negotiated map[PeerID]*negotiated // Guarded by mu: the newest negotiation with each running connection.

	members   map[PeerID]*member // Owned by worker.run, as all below.
	order     []*member          // as in the plan
	record    []string           // the same
	encrypted bool               // the same
	speakers  []PeerID
	focus     PeerID     // who speaks for longer than others interrupt
	nextUp    PeerID     // who may become that,
	nextAt    time.Time  // and since when
	troubled  []PeerLine // as last reported
	panics    int
	version   uint64 // of the newest slot map of any member
	closed    bool
	expected  *expectedPlan // the plan in force, as the cross-check keeps it
}

func newRoom(w *worker, events func(Event)) *Room {
	return &Room{worker: w, events: events, members: map[PeerID]*member{}, negotiated: map[PeerID]*negotiated{}}
}

// Apply puts a plan in force. The worker calls done when nothing passes any more that the plan does not allow. If plans arrive faster
// than the worker applies them, only the newest is applied.
func (r *Room) Apply(p Plan, done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = &p
	r.admitted = map[PeerID]bool{}
	for _, e := range p.Entries {
		r.admitted[e.Peer] = true
	}
	if done != nil {
		r.dones = append(r.dones, done)
	}
	if r.queued {
		return
	}
	r.queued = true
	r.worker.submitFor(r, nil, r.applyNewest)
}

// applyNewest puts the newest plan in force. If a panic interrupts it, it starts over without the peer that the
// panic closed. The done callbacks run only when the plan is in force or the room is closed.
func (r *Room) applyNewest() {
	r.mu.Lock()
	plan, dones := r.next, r.dones
	r.next, r.dones, r.queued = nil, nil, false
	r.mu.Unlock()
	for done := false; !done && !r.closed; { // at most twice: the second panic closes the room
		done = r.worker.guard(r, nil, func() { r.applyPlan(*plan) })
	}
	for _, f := range dones {
		r.worker.guard(r, nil, func() {
			f()
			r.worker.atStep(stepDone, nil)
		})
	}
}

// Announced confirms that the client was sent this version of the slot map, so its media may flow.
func (r *Room) Announced(id PeerID, version uint64) {
	r.worker.submitFor(r, nil, func() {
		if m := r.members[id]; m != nil {
			r.worker.acting = m.peer
			r.worker.atStep(stepAnnounced, m.peer)
			m.announced(version)
		}
	})
}

// Close ends all peers of the room.
func (r *Room) Close() {
	r.refuseOffers()
	r.worker.submitFor(r, nil, func() {
		for done := false; !done && !r.closed; {
			done = r.worker.guard(r, nil, func() { r.applyPlan(Plan{}) })
		}
		if !r.closed {
			r.closed = true
			r.worker.roomCount.Add(-1)
		}
	})
}

// refuseOffers refuses all offers from now on: the room is closed.
func (r *Room) refuseOffers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admitted = nil
}
