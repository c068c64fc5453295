package sfu

import (
	"slices"
	"time"

	"alcove/sfu/forward"
)

// A publication is one incoming source of a peer: one encoding, or several of a simulcast (RFC 8853). Owned by the worker.
type publication struct {
	peer        *peer
	line        *mLine
	send        Send // entry of the plan; zero: nothing may pass
	encodings   []*encoding
	level       forward.Level
	subscribers []*slot
	tapped      *tapSubscription // nil: the plan does not let it be recorded

	limit    forward.Limit // of all incoming packets
	bucket   forward.Bucket
	excess   excess
	withheld bool // audio that stayed above the limit: blocked until the plan mutes it

	openSince       time.Time // since when the plan lets it pass
	suppressed      bool      // not among the loudest in a large room
	keyFramesWanted uint8     // bit of each encoding whose key frame a receiver waits for
	keyRequestedAt  time.Time
	wanted          []string // RIDs that the client was last asked to send
	unwantedSince   time.Time
	topMissingSince time.Time // since when the highest wanted encoding is missing; zero while it arrives
}

// An encoding is one quality of a publication, the lowest first.
type encoding struct {
	publication   *publication
	rid           string // empty without simulcast
	index         int
	main          *stream // the SSRC in use, nil before the first
	repeats       *stream // the same of its repeats
	history       *forward.History
	key           storedKeyFrame    // the newest, of video
	structure     forward.Structure // of the Dependency Descriptor
	hasDescriptor bool              // once a Dependency Descriptor was seen, the payload is never parsed
	height        int               // pixels, 0 unknown

	missingSince time.Time // since when it is wanted and missing while another arrives; zero while it arrives
	absentSince  time.Time // since when it counts as not sent by the client; zero while it does not

	limit  forward.Limit // of its own packets, without padding and retransmissions; video only
	bucket forward.Bucket

	lastArrival time.Time
	bytes       int // since bitsAt
	baseBits    int // of them, in the lowest temporal layer
	bitsAt      time.Time
	bitrate     int // bit/s, of the last second
	baseRate    int // the same, of the lowest temporal layer
	wire        wireMeter

	// the client's last sender report (RFC 3550, section 6.4.1)
	reported  bool
	reportRTP uint32
	reportNTP time.Duration // since 1970, the client's clock
	reportLSR uint32        // middle 32 bits of the NTP timestamp
	reportAt  time.Time
}

func newPublication(p *peer, l *mLine) *publication {
	pub := &publication{peer: p, line: l}
	rids := l.rids
	for _, rid := range rids { // untold, a client sends all that its offer did not pause
		if !slices.Contains(l.paused, rid) {
			pub.wanted = append(pub.wanted, rid)
		}
	}
	if len(rids) == 0 {
		rids = []string{""}
	}
	for i, rid := range rids {
		e := &encoding{publication: pub, rid: rid, index: i}
		e.history = &forward.History{}
		pub.encodings = append(pub.encodings, e)
	}
	pub.limits(p.worker.engine.allowed(l.source))
	pub.bindAnnounced(l)
	return pub
}

// bindAnnounced binds the SSRCs that an offer names. In a simulcast they say nothing of RIDs.
func (pub *publication) bindAnnounced(l *mLine) {
	if len(pub.line.rids) > 0 {
		return
	}
	if l.ssrc != 0 {
		pub.encodings[0].bind(l.ssrc, false)
	}
	if l.rtxSSRC != 0 {
		pub.encodings[0].bind(l.rtxSSRC, true)
	}
}

// encoding finds a quality by its RID.
func (pub *publication) encoding(rid string) *encoding {
	for _, e := range pub.encodings {
		if e.rid == rid {
			return e
		}
	}
	return nil
}

func (pub *publication) video() bool { return pub.line.kind == "video" }

// repeatable reports whether lost packets are asked for again: sound only where that takes no longer than it is held back.
func (pub *publication) repeatable() bool {
	return pub.video() || pub.line.nack && pub.peer.rtt <= audioNackRTT
}

func (pub *publication) clockRate() uint32 {
	if pub.video() {
		return 90000
	}
	return 48000
}

// applyPermissions applies an entry of the plan. An unmuted publication continues with a key frame, without a sequence gap.
func (pub *publication) applyPermissions(sends []Send) {
	was, wasOpen := pub.send, pub.open()
	pub.send = Send{}
	if i := slices.IndexFunc(sends, func(s Send) bool { return s.Source == pub.line.source }); i >= 0 {
		pub.send = sends[i]
	}
	if was.ID != pub.send.ID || was.CSRC != pub.send.CSRC {
		pub.detachAll() // under its new name it must be announced first; for the CSRC see Send
	}
	pub.withheld = pub.withheld && !pub.send.Muted // the room was notified, and unmutes it when it may continue
	pub.updateTap()
	if !pub.open() {
		for _, s := range pub.subscribers {
			s.peer.forgetPaced(s)
		}
	}
	if pub.open() && (!wasOpen || was.ID != pub.send.ID) {
		pub.openSince = pub.peer.worker.now
	}
	if pub.open() && was.Muted {
		pub.forgetAbsent()
		for _, s := range pub.subscribers {
			s.restart()
		}
		if pub.tapped != nil {
			pub.tapped.restart()
		}
	}
}

// detachAll ends the flow to all subscribers, the recorder included.
func (pub *publication) detachAll() {
	for len(pub.subscribers) > 0 {
		pub.subscribers[0].detach()
	}
	pub.endTap()
}

// watched reports whether any slot or the recorder needs the packets.
func (pub *publication) watched() bool { return len(pub.subscribers) > 0 || pub.tapped != nil }

// open reports whether the plan lets this publication pass.
func (pub *publication) open() bool {
	return pub.send.ID != "" && !pub.send.Muted && !pub.withheld
}

// requestKeyFrame asks the source for a key frame of an encoding: one request for all receivers, repeated until the key frame arrives (RFC 4585,
// section 6.3.1). One request brings those of all encodings.
func (e *encoding) requestKeyFrame() {
	pub := e.publication
	pub.keyFramesWanted |= 1 << e.index
	pub.sendKeyFrameRequest(pub.peer.worker.now)
}

func (pub *publication) sendKeyFrameRequest(now time.Time) {
	if pub.keyFramesWanted == 0 || !pub.open() || !pub.peer.connected() || now.Sub(pub.keyRequestedAt) < keyFrameRepeat {
		return
	}
	for _, e := range pub.encodings {
		if e.main != nil && pub.keyFramesWanted&(1<<e.index) != 0 {
			pub.keyRequestedAt = now
			pub.peer.sendPLI(e)
			return
		}
	}
}

// store stores a packet and measures the rate.
func (e *encoding) store(now time.Time, ext uint64, h *forward.Header, temporal uint8, payload []byte) {
	e.lastArrival = now
	e.history.Put(ext, h.Timestamp, h.Marker, temporal, payload)
	e.key.bytes += len(payload)
	if e.wire.add(now, len(payload), temporal == 0) {
		e.publication.encodingBegan()
	}
	e.bytes += len(payload)
	if temporal == 0 {
		e.baseBits += 8 * len(payload)
	}
	if since := now.Sub(e.bitsAt); since >= time.Second {
		perSecond := func(bits int) int { return int(int64(bits) * int64(time.Second) / int64(since)) }
		e.bitrate, e.baseRate = perSecond(8*e.bytes), perSecond(e.baseBits)
		e.bytes, e.baseBits, e.bitsAt = 0, 0, now
	}
}

// encodingBegan lets receivers that wait for an encoding look again.
func (pub *publication) encodingBegan() {
	for _, s := range pub.subscribers {
		if s.limited && s.peer.bandwidth != nil {
			s.peer.bandwidth.due = true
		}
	}
}

// alive reports whether the encoding arrives: browsers omit encodings that their path cannot carry.
func (e *encoding) alive(now time.Time) bool {
	return e.main != nil && now.Sub(e.lastArrival) < aliveFor
}

// rtpAt is the source's RTP timestamp at a moment of our clock, from its sender reports.
func (e *encoding) rtpAt(now time.Time) (uint32, bool) {
	pub := e.publication
	if !e.reported || !pub.peer.clockKnown {
		return 0, false
	}
	elapsed := time.Duration(now.UnixNano()) - pub.peer.clockOffset - e.reportNTP
	return e.reportRTP + uint32(int64(elapsed)*int64(pub.clockRate())/int64(time.Second)), true
}
