package sfu

import (
	"slices"
	"time"

	"alcove/sfu/forward"
)

// A publication is one source of one peer, as it comes in. Owned by the worker.
type publication struct {
	peer        *peer
	line        *line
	send        Send // what the plan says; zero: nothing may pass
	main        *stream
	history     forward.History
	level       forward.Level
	subscribers []*slot

	keyWanted bool
	keyAsked  time.Time
	lastCame  time.Time

	// the client's last sender report (RFC 3550, section 6.4.1)
	reported  bool
	reportRTP uint32
	reportNTP time.Duration // since 1970, the client's clock
	reportLSR uint32        // middle 32 bits of the NTP timestamp
	reportAt  time.Time

	bytes   int // since bitsAt
	bitsAt  time.Time
	bitrate int // bit/s, of the last second
}

// A stream is one incoming SSRC of a publication: the source itself or its repeats (RFC 4588).
type stream struct {
	publication *publication
	ssrc        uint32
	repeats     bool
	track       forward.Track
}

func newPublication(p *peer, l *line) *publication {
	pub := &publication{peer: p, line: l}
	if l.ssrc != 0 {
		pub.bind(l.ssrc, false)
	}
	if l.rtxSSRC != 0 {
		pub.bind(l.rtxSSRC, true)
	}
	return pub
}

// bind lets an SSRC belong to this publication.
func (pub *publication) bind(ssrc uint32, repeats bool) *stream {
	if len(pub.peer.streams) >= maxPeerSSRCs || pub.peer.streams[ssrc] != nil {
		return nil
	}
	s := &stream{publication: pub, ssrc: ssrc, repeats: repeats}
	pub.peer.streams[ssrc] = s
	if !repeats {
		pub.main = s
	}
	return s
}

func (pub *publication) clockRate() uint32 {
	if pub.line.kind == "audio" {
		return 48000
	}
	return 90000
}

// permit takes what the plan says. What was muted and is live again continues in a fresh picture, and without a gap.
func (pub *publication) permit(sends []Send) {
	was := pub.send
	pub.send = Send{}
	if i := slices.IndexFunc(sends, func(s Send) bool { return s.Source == pub.line.source }); i >= 0 {
		pub.send = sends[i]
	}
	if was.ID != pub.send.ID {
		pub.dismiss() // under its new name it must be announced first
	}
	if pub.open() && was.Muted {
		for _, s := range pub.subscribers {
			s.restart()
		}
	}
}

// dismiss ends the flow to all subscribers.
func (pub *publication) dismiss() {
	for len(pub.subscribers) > 0 {
		pub.subscribers[0].detach()
	}
}

// open reports whether the plan lets this publication pass.
func (pub *publication) open() bool { return pub.send.ID != "" && !pub.send.Muted }

// wantKey asks the source for a key frame: once for all who want it, and again until it comes (RFC 4585, section 6.3.1).
func (pub *publication) wantKey() {
	pub.keyWanted = true
	pub.askKey(pub.peer.worker.now)
}

func (pub *publication) askKey(now time.Time) {
	if pub.keyWanted && pub.open() && pub.peer.connected() && now.Sub(pub.keyAsked) >= keyFrameRepeat {
		pub.keyAsked = now
		pub.peer.sendPLI(pub)
	}
}

// put stores what came and measures the rate.
func (pub *publication) put(ext uint64, h *forward.Header, payload []byte) {
	now := pub.peer.worker.now
	pub.lastCame = now
	pub.history.Put(ext, h.Timestamp, h.Marker, payload)
	pub.bytes += len(payload)
	if since := now.Sub(pub.bitsAt); since >= time.Second {
		pub.bitrate = int(int64(pub.bytes) * 8 * int64(time.Second) / int64(since))
		pub.bytes, pub.bitsAt = 0, now
	}
}

// rtpAt is the source's RTP timestamp at a moment of our clock, from its sender reports.
func (pub *publication) rtpAt(now time.Time) (uint32, bool) {
	if !pub.reported || !pub.peer.clockKnown {
		return 0, false
	}
	elapsed := time.Duration(now.UnixNano()) - pub.peer.clockOffset - pub.reportNTP
	return pub.reportRTP + uint32(int64(elapsed)*int64(pub.clockRate())/int64(time.Second)), true
}
