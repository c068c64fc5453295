package sfu

import (
	"net/netip"
	"slices"
	"time"

	"github.com/pion/interceptor/pkg/twcc"

	"alcove/sfu/forward"
)

// A peer is one PeerConnection of a member. Until it is adopted it belongs to its setup; then all but id, generation,
// worker, offer and transport is owned by the worker, and offer is only read.
type peer struct {
	// The fields that each packet needs are adjacent and first, as in slot.
	closed     bool
	keyUsedUp  bool        // keys: it ends with the next tick
	borrowed   bool        // transport belongs to another peer: this one only carries an offer to it
	ended      bool        // transport is closed, or about to be
	exact      bool        // repeats leave under their old number (no RTX): to the byte as before, so nothing is padded
	audioQueue packetQueue // pending packets, see outbox.go
	videoQueue packetQueue
	videoBits  int        // sent to this peer since the last report of loss
	bandwidth  *bandwidth // nil unless packets to this peer have transport-wide numbers
	keys       keys
	remote     netip.AddrPort // the selected address, validated; invalid before
	limit      int            // the largest datagram that the path is known to take, in bytes

	id         PeerID
	generation uint32
	worker     *worker
	offer      *offer
	transport  *transport
	agent      *agent       // nil in tests without ICE
	restarting *credentials // of an offer that restarts ICE, until it is adopted. Owned by its setup.
	local      local

	member       *member
	ssrc         uint32             // sender of our RTCP
	streams      map[uint32]*stream // incoming, by SSRC
	publications []*publication
	slots        []*slot
	slotOf       map[uint32]*slot // outgoing, by SSRC
	path         pathMTU

	feedback     *twcc.Recorder
	twccExt      uint8
	feedbackDue  time.Time
	reportDue    time.Time
	rtt          time.Duration
	clockOffset  time.Duration // our wall clock minus the client's NTP clock, the least seen
	clockKnown   bool
	estimate     forward.BandwidthEstimate
	lossBudget   int // video packets that were reported on and not counted as lost
	videoSince   time.Time
	control      forward.Bucket // of incoming RTCP
	redundancy   forward.Redundancy
	copyTokens   float64 // copies of sound that may leave
	copyAt       time.Time
	audioResends float64 // packets of sound that may be sent again
	resendTokens float64 // the same of video
	resendAt     time.Time

	readySince time.Time    // since when media can flow
	replays    replayBudget // of what it gets from history
	starting   bool         // in startSlots

	heardAt time.Time // last authenticated media or RTCP
	line    forward.LineQuality
	sample  forward.LineSample // of the next rating
}

// start creates the structures of an adopted peer.
func (p *peer) start(m *member) {
	p.member, m.peer = m, p
	p.ssrc = randomSSRC()
	p.streams, p.slotOf = map[uint32]*stream{}, map[uint32]*slot{}
	p.feedback = twcc.NewRecorder(p.ssrc)
	p.resendTokens, p.audioResends = nackBudget, audioNackBurst
	p.worker.peers = append(p.worker.peers, p)
	p.addLines(p.offer)
	if p.agent != nil {
		p.agent.start()
	}
}

// renegotiated takes the m-lines that a second offer added.
func (p *peer) renegotiated(next *peer) {
	for _, pub := range p.publications {
		was, now := p.offer.line(pub.line.mid), next.offer.line(pub.line.mid)
		if was.ssrc != now.ssrc || was.rtxSSRC != now.rtxSSRC { // else the packets may know a newer one
			pub.bindAnnounced(now)
		}
	}
	p.local = next.local
	p.addLines(next.offer)
	if next.restarting != nil && p.agent != nil {
		p.agent.restart(next.restarting)
	}
}

// addLines creates publications and slots for new m-lines.
func (p *peer) addLines(o *offer) {
	known := map[string]bool{}
	p.offer = o
	for _, pub := range p.publications {
		known[pub.line.mid] = true
	}
	for _, s := range p.slots {
		known[s.line.mid] = true
	}
	for i := range o.lines {
		l := &o.lines[i]
		if l.use == useNone || known[l.mid] {
			continue
		}
		if l.use == usePublish {
			p.publications = append(p.publications, newPublication(p, l))
			if l.twccExt != 0 {
				p.twccExt = l.twccExt
			}
			continue
		}
		s := newSlot(p, l)
		if s.numberExt != 0 && p.bandwidth == nil {
			p.bandwidth = newBandwidth(p.worker.now)
		}
		s.index = uint16(len(p.slots))
		p.slots = append(p.slots, s)
		p.slotOf[l.slotSSRC] = s
		p.exact = p.exact || s.video() && l.slotRTX == 0
	}
	p.applyPermissions(p.member.entry.Sends)
}

// applyPermissions applies the plan to each publication.
func (p *peer) applyPermissions(sends []Send) {
	for _, pub := range p.publications {
		pub.applyPermissions(sends)
	}
}

// selected takes an address that was validated and nominated: the only thing that moves the stream.
func (p *peer) selected(at netip.AddrPort) {
	if p.closed || p.member == nil {
		return
	}
	p.worker.atStep(stepSelected, p)
	if p.remote != at {
		p.newPath()
	}
	p.remote = at
	p.worker.byAddr[at] = p
	p.mediaReady()
}

// install takes the keys of a verified handshake.
func (p *peer) install(k keys) {
	if p.closed {
		return
	}
	p.worker.atStep(stepInstall, p)
	p.keys = k
	if p.agent != nil {
		p.agent.current.nominations.settle(p.worker.now)
	}
	p.worker.count.Peers++
	if k.aes128 {
		p.worker.count.AES128++
	}
	if p.member != nil {
		p.member.room.events(Connected{Peer: p.id, Generation: p.generation, AES128: k.aes128})
	}
	p.mediaReady()
}

// mediaReady asks for key frames once media can flow to this peer.
func (p *peer) mediaReady() {
	if !p.connected() {
		return
	}
	p.feedbackDue, p.reportDue = p.worker.now.Add(feedbackInterval), p.worker.now
	p.heardAt = p.worker.now
	if p.readySince.IsZero() {
		p.readySince = p.worker.now
	}
	p.startSlots(slices.DeleteFunc(slices.Clone(p.slots), func(s *slot) bool { return s.flow == nil }))
}

// connected reports whether packets may leave for this peer.
func (p *peer) connected() bool { return !p.closed && p.keys.seal != nil && p.remote.IsValid() }

// close ends the peer at once; pion's goroutines end in the background.
func (p *peer) close() {
	if p.closed {
		return
	}
	p.closed = true
	if p.keys.open != nil {
		p.worker.count.Peers--
	}
	p.keys = keys{}
	if i := slices.Index(p.worker.peers, p); i >= 0 { // not there if it was never adopted
		p.worker.peers = slices.Delete(p.worker.peers, i, i+1)
	}
	if p.agent != nil {
		p.agent.stop()
	}
	if p.worker.byAddr[p.remote] == p {
		delete(p.worker.byAddr, p.remote)
	}
	p.worker.unpace(p)
	for _, s := range p.slots {
		s.detach()
	}
	p.worker.atStep(stepClose, p)
	p.endTransport()
	m := p.member
	if m == nil || m.peer != p {
		return
	}
	m.peer, m.owners = nil, nil
	m.room.forgetNegotiated(p)
	for _, pub := range p.publications {
		pub.detachAll()
	}
	m.room.remap()
}

// tick is called every 50 ms while the peer is there, more often while packets are missing.
func (p *peer) tick() {
	if p.agent != nil && !p.agent.tick() {
		p.close()
	}
	if !p.connected() {
		return
	}
	if p.keyUsedUp {
		p.worker.flush() // pending packets leave before its end is announced
		p.close()
		return
	}
	now := p.worker.now
	p.probePath(now)
	if p.bandwidth != nil {
		p.bandwidth.tick(p, now)
	}
	p.repeatRequests(now)
	p.continueReplays(now)
	if p.twccExt != 0 && !now.Before(p.feedbackDue) {
		p.feedbackDue = now.Add(feedbackInterval)
		p.sendFeedback()
	}
	if !now.Before(p.reportDue) {
		p.reportDue = now.Add(reportInterval)
		p.sendReports(now)
		p.rateLine(now)
		p.observeEstimate(now)
		p.shareBandwidth(now)
	}
}
