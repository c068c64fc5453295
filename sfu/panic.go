package sfu

import (
	"runtime/debug"
	"slices"
	"time"

	"alcove/sfu/forward"
)

// A panic is a bug. It closes the peer for which the worker was acting. The second panic in a room, and one that concerns no single peer,
// closes the room. Panics fail closed: a plan counts as applied only when it is in force or the room is closed.

// faultLogInterval is the minimum time between two stacks in the log, because a peer may be able to trigger them.
const faultLogInterval = time.Second

// maxFaults is how many rounds in a row may end in a panic before the worker gives up all its rooms.
const maxFaults = 16

// A step names a place of the loop for tests that put faults there.
type step string

const (
	stepRead        step = "read"
	stepHandshake   step = "handshake datagram"
	stepStray       step = "packet of an unknown address"
	stepPacket      step = "packet"
	stepForward     step = "forward"
	stepSnapshot    step = "enact"
	stepEvict       step = "evict"
	stepPermissions step = "permit"
	stepRemap       step = "remap"
	stepDone        step = "done"
	stepAnnounced   step = "announced"
	stepAttach      step = "attach"
	stepAdopt       step = "adopt"
	stepSelected    step = "selected"
	stepInstall     step = "install"
	stepView        step = "view"
	stepClose       step = "close"
	stepTick        step = "tick"
	stepPace        step = "pace"
	stepSpeakers    step = "speakers"
	stepCheck       step = "check"
	stepPublish     step = "share"
	stepSeal        step = "seal"
	stepWrite       step = "write"
	stepUnsent      step = "refused"
	stepSetup       step = "setup" // not of the loop: on the goroutine of Room.Answer
)

// steps are all places, in the order of the loop.
var steps = []step{
	stepRead, stepHandshake, stepStray, stepPacket, stepForward, stepSnapshot, stepEvict, stepPermissions, stepRemap, stepDone, stepAnnounced,
	stepAttach, stepAdopt, stepSelected, stepInstall, stepView, stepClose, stepTick, stepSpeakers, stepCheck, stepPublish, stepSeal, stepWrite,
	stepUnsent, stepPace,
}

// atStep reports to tests which step the loop has reached.
func (w *worker) atStep(s step, p *peer) {
	if w.onStep != nil {
		w.onStep(s, p)
	}
}

// guard runs a step for a peer or a room (both may be nil) and reports whether it completed. A step that goes through
// several peers names each in w.acting.
func (w *worker) guard(r *Room, p *peer, f func()) (ok bool) {
	before := w.acting
	w.acting = p
	defer func() {
		culprit := w.acting
		w.acting = before
		if !ok && recover() != nil {
			w.recordFault()
			w.closeAffected(r, culprit)
		}
	}()
	f()
	return true
}

// try runs a step whose failure the caller deals with.
func (w *worker) try(f func()) (ok bool) {
	defer func() {
		if !ok && recover() != nil {
			w.recordFault()
		}
	}()
	f()
	return true
}

// recordFault counts and logs the panic that is being recovered from. The stack contains no data except addresses in memory; the panic
// value is omitted, because it may contain anything.
func (w *worker) recordFault() {
	w.count.Drops[forward.Panic]++
	if now := time.Now(); w.faultLogged.IsZero() || now.Sub(w.faultLogged) >= faultLogInterval {
		w.faultLogged = now
		w.engine.log.Error("panic in the media plane", "stack", string(debug.Stack()))
	}
}

// closeAffected closes the peer or the room that a panic affects.
func (w *worker) closeAffected(r *Room, p *peer) {
	if p != nil && p.member != nil {
		r = p.member.room
	}
	intact := p == nil || w.try(p.close)
	if !intact {
		p.forceClose()
	}
	if r == nil {
		return
	}
	if r.panics++; r.panics > 1 || p == nil || !intact {
		r.fail()
	}
}

// closeBroken closes the peers whose packets caused a panic in flush. flush itself cannot, because it is called while packets are forwarded.
func (w *worker) closeBroken() {
	for len(w.box.broken) > 0 {
		p := w.box.broken[0]
		w.box.broken = slices.Delete(w.box.broken, 0, 1)
		w.closeAffected(nil, p)
	}
}

// fail closes the room's media permanently, in whatever state a bug left it.
func (r *Room) fail() {
	if r.closed {
		return
	}
	w := r.worker
	r.closed, r.expected = true, &expectedPlan{}
	r.refuseOffers()
	for _, p := range slices.Clone(w.peers) {
		if p.member != nil && p.member.room == r {
			p.forceClose()
		}
	}
	for _, m := range r.members {
		if m.peer != nil {
			m.peer.forceClose()
		}
	}
	clear(r.members)
	r.order, r.record = nil, nil
	delete(w.rooms, r)
	w.roomCount.Add(-1)
	w.try(func() { r.events(Failed{}) })
}

// forceClose ends a peer without relying on its structures, which a bug may have corrupted: no key, address or subscription is left.
func (p *peer) forceClose() {
	w := p.worker
	if p.keys.open != nil {
		w.count.Peers--
	}
	p.closed, p.keys = true, keys{}
	w.peers = slices.DeleteFunc(w.peers, func(x *peer) bool { return x == p })
	for addr, x := range w.byAddr {
		if x == p {
			delete(w.byAddr, addr)
		}
	}
	if p.agent != nil {
		p.agent.forceClose()
	}
	for _, s := range p.slots {
		if s.flow != nil {
			s.flow.subscribers = slices.DeleteFunc(s.flow.subscribers, func(x *slot) bool { return x == s })
		}
		s.source, s.flow, s.current, s.target = nil, nil, nil, nil
	}
	for _, pub := range p.publications {
		pub.send = Send{}
		for _, s := range pub.subscribers {
			s.source, s.flow, s.current, s.target = nil, nil, nil, nil
		}
		pub.subscribers = nil
		if t := pub.tapped; t != nil && t.track != nil {
			w.try(t.track.End)
		}
		pub.tapped = nil
	}
	p.endTransport()
	if m := p.member; m != nil && m.peer == p {
		m.peer, m.owners = nil, nil
		m.room.forgetNegotiated(p)
	}
}

// endTransport ends pion's side in the background.
func (p *peer) endTransport() {
	if p.transport != nil && !p.borrowed && !p.ended { // only tests go without
		p.ended = true
		go p.transport.close()
	}
}

// closeAllRooms closes all rooms: the worker cannot do its work.
func (w *worker) closeAllRooms() {
	for _, p := range slices.Clone(w.peers) {
		if p.member != nil {
			p.member.room.fail()
		} else {
			p.forceClose()
		}
	}
	for r := range w.rooms {
		r.fail()
	}
}
