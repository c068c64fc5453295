package sfu

import (
	"cmp"
	"slices"
	"time"

	"alcove/sfu/forward"
)

// A microphone is one open microphone with its current level.
type microphone struct {
	publication *publication
	speaking    bool
	level       int // smaller is louder
}

// rankMicrophones returns the open microphones of the room: active speakers first, then by level; a microphone that is forwarded already wins a tie.
func (r *Room) rankMicrophones(now time.Time) []microphone {
	var all []microphone
	for _, m := range r.order {
		if r.worker.acting = m.peer; m.peer != nil {
			r.worker.atStep(stepSpeakers, m.peer)
		}
		if pub := m.peer.find(Microphone); pub != nil && pub.open() {
			speaking, level := pub.level.Speaking(now)
			all = append(all, microphone{pub, speaking, level})
		}
	}
	rank := func(v microphone) int {
		switch {
		case v.speaking:
			return 0
		case !v.publication.suppressed:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b microphone) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.level, b.level))
	})
	return all
}

// updateSpeakers reports changes of the active speakers and forwards only the loudest in large rooms.
func (r *Room) updateSpeakers(now time.Time) {
	voices := r.rankMicrophones(now)
	r.worker.acting = nil
	var ids []PeerID
	for i, v := range voices {
		if v.speaking && len(ids) < maxSpeakers {
			ids = append(ids, v.publication.peer.member.id)
		}
		v.publication.suppress(i >= maxVoices)
	}
	r.follow(ids, now)
	if sameSet(ids, r.speakers) {
		return
	}
	r.speakers = ids
	r.events(SpeakersChanged{Peers: ids})
}

// focusAfter is how long somebody must speak to be shown first on a narrow path: interjections change nothing.
const focusAfter = 2 * time.Second

// follow updates who is shown first on a narrow path.
func (r *Room) follow(speakers []PeerID, now time.Time) {
	switch {
	case len(speakers) == 0 || speakers[0] == r.focus:
		r.nextUp = ""
	case speakers[0] != r.nextUp:
		r.nextUp, r.nextAt = speakers[0], now
	case r.focus == "" || now.Sub(r.nextAt) >= focusAfter:
		r.focus, r.nextUp = r.nextUp, ""
	}
}

// suppress drops a microphone until it is among the loudest. It then continues without a sequence gap.
func (pub *publication) suppress(quiet bool) {
	if pub.suppressed && !quiet {
		for _, s := range pub.subscribers {
			s.restart()
		}
	}
	pub.suppressed = quiet
}

// updateLevel records the audio level of a packet and decides whether the microphone is forwarded. A new speaker is forwarded at once.
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
