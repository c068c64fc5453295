package sfu

import (
	"slices"
	"time"

	"alcove/sfu/forward"
)

// Pacing of receivers near their line.
const (
	// paceInterval is how often packets leave that are spread over time: trains of 5 ms stay whole, and fill no queue that people hear.
	paceInterval = 5 * time.Millisecond
	// paceFactor is how much faster than the estimate video leaves: frames come in bursts, and none may wait for the next.
	paceFactor = 1.5
	// maxDebt bounds what audio, which never waits, can take in advance of video.
	maxDebt = 100 * time.Millisecond
	// maxPaced is how long video may wait at the rate of the estimate. A frame that begins when more waits is dropped, with all
	// up to the next key frame. A key frame may always wait as long as it takes.
	maxPaced = 250 * time.Millisecond
	// laneSize is how many packets wait in one lane at most: maxPaced of 16 Mbit/s.
	laneSize = 512
	// pacedQueue is the queue on the path from which a receiver is near its line, as far as jitter is none.
	pacedQueue = 10 * time.Millisecond
	// nearFor is how long after a decrease of the estimate a receiver counts as near its line.
	nearFor = 10 * time.Second
)

// The lanes of a pacer, in the order in which they leave. Audio has none: it never waits.
const (
	laneBase    = iota // slots that show the smallest encoding
	laneRepeats        // of video, through RTX
	laneUpper          // all other slots
	lanes
)

// A pacedPacket is a packet that waits: it has its number, and its payload is in the history of its publication.
type pacedPacket struct {
	out  uint32 // low bits of its number
	slot uint16 // of the peer's slots
	size uint16 // of its payload, in bytes
}

// noSlot stands for a slot whose packet was dropped while it waited.
const noSlot = 1<<16 - 1

// A lane is a ring of packets that wait. Full: a frame that begins is dropped, as above maxPaced.
type lane struct {
	list  [laneSize]pacedPacket
	first int
	count int
}

func (l *lane) push(p pacedPacket) bool {
	if l.count == laneSize {
		return false
	}
	l.list[(l.first+l.count)%laneSize] = p
	l.count++
	return true
}

func (l *lane) pop() pacedPacket {
	p := l.list[l.first]
	l.first, l.count = (l.first+1)%laneSize, l.count-1
	return p
}

// A pacer spreads the video of one receiver over time. Owned by the worker.
type pacer struct {
	on      bool         // video goes through it
	lanes   *[lanes]lane // nil before it is first on
	waiting int          // bytes of payload
	keys    int          // of these, at most, of key frames: they may wait longer
	credit  float64      // bits that may leave now
	at      time.Time    // when it was updated
}

// empty reports whether nothing waits.
func (q *pacer) empty() bool { return q.waiting == 0 }

// pace puts a peer on the list of those whose packets are spread over time.
func (w *worker) pace(p *peer) {
	if slices.Contains(w.paced, p) {
		return
	}
	if len(w.paced) == 0 {
		w.paceAt = w.now.Add(paceInterval)
	}
	w.paced = append(w.paced, p)
}

// unpace removes a peer that ended from the list.
func (w *worker) unpace(p *peer) {
	if i := slices.Index(w.paced, p); i >= 0 {
		w.paced = slices.Delete(w.paced, i, i+1)
	}
}

// runPaced lets those packets leave that are due.
func (w *worker) runPaced() {
	w.paceAt = w.now.Add(paceInterval)
	for i := len(w.paced) - 1; i >= 0; i-- {
		if i >= len(w.paced) { // a panic closed several
			continue
		}
		p := w.paced[i]
		w.guard(nil, p, func() {
			w.atStep(stepPace, p)
			p.runPaced(w.now)
		})
	}
	w.paced = slices.DeleteFunc(w.paced, func(p *peer) bool { return !p.isPaced() })
}

// runPaced lets what is due leave.
func (p *peer) runPaced(now time.Time) {
	if !p.connected() {
		return
	}
	p.refill(now)
	p.fillProbe(now)
	for q := &p.bandwidth.pacer; q.credit > 0 && p.release(); {
	}
}

// isPaced reports whether the peer has to stay on the list.
func (p *peer) isPaced() bool {
	return !p.closed && (p.bandwidth.probe.open() || p.bandwidth.pacer.on)
}

// refill adds what may leave since the last call.
func (p *peer) refill(now time.Time) {
	q, rate := &p.bandwidth.pacer, paceFactor*float64(p.bandwidth.estimator.Rate())
	q.credit += rate * min(now.Sub(q.at), maxDebt).Seconds()
	q.credit = max(min(q.credit, rate*paceInterval.Seconds()), -rate*maxDebt.Seconds())
	q.at = now
}

// near decides whether a receiver is near its line: not all that is wanted fits, or its path was full lately. All others are not paced.
func (b *bandwidth) near(p *peer, now time.Time) bool {
	return b.short || b.estimator.Queue() > pacedQueue || !b.congestedAt.IsZero() && now.Sub(b.congestedAt) < nearFor
}

// updatePacing turns the pacer on, or, once nothing waits, off.
func (b *bandwidth) updatePacing(p *peer, now time.Time) {
	q := &b.pacer
	switch near := p.estimated() && b.near(p, now); {
	case near && !q.on:
		if q.lanes == nil {
			q.lanes = new([lanes]lane)
		}
		q.on, q.at, q.credit = true, now, 0
		p.worker.pace(p)
	case !near && q.empty():
		q.on = false
	}
}

// mayPace reports whether a packet of video may be taken. What is decided for the first packet of a frame holds for all of it.
func (p *peer) mayPace(s *slot, packet *forward.Packet) bool {
	q := &p.bandwidth.pacer
	if !packet.KeyFrame && s.pacedFrame && packet.Timestamp == s.pacedTimestamp {
		return true
	}
	limit := int(float64(p.bandwidth.estimator.Rate())*maxPaced.Seconds()/8) + min(q.keys, q.waiting)
	if q.waiting > limit || q.lanes[s.lane()].count > laneSize/2 {
		s.pacedFrame = false
		return false
	}
	s.pacedFrame, s.pacedTimestamp, s.pacedKey = true, packet.Timestamp, packet.KeyFrame
	return true
}

// lane is where the packets of a slot wait: as long as any of them does, in the same lane, so that they keep their order.
func (s *slot) lane() int {
	if s.waiting == 0 {
		s.pacedLane = laneUpper
		if s.current != nil && s.current.index == 0 {
			s.pacedLane = laneBase
		}
	}
	return s.pacedLane
}

// waits queues a packet that has its number, unless it may leave at once.
func (p *peer) waits(s *slot, out uint64, payload int) bool {
	q := &p.bandwidth.pacer
	p.refill(p.worker.now)
	if q.empty() && q.credit > 0 {
		return false
	}
	if !q.lanes[s.lane()].push(pacedPacket{uint32(out), s.index, uint16(payload)}) {
		return false // of a frame of more packets than a lane holds
	}
	s.waiting++
	q.waiting += payload
	if s.pacedKey {
		q.keys += payload
	}
	return true
}

// waitsAgain queues a repeat. It reports the name of the drop if it is not taken.
func (p *peer) waitsAgain(s *slot, out uint64, payload int) forward.Drop {
	l := &p.bandwidth.pacer.lanes[laneRepeats]
	packet := pacedPacket{uint32(out), s.index, uint16(payload)}
	for i := range l.count {
		if l.list[(l.first+i)%laneSize] == packet {
			return forward.Repeated
		}
	}
	if !l.push(packet) {
		return forward.NackLimit
	}
	p.bandwidth.pacer.waiting += payload
	return forward.Kept
}

// forgetPaced drops what waits of a slot: the plan no longer allows it. The numbers stay used.
func (p *peer) forgetPaced(s *slot) {
	if p.bandwidth == nil || p.bandwidth.pacer.lanes == nil {
		return
	}
	q := &p.bandwidth.pacer
	for i := range q.lanes {
		l := &q.lanes[i]
		for k := range l.count {
			if packet := &l.list[(l.first+k)%laneSize]; packet.slot == s.index {
				q.waiting -= int(packet.size)
				if i != laneRepeats {
					s.sent.Forget(packet.out)
				}
				packet.slot, packet.size = noSlot, 0
				p.worker.drop(forward.Unmapped)
			}
		}
	}
	s.waiting, s.pacedFrame = 0, false
	q.keys = min(q.keys, q.waiting)
}

// release lets one packet leave, in the order of the lanes. It reports whether any waited.
func (p *peer) release() bool {
	q := &p.bandwidth.pacer
	if q.empty() {
		return false // what is left are places of dropped packets, which the next packets push out
	}
	for i := range q.lanes {
		l := &q.lanes[i]
		if l.count == 0 {
			continue
		}
		packet := l.pop()
		if packet.slot == noSlot {
			return true
		}
		s := p.slots[packet.slot]
		if i != laneRepeats {
			s.waiting--
		}
		q.waiting -= int(packet.size)
		q.keys = min(q.keys, q.waiting)
		p.worker.drop(p.worker.sendPaced(s, packet.out, i == laneRepeats))
		return true
	}
	q.waiting = 0
	return false
}

// sendPaced sends a packet that waited. The plan may have changed since.
func (w *worker) sendPaced(s *slot, low uint32, again bool) forward.Drop {
	if s.flow == nil || !s.flow.open() {
		return forward.Unmapped
	}
	out, origin, ok := s.sent.Find(uint16(low), s.selector.Last())
	if !ok || uint32(out) != low {
		return forward.HistoryGone
	}
	stored, ok := s.flow.encodings[origin.Encoding].history.Get(origin.Ext)
	if !ok {
		return forward.HistoryGone
	}
	if again {
		w.count.Resent++
		w.writeRTX(s, uint16(out), &origin, &stored)
		return forward.Kept
	}
	var vp8 forward.VP8
	if !origin.Verbatim {
		vp8 = forward.ParseVP8(stored.Payload)
	}
	w.write(s, s.payload, s.ssrc, out, &origin, stored.Marker, nil, &vp8, stored.Payload)
	return forward.Kept
}
