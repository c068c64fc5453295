package sfu

import (
	"slices"
	"time"
)

// A member is one entry of the plan, and its connection once there is one. Owned by the worker.
type member struct {
	id            PeerID
	room          *Room
	entry         PlanEntry
	receives      []*member             // entry.Receives, resolved
	receivesSince map[*member]time.Time // since when, without a break
	view          View
	peer          *peer // nil before the first offer

	version uint64 // of the slot map
	owners  []SlotOwner
}

// applyPlan brings the room in line with the plan. Runs on the worker.
func (r *Room) applyPlan(p Plan) {
	if r.closed {
		return
	}
	w := r.worker
	r.snapshotPlan(p)
	r.record, r.encrypted = p.Record, p.Encrypted
	r.evict(p)
	if delete(r.worker.rooms, r); len(p.Entries) > 0 {
		r.worker.rooms[r] = struct{}{}
	}
	r.order = r.order[:0]
	for _, s := range p.Entries {
		m := r.members[s.Peer]
		if m == nil {
			m = &member{id: s.Peer, room: r}
			r.members[s.Peer] = m
		}
		m.entry = s
		r.order = append(r.order, m)
		if w.acting = m.peer; m.peer != nil {
			w.atStep(stepPermissions, m.peer)
			m.peer.applyPermissions(s.Sends)
		}
	}
	w.acting = nil
	for _, m := range r.order {
		m.resolve()
	}
	r.remap()
}

// resolve finds whom a member receives, and since when.
func (m *member) resolve() {
	now, before := m.room.worker.now, m.receivesSince
	m.receives, m.receivesSince = m.receives[:0], make(map[*member]time.Time, len(m.entry.Receives))
	for _, id := range m.entry.Receives {
		other := m.room.members[id]
		if other == nil || other == m && !m.entry.Echo {
			continue
		}
		since, known := before[other]
		if !known {
			since = now
		}
		m.receives = append(m.receives, other)
		m.receivesSince[other] = since
	}
}

// evict ends the seats that a plan does not have: those of the plan before, and any that a panic left over.
func (r *Room) evict(p Plan) {
	keep := map[PeerID]bool{}
	for _, s := range p.Entries {
		keep[s.Peer] = true
	}
	gone := func(m *member) {
		if keep[m.id] {
			return
		}
		if r.worker.acting = m.peer; m.peer != nil {
			r.worker.atStep(stepEvict, m.peer)
			m.peer.close()
		}
		delete(r.members, m.id)
	}
	for _, m := range r.order {
		gone(m)
	}
	for _, m := range r.members {
		gone(m)
	}
	r.worker.acting = nil
}

// remap brings every slot in line with the plan and the connections.
func (r *Room) remap() {
	before := r.worker.acting
	for _, m := range r.order {
		if r.worker.acting = m.peer; m.peer != nil {
			r.worker.atStep(stepRemap, m.peer)
		}
		m.remap()
	}
	r.worker.acting = before
}

// remap decides whose publications the slots of this member carry: a peer keeps its pair as long as it is received; the
// others get free pairs in the order of the plan.
func (m *member) remap() {
	if m.peer == nil {
		return
	}
	m.peer.assignPairs(m.receives)
	m.peer.assignScreens(m.receives)
	var owners []SlotOwner
	for _, s := range m.peer.slots {
		if s.flow != s.source {
			s.detach()
		}
		if s.source != nil {
			owners = append(owners, SlotOwner{
				Kind: s.line.slotKind, Index: s.line.slotIndex, Publication: s.source.send.ID, Peer: s.source.peer.member.id,
				CSRC: s.source.send.CSRC,
			})
		}
	}
	if slices.Equal(owners, m.owners) {
		return
	}
	m.owners = owners
	m.room.version++ // one counter for the room: after a rejoin, an old announcement must not match
	m.version = m.room.version
	m.room.events(SlotsMapped{Peer: m.id, Version: m.version, Slots: owners})
}

// announced starts the media of the newest map; an announcement of an older map has no effect.
func (m *member) announced(version uint64) {
	if version == m.version && m.peer != nil {
		m.peer.attach()
	}
}

// adopt makes p the member's connection, or renegotiates it. Runs on the worker, after the room accepted the offer.
func (r *Room) adopt(p *peer, fresh bool) error {
	m := r.members[p.id]
	if m == nil || r.closed {
		return ErrRefused
	}
	r.worker.atStep(stepAdopt, p)
	if !fresh {
		if m.peer == nil || m.peer.generation != p.generation {
			return ErrStale
		}
		r.worker.acting = m.peer
		m.peer.renegotiated(p)
		r.publishNegotiated(m.peer)
		r.remap()
		return nil
	}
	if m.peer != nil {
		if m.peer.generation >= p.generation {
			return ErrStale
		}
		m.peer.close()
	}
	p.start(m)
	r.publishNegotiated(p)
	r.remap()
	return nil
}
