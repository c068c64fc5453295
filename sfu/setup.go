package sfu

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// maxSetups bounds handshakes under way in one engine: 50 people who join at once, several times over. Full: unavailable.
const maxSetups = 256

// Answer negotiates the PeerConnection of a peer of the plan; done is called once, on any goroutine.
func (r *Room) Answer(o Offer, done func(Answer, error)) {
	e := r.worker.engine
	select {
	case e.setups <- struct{}{}:
	default:
		done(Answer{}, ErrBusy)
		return
	}
	go func() {
		p, err := r.setup(o, done)
		if p != nil && err == nil {
			r.worker.handshake(p)
		}
		<-e.setups
	}()
}

// setup parses the offer, adopts its peer and answers. It returns the peer if it still has to shake hands.
func (r *Room) setup(o Offer, done func(Answer, error)) (*peer, error) {
	parsed, err := parseOffer(o.SDP, o.Tracks)
	if err != nil {
		done(Answer{}, err)
		return nil, err
	}
	p := &peer{id: o.Peer, generation: o.Generation, worker: r.worker, offer: parsed}
	fresh, err := r.prepare(p)
	if err != nil {
		done(Answer{}, err)
		return nil, err
	}
	answer := Answer{SDP: parsed.answer(p.local), Slots: parsed.slots()}
	adopted := make(chan error, 1)
	r.worker.post(func() { adopted <- r.adopt(p, fresh) })
	if err := r.worker.await(adopted); err != nil {
		if fresh {
			p.transport.close()
		}
		done(Answer{}, err)
		return nil, err
	}
	done(answer, nil)
	if !fresh {
		return nil, nil
	}
	return p, nil
}

// prepare gives the offer its SSRCs and transport: those of the running PeerConnection if it is a renegotiation.
func (r *Room) prepare(p *peer) (fresh bool, err error) {
	running := make(chan error, 1)
	r.worker.post(func() { running <- r.running(p) })
	err = r.worker.await(running)
	if err == nil {
		return false, p.offer.mint()
	}
	if !errors.Is(err, errNoPeer) {
		return false, err
	}
	if p.transport, err = r.worker.engine.newTransport(r.worker.mux); err != nil {
		return false, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	p.local = p.transport.local
	p.local.version, p.local.candidates = 1, r.worker.candidates()
	return true, p.offer.mint()
}

var errNoPeer = errors.New("sfu: no peer of this generation")

// running fills p from the peer of the same generation. Runs on the worker.
func (r *Room) running(p *peer) error {
	m := r.members[p.id]
	switch {
	case m == nil || r.closed:
		return ErrRefused
	case m.peer == nil || m.peer.generation < p.generation:
		return errNoPeer
	case m.peer.generation > p.generation:
		return ErrStale
	case m.peer.offer.ufrag != p.offer.ufrag:
		return fmt.Errorf("%w: other ICE credentials need a new generation", ErrSDP)
	}
	p.transport, p.local = m.peer.transport, m.peer.local
	p.local.version++
	return p.offer.keep(m.peer.offer)
}

// keep takes over what was agreed on m-lines that were there before; they must not have changed their use.
func (o *offer) keep(old *offer) error {
	if len(o.lines) < len(old.lines) {
		return fmt.Errorf("%w: m-lines never go away (RFC 8829, section 5.2.2)", ErrSDP)
	}
	for i := range old.lines {
		if err := o.lines[i].keep(&old.lines[i]); err != nil {
			return fmt.Errorf("%w (m-line %d)", err, i)
		}
	}
	return nil
}

// keep makes the answer to a line what it was: packets are read and written by what the first answer agreed on. What the offer no
// longer holds is left out where that does no harm, and refused where media would end without a word.
func (l *line) keep(was *line) error {
	if was.use == useNone {
		return nil // rejected lines may be used anew (RFC 8829, section 5.2.2)
	}
	if l.mid != was.mid || l.use != was.use || l.source != was.source || l.slotKind != was.slotKind || l.slotIndex != was.slotIndex {
		return fmt.Errorf("%w: an m-line changed its use", ErrSDP)
	}
	if !slices.Contains(l.codecs, was.payload) || was.rtx != 0 && l.rtxOf[was.payload] != was.rtx {
		return fmt.Errorf("%w: a payload type changed (RFC 3264, section 8.3.2)", ErrSDP)
	}
	l.payload, l.rtx = was.payload, was.rtx
	l.slotSSRC, l.slotRTX = was.slotSSRC, was.slotRTX
	before := was.extensions()
	for i, id := range l.extensions() {
		switch *before[i] {
		case *id:
		case 0:
			*id = 0
		default:
			if *id != 0 {
				return fmt.Errorf("%w: a header extension changed its id (RFC 8285, section 6)", ErrSDP)
			}
		}
	}
	rids := l.rids
	l.rids = nil
	for _, rid := range was.rids {
		if slices.Contains(rids, rid) {
			l.rids = append(l.rids, rid)
		}
	}
	if len(was.rids) > 0 && len(l.rids) == 0 {
		return fmt.Errorf("%w: a simulcast became a single stream", ErrSDP)
	}
	return nil
}

// mint gives every new slot its SSRCs (RFC 3550, section 8: random, and different within the session).
func (o *offer) mint() error {
	used := map[uint32]bool{0: true}
	for i := range o.lines {
		used[o.lines[i].slotSSRC], used[o.lines[i].slotRTX] = true, true
	}
	next := func() uint32 {
		for {
			if n := randomSSRC(); !used[n] {
				used[n] = true
				return n
			}
		}
	}
	for i := range o.lines {
		l := &o.lines[i]
		if l.use != useSlot || l.slotSSRC != 0 {
			continue
		}
		l.slotSSRC = next()
		if l.rtx != 0 {
			l.slotRTX = next()
		}
	}
	return nil
}

func randomSSRC() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:])
}

func (o *offer) slots() []Slot {
	var all []Slot
	for i := range o.lines {
		if l := &o.lines[i]; l.use == useSlot {
			all = append(all, Slot{MID: l.mid, Kind: l.slotKind, Index: l.slotIndex})
		}
	}
	return all
}

// candidates are the addresses that the answer names, with our port.
func (w *worker) candidates() []string {
	var all []string
	for _, h := range w.public() {
		all = append(all, fmt.Sprintf("%s %d", h, w.sock.Local.Port()))
	}
	return all
}

// await waits for the worker, or for the end of the engine.
func (w *worker) await(c <-chan error) error {
	select {
	case err := <-c:
		return err
	case <-w.engine.closing:
		return ErrBusy
	}
}

// handshake runs ICE and DTLS for an adopted peer, then gives the worker its keys.
func (w *worker) handshake(p *peer) {
	selected := func(a netip.AddrPort) { w.post(func() { p.selected(a) }) }
	lost := func() { w.post(p.close) }
	k, err := p.transport.connect(p.offer, selected, lost)
	if err != nil {
		w.post(p.close)
		return
	}
	w.post(func() { p.install(k) })
}
