package sfu

import (
	"time"

	"alcove/sfu/forward"
)

// A slot that gets another encoding starts from history where it can: with the last key frame and what followed it, instead of a
// key frame that the source would have to send. That is at once, costs the source nothing, and the others no key frame.
//
//	attach, connected, higher layer ─► replayFrom ─┬─► history holds all since a young key frame that this receiver may have,
//	                                                    │   and its path has room ─► replay ─► the key frame at once
//	                                                    │      ─► the rest, a share each 10 ms ─► live packets
//	                                                    └─► requestKeyFrame ─► accepts
//
// What a receiver may have: nothing from before the plan let it receive the publication, or from before a mute. Where frames are encrypted
// end to end, nothing from before it was connected: who joins has no keys for what was sent before, and senders change to the group's new
// keys only when they know of the join. Who is longer in the session still opens frames of the keys before.

// A storedKeyFrame is where the newest key frame of an encoding begins in its history.
type storedKeyFrame struct {
	ext   uint64    // number of its first packet; 0: none
	at    time.Time // its arrival
	bytes int       // stored from there on
}

// startSlots lets slots begin: video from history, else with the next key frame. Which encoding is decided first.
func (p *peer) startSlots(list []*slot) {
	for _, s := range list {
		s.selector.Switch()
		s.replaying = false
	}
	p.starting = true
	p.shareBandwidth(p.worker.now)
	p.starting = false
	for _, s := range list {
		if s.video() && s.target != nil {
			s.startAtKeyFrame()
		}
	}
}

func (s *slot) startAtKeyFrame() {
	switch {
	case !s.peer.connected():
		s.prepareKeyFrame()
	case !s.replayFrom(s.target, maxReplayAge):
		s.target.requestKeyFrame()
	}
}

// climb lets the slot begin a target that takes more than its current encoding at once, from history if there is room for both: a path that
// carries less than before gets nothing twice.
func (s *slot) climb() {
	if s.peer.starting && s.selector.AwaitsKey() {
		return // startSlots goes on with it
	}
	if b := s.peer.bandwidth; b != nil && b.pacer.on { // what is decoded twice would wait before what is live, and look like a narrow path
		s.target.requestKeyFrame()
		return
	}
	if s.current == nil {
		s.startAtKeyFrame()
		return
	}
	if s.target.index < s.current.index || !s.replayFrom(s.target, maxClimbAge) {
		s.target.requestKeyFrame()
	}
}

// prepareKeyFrame asks for a key frame while the client still connects, so that history holds one when it does. One that is there already,
// or on its way, does.
func (s *slot) prepareKeyFrame() {
	e := s.target
	if s.peer.member.room.encrypted || s.mayHave(e) && s.peer.worker.now.Sub(e.key.at) < keyFrameRepeat {
		return
	}
	e.requestKeyFrame()
}

// mayHave reports whether this slot's receiver may have what history holds from the newest key frame on. A round takes packets before plans,
// so a key frame of the same moment came before the plan.
func (s *slot) mayHave(e *encoding) bool {
	p, at := s.peer, e.key.at
	since, receives := p.member.receivesSince[e.publication.peer.member]
	if e.key.ext == 0 || !receives || !at.After(since) {
		return false
	}
	if !at.After(e.publication.openSince) || !e.publication.open() {
		return false
	}
	return !p.member.room.encrypted || !p.readySince.IsZero() && at.After(p.readySince)
}

// replayFrom starts to send what history holds of an encoding, if that is whole, young and not too much.
func (s *slot) replayFrom(e *encoding, age time.Duration) bool {
	w := s.peer.worker
	if !s.mayHave(e) || e.main == nil || w.now.Sub(e.key.at) > age {
		return false
	}
	newest, ok := e.wholeSince(e.key.ext)
	if !ok || !s.peer.replays.take(w.now, s.peer.rate(), e.key.bytes) {
		return false
	}
	w.count.Replays++
	s.current, s.replaying, s.replayNext = e, true, e.key.ext
	s.selector.Replay(newest.Ext, newest.Timestamp)
	for first := e.key.ext; s.replaying && s.inFrame(first); {
		w.replayPacket(s)
	}
	w.wakeSoon()
	return true
}

// inFrame reports whether the next packet of the replay is of the same frame as a stored one.
func (s *slot) inFrame(first uint64) bool {
	a, ok := s.current.history.Get(first)
	b, next := s.current.history.Get(s.replayNext)
	return ok && next && a.Timestamp == b.Timestamp
}

// wholeSince reports whether history holds every packet from a number on, and returns the newest.
func (e *encoding) wholeSince(ext uint64) (newest forward.Stored, ok bool) {
	for ; ext <= e.main.track.Highest(); ext++ {
		stored, there := e.history.Get(ext)
		if there {
			newest, ok = stored, true
		} else if e.history.Overwritten(ext) || !e.main.track.Received(ext) { // else it was padding
			return newest, false
		}
	}
	return newest, ok
}

// replayPacket sends the next packet of a replay. It ends once all that arrived has left: the next one is forwarded as it arrives.
func (w *worker) replayPacket(s *slot) (sent int) {
	e, ext := s.current, s.replayNext
	if ext > e.main.track.Highest() {
		s.replaying = false
		return 0
	}
	if !e.publication.open() { // it was muted or withheld meanwhile: what is stored is closed, too
		s.replaying = false
		s.selector.Switch()
		return 0
	}
	if e.history.Overwritten(ext) { // the path was slower than history is long
		s.restart()
		return 0
	}
	s.replayNext++ // before it is forwarded: packets from there on wait
	if packet, stored, vp8, ok := e.stored(ext); ok {
		packet.KeyFrame = packet.KeyFrame || ext == e.key.ext
		packet.AboveTarget = s.baseOnly && stored.Temporal > 0
		w.drop(w.forward(s, e, &packet, stored.Marker, &vp8, stored.Payload))
		sent = len(stored.Payload)
	}
	if s.replayNext > e.main.track.Highest() {
		s.replaying = false
	}
	return sent
}

// continueReplays sends the next share of each replay to this peer, a packet of each in turn.
func (p *peer) continueReplays(now time.Time) {
	budget, replaying := replayQuantum(p.rate()), true
	for budget > 0 && replaying {
		replaying = false
		for _, s := range p.slots {
			if s.replaying && budget > 0 {
				budget -= p.worker.replayPacket(s)
				replaying = replaying || s.replaying
			}
		}
	}
	if replaying {
		p.worker.wakeSoon()
	}
}

// replayQuantum is how many bytes of replays leave for a peer in 10 ms.
func replayQuantum(rate int) int {
	return max(rate/8*int(lossTick/time.Millisecond)/1000*replaySpeed, minReplayQuantum)
}

// A replayBudget bounds the bytes of replays to one peer by what its path carries: a token bucket. Owned by the worker.
type replayBudget struct {
	left int
	at   time.Time
}

func (b *replayBudget) take(now time.Time, rate, bytes int) bool {
	perSecond := rate / 8
	capacity := int(int64(perSecond) * int64(maxReplayBurst) / int64(time.Second))
	if b.at.IsZero() {
		b.left = capacity
	} else {
		since := min(now.Sub(b.at), time.Minute)
		b.left = min(capacity, b.left+int(int64(perSecond)*int64(since)/int64(time.Second)/replayShare))
	}
	b.at = now
	if bytes > b.left {
		return false
	}
	b.left -= bytes
	return true
}
