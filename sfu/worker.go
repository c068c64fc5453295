package sfu

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"

	"alcove/sfu/bwe"
	"alcove/sfu/forward"
	"alcove/sfu/udp"
)

// A worker is one goroutine with one socket. It owns all media structures of its rooms.
type worker struct {
	engine    *Engine
	sock      *udp.Socket
	queue     taskQueue
	roomCount atomic.Int64 // rooms placed here, for Engine.Open

	// Owned by run, all below.
	now           time.Time
	clock         mediaClock
	previousRound time.Time          // now of the previous round: packets since then may have waited in the socket
	rooms         map[*Room]struct{} // with members
	peers         []*peer
	speakersDue   time.Time
	nackBuffer    [64]uint16               // sequence numbers of one NACK
	reports       []bwe.Report             // of one transport-wide feedback
	byAddr        map[netip.AddrPort]*peer // by the addresses that they validated
	pendingPaths  map[netip.AddrPort]*path // addresses that passed a check and are not validated; the newest check counts
	byUfrag       map[string]*credentials
	byTransaction map[uint32]*credentials // by the first bytes of our transaction ids
	validator     addressValidator
	incoming      *stun.Message // reused for each
	outgoing      *stun.Message
	strayTokens   float64 // tries that are left, see strayTries
	straysAt      time.Time
	tryBuffer     []byte // copy of the packet in handleStray
	batch         []udp.Packet
	box           outbox
	load          load
	tasks         []task
	nextTick      time.Time
	paced         []*peer   // whose packets are spread over time
	paceAt        time.Time // when the next of them may leave
	count         Counters
	stopped       bool
	spareCPU      bool      // a processor is left for all other goroutines while every worker naps; as of the last tick
	yieldedAt     time.Time // when the worker last let other goroutines run, without a spare processor
	acting        *peer     // the peer that the current step works for; nil: no single peer
	faults        int       // rounds in a row that ended in a panic
	faultLogged   time.Time // when a stack was last logged

	shared atomic.Pointer[Counters] // last published by run

	onStep func(step, *peer) // tests inject panics here
}

func newWorker(e *Engine, sock *udp.Socket) *worker {
	w := &worker{
		engine: e, sock: sock, validator: newAddressValidator(), incoming: stun.New(), outgoing: stun.New(),
		rooms: map[*Room]struct{}{}, byAddr: map[netip.AddrPort]*peer{}, pendingPaths: map[netip.AddrPort]*path{},
		byUfrag: map[string]*credentials{}, byTransaction: map[uint32]*credentials{},
		batch: make([]udp.Packet, readBatch), box: newOutbox(), reports: make([]bwe.Report, 0, bwe.MaxReports),
	}
	w.shared.Store(&Counters{})
	return w
}

// submit queues a task. It may be called by any goroutine except run's own.
func (w *worker) submit(f func()) {
	if w.queue.put(f) {
		w.sock.Wake()
	}
}

// submitFor queues a task for a room and, unless nil, one of its peers, which a panic in it closes.
func (w *worker) submitFor(r *Room, p *peer, f func()) {
	if w.queue.add(task{r, p, f}) {
		w.sock.Wake()
	}
}

// run is the loop: packets, tasks, timers. Pending packets leave at the end of each round, or a little later under load, but always
// before a task runs: what a plan forbids must not leave after it.
func (w *worker) run() {
	quiet := true // the last read returned nothing
	for !w.stopped {
		deadline := w.deadline()
		if nap := w.load.gatherTime(videoWait); nap > 0 && (!quiet || w.box.used > 0) {
			// Under load the worker polls at intervals: waking for each packet would cost what the trains save.
			w.pause(nap - time.Since(w.now))
			deadline = udp.Now
		} else if !quiet {
			w.yield()
		}
		n, err := w.read(deadline)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		quiet = n == 0
		w.guardedRound(n)
	}
}

// read takes datagrams; a panic counts as none.
func (w *worker) read(deadline time.Time) (n int, err error) {
	if !w.try(func() {
		w.atStep(stepRead, nil)
		began := time.Now()
		n, err = w.sock.Read(w.batch, deadline)
		if now := time.Now(); now.Sub(began) > minSleep {
			w.yieldedAt = now // it waited
		}
	}) {
		w.fault()
		return 0, nil
	}
	return n, err
}

// guardedRound is one round. A panic that no step caught may have lost a task, so all rooms are closed.
func (w *worker) guardedRound(n int) {
	if !w.try(func() {
		w.round(w.clock.now(time.Now(), len(w.peers) > 0), n)
		end := time.Now()
		w.load.addRound(w.now, end)
		w.count.Forwarding.observeArrivals(&w.box.departed, end)
	}) {
		w.closeAllRooms()
		w.fault()
		return
	}
	w.faults = 0
}

// fault counts rounds that failed: a worker that can do nothing at all does it without a core.
func (w *worker) fault() {
	if w.faults++; w.faults >= maxFaults {
		w.closeAllRooms()
		time.Sleep(faultLogInterval)
	}
}

func (w *worker) round(now time.Time, n int) {
	w.previousRound, w.now = w.now, now
	for i := range w.batch[:n] {
		w.datagram(w.batch[i].Data, w.batch[i].Addr)
	}
	if w.tasks = w.queue.take(w.tasks); len(w.tasks) > 0 {
		w.flush()
		w.closeBroken()
		for i := range w.tasks {
			l := &w.tasks[i]
			w.guard(l.room, l.peer, l.run)
			*l = task{}
		}
	}
	if len(w.peers) == 0 {
		w.load.ratio = 0
		w.guard(nil, nil, w.publishCounters) // no peer, so no tick publishes them
	} else if !w.now.Before(w.nextTick) {
		w.runTimers()
	}
	if len(w.paced) > 0 && !w.now.Before(w.paceAt) {
		w.runPaced()
	}
	if !w.now.Before(w.due()) {
		w.flush()
	}
	w.closeBroken()
}

// deadline is the next tick, or none while no peer is connected: an idle worker sleeps.
func (w *worker) deadline() time.Time {
	switch {
	case len(w.peers) == 0:
		return time.Time{}
	case len(w.paced) > 0 && w.paceAt.Before(w.nextTick):
		return w.paceAt
	}
	return w.nextTick
}

func (w *worker) datagram(data []byte, from netip.AddrPort) {
	w.count.DatagramsIn++
	w.count.BytesIn += uint64(len(data))
	switch c := classify(data); {
	case c == classSTUN && len(data) > maxSTUN, c == classDTLS && len(data) > maxDTLS:
		w.drop(forward.Oversized)
	case c == classSTUN && w.probed(data, from):
	case c == classSTUN:
		w.handshakeDatagram(data, from, (*worker).handleSTUN)
	case c == classDTLS:
		w.handshakeDatagram(data, from, (*worker).handleDTLS)
	case c == classRTP:
		w.handleMedia(data, from, (*worker).handleRTP)
	case c == classRTCP:
		w.handleMedia(data, from, (*worker).handleRTCP)
	default:
		w.drop(forward.Malformed)
	}
}

// probed passes the answer to a probe of ours to its peer.
func (w *worker) probed(data []byte, from netip.AddrPort) (done bool) {
	p := w.byAddr[from]
	if p == nil || p.path.probe == 0 {
		return false
	}
	w.guard(nil, p, func() { done = p.probed(data) })
	return done
}

// handshakeDatagram takes STUN or DTLS. It is unauthenticated at first, so a panic drops only the datagram, unless it was authenticated.
func (w *worker) handshakeDatagram(data []byte, from netip.AddrPort, take func(*worker, []byte, netip.AddrPort) forward.Drop) {
	w.guard(nil, nil, func() {
		w.atStep(stepHandshake, nil)
		w.drop(take(w, data, from))
	})
}

// handleMedia finds the peer of an address and handles one packet of it. A panic costs that peer.
func (w *worker) handleMedia(data []byte, from netip.AddrPort, handle func(*worker, *peer, []byte) forward.Drop) {
	p := w.byAddr[from]
	if p == nil || p.keys.open == nil {
		if p == nil {
			w.guard(nil, nil, func() { w.handleStray(data, from) })
		}
		w.drop(forward.Unknown)
		return
	}
	defer func() {
		if err := recover(); err != nil {
			w.recordFault()
			w.closeAffected(nil, p)
		}
	}()
	w.atStep(stepPacket, p)
	w.drop(handle(w, p, data))
}

func (w *worker) drop(d forward.Drop) {
	if d != forward.Kept {
		w.count.Drops[d]++
	}
}

// wakeSoon runs the timers soon, because packets are missing.
func (w *worker) wakeSoon() {
	if soon := w.now.Add(lossTick); soon.Before(w.nextTick) {
		w.nextTick = soon
	}
}

// runTimers looks at all timers.
func (w *worker) runTimers() {
	w.nextTick = w.now.Add(tick)
	w.spareCPU = runtime.GOMAXPROCS(0) > len(w.engine.workers) // the runtime follows the limits of a container
	for i := 0; i < len(w.peers); i++ {                        // a peer closed by a panic removes itself; the one that moves up waits for the next tick
		p := w.peers[i]
		w.guard(nil, p, func() {
			w.atStep(stepTick, p)
			p.tick()
		})
	}
	if !w.now.Before(w.speakersDue) {
		w.speakersDue = w.now.Add(speakersInterval)
		for _, p := range slices.Clone(w.peers) {
			w.guard(nil, p, func() {
				w.atStep(stepCheck, p)
				p.checkPlan(p.member.room.expected)
			})
		}
		for r := range w.rooms {
			w.guard(r, nil, func() {
				r.updateSpeakers(w.now)
				r.updateLines()
			})
		}
	}
	w.guard(nil, nil, w.publishCounters)
}

// publishCounters publishes the counters.
func (w *worker) publishCounters() {
	w.atStep(stepPublish, nil)
	c := w.count
	c.Drops[forward.SendRefused] = w.sock.Stats.Refused
	c.Load = w.load.ratio
	c.Messages, c.KernelDrops = w.sock.Stats.Messages, w.sock.Stats.KernelDrops
	w.shared.Store(&c)
}

// stop ends the worker.
func (w *worker) stop() {
	w.stopped = true
	for _, p := range slices.Clone(w.peers) {
		if !w.try(p.close) {
			p.forceClose()
		}
	}
	_ = w.sock.Close()
}
