package sfu

import (
	"slices"
	"time"

	"alcove/sfu/forward"
)

// A Tap receives the recorded media of one room. The worker calls it: no method may block or retain the payload
// of a unit.
type Tap interface {
	// Begin requests a track when the first packet of a recordable publication arrives. ready is called once, by any goroutine but the
	// worker's: with the track, or with nil on failure; then the publication is not recorded until a later plan names it again.
	Begin(t TapInfo, ready func(TapTrack))
}

// A TapTrack is one recorded publication: a single stream of numbers and timestamps, whatever its encodings. Only the worker calls it.
type TapTrack interface {
	// Put records one RTP payload, each once; late ones fill gaps.
	Put(TapUnit)
	// Clock maps a timestamp to the server's clock, from the sender's reports (RFC 3550, section 6.4.1).
	Clock(timestamp uint32, at time.Time)
	// End ends the track. It is called before a plan without the publication counts as applied.
	End()
}

// A TapInfo describes a recorded publication.
type TapInfo struct {
	Publication string
	Peer        PeerID
	Source      Source
	ClockRate   uint32 // Hz
}

// A TapUnit is one RTP payload.
type TapUnit struct {
	Seq       uint64 // extended, from 1; lost packets leave gaps
	Timestamp uint32
	Arrival   time.Time
	Marker    bool
	KeyFrame  bool // begins one
	Payload   []byte
}

// Tap records the publications that plans name with t. It is called before the first plan.
func (r *Room) Tap(t Tap) { r.tap = t }

// A tapSubscription is the recorder's subscription to one publication: like a slot, but always to the best encoding that arrives, with all
// temporal layers. Owned by the worker.
type tapSubscription struct {
	publication *publication
	selector    forward.Selector
	current     *encoding // encoding that is recorded; nil before the first packet
	asked       bool      // for a track
	track       TapTrack  // nil until it is ready, and if it was refused
	newest      uint64    // number of the last packet of current, by its source
	restarting  bool      // nothing was recorded since the last restart
	timelineSet bool      // offset belongs to current
	offset      uint32    // of the time line against the source's
	lastTS      uint32    // the highest that was recorded
	lastAt      time.Time // and its arrival; zero before the first
}

// updateTap subscribes or unsubscribes the recorder, as the plan requires.
func (pub *publication) updateTap() {
	room := pub.peer.member.room
	wanted := room.tap != nil && pub.send.ID != "" && slices.Contains(room.record, pub.send.ID)
	switch {
	case !wanted:
		pub.endTap()
	case pub.tapped == nil:
		pub.tapped = &tapSubscription{
			publication: pub, selector: forward.Selector{ClockRate: pub.clockRate(), Video: pub.video()},
		}
	}
}

// endTap ends the recording of the publication, at once.
func (pub *publication) endTap() {
	if t := pub.tapped; t != nil && t.track != nil {
		t.track.End()
	}
	pub.tapped = nil
}

// restart continues the recording at a key frame, in the same number sequence.
func (t *tapSubscription) restart() {
	t.selector.Switch()
	t.restarting = true
	if all := t.publication.encodings; t.publication.video() && all[len(all)-1].main != nil {
		all[len(all)-1].nearest(t.publication.peer.worker.now).requestKeyFrame()
	}
}

// restarted is restart for an encoding whose sequence numbers restart.
func (t *tapSubscription) restarted(e *encoding) {
	if t != nil && t.current == e {
		t.timelineSet = false
		t.restart()
	}
}

// forward decides about a packet of the publication and passes it to the track.
func (t *tapSubscription) forward(now time.Time, e *encoding, packet *forward.Packet, marker bool, payload []byte) {
	if !t.asked && !packet.Empty {
		t.begin()
	}
	if t.track == nil || !t.accepts(now, e, packet) {
		return
	}
	if t.restarting && packet.Ext < t.newest { // a late packet must not start the recording
		return
	}
	awaited := t.selector.AwaitsKey()
	out, drop := t.selector.Next(now, packet)
	if drop == forward.AwaitKey {
		e.requestKeyFrame()
	}
	if drop != forward.Kept {
		return
	}
	t.restarting, t.newest = false, max(t.newest, packet.Ext)
	t.track.Put(TapUnit{
		Seq: out.Ext, Timestamp: t.timestamp(now, e, packet), Arrival: now, Marker: marker, KeyFrame: packet.KeyFrame, Payload: payload,
	})
	if awaited && packet.Ext < e.main.track.Highest() {
		t.replayStored(now, e, packet.Ext+1)
	}
}

// replayStored is that of worker.rest, for the recorder.
func (t *tapSubscription) replayStored(now time.Time, e *encoding, from uint64) {
	for ext := from; ext <= e.main.track.Highest(); ext++ {
		if packet, stored, _, ok := e.stored(ext); ok {
			t.forward(now, e, &packet, stored.Marker, stored.Payload)
		}
	}
}

// timestamp returns the source's timestamp, shifted only where another source begins, by the elapsed time. A live slot also shifts it after
// a silence; in a recording that would make a slow network look like a silence, and readers of the recording can tell better, because they
// know the later packets.
func (t *tapSubscription) timestamp(now time.Time, e *encoding, packet *forward.Packet) uint32 {
	if !t.timelineSet {
		t.timelineSet = true
		if !t.lastAt.IsZero() {
			passed := max(int64(now.Sub(t.lastAt))*int64(t.selector.ClockRate)/int64(time.Second), 1)
			t.offset = t.lastTS + uint32(passed) - packet.Timestamp
		}
		t.reportClock(now, e)
	}
	timestamp := packet.Timestamp + t.offset
	if t.lastAt.IsZero() || int32(timestamp-t.lastTS) > 0 {
		t.lastTS, t.lastAt = timestamp, now
	}
	return timestamp
}

// accepts accepts the best encoding that arrives: a better one from its next key frame on, a lesser one when that is missing.
func (t *tapSubscription) accepts(now time.Time, e *encoding, packet *forward.Packet) bool {
	switch {
	case e == t.current:
		return true
	case t.current != nil && e.index < t.current.index && t.current.alive(now):
		return false
	case t.publication.video() && !packet.KeyFrame:
		if !packet.Empty {
			e.requestKeyFrame()
		}
		return false
	}
	t.current, t.newest, t.timelineSet = e, 0, false
	t.selector.Switch()
	return true
}

// begin requests a track. Packets before it is ready are not recorded; a track that becomes ready after the plan has changed ends empty.
func (t *tapSubscription) begin() {
	t.asked = true
	pub := t.publication
	m := pub.peer.member
	about := TapInfo{Publication: pub.send.ID, Peer: m.id, Source: pub.line.source, ClockRate: pub.clockRate()}
	m.room.tap.Begin(about, func(track TapTrack) {
		if track == nil {
			return
		}
		m.room.worker.submitFor(m.room, pub.peer, func() {
			if pub.tapped != t {
				track.End()
				return
			}
			t.track = track
			t.restart()
		})
	})
}

// reportClock passes the mapping of the sender's reports to the recorder.
func (t *tapSubscription) reportClock(now time.Time, e *encoding) {
	if t == nil || t.track == nil || e != t.current || !t.timelineSet {
		return
	}
	if source, ok := e.rtpAt(now); ok {
		t.track.Clock(source+t.offset, now)
	}
}

// wants reports whether an encoding is worth sending for the recorder alone.
func (t *tapSubscription) wants(e *encoding) bool {
	return t != nil && (e == t.current || e == e.publication.best())
}
