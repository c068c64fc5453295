package sfu

import (
	"slices"
	"time"

	"alcove/sfu/forward"
)

// An excess is a time in which a publication sends more than it may. Owned by the worker.
type excess struct {
	since, last time.Time // the first and the newest drop, zero before any
	reported    time.Time
}

// allowed returns the bitrates announced to senders of a source, one for each encoding.
func (e *Engine) allowed(source Source) []int {
	if e == nil { // only tests go without
		return nil
	}
	return e.config.MaxBitrates[source]
}

// limits sets the limits of the publication and of each encoding. With a small camera any encoding may be the best one, so each may send as
// much as the best; together they may send the sum of their announced bitrates.
func (pub *publication) limits(allowed []int) {
	if !pub.video() {
		pub.limit = forward.Limit{Bits: audioBits, Packets: audioPackets, Burst: audioBurst}
		return
	}
	if len(allowed) == 0 {
		allowed = []int{defaultVideoBits}
	}
	allowed = slices.Sorted(slices.Values(allowed))
	best, sum := allowed[len(allowed)-1], 0
	for i, e := range pub.encodings {
		e.limit = forward.Limit{Bits: videoShare * best, Burst: videoBurst}
		sum += allowed[max(len(allowed)-1-i, 0)]
	}
	pub.limit = forward.Limit{Bits: videoShare * sum, Packets: videoShare * sum / 8 / minMeanPacket, Burst: videoBurst}
}

// withinLimit charges a packet to its publication, whether media, padding or retransmission.
func (s *stream) withinLimit(now time.Time, bytes int) bool {
	e := s.encoding
	pub := e.publication
	if pub.bucket.Take(now, &pub.limit, bytes) && (s.repeats || !pub.video() || e.bucket.Take(now, &e.limit, bytes)) {
		return true
	}
	pub.exceeded(now)
	return false
}

// exceeded records a drop, and notifies the room if drops persist.
func (pub *publication) exceeded(now time.Time) {
	x := &pub.excess
	if x.since.IsZero() || now.Sub(x.last) > excessPause {
		x.since = now
	}
	x.last = now
	lasts := now.Sub(x.since)
	withhold := !pub.video() && lasts >= audioWithheld && pub.open()
	if !withhold && (lasts < excessReported || !x.reported.IsZero() && now.Sub(x.reported) < excessRepeat) || !pub.open() {
		return
	}
	x.reported = now
	if withhold {
		pub.withheld, x.since = true, time.Time{}
	}
	m := pub.peer.member
	m.room.events(RateExceeded{Peer: m.id, Publication: pub.send.ID, Source: pub.line.source, Withheld: withhold})
}
