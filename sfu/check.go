package sfu

import "slices"

// The cross-check: what left is held against the plan in force by code that shares nothing with the gate but the plan itself. The gate
// attaches and detaches as plans change; the check only looks at who got packets since it last looked, and asks a copy of the plan
// whether they may. Its counters stand still for as long as the gate works.

// A law is a plan as the check keeps it. Owned by the worker.
type law struct {
	seats  map[PeerID]Seat
	record []string
}

// enact settles what left under the plan before, and takes a copy of the next. It comes before the gate obeys.
func (r *Room) enact(p Plan) {
	r.worker.at(stepEnact, nil)
	r.check()
	r.worker.acting = nil
	next := &law{seats: make(map[PeerID]Seat, len(p.Seats)), record: slices.Clone(p.Record)}
	for _, s := range p.Seats {
		s.Sends, s.Hears = slices.Clone(s.Sends), slices.Clone(s.Hears)
		next.seats[s.Peer] = s
	}
	r.law = next
}

// check looks at everyone who is connected in this room, in the plan or not.
func (r *Room) check() {
	for _, p := range r.worker.peers {
		if p.member.room == r {
			r.worker.acting = p
			p.check(r.law)
		}
	}
}

// check counts packets that left for this peer, and records that are taken of it, against the law.
func (p *peer) check(l *law) {
	count := &p.worker.count
	for _, s := range p.slots {
		left := s.packets - s.checked
		s.checked = s.packets
		if left > 0 && s.flow != nil && !l.hears(p.member.id, s.flow.peer.member.id, s.flow.line.source, s.flow.send.ID) {
			count.AdmissionViolations += uint64(left)
		}
	}
	for _, pub := range p.publications {
		if t := pub.tapping; t != nil && t.track != nil && !l.records(p.member.id, pub.line.source, pub.send.ID) {
			count.ConsentViolations++
		}
	}
}

// hears reports whether a peer may get a publication of another now.
func (l *law) hears(by, of PeerID, source Source, id string) bool {
	if l == nil || !slices.Contains(l.seats[by].Hears, of) {
		return false
	}
	send, ok := l.sends(of, source)
	return ok && send.ID == id && !send.Muted
}

// records reports whether a publication may be recorded.
func (l *law) records(of PeerID, source Source, id string) bool {
	if l == nil || !slices.Contains(l.record, id) {
		return false
	}
	send, ok := l.sends(of, source)
	return ok && send.ID == id
}

func (l *law) sends(of PeerID, source Source) (Send, bool) {
	sends := l.seats[of].Sends
	i := slices.IndexFunc(sends, func(s Send) bool { return s.Source == source })
	if i < 0 {
		return Send{}, false
	}
	return sends[i], true
}
