package sfu

import "slices"

// A member is one seat of the plan: what it may do, and its connection once there is one. Owned by the worker.
type member struct {
	id    PeerID
	room  *Room
	seat  Seat
	hears []*member // seat.Hears, resolved
	view  View
	peer  *peer // nil before the first offer

	version uint64 // of the slot map
	owners  []SlotOwner
}

// obey makes the room what the plan says. Runs on the worker.
func (r *Room) obey(p Plan) {
	if r.closed {
		return
	}
	r.enact(p)
	keep := map[PeerID]bool{}
	for _, s := range p.Seats {
		keep[s.Peer] = true
	}
	for _, m := range r.order {
		if !keep[m.id] {
			if m.peer != nil {
				m.peer.close()
			}
			delete(r.members, m.id)
		}
	}
	if delete(r.worker.rooms, r); len(p.Seats) > 0 {
		r.worker.rooms[r] = struct{}{}
	}
	r.order = r.order[:0]
	for _, s := range p.Seats {
		m := r.members[s.Peer]
		if m == nil {
			m = &member{id: s.Peer, room: r}
			r.members[s.Peer] = m
		}
		m.seat = s
		r.order = append(r.order, m)
		if m.peer != nil {
			m.peer.permit(s.Sends)
		}
	}
	for _, m := range r.order {
		m.hears = m.hears[:0]
		for _, id := range m.seat.Hears {
			if other := r.members[id]; other != nil && other != m {
				m.hears = append(m.hears, other)
			}
		}
	}
	r.remap()
}

// remap brings every slot in line with the plan and the connections.
func (r *Room) remap() {
	for _, m := range r.order {
		m.remap()
	}
}

// remap decides whose publications the slots of this member carry: a person keeps a pair as long as they are heard, the
// others take what is free, in the order of the plan.
func (m *member) remap() {
	if m.peer == nil {
		return
	}
	m.peer.assignPairs(m.hears)
	m.peer.assignScreens(m.hears)
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
	m.room.version++ // one count for all: who leaves and comes back must not meet an old announcement
	m.version = m.room.version
	m.room.events(SlotsMapped{Peer: m.id, Version: m.version, Slots: owners})
}

// announced lets the media of the newest map flow; an older announcement says nothing about it.
func (m *member) announced(version uint64) {
	if version == m.version && m.peer != nil {
		m.peer.attach()
	}
}

// adopt gives the member its connection. Runs on the worker, after the plan was asked again.
func (r *Room) adopt(p *peer, fresh bool) error {
	m := r.members[p.id]
	if m == nil || r.closed {
		return ErrRefused
	}
	if !fresh {
		if m.peer == nil || m.peer.generation != p.generation {
			return ErrStale
		}
		m.peer.renegotiated(p)
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
	r.remap()
	return nil
}
