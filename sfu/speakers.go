package sfu

import (
	"cmp"
	"slices"
	"time"
)

// updateSpeakers tells the room who speaks, when that changed.
func (r *Room) updateSpeakers(now time.Time) {
	type voice struct {
		id    PeerID
		level int
	}
	var voices []voice
	for _, m := range r.order {
		pub := m.peer.find(Microphone)
		if pub == nil || !pub.open() {
			continue
		}
		if speaking, level := pub.level.Speaking(now); speaking {
			voices = append(voices, voice{m.id, level})
		}
	}
	slices.SortStableFunc(voices, func(a, b voice) int { return cmp.Compare(a.level, b.level) })
	var ids []PeerID
	for _, v := range voices[:min(len(voices), maxSpeakers)] {
		ids = append(ids, v.id)
	}
	if same(ids, r.speakers) {
		return
	}
	r.speakers = ids
	r.events(SpeakersChanged{Peers: ids})
}

// same ignores the order: two who speak at once and change places are no news.
func same(a, b []PeerID) bool {
	if len(a) != len(b) {
		return false
	}
	for _, id := range a {
		if !slices.Contains(b, id) {
			return false
		}
	}
	return true
}
