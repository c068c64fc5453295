package sfu

import (
	"cmp"
	"slices"
	"time"

	"alcove/sfu/forward"
)

// A voice is one open microphone with its current level.
type voice struct {
	publication *publication
	speaking    bool
	level       int // smaller is louder
}

// voices are the room's open microphones: active speakers first, then by level; a microphone that is forwarded already wins a tie.
func (r *Room) voices(now time.Time) []voice {
	var all []voice
	for _, m := range r.order {
		if r.worker.acting = m.peer; m.peer != nil {
			r.worker.atStep(stepSpeakers, m.peer)
		}
		if pub := m.peer.find(Microphone); pub != nil && pub.open() {
			speaking, level := pub.level.Speaking(now)
			all = append(all, voice{pub, speaking, level})
		}
	}
	rank := func(v voice) int {
		switch {
		case v.speaking:
			return 0
		case !v.publication.suppressed:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b voice) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.level, b.level))
	})
	return all
}

// updateSpeakers reports changes of the active speakers and forwards only the loudest in large rooms.
func (r *Room) updateSpeakers(now time.Time) {
	voices := r.voices(now)
	r.worker.acting = nil
	var ids []PeerID
	for i, v := range voices {
		if v.speaking && len(ids) < maxSpeakers {
			ids = append(ids, v.publication.peer.member.id)
		}
		v.publication.hush(i >= maxVoices)
	}
	if sameSet(ids, r.speakers) {
		return
	}
	r.speakers = ids
	r.events(SpeakersChanged{Peers: ids})
}

// hush lets a microphone wait until it is among the loudest. What it says again follows on without a gap.
func (pub *publication) hush(quiet bool) {
	if pub.suppressed && !quiet {
		for _, s := range pub.subscribers {
			s.restart()
		}
	}
	pub.suppressed = quiet
}

// updateLevel takes the level of a packet and decides whether the microphone may be heard. A new speaker is let
// through at once.
func (pub *publication) updateLevel(h *forward.Header) bool {
	w := pub.peer.worker
	if level := h.Extension(pub.line.levelExt); len(level) > 0 {
		pub.level.Put(w.now, level[0])
	}
	if pub.suppressed {
		if speaking, _ := pub.level.Speaking(w.now); speaking {
			w.speakersDue = w.now
			pub.peer.member.room.updateSpeakers(w.now)
		}
	}
	return !pub.suppressed
}

// sameSet ignores the order: two speakers that change places are not reported.
func sameSet(a, b []PeerID) bool {
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
