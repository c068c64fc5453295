package sfu

import "slices"

// The cross-check: what left is held against the plan in force by code that shares nothing with the gate but the plan itself. The gate
// attaches and detaches as plans change; the check only looks at who got packets since it last looked, and asks a copy of the plan
// whether they may. Its counters stand still for as long as the gate works.

// A expectedPlan is a plan as the check keeps it. Owned by the worker.
type expectedPlan struct {
	entries map[PeerID]PlanEntry
	record  []string
}

// snapshotPlan settles what left under the plan before, and takes a copy of the next. It comes before the gate obeys.
func (r *Room) snapshotPlan(p Plan) {
	r.worker.atStep(stepSnapshot, nil)
	r.checkPlan()
	r.worker.acting = nil
	next := &expectedPlan{entries: make(map[PeerID]PlanEntry, len(p.Entries)), record: slices.Clone(p.Record)}
	for _, s := range p.Entries {
		s.Sends, s.Receives = slices.Clone(s.Sends), slices.Clone(s.Receives)
		next.entries[s.Peer] = s
	}
	r.expected = next
}

// checkPlan looks at everyone who is connected in this room, in the plan or not.
func (r *Room) checkPlan() {
	for _, p := range r.worker.peers {
		if p.member.room == r {
			r.worker.acting = p
			p.checkPlan(r.expected)
		}
	}
}

// checkPlan counts packets that left for this peer, and records that are taken of it, against the law.
func (p *peer) checkPlan(l *expectedPlan) {
	count := &p.worker.count
	for _, s := range p.slots {
		left := s.packets - s.checkedPackets
		s.checkedPackets = s.packets
		if left > 0 && s.flow != nil && !l.receives(p.member.id, s.flow.peer.member.id, s.flow.line.source, s.flow.send.ID) {
			count.AdmissionViolations += uint64(left)
		}
	}
	for _, pub := range p.publications {
		if t := pub.tapped; t != nil && t.track != nil && !l.records(p.member.id, pub.line.source, pub.send.ID) {
			count.ConsentViolations++
		}
	}
}

// receives reports whether a peer may get a publication of another now.
func (l *expectedPlan) receives(by, of PeerID, source Source, id string) bool {
	if l == nil || !slices.Contains(l.entries[by].Receives, of) {
		return false
	}
	send, ok := l.sends(of, source)
	return ok && send.ID == id && !send.Muted
}

// records reports whether a publication may be recorded.
func (l *expectedPlan) records(of PeerID, source Source, id string) bool {
	if l == nil || !slices.Contains(l.record, id) {
		return false
	}
	send, ok := l.sends(of, source)
	return ok && send.ID == id
}

func (l *expectedPlan) sends(of PeerID, source Source) (Send, bool) {
	sends := l.entries[of].Sends
	i := slices.IndexFunc(sends, func(s Send) bool { return s.Source == source })
	if i < 0 {
		return Send{}, false
	}
	return sends[i], true
}
