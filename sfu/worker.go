package sfu

import (
	"errors"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"alcove/sfu/forward"
	"alcove/sfu/udp"
)

// A worker is one goroutine with one socket. It owns all media structures of its rooms.
type worker struct {
	engine    *Engine
	sock      *udp.Socket
	mux       *mux
	mail      mailbox
	roomCount atomic.Int64 // rooms placed here, for Engine.Open

	// Owned by run, all below.
	now         time.Time
	looked      time.Time          // now, of the round before: what came since then may have waited in the socket
	rooms       map[*Room]struct{} // with members
	peers       []*peer
	speakersDue time.Time
	asking      [64]uint16 // sequence numbers of one NACK
	byAddr      map[netip.AddrPort]*peer
	in          []udp.Packet
	box         outbox
	load        load
	letters     []func()
	nextTick    time.Time
	count       Counters
	stopped     bool

	shared atomic.Pointer[Counters] // what run last published

	onPacket func(*peer) // tests put faults here
}

func newWorker(e *Engine, sock *udp.Socket) *worker {
	w := &worker{
		engine: e, sock: sock, mux: newMux(sock, sock.Local),
		rooms: map[*Room]struct{}{}, byAddr: map[netip.AddrPort]*peer{},
		in: make([]udp.Packet, readBatch), box: newOutbox(),
	}
	w.shared.Store(&Counters{})
	return w
}

// post leaves a letter, from any goroutine but run's own, where it would only be late.
func (w *worker) post(f func()) {
	if w.mail.put(f) {
		w.sock.Wake()
	}
}

// run is the loop: packets, letters, timers; what they produced leaves at the end of each round, or a little later under
// load, but always before a letter is read: what a plan forbids does not leave after it.
func (w *worker) run() {
	quiet := true // nothing came last time
	for !w.stopped {
		deadline := w.deadline()
		if nap := w.load.wait(pictureWait); nap > 0 && (!quiet || w.box.used > 0) {
			// Under load it looks for packets at intervals: to be woken by each would cost what the trains save.
			udp.Nap(nap - time.Since(w.now))
			deadline = udp.Now
		}
		n, err := w.sock.Read(w.in, deadline)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		quiet = n == 0
		w.round(time.Now(), n)
		end := time.Now()
		w.load.worked(w.now, end)
		w.count.Forwarding.lots(&w.box.left, end)
	}
}

func (w *worker) round(now time.Time, n int) {
	w.looked, w.now = w.now, now
	for i := range w.in[:n] {
		w.datagram(w.in[i].Data, w.in[i].Addr)
	}
	if w.letters = w.mail.take(w.letters); len(w.letters) > 0 {
		w.flush()
		for i, f := range w.letters {
			w.guard(nil, f)
			w.letters[i] = nil
		}
	}
	if len(w.peers) == 0 {
		w.load.ratio = 0
		w.share() // nobody ticks any more
	} else if !w.now.Before(w.nextTick) {
		w.ticked()
	}
	if !w.now.Before(w.due()) {
		w.flush()
	}
}

// deadline is the next tick, or none while nobody is connected: an idle worker sleeps.
func (w *worker) deadline() time.Time {
	if len(w.peers) == 0 {
		return time.Time{}
	}
	return w.nextTick
}

func (w *worker) datagram(data []byte, from netip.AddrPort) {
	w.count.DatagramsIn++
	w.count.BytesIn += uint64(len(data))
	switch classify(data) {
	case classSTUN:
		w.drop(w.mux.stun(data, from))
	case classDTLS:
		w.drop(w.mux.dtls(data, from))
	case classRTP:
		w.media(data, from, (*worker).rtp)
	case classRTCP:
		w.media(data, from, (*worker).rtcp)
	default:
		w.drop(forward.Malformed)
	}
}

// media finds the peer of an address and handles one packet of it. A panic costs that peer.
func (w *worker) media(data []byte, from netip.AddrPort, handle func(*worker, *peer, []byte) forward.Drop) {
	p := w.byAddr[from]
	if p == nil || p.keys.open == nil {
		w.drop(forward.Unknown)
		return
	}
	defer func() {
		if err := recover(); err != nil {
			w.crashed(p)
		}
	}()
	if w.onPacket != nil {
		w.onPacket(p)
	}
	w.drop(handle(w, p, data))
}

// guard runs what may panic on behalf of a peer, or of nobody in particular.
func (w *worker) guard(p *peer, f func()) {
	defer func() {
		if err := recover(); err != nil {
			w.crashed(p)
		}
	}()
	f()
}

// crashed ends the peer in whose packet a bug showed; the second in one room ends the room's media.
func (w *worker) crashed(p *peer) {
	w.count.Drops[forward.PeerPanic]++
	w.engine.log.Error("panic in the media plane", "stack", string(debug.Stack()))
	if p == nil {
		return
	}
	room := p.member.room
	p.close()
	if room.panics++; room.panics > 1 {
		room.obey(Plan{})
		room.closed = true
		room.events(Failed{})
	}
}

func (w *worker) drop(d forward.Drop) {
	if d != forward.Kept {
		w.count.Drops[d]++
	}
}

// hurry lets timers be looked at soon: something is missing.
func (w *worker) hurry() {
	if soon := w.now.Add(lossTick); soon.Before(w.nextTick) {
		w.nextTick = soon
	}
}

// ticked looks at all timers.
func (w *worker) ticked() {
	w.nextTick = w.now.Add(tick)
	for i := 0; i < len(w.peers); i++ { // one that a panic ends takes itself out; who moves up has the next tick
		w.guard(w.peers[i], w.peers[i].tick)
	}
	if !w.now.Before(w.speakersDue) {
		w.speakersDue = w.now.Add(speakersInterval)
		w.check()
		for r := range w.rooms {
			r.updateSpeakers(w.now)
		}
	}
	w.share()
}

// share publishes the counters.
func (w *worker) share() {
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
		p.close()
	}
	_ = w.mux.Close()
	_ = w.sock.Close()
}
