package sfu

import (
	"time"

	"alcove/sfu/forward"
)

// A stream is one incoming SSRC of an encoding: the source itself or its repeats (RFC 4588). Owned by the worker.
//
// A client that restarts its microphone uses another SSRC each time (RFC 3550, section 8), bound by its MID. The newest takes the
// place of the one before at once. What was replaced stays in the peer's table for a while, so that packets of it that come late are
// not taken for a change back; when the table is full, the one that was replaced first is forgotten. An SSRC that is replaced and goes
// on is taken back when the one in its place has been silent for as long as an encoding counts as sent. Replay is no concern here:
// srtp accepts no index of any SSRC twice, forgotten or not.
type stream struct {
	encoding    *encoding
	ssrc        uint32
	repeats     bool
	track       forward.Track
	lastArrival time.Time // its last packet
	since       time.Time // when it took its place, or lost it
	replaced    bool      // another SSRC is in its place
}

// place returns the field for the current stream of one kind.
func (s *stream) place() **stream {
	if s.repeats {
		return &s.encoding.repeats
	}
	return &s.encoding.main
}

// bind binds an SSRC to this encoding, nil if it is bound already or the table is full of SSRCs in use.
func (e *encoding) bind(ssrc uint32, repeats bool) *stream {
	p := e.publication.peer
	if p.streams[ssrc] != nil || len(p.streams) >= maxPeerSSRCs && !p.forgetStream() {
		return nil
	}
	s := &stream{encoding: e, ssrc: ssrc, repeats: repeats}
	p.streams[ssrc] = s
	s.succeed(p.worker.now)
	return s
}

// forgetStream makes room for another SSRC by removing the one that was replaced first.
func (p *peer) forgetStream() bool {
	var first *stream
	for _, s := range p.streams {
		if s.replaced && (first == nil || s.since.Before(first.since)) {
			first = s
		}
	}
	if first == nil {
		return false
	}
	delete(p.streams, first.ssrc)
	return true
}

// succeed replaces the previous stream, whose packets no longer count. Sequence numbers are never reused: two sequences in one slot would
// use one nonce for two packets (RFC 7714, section 8.1).
func (s *stream) succeed(now time.Time) {
	e := s.encoding
	old := *s.place()
	*s.place() = s
	s.since, s.lastArrival, s.replaced = now, now, false
	if old != nil {
		old.replace(now)
	}
	if s.repeats || old == nil {
		return
	}
	s.track.Follow(&old.track)
	if r := e.repeats; r != nil && now.Sub(r.since) >= aliveFor { // it repeats numbers of the one before
		r.replace(now)
		e.repeats = nil
	}
	e.reported = false
	for _, sub := range e.publication.subscribers {
		if sub.current == e {
			sub.restart()
		}
	}
	e.publication.tapped.restarted(e)
}

func (s *stream) replace(now time.Time) { s.replaced, s.since = true, now }

// current reports whether the stream's packets count, and restores a replaced stream if no other is active in its place.
func (s *stream) current(now time.Time) bool {
	if s.replaced {
		other := *s.place()
		if now.Sub(s.since) < aliveFor || other != nil && now.Sub(other.lastArrival) < aliveFor {
			return false
		}
		s.succeed(now)
	}
	s.lastArrival = now
	return true
}
