package sfu

import (
	"testing"
	"time"

	"alcove/sfu/forward"
)

// TestRejoinNeedsNewAnnouncement checks that an announcement from before does not let media flow by a map of after.
func TestRejoinNeedsNewAnnouncement(t *testing.T) {
	w := &worker{now: time.Unix(1790000000, 0), rooms: map[*Room]struct{}{}}
	versions := map[PeerID]uint64{}
	r := newRoom(w, func(e Event) {
		if m, ok := e.(SlotsMapped); ok {
			versions[m.Peer] = m.Version
		}
	})
	enter := func(id PeerID) {
		lines := []mLine{{kind: "audio", use: usePublish, source: Microphone}, {kind: "audio", use: useSlot, slotKind: slotAudio, slotSSRC: 1}}
		if err := r.adopt(&peer{id: id, generation: 1, worker: w, offer: &offer{lines: lines}}, true); err != nil {
			t.Fatal(err)
		}
	}
	r.applyPlan(fullPlan("a", "b"))
	enter("a")
	enter("b")
	before := versions["b"]
	r.applyPlan(fullPlan("a"))
	r.applyPlan(fullPlan("a", "b"))
	enter("b")
	if versions["b"] <= before {
		t.Fatalf("slot map %d after %d", versions["b"], before)
	}
	r.members["b"].announced(before)
	if r.members["b"].peer.slots[0].flow != nil {
		t.Fatal("an old announcement let media flow")
	}
}

// TestCSRCOfPublication checks that a new CSRC of a publication ends its flow and clears the history. Otherwise a packet resent without RTX
// would be encrypted under its first index with another header, which reuses a nonce.
func TestCSRCOfPublication(t *testing.T) {
	s, all := newGroup(t, 71, simSpec{plain: true}, "a", "b")
	b := all[1]
	slot := b.shows("a", slotVideo)
	out := b.peer.slotOf[slot.line.slotSSRC]
	s.run(time.Second)
	last := uint16(out.selector.Last())
	if drop := s.w.resend(out, last); drop != forward.Kept {
		t.Fatalf("what was just sent is not sent again: %v", drop)
	}
	s.w.flush()
	changed := fullPlan("a", "b")
	for i := range changed.Entries[0].Sends {
		changed.Entries[0].Sends[i].CSRC += 500
	}
	s.hold = func(SlotsMapped) bool { return true }
	s.applyPlan(changed)
	s.run(simTick)
	if drop := s.w.resend(out, last); drop != forward.HistoryGone || out.flow != nil {
		t.Fatalf("under another CSRC: %v", drop)
	}
	held := s.mapped["b"]
	s.hold = nil
	s.announce(held)
	s.run(simTick)
	if drop := s.w.resend(out, last); drop != forward.HistoryGone || out.flow == nil {
		t.Fatalf("after it was announced: %v", drop)
	}
	n := b.during(2 * time.Second)[slot] // each packet is opened by the checker, which knows every nonce
	if n < 20 {
		t.Fatalf("%d packets under the new CSRC; drops %v", n, s.drops())
	}
}
