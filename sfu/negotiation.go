package sfu

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"slices"

	"alcove/sfu/forward"
)

// maxSetups bounds handshakes under way in one engine: 50 people who join at once, several times over. Full: unavailable.
const maxSetups = 256

// Answer negotiates the PeerConnection of a peer of the plan. accept is called once the offer is valid, before
// anything changes; it may block, and its error refuses the offer. done is called once. Both may run on any goroutine.
func (r *Room) Answer(o Offer, accept func() error, done func(Answer, error)) {
	e := r.worker.engine
	select {
	case e.setups <- struct{}{}:
	default:
		done(Answer{}, ErrBusy)
		return
	}
	go func() {
		p := &peer{id: o.Peer, generation: o.Generation, worker: r.worker}
		answered := false
		defer func() {
			if recover() != nil {
				r.setupFailed(p, answered, done)
			}
			<-e.setups
		}()
		answer, fresh, err := r.setup(p, o, accept)
		answered = true
		done(answer, err)
		if fresh && err == nil {
			r.handshake(p)
		}
	}()
}

// setupFailed limits a panic during setup to its peer. It does not count against the room, whose state a setup does not touch.
func (r *Room) setupFailed(p *peer, answered bool, done func(Answer, error)) {
	w := r.worker
	w.engine.log.Error("panic in the setup of a connection", "stack", string(debug.Stack()))
	w.submit(func() {
		w.count.Drops[forward.Panic]++
		if m := r.members[p.id]; p.borrowed && m != nil && m.peer != nil && m.peer.generation == p.generation {
			m.peer.close()
		}
		p.close()
	})
	if !answered {
		done(Answer{}, ErrBusy)
	}
}

// setup parses the offer, has it accepted, adopts its peer and returns the answer. A fresh peer still needs a handshake.
func (r *Room) setup(p *peer, o Offer, accept func() error) (answer Answer, fresh bool, err error) {
	r.worker.atStep(stepSetup, p)
	if p.offer, err = parseOffer(o.SDP, o.Tracks); err != nil {
		return Answer{}, false, err
	}
	if fresh, err = r.prepare(p); err != nil {
		return Answer{}, false, err
	}
	answer = Answer{SDP: p.offer.answer(p.local), Slots: p.offer.slots()}
	if err = accept(); err == nil {
		err = r.onWorker(p, func() error { return r.adopt(p, fresh) })
	}
	if err != nil {
		if fresh {
			p.transport.close()
		}
		return Answer{}, false, err
	}
	return answer, fresh, nil
}

// onWorker runs f on the worker; a panic there is answered with ErrBusy.
func (r *Room) onWorker(p *peer, f func() error) error {
	answer := make(chan error, 1)
	r.worker.submitFor(r, p, func() {
		err := ErrBusy
		defer func() { answer <- err }()
		err = f()
	})
	return r.worker.await(answer)
}

// A negotiated is the state of the newest negotiation with one connection. It is never changed, only replaced.
type negotiated struct {
	generation uint32
	transport  *transport
	local      local
	offer      *offer
}

// prepare gives the offer its SSRCs and transport: those of the running PeerConnection if it is a renegotiation. It reads what the worker
// published, so that the only visit to the worker is adopt, which checks again.
func (r *Room) prepare(p *peer) (fresh bool, err error) {
	r.mu.Lock()
	admitted, running := r.admitted[p.id], r.negotiated[p.id]
	r.mu.Unlock()
	switch {
	case !admitted:
		return false, ErrRefused
	case running == nil || running.generation < p.generation:
		fresh, err = true, p.newConnection()
	case running.generation > p.generation:
		return false, ErrStale
	default:
		err = p.borrow(running)
	}
	if err != nil {
		return false, err
	}
	return fresh, p.offer.assignSSRCs()
}

// newConnection makes the transport and the ICE agent of a new PeerConnection.
func (p *peer) newConnection() (err error) {
	if p.transport, err = p.worker.engine.newTransport(); err != nil {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	p.local = p.transport.local
	p.agent = newAgent(p, newCredentials(p.local.ufrag, p.local.pwd, p.offer))
	p.local.version, p.local.candidates = 1, p.worker.candidates()
	return nil
}

// borrow fills p from the running connection of the same generation.
func (p *peer) borrow(running *negotiated) error {
	p.transport, p.borrowed, p.local = running.transport, true, running.local
	p.local.version++
	if err := p.restartICE(running.offer); err != nil {
		return err
	}
	return p.offer.carryOver(running.offer)
}

// publishNegotiated lets later offers of the peer renegotiate. Runs on the worker.
func (r *Room) publishNegotiated(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.negotiated[p.id] = &negotiated{p.generation, p.transport, p.local, p.offer}
}

// forgetNegotiated ends that when the peer ends. Runs on the worker.
func (r *Room) forgetNegotiated(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.negotiated[p.id]; n != nil && n.generation == p.generation {
		delete(r.negotiated, p.id)
	}
}

// restartICE answers an offer with new credentials by new credentials of ours (RFC 8839, section 4.4.1.1.1). DTLS continues.
func (p *peer) restartICE(old *offer) error {
	if p.offer.fingerprints[0] != old.fingerprints[0] {
		return fmt.Errorf("%w: another certificate needs a new generation", ErrSDP)
	}
	if p.offer.ufrag == old.ufrag && p.offer.pwd == old.pwd {
		return nil
	}
	p.local.ufrag, p.local.pwd = rand.Text()[:16], rand.Text()
	p.restarting = newCredentials(p.local.ufrag, p.local.pwd, p.offer)
	return nil
}

// carryOver takes over what was negotiated for existing m-lines, whose use must not have changed.
func (o *offer) carryOver(old *offer) error {
	if len(o.lines) < len(old.lines) {
		return fmt.Errorf("%w: m-lines never go away (RFC 8829, section 5.2.2)", ErrSDP)
	}
	for i := range old.lines {
		if err := o.lines[i].carryOver(&old.lines[i]); err != nil {
			return fmt.Errorf("%w (m-line %d)", err, i)
		}
	}
	return nil
}

// carryOver makes the answer to a line equal to the first one, because packets are read and written by what that agreed on. Parts that the
// offer no longer contains are omitted if that is harmless, and refused if media would end silently.
func (l *mLine) carryOver(was *mLine) error {
	if was.use == useNone {
		return nil // rejected lines may be reused (RFC 8829, section 5.2.2)
	}
	if l.mid != was.mid || l.use != was.use || l.source != was.source || l.slotKind != was.slotKind || l.slotIndex != was.slotIndex {
		return fmt.Errorf("%w: an m-line changed its use", ErrSDP)
	}
	if !slices.Contains(l.codecs, was.payload) || was.rtx != 0 && l.rtxOf[was.payload] != was.rtx {
		return fmt.Errorf("%w: a payload type changed (RFC 3264, section 8.3.2)", ErrSDP)
	}
	l.payload, l.rtx = was.payload, was.rtx
	l.nack = was.nack && l.nackOffered()
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

// assignSSRCs gives every new slot its SSRCs (RFC 3550, section 8: random, and different within the session).
func (o *offer) assignSSRCs() error {
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
		all = append(all, fmt.Sprintf("%s %d", h, w.portOf(h)))
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

// handshake runs DTLS for an adopted peer, then gives the worker its keys.
func (r *Room) handshake(p *peer) {
	w := r.worker
	out := func(b []byte) { w.submitFor(r, p, func() { p.agent.sendDTLS(b) }) }
	k, err := p.transport.connect(p.offer, out)
	if err != nil {
		w.submitFor(r, p, func() { p.handshakeFailed(err) })
		return
	}
	w.submitFor(r, p, func() { p.install(k) })
}
