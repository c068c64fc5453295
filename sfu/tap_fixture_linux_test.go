package sfu

import "time"

// record lets everything of the room be recorded.
func (b *bench) record(t Tap) {
	room := b.people[0].peer.member.room
	var ids []PeerID
	for _, x := range b.people {
		ids = append(ids, x.peer.id)
	}
	p := fullPlan(ids...)
	for _, s := range p.Entries {
		for _, send := range s.Sends {
			p.Record = append(p.Record, send.ID)
		}
	}
	room.Tap(t)
	room.Apply(p, nil)
}

// A memoryTap counts, and copies as a recorder does.
type memoryTap struct {
	units int
	ring  [1 << 20]byte
	pos   int
}

func (m *memoryTap) Begin(_ TapInfo, ready func(TapTrack)) { ready(m) }
func (m *memoryTap) Clock(uint32, time.Time)               {}
func (m *memoryTap) End()                                  {}
func (m *memoryTap) Put(u TapUnit) {
	m.units++
	if m.pos+len(u.Payload) > len(m.ring) {
		m.pos = 0
	}
	m.pos += copy(m.ring[m.pos:], u.Payload)
}
