package client

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/pion/rtcp"

	"alcove/loadtest/pace"
)

// Counts of one kind of media, of a group of receivers. Figures only grow.
type Counts struct {
	Packets    uint64        `json:"packets"`   // each once
	Bytes      uint64        `json:"bytes"`     // of payload
	Lost       int64         `json:"lost"`      // so far: numbers of a slot that never arrived
	Reordered  uint64        `json:"reordered"` // arrived after a later one
	Duplicates uint64        `json:"duplicates"`
	Withheld   uint64        `json:"withheld"` // sent by the publisher and left out by the server, with the numbers closed up
	Frames     uint64        `json:"frames"`   // that arrived whole
	KeyFrames  uint64        `json:"keyFrames"`
	Freezes    uint64        `json:"freezes"`
	Frozen     time.Duration `json:"frozenNs"`
	Foreign    uint64        `json:"foreign"` // without a stamp of ours
}

// Add sums up.
func (c *Counts) Add(o Counts) {
	c.Packets, c.Bytes, c.Lost, c.Reordered = c.Packets+o.Packets, c.Bytes+o.Bytes, c.Lost+o.Lost, c.Reordered+o.Reordered
	c.Duplicates, c.Withheld, c.Frames, c.KeyFrames = c.Duplicates+o.Duplicates, c.Withheld+o.Withheld, c.Frames+o.Frames, c.KeyFrames+o.KeyFrames
	c.Freezes, c.Frozen, c.Foreign = c.Freezes+o.Freezes, c.Frozen+o.Frozen, c.Foreign+o.Foreign
}

// Since returns the difference to earlier counts.
func (c Counts) Since(o Counts) Counts {
	return Counts{
		c.Packets - o.Packets, c.Bytes - o.Bytes, c.Lost - o.Lost, c.Reordered - o.Reordered, c.Duplicates - o.Duplicates,
		c.Withheld - o.Withheld, c.Frames - o.Frames, c.KeyFrames - o.KeyFrames, c.Freezes - o.Freezes, c.Frozen - o.Frozen, c.Foreign - o.Foreign,
	}
}

// A Measurement holds the results of a group for audio or video.
type Measurement struct {
	Counts
	Latency   *hdrhistogram.Histogram // from the publisher's socket to the receiver's, since the last Take
	Corrected *hdrhistogram.Histogram // from when the packet was due
	Jitter    *hdrhistogram.Histogram // inter-arrival jitter (RFC 3550, section 6.4.1), one value for each stream and Take
}

func newMedium() Measurement {
	return Measurement{Latency: pace.NewHistogram(), Corrected: pace.NewHistogram(), Jitter: pace.NewHistogram()}
}

// A Group collects the measurements of several receivers, usually those of one room.
type Group struct {
	mu    sync.Mutex
	audio Measurement // Guarded by mu, as all of its sinks.
	video Measurement
	sinks []*Sink
}

// NewGroup opens empty books.
func NewGroup() *Group { return &Group{audio: newMedium(), video: newMedium()} }

// Take returns the counts so far and the histograms since the last Take, and resets the histograms.
func (g *Group) Take() (audio, video Measurement) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.sinks {
		for _, st := range s.streams {
			if st.jitter > 0 {
				pace.Record(g.measurement(st.video).Jitter, st.jitter)
			}
		}
	}
	audio, video = g.audio, g.video
	fresh := newMedium()
	fresh.Counts = audio.Counts
	g.audio = fresh
	fresh = newMedium()
	fresh.Counts = video.Counts
	g.video = fresh
	return audio, video
}

func (g *Group) measurement(video bool) *Measurement {
	if video {
		return &g.video
	}
	return &g.audio
}

// A Sink measures one receiver. Guarded by the group's mu.
type Sink struct {
	group   *Group
	streams map[uint32]*stream      // by SSRC: one for each slot that carried something
	first   map[uint32]FirstArrival // by CSRC
}

// FirstArrival returns when a source was first received; zero: never.
type FirstArrival struct{ Packet, KeyFrame time.Duration }

// NewSink adds a receiver.
func (g *Group) NewSink() *Sink {
	s := &Sink{group: g, streams: map[uint32]*stream{}, first: map[uint32]FirstArrival{}}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sinks = append(g.sinks, s)
	return s
}

// Close takes the sink's streams out of the jitter; its counts stay.
func (s *Sink) Close() {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	s.streams = map[uint32]*stream{}
}

// FirstPackets copies when each source was first seen since the sink was opened or Forget was called.
func (s *Sink) FirstPackets() map[uint32]FirstArrival {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	all := make(map[uint32]FirstArrival, len(s.first))
	for csrc, f := range s.first {
		all[csrc] = f
	}
	return all
}

// Forget begins a new connection: other SSRCs, other firsts.
func (s *Sink) Forget() {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	s.streams, s.first = map[uint32]*stream{}, map[uint32]FirstArrival{}
}

// A Packet is one decrypted RTP packet.
type Packet struct {
	SSRC, CSRC uint32
	Seq        uint16
	Video      bool
	Marker     bool
	Payload    []byte
}

// Batch locks the books for some packets; the caller calls Unlock.
func (s *Sink) Batch() { s.group.mu.Lock() }

// Unlock ends a batch.
func (s *Sink) Unlock() { s.group.mu.Unlock() }

// Receive takes one packet within a batch.
func (s *Sink) Receive(now time.Duration, p Packet) {
	st := s.streams[p.SSRC]
	if st == nil {
		st = &stream{video: p.Video}
		s.streams[p.SSRC] = st
	}
	m := s.group.measurement(p.Video)
	if !st.updateSequence(m, p) {
		return
	}
	m.Packets++
	m.Bytes += uint64(len(p.Payload))
	mark, ours := readStamp(p.Payload)
	if !ours {
		m.Foreign++
		return
	}
	pace.Record(m.Latency, now-mark.sent)
	pace.Record(m.Corrected, now-mark.sent+mark.late)
	s.noteFirst(now, p)
	st.updateTiming(now, m, mark, p)
}

func (s *Sink) noteFirst(now time.Duration, p Packet) {
	f, known := s.first[p.CSRC]
	key := p.Video && keyFrame(p.Payload)
	if key {
		s.group.video.KeyFrames++
	}
	if known && (f.KeyFrame != 0 || !key) {
		return
	}
	if !known {
		f.Packet = now
	}
	if key {
		f.KeyFrame = now
	}
	s.first[p.CSRC] = f
}

// Replayed counts a packet that SRTP refused as a repeat, within a batch.
func (s *Sink) Replayed(video bool) { s.group.measurement(video).Duplicates++ }

// reports are the report blocks of all streams that moved since the last call (RFC 3550, section 6.4.1).
func (s *Sink) reports(at time.Duration) []rtcp.ReceptionReport {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	var blocks []rtcp.ReceptionReport
	for ssrc, st := range s.streams {
		if len(blocks) < 31 && st.started {
			blocks = append(blocks, st.report(ssrc, at))
		}
	}
	return blocks
}

// withoutKeyFrame lists the slots whose video never began with a key frame.
func (s *Sink) withoutKeyFrame() (ssrcs []uint32) {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	for ssrc, st := range s.streams {
		if st.video && st.started && s.first[st.csrc].KeyFrame == 0 {
			ssrcs = append(ssrcs, ssrc)
		}
	}
	return ssrcs
}

// senderReport remembers the middle of a sender report's NTP time, within a batch.
func (s *Sink) senderReport(ssrc, middle uint32) {
	if st := s.streams[ssrc]; st != nil {
		st.senderReport, st.senderReportAt = middle, pace.Now()
	}
}
