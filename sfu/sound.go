package sfu

import (
	"encoding/binary"
	"time"

	"alcove/sfu/forward"
)

// Sound over a path that loses packets: they are repeated on request where the round trip allows it, and unasked for a receiver that loses
// many.

// recordAudio records a packet of sound, and earns its share of a repeat.
func (s *slot) recordAudio(out uint64, from *forward.Origin) {
	if s.sent.Empty() {
		s.sent = forward.NewAudioSentIndex()
	}
	s.sent.Put(out, from)
	s.peer.audioResends = min(s.peer.audioResends+audioNackShare, audioNackBurst)
}

// mayCopy takes one of the tokens for copies of sound that nobody asked for.
func (p *peer) mayCopy(now time.Time) bool {
	if p.estimated() && float64(p.bandwidth.audioRate) > maxCopiedShare*float64(p.rate()) {
		return false // its loss is of a narrow path, which copies make narrower
	}
	p.copyTokens = min(maxSoundCopies, p.copyTokens+now.Sub(p.copyAt).Seconds()*maxSoundCopies)
	p.copyAt = now
	if p.copyTokens < 1 {
		return false
	}
	p.copyTokens--
	return true
}

// mayResend takes one of the tokens that bound a receiver which asks for everything. Sound and pictures have their own.
func (s *slot) mayResend(now time.Time) bool {
	p := s.peer
	if s.video() {
		return p.mayResend(now)
	}
	if p.audioResends < 1 {
		return false
	}
	p.audioResends--
	return true
}

// soundRequests are the last packets of sound that a receiver asked for again, by their numbers.
type soundRequests [forward.SentIndexAudio]struct {
	out uint32
	at  time.Time
}

// sentLate notes a packet that came late from its source: a request for it that is under way is none for a packet lost on this path.
func (s *slot) sentLate(now time.Time, out uint64) {
	if s.asked == nil {
		s.asked = &soundRequests{}
	}
	e := &s.asked[out%uint64(len(s.asked))]
	e.out, e.at = uint32(out), now
}

// askedForSound notes a request, and reports whether the answer to another one for the same packet is still on its way: browsers ask each 20 ms.
// A packet that is asked for was lost, although the report will count it as received.
func (s *slot) askedForSound(now time.Time, out uint64) bool {
	if s.asked == nil {
		s.asked = &soundRequests{}
	}
	e := &s.asked[out%uint64(len(s.asked))]
	if e.out != uint32(out) {
		s.askedSound++
	} else if now.Sub(e.at) < s.peer.rtt {
		return true
	}
	e.out, e.at = uint32(out), now
	return false
}

// sendSound sends one packet of sound, and copies of others behind it where the receiver loses many.
func (w *worker) sendSound(s *slot, out uint64, origin *forward.Origin, marker bool, payload []byte) {
	copies := s.peer.redundancy.Copies()
	if s.line.nack || copies > 0 {
		s.recordAudio(out, origin)
	}
	w.write(s, s.payload, s.ssrc, out, origin, marker, nil, nil, payload)
	switch late := out != s.selector.Last(); {
	case late && s.line.nack:
		s.sentLate(w.now, out)
	case copies > 0 && !late: // a late one is a repeat already
		w.copySound(s, out, copies)
	}
	w.count.Audio++
	w.count.AudioBytes += uint64(len(payload))
}

// copySound lets packets of sound leave once more behind the newest one, unasked: the last, and of two copies the one three before, so that
// a burst of lost packets does not take all of one. A copy is equal to the byte, so the receiver drops it as a replay where the packet arrived,
// whether or not it is encrypted end to end. RED (RFC 2198) would take less of the path, but Chromium splits it above a transform of encoded
// frames, which therefore gets several sealed frames as one.
func (w *worker) copySound(s *slot, newest uint64, copies int) {
	for _, back := range copyDistances[:copies] {
		if newest <= back || !s.peer.mayCopy(w.now) {
			return
		}
		if w.repeatSound(s, newest-back) == forward.Kept {
			w.count.SoundCopies++
		}
	}
}

// repeatSound sends a packet of sound again, if it is the slot's present owner's and still there.
func (w *worker) repeatSound(s *slot, out uint64) forward.Drop {
	_, origin, ok := s.sent.Find(uint16(out), s.selector.Last())
	if !ok {
		return forward.HistoryGone
	}
	stored, ok := s.flow.encodings[origin.Encoding].history.Get(origin.Ext)
	if !ok {
		return forward.HistoryGone
	}
	return w.writeAgain(s, out, &origin, &stored, nil)
}

// soundReport takes a report block on a slot of sound: how many packets left since the last one, and how many of them did not arrive. After
// a long silence it counts none: copies mend single losses, no outage.
func (s *slot) soundReport(now time.Time, b []byte) (sent, lost int) {
	total := int(int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8) // 24 bits, signed
	sent = int(s.packets - s.reportedPackets)
	numbers := int(s.selector.Last() - s.reportedSeq)
	lost = max(total-s.reportedLost+sent-numbers, s.askedSound) // packets that never reached us are no loss of this path
	cut := s.reportedAt.IsZero() || now.Sub(s.reportedAt) > soundReportGap
	s.reportedPackets, s.reportedSeq, s.reportedLost, s.reportedAt = s.packets, s.selector.Last(), total, now
	s.askedSound = 0
	if cut {
		return 0, 0
	}
	return sent, lost
}
