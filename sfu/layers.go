package sfu

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"alcove/sfu/forward"
)

// A View is what a peer displays: heights in pixels. Publications that it does not name are displayed in full.
type View struct {
	Heights map[string]int // by publication; 0: not shown, send nothing
}

// View sets what a peer displays, so that no larger encoding is sent.
func (r *Room) View(id PeerID, v View) {
	r.worker.submitFor(r, nil, func() {
		if m := r.members[id]; m != nil {
			m.view = v
			if r.worker.acting = m.peer; m.peer != nil {
				r.worker.atStep(stepView, m.peer)
				m.peer.shareBandwidth(r.worker.now)
			}
		}
	})
}

// ideal is the encoding that this slot would show if the path were endless, nil if it shows nothing: the smallest that
// fills the height, or the largest there is.
func (s *slot) ideal() *encoding {
	all := s.flow.encodings
	best := s.flow.best()
	height, said := s.peer.member.view.Heights[s.flow.send.ID]
	switch {
	case !said:
		return best
	case height == 0:
		return nil
	}
	full := 0
	for i, e := range all { // if the top never arrived, the others imply its height
		full = max(full, e.height<<(len(all)-1-i))
	}
	if full == 0 {
		return best
	}
	for i, e := range all[:best.index] {
		if own := full >> (len(all) - 1 - i); e.absentSince.IsZero() && float64(own)*maxUpscale >= float64(height) {
			return e
		}
	}
	return best
}

// best is the largest encoding that the client sends, as far as is known.
func (pub *publication) best() *encoding {
	all := pub.encodings
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].absentSince.IsZero() {
			return all[i]
		}
	}
	return all[len(all)-1]
}

// updateAbsent finds the encodings that the client does not send: one that is wanted but missing while another arrives counts as absent for
// a while.
func (pub *publication) updateAbsent(now time.Time) {
	comes := slices.ContainsFunc(pub.encodings, func(e *encoding) bool { return e.alive(now) })
	for _, e := range pub.encodings {
		switch {
		case e.alive(now):
			e.missingSince, e.absentSince = time.Time{}, time.Time{}
		case !e.absentSince.IsZero():
			if now.Sub(e.absentSince) >= absentFor {
				e.missingSince, e.absentSince = time.Time{}, time.Time{}
			}
		case !comes || !slices.Contains(pub.wanted, e.rid):
			e.missingSince = time.Time{}
		case e.missingSince.IsZero():
			e.missingSince = now
		case now.Sub(e.missingSince) >= absentAfter:
			e.absentSince = now
		}
	}
}

// forgetAbsent resets the state: the camera may have changed.
func (pub *publication) forgetAbsent() {
	for _, e := range pub.encodings {
		e.missingSince, e.absentSince = time.Time{}, time.Time{}
	}
}

// nearest is the encoding to show while the wanted one does not arrive: the next lower one that does, else the next higher.
func (e *encoding) nearest(now time.Time) *encoding {
	all := e.publication.encodings
	for i := e.index; i >= 0; i-- {
		if all[i].alive(now) {
			return all[i]
		}
	}
	for _, higher := range all[e.index:] {
		if higher.alive(now) {
			return higher
		}
	}
	return e
}

// A choice is the encoding that one slot gets.
type choice struct {
	encoding *encoding // nil: nothing
	base     bool      // only the lowest temporal layer
}

// rate is the bitrate that it takes now; an encoding that does not arrive takes nothing.
func (c choice) rate(now time.Time) int {
	switch {
	case c.encoding == nil || !c.encoding.alive(now):
		return 0
	case c.base:
		return c.encoding.baseRate
	}
	return c.encoding.bitrate
}

// lower is the next cheaper choice: temporal layers are dropped first, then resolution, then the video itself.
func (c choice) lower(now time.Time) choice {
	switch {
	case c.encoding == nil:
		return c
	case !c.base && c.encoding.baseRate < c.encoding.bitrate:
		return choice{c.encoding, true}
	}
	for i := c.encoding.index - 1; i >= 0; i-- {
		if e := c.encoding.publication.encodings[i]; e.alive(now) {
			return choice{encoding: e}
		}
	}
	return choice{}
}

// lowest is the last choice before nothing.
func (c choice) lowest(now time.Time) choice {
	for next := c.lower(now); next.encoding != nil && next != c; next = c.lower(now) {
		c = next
	}
	return c
}

// shareRate lowers choices, which are in the order of priority, until they fit a rate in bit/s, and returns what they then take. A video gets
// more than its lowest layer only after each has that; without room even for these, videos are dropped from the end. Those that
// were paused before come back only with room to spare.
func shareRate(choices []choice, paused []bool, rate int, now time.Time) (sum int) {
	for _, c := range choices {
		sum += c.lowest(now).rate(now)
	}
	for i := len(choices) - 1; i >= 0; i-- {
		room := rate
		if paused[i] {
			room = int(float64(rate) * resumeShare)
		}
		if c := choices[i]; c.encoding != nil && sum > room {
			sum -= c.lowest(now).rate(now)
			choices[i] = choice{}
		} else if c.encoding != nil {
			break
		}
	}
	sum = 0
	for _, c := range choices {
		sum += c.rate(now)
	}
	for lowered := true; lowered && sum > rate; {
		lowered = false
		for i := len(choices) - 1; i >= 0 && sum > rate; i-- {
			if next := choices[i].lower(now); next.encoding != nil {
				sum += next.rate(now) - choices[i].rate(now)
				choices[i], lowered = next, true
			}
		}
	}
	return sum
}

// byPriority returns the slots that show something: screens first, then cameras, the one displayed largest first, then in slot order.
func (p *peer) byPriority() (slots []*slot) {
	for _, s := range p.slots {
		if s.line.slotKind != slotAudio && s.flow != nil {
			slots = append(slots, s)
		}
	}
	slices.SortStableFunc(slots, func(a, b *slot) int {
		if a.line.slotKind != b.line.slotKind {
			return strings.Compare(a.line.slotKind, b.line.slotKind) // screen before video
		}
		return cmp.Compare(b.height(), a.height())
	})
	return slots
}

// height is how tall the client displays what the slot carries, in pixels.
func (s *slot) height() int {
	if h, said := s.peer.member.view.Heights[s.flow.send.ID]; said {
		return h
	}
	return math.MaxInt // displayed in full
}

// shareBandwidth gives every slot what its path has room for. Audio is never paused.
func (p *peer) shareBandwidth(now time.Time) {
	if p.estimated() {
		p.allocate(now)
		return
	}
	p.shareReported(now)
}

// shareReported shares what receiver reports say of the path, in the order of priority.
func (p *peer) shareReported(now time.Time) {
	slots := p.byPriority()
	choices, paused := make([]choice, len(slots)), make([]bool, len(slots))
	for i, s := range slots {
		if e := s.ideal(); e != nil {
			choices[i].encoding = e.nearest(now)
		}
		paused[i] = s.paused
	}
	full := slices.Clone(choices)
	sum := shareRate(choices, paused, p.estimate.Rate(), now)
	for i, s := range slots {
		s.limited = choices[i] != full[i]
		s.paused = s.limited && choices[i].encoding == nil
		s.choose(choices[i])
		s.flow.notifyWanted(now)
	}
	if sum == 0 && slices.ContainsFunc(slots, func(s *slot) bool { return s.paused }) {
		p.estimate.Increase(now) // no media, so no reports: the bandwidth that was too much has to be tried again
	}
}

// choose sets the slot's target encoding. The switch happens at the target's next key frame; until then the current one continues.
func (s *slot) choose(c choice) {
	s.baseOnly = c.base
	switch {
	case c.encoding == nil:
		s.target, s.current, s.replaying = nil, nil, false
		s.selector.Switch()
	case s.target != c.encoding:
		s.target = c.encoding
		if s.current != s.target && s.peer.connected() {
			s.climb()
		}
	}
}

// accepts decides whether a packet of an encoding may pass into the slot.
func (s *slot) accepts(e *encoding, packet *forward.Packet) forward.Drop {
	switch {
	case s.target == nil:
		return forward.Bandwidth
	case e == s.target && e != s.current && (packet.KeyFrame || !s.video()):
		s.current, s.replaying = e, false
		s.selector.Switch()
	case e != s.current && e == s.target:
		e.requestKeyFrame()
		if s.current == nil {
			return forward.AwaitKey
		}
		return forward.Layer
	case e != s.current:
		return forward.Layer
	}
	return forward.Kept
}

// wants reports whether the slot needs an encoding. On a path without room for its ideal one it needs the lowest, too, which the client may
// have paused: only encodings that come in can be chosen.
func (s *slot) wants(e *encoding) bool {
	next := s.limited && s.target != nil && e.index == s.target.index+1
	return s.current == e || s.target == e || (s.limited || s.standby) && e.index == 0 || next || s.ideal() == e
}

// wants lists the RIDs that have a receiver. While the highest of them does not arrive, lower ones are wanted too, down to the first that
// arrives: browsers omit encodings for which the camera is too small or the path too narrow. Absent encodings are not wanted.
func (pub *publication) wants(now time.Time) []string {
	all := pub.encodings
	watched := func(e *encoding) bool {
		return e.absentSince.IsZero() && (pub.tapped.wants(e) || slices.ContainsFunc(pub.subscribers, func(s *slot) bool { return s.wants(e) }))
	}
	top := len(all) - 1
	for top >= 0 && !watched(all[top]) {
		top--
	}
	switch {
	case top < 0 || all[top].alive(now):
		pub.topMissingSince = time.Time{}
	case pub.topMissingSince.IsZero():
		pub.topMissingSince = now
	}
	instead := !pub.topMissingSince.IsZero() && now.Sub(pub.topMissingSince) >= fallbackAfter
	var rids []string
	for i := top; i >= 0; i-- {
		if instead && all[i].absentSince.IsZero() || watched(all[i]) {
			rids = append(rids, all[i].rid)
		}
		instead = instead && !all[i].alive(now)
	}
	slices.Reverse(rids)
	return rids
}

// notifyWanted asks the client of a simulcast for the wanted encodings. An encoding without receivers is paused a little later, so that a
// layout that changes back costs no key frame.
func (pub *publication) notifyWanted(now time.Time) {
	if len(pub.encodings) < 2 || !pub.open() {
		pub.topMissingSince = time.Time{}
		return
	}
	pub.updateAbsent(now)
	rids := pub.wants(now)
	more := slices.ContainsFunc(rids, func(r string) bool { return !slices.Contains(pub.wanted, r) })
	switch {
	case slices.Equal(rids, pub.wanted):
		pub.unwantedSince = time.Time{}
		return
	case !more && pub.unwantedSince.IsZero():
		pub.unwantedSince = now
		return
	case !more && now.Sub(pub.unwantedSince) < pauseAfter:
		return
	}
	pub.wanted, pub.unwantedSince = rids, time.Time{}
	m := pub.peer.member
	m.room.events(EncodingsWanted{Peer: m.id, Source: pub.line.source, RIDs: rids})
}
