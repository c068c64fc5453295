package sfu

import (
	"errors"
	"net"
	"net/netip"
	"runtime/debug"
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
	box       mailbox
	roomCount atomic.Int64 // rooms placed here, for Engine.Open

	// Owned by run, all below.
	now      time.Time
	peers    map[*peer]struct{}
	byAddr   map[netip.AddrPort]*peer
	in       []udp.Packet
	out      []udp.Packet
	slab     []byte // writeBatch packets, sealed in place
	letters  []func()
	nextTick time.Time
	count    Counters
	stopped  bool

	shared atomic.Pointer[Counters] // what run last published

	onPacket func(*peer) // tests put faults here
}

func newWorker(e *Engine, sock *udp.Socket) *worker {
	w := &worker{
		engine: e, sock: sock, mux: newMux(sock, sock.Local),
		peers: map[*peer]struct{}{}, byAddr: map[netip.AddrPort]*peer{},
		in: make([]udp.Packet, readBatch), out: make([]udp.Packet, 0, writeBatch),
		slab: make([]byte, writeBatch*udp.MaxDatagram),
	}
	buffers := make([]byte, readBatch*udp.MaxDatagram)
	for i := range w.in {
		w.in[i].Data = buffers[i*udp.MaxDatagram : (i+1)*udp.MaxDatagram : (i+1)*udp.MaxDatagram]
	}
	w.shared.Store(&Counters{})
	return w
}

// post leaves a letter, from any goroutine but run's own, where it would only be late.
func (w *worker) post(f func()) {
	if w.box.put(f) {
		w.sock.Wake()
	}
}

// run is the loop: packets, letters, timers; and what they produced leaves at the end of each round.
func (w *worker) run() {
	for !w.stopped {
		n, err := w.sock.Read(w.in, w.deadline())
		if errors.Is(err, net.ErrClosed) {
			return
		}
		w.now = time.Now()
		for i := range w.in[:n] {
			w.datagram(w.in[i].Data, w.in[i].Addr)
		}
		w.letters = w.box.take(w.letters)
		for i, f := range w.letters {
			w.guard(nil, f)
			w.letters[i] = nil
		}
		if len(w.peers) == 0 {
			w.share() // nobody ticks any more
		} else if !w.now.Before(w.nextTick) {
			w.ticked()
		}
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

// ticked looks at all timers.
func (w *worker) ticked() {
	w.nextTick = w.now.Add(tick)
	rooms := map[*Room]struct{}{}
	for p := range w.peers {
		rooms[p.member.room] = struct{}{}
		w.guard(p, p.tick)
	}
	for r := range rooms {
		r.updateSpeakers(w.now)
	}
	w.share()
}

// share publishes the counters.
func (w *worker) share() {
	c := w.count
	w.shared.Store(&c)
}

// packet gives room for one outgoing packet of up to udp.MaxDatagram bytes.
func (w *worker) packet() []byte {
	if len(w.out) == writeBatch {
		w.flush()
	}
	i := len(w.out) * udp.MaxDatagram
	return w.slab[i : i : i+udp.MaxDatagram]
}

// send queues what packet gave until the end of the round.
func (w *worker) send(data []byte, to netip.AddrPort) {
	w.out = append(w.out, udp.Packet{Data: data, Addr: to})
	w.count.DatagramsOut++
	w.count.BytesOut += uint64(len(data))
}

func (w *worker) flush() {
	if len(w.out) == 0 {
		return
	}
	if taken := w.sock.Write(w.out); taken < len(w.out) {
		w.count.Drops[forward.SocketFull] += uint64(len(w.out) - taken)
	}
	w.out = w.out[:0]
}

// stop ends the worker.
func (w *worker) stop() {
	w.stopped = true
	for p := range w.peers {
		p.close()
	}
	_ = w.mux.Close()
	_ = w.sock.Close()
}
