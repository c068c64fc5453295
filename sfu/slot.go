package sfu

import (
	"slices"
	"time"

	"alcove/sfu/forward"
)

// A slot is one sending m-line of a peer. Its SSRC never changes; the CSRC identifies the publication that it carries. Owned by the
// worker.
type slot struct {
	// The fields that each packet needs are adjacent and first: on an idle server all of them are outside the cache.
	peer           *peer
	target         *encoding    // encoding to switch to at its next key frame; nil: nothing
	current        *encoding    // encoding that passes; nil before the first
	flow           *publication // the source once it was announced to the client; nil before
	ssrc           uint32
	payload        uint8  // type
	numberExt      uint8  // header extension of the transport-wide number, 0: its packets have none
	isVideo        bool   // else audio
	unallocated    bool   // no bandwidth was given to it yet
	baseOnly       bool   // only the lowest temporal layer
	standby        bool   // the path may soon be too narrow, see wants
	limited        bool   // the path is too narrow for what the view needs
	paused         bool   // the path is too narrow for this video; it resumes only with some bandwidth to spare
	replaying      bool   // it gets its packets from history: what arrives waits there; current is set
	pacedFrame     bool   // the pacer takes the frame of pacedTimestamp
	pacedKey       bool   // which is a key frame
	pacedLane      int    // where its packets wait
	waiting        int    // how many of them
	pacedTimestamp uint32 // of the source
	index          uint16 // of the peer's slots
	packets        uint32 // sent, for sender reports
	octets         uint32
	round          uint64            // of the outbox, in which this slot's packets wait
	tooLongSize    int               // bytes of the last datagram that was larger than the path takes, 0: none
	sent           forward.SentIndex // begins with the first packet
	selector       forward.Selector

	line            *mLine
	asked           *soundRequests // nil before the first, or of video
	askedSound      int            // different packets, since the last report
	source          *publication   // of the newest slot map; nil: empty
	replayNext      uint64         // of replaying: number of the next packet
	nextRTX         uint64         // index of the next repeat (RFC 4588), from 1
	numbers         *numberLog     // nil unless its packets have transport-wide numbers and repeats leave without RTX
	reportedPackets uint32         // packets, at the last report of this receiver
	reportedSeq     uint64         // the newest number, then
	reportedLost    int            // total loss at that time
	reportedAt      time.Time      // when that was
	checkedPackets  uint32         // packets, at the last look of the cross-check
	tooLongAt       time.Time      // when that was
	keyRequestedAt  time.Time      // when this receiver last asked for a key frame
}

func newSlot(p *peer, l *mLine) *slot {
	s := &slot{peer: p, line: l, ssrc: l.slotSSRC, payload: l.payload, isVideo: l.kind == "video", nextRTX: 1, numberExt: l.numberExt()}
	if s.numberExt != 0 && l.slotRTX == 0 {
		s.numbers = new(numberLog)
	}
	s.selector = forward.Selector{ClockRate: 90000, Video: true}
	if l.kind == "audio" {
		s.selector = forward.Selector{ClockRate: 48000}
	}
	return s
}

func (s *slot) video() bool { return s.isVideo }

// assignPairs assigns every received peer one pair, as long as there are pairs.
func (p *peer) assignPairs(receives []*member) {
	audio, video := map[int]*slot{}, map[int]*slot{}
	holder := map[int]*peer{}
	for _, s := range p.slots {
		switch s.line.slotKind {
		case slotAudio:
			audio[s.line.slotIndex] = s
		case slotVideo:
			video[s.line.slotIndex] = s
		default:
			continue
		}
		if s.source != nil {
			holder[s.line.slotIndex] = s.source.peer
		}
	}
	placed := map[*peer]bool{}
	for i, h := range holder {
		if h.closed || !slices.Contains(receives, h.member) {
			holder[i] = nil
		} else {
			placed[h] = true
		}
	}
	free := 0
	for _, m := range receives {
		if m.peer == nil || placed[m.peer] || len(m.peer.publications) == 0 {
			continue
		}
		for free < len(audio) && holder[free] != nil {
			free++
		}
		if free == len(audio) {
			break // more people than slots: the room asks the client for a larger offer
		}
		holder[free] = m.peer
	}
	for i, s := range audio {
		s.source = holder[i].find(Microphone)
	}
	for i, s := range video {
		s.source = holder[i].find(Camera)
	}
}

// assignScreens assigns the slots for screens to the live screens.
func (p *peer) assignScreens(receives []*member) {
	var live []*publication
	for _, m := range receives {
		if pub := m.peer.find(Screen); pub != nil && pub.open() {
			live = append(live, pub)
		}
	}
	var free []*slot
	for _, s := range p.slots {
		if s.line.slotKind != slotScreen {
			continue
		}
		if i := slices.Index(live, s.source); i >= 0 {
			live = slices.Delete(live, i, i+1)
			continue
		}
		s.source = nil
		free = append(free, s)
	}
	for i := 0; i < len(free) && i < len(live); i++ {
		free[i].source = live[i]
	}
}

// find returns a peer's publication of a source, if it is in the plan.
func (p *peer) find(source Source) *publication {
	if p == nil {
		return nil
	}
	for _, pub := range p.publications {
		if pub.line.source == source && pub.send.ID != "" {
			return pub
		}
	}
	return nil
}

// attach starts the flow of the publications that were announced to the client.
func (p *peer) attach() {
	var fresh []*slot
	for _, s := range p.slots {
		if s.source == nil || s.flow != nil {
			continue
		}
		p.worker.atStep(stepAttach, p)
		s.flow = s.source
		s.flow.subscribers = append(s.flow.subscribers, s)
		s.sent.Reset()
		s.current, s.target = nil, s.flow.encodings[len(s.flow.encodings)-1].nearest(p.worker.now)
		s.unallocated = true
		fresh = append(fresh, s)
	}
	p.startSlots(fresh)
}

// detach ends the flow into this slot, at once.
func (s *slot) detach() {
	if s.flow == nil {
		return
	}
	s.peer.forgetPaced(s)
	if i := slices.Index(s.flow.subscribers, s); i >= 0 {
		s.flow.subscribers = slices.Delete(s.flow.subscribers, i, i+1)
	}
	s.flow, s.current, s.target, s.limited, s.paused, s.replaying = nil, nil, nil, false, false, false
}

// restart lets the slot continue at the next key frame, without a gap in its sequence numbers.
func (s *slot) restart() {
	s.selector.Switch()
	s.replaying = false
	if s.video() && s.target != nil && s.peer.connected() {
		s.target.requestKeyFrame()
	}
}
