package sfu

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"syscall"
	"time"

	"github.com/pion/stun/v4"

	"alcove/sfu/forward"
	"alcove/sfu/srtp"
	"alcove/sfu/udp"
)

// How the size of datagrams that a path takes is found (RFC 8899, with STUN as in its section 6; the times are those of its section 5.1.1).
const (
	// maxPath and maxPathIPv6 are the largest datagrams that leave, in bytes: an Ethernet frame without the headers of IP and UDP.
	maxPath     = 1500 - 20 - 8
	maxPathIPv6 = 1500 - 40 - 8
	// probeWait is how long a probe may take; it is repeated maxProbes times before it counts as lost.
	probeWait = 500 * time.Millisecond
	maxProbes = 3
	// raiseInterval is how long a size that was lost is not probed again (PMTU_RAISE_TIMER).
	raiseInterval = 10 * time.Minute
	// confirmInterval is how often a size above what every path takes is tried again: the path may have changed (CONFIRMATION_TIMER, with the
	// pace of consent checks).
	confirmInterval = 15 * time.Second
	// tooLongHold is how long a slot shows nothing after a packet that does not fit: the rest of such a frame is useless, and to request key
	// frames that do not fit either would cost all others.
	tooLongHold = time.Second
)

// A pathMTU is the known MTU of the path to a peer's address. Owned by the worker.
type pathMTU struct {
	needed       int // the largest datagram that had to be dropped, 0: none
	probe        int // size of the probe under way, 0: none
	id           [stun.TransactionIDSize]byte
	sent         int       // how often
	sentAt       time.Time // last
	raiseAfter   time.Time // when a larger size may be tried
	confirmAfter time.Time // when limit is to be tried
}

// datagramSize is the size of the datagram that carries a payload of this slot.
func (s *slot) datagramSize(payload int) int {
	if s.numberExt != 0 {
		return forward.NumberedHeaderSize + payload + srtp.TagSize
	}
	return forward.SentHeaderSize + payload + srtp.TagSize
}

// tooLong decides about a packet whose datagram is larger than the known MTU, and about the packets after it.
func (s *slot) tooLong(now time.Time, size int) bool {
	p := s.peer
	if size > p.limit {
		p.path.needed = max(p.path.needed, size)
		if s.video() {
			s.tooLongSize, s.tooLongAt = size, now
			s.selector.Switch()
		}
		return true
	}
	return s.tooLongSize > p.limit && now.Sub(s.tooLongAt) < tooLongHold
}

// newPath starts with the size that every path supports.
func (p *peer) newPath() {
	p.limit, p.path = udp.BaseDatagram, pathMTU{}
}

// probePath looks after the probes; it is called with every tick.
func (p *peer) probePath(now time.Time) {
	t := &p.path
	switch {
	case t.probe > 0 && now.Sub(t.sentAt) < max(probeWait, 3*p.rtt):
	case t.probe > 0 && t.sent >= maxProbes:
		p.probeLost(now)
	case t.probe > 0:
		p.sendProbe(now)
	case t.needed > p.limit && p.limit < p.maxPath() && !now.Before(t.raiseAfter):
		t.probe, t.sent = min((t.needed+3)&^3, p.maxPath()), 0 // STUN counts in fours
		p.sendProbe(now)
	case p.limit > udp.BaseDatagram && !now.Before(t.confirmAfter):
		t.probe, t.sent = p.limit, 0
		p.sendProbe(now)
	}
}

func (p *peer) maxPath() int {
	if p.remote.Addr().Is6() {
		return maxPathIPv6
	}
	return maxPath
}

// probeLost falls back to the size that every path supports if the lost size was in use.
func (p *peer) probeLost(now time.Time) {
	if p.path.probe <= p.limit {
		p.limit = udp.BaseDatagram
	}
	p.path.probe, p.path.needed, p.path.raiseAfter = 0, 0, now.Add(raiseInterval)
}

// sendProbe sends a check of ours that is as large as the probed size: a client answers it as any other (RFC 8445, section 7.3), and its answer
// says that the size comes through.
func (p *peer) sendProbe(now time.Time) {
	t := &p.path
	t.sent, t.sentAt = t.sent+1, now
	m, err := p.binding(t.probe)
	if err != nil {
		p.probeLost(now)
		return
	}
	t.id = m.TransactionID
	if _, err := p.worker.sock.WriteTo(m.Raw, p.remote); errors.Is(err, syscall.EMSGSIZE) {
		p.probeLost(now)
	}
}

// Attributes of a check (RFC 8445, section 16.1), and an unassigned one that receivers ignore (RFC 8489, section 14).
const (
	attrPriority   = stun.AttrType(0x0024)
	attrControlled = stun.AttrType(0x8029)
	attrFill       = stun.AttrType(0xffa0)
)

// binding is a Binding request under the client's own credentials, of a size in bytes.
func (p *peer) binding(size int) (*stun.Message, error) {
	var random [12]byte
	rand.Read(random[:])
	name, key := p.pathCredentials()
	setters := []stun.Setter{
		stun.BindingRequest, stun.TransactionID, name,
		stun.RawAttribute{Type: attrPriority, Value: random[:4]}, stun.RawAttribute{Type: attrControlled, Value: random[4:]},
	}
	rest := []stun.Setter{key, stun.Fingerprint}
	small, err := stun.Build(append(setters[:len(setters):len(setters)], rest...)...)
	if err != nil {
		return nil, err
	}
	if fill := size - len(small.Raw) - 4; fill >= 0 {
		setters = append(setters, stun.RawAttribute{Type: attrFill, Value: make([]byte, fill)})
	}
	return stun.Build(append(setters, rest...)...)
}

// pathCredentials are those of the pair in use: while an ICE restart is under way, not those of the newest offer.
func (p *peer) pathCredentials() (stun.Username, stun.MessageIntegrity) {
	if p.agent != nil {
		return p.agent.current.theirName, p.agent.current.theirKey
	}
	return stun.NewUsername(p.offer.ufrag + ":" + p.local.ufrag), stun.NewShortTermIntegrity(p.offer.pwd)
}

// probed takes a datagram from the peer's address, and reports whether it is the answer to the probe under way.
func (p *peer) probed(data []byte) bool {
	t := &p.path
	if t.probe == 0 || len(data) < stunHeader || binary.BigEndian.Uint16(data) != 0x0101 || !bytes.Equal(data[8:stunHeader], t.id[:]) {
		return false
	}
	_, key := p.pathCredentials()
	m := &stun.Message{Raw: append([]byte(nil), data...)}
	if m.Decode() != nil || key.Check(m) != nil {
		return false
	}
	now, raised := p.worker.now, t.probe > p.limit
	p.limit = max(p.limit, t.probe)
	t.probe, t.needed, t.confirmAfter = 0, 0, now.Add(confirmInterval)
	if !raised {
		return true
	}
	for _, s := range p.slots {
		if s.tooLongSize > 0 && s.tooLongSize <= p.limit {
			s.tooLongSize = 0
			s.restart()
		}
	}
	return true
}

// handleTooLong takes a datagram that the interface did not take.
func (w *worker) handleTooLong(out *udp.Packet) {
	p := w.byAddr[out.Addr]
	if size := len(out.Data); p != nil && size <= p.limit && size > udp.BaseDatagram {
		p.limit = udp.BaseDatagram
		p.path.raiseAfter = w.now.Add(raiseInterval)
	}
}
