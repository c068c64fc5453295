package sfu

import (
	"testing"
	"time"
)

// TestWhoComesBackIsToldAnew holds that an announcement from before does not let media flow by a map of after.
func TestWhoComesBackIsToldAnew(t *testing.T) {
	w := &worker{now: time.Unix(1790000000, 0), rooms: map[*Room]struct{}{}}
	versions := map[PeerID]uint64{}
	r := &Room{worker: w, members: map[PeerID]*member{}, events: func(e Event) {
		if m, ok := e.(SlotsMapped); ok {
			versions[m.Peer] = m.Version
		}
	}}
	enter := func(id PeerID) {
		lines := []line{{kind: "audio", use: usePublish, source: Microphone}, {kind: "audio", use: useSlot, slotKind: slotAudio, slotSSRC: 1}}
		if err := r.adopt(&peer{id: id, generation: 1, worker: w, offer: &offer{lines: lines}}, true); err != nil {
			t.Fatal(err)
		}
	}
	r.obey(everyone("a", "b"))
	enter("a")
	enter("b")
	before := versions["b"]
	r.obey(everyone("a"))
	r.obey(everyone("a", "b"))
	enter("b")
	if versions["b"] <= before {
		t.Fatalf("slot map %d after %d", versions["b"], before)
	}
	r.members["b"].announced(before)
	if r.members["b"].peer.slots[0].flow != nil {
		t.Fatal("an old announcement let media flow")
	}
}
