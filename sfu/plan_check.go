package sfu

import "slices"

// The plan check compares the packets that were sent with the plan in force. It shares no code with the gate, which attaches and detaches
// slots when plans change: it only looks at which peers got packets since its last run, and looks them up in its own copy of the plan. Its
// counters stay zero as long as the gate works.

// An expectedPlan is the plan check's copy of a plan. Owned by the worker.
type expectedPlan struct {
	entries map[PeerID]PlanEntry
	record  []string
}

// snapshotPlan checks the packets sent under the old plan, then copies the next plan. It runs before that is applied.
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

// checkPlan checks every connected peer of this room, whether the plan has it or not.
func (r *Room) checkPlan() {
	for _, p := range r.worker.peers {
		if p.member.room == r {
			r.worker.acting = p
			p.checkPlan(r.expected)
		}
	}
}

// checkPlan counts packets sent to this peer and recordings of it that the expected plan does not allow.
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

// receives reports whether a peer may receive a publication of another peer.
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
