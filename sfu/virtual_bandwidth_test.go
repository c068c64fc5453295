package sfu

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"alcove/sfu/bwe"
	"alcove/sfu/internal/simnet"
)

// A virtualPath is the access link of one receiver of three people, over time.
type virtualPath struct {
	name   string
	length time.Duration
	link   func(at time.Duration) simnet.Link // at: since the receiver joined
	pinned bool                               // the first of the three is shown large
	target
}

// A target is what a session over a path must reach. Zero values are not judged.
type target struct {
	from, to  time.Duration // of the following; to 0: the end
	video     int           // bit/s of all three that arrive, at least
	queue     time.Duration // in front of the line, 95 % of packets, at most
	audio     time.Duration // the same of what audio takes from end to end
	audioLost float64       // share, at most
	frozen    float64       // share of the time without a new frame for long, of the pinned or else on average of the three, at most
	frames    float64       // a second, of the same, at least
	changes   int           // of the height of one video a minute, at most
	back      time.Duration // after at, until the estimate is above rate
	at        time.Duration
	rate      int
}

// rates of a filmed camera's encodings, in bit/s.
var filmRates = map[string]int{"q": 100_000, "h": 300_000, "f": 645_000}

const (
	filmTick  = 10 * time.Millisecond
	filmFrame = 4 // ticks: 25 frames a second
	filmAudio = 2
	filmPart  = 1100 // bytes of a packet, at most
	filmKey   = 5    // a key frame is as large as so many frames
	filmBase  = 60   // percent of the bits that the lower temporal layer takes, in every second frame
)

// film sends audio and video of a camera for one tick.
func (s *simulcaster) film(tick int) {
	if tick%filmAudio == 0 {
		payload := binary.BigEndian.AppendUint64(make([]byte, 0, 80), uint64(time.Now().UnixNano()))
		s.seq++
		err := s.audio.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: s.seq, Timestamp: uint32(s.seq) * 960}, Payload: payload[:80]})
		if err != nil {
			s.t.Error(err)
		}
	}
	if tick%filmFrame != 0 {
		return
	}
	s.frames++
	for _, rid := range []string{"q", "h", "f"} {
		s.mu.Lock()
		send, key := s.wanted == nil || slices.Contains(s.wanted, rid), s.keys[rid]
		delete(s.keys, rid)
		s.mu.Unlock()
		if send {
			s.filmEncoding(rid, key || s.seqs[rid] == 0)
		}
	}
}

func (s *simulcaster) filmEncoding(rid string, key bool) {
	upper := s.frames%2 == 1 && !key
	bits := filmRates[rid] * 2 * filmFrame / 100 * filmBase / 100
	switch {
	case key:
		bits = filmRates[rid] * filmFrame / 100 * filmKey
	case upper:
		bits = filmRates[rid] * 2 * filmFrame / 100 * (100 - filmBase) / 100
	}
	temporal := byte(0)
	if upper {
		temporal = 1
	} else {
		s.tl0++
	}
	height := simulcastHeights[rid]
	parts := (bits/8 + filmPart - 1) / filmPart
	for part := range parts {
		payload := make([]byte, max(bits/8/parts, 32))
		head := []byte{0x80, 0xe0, 0x80 | byte(s.frames>>8&0x7f), byte(s.frames), s.tl0, temporal << 6, 1}
		if part == 0 {
			head[0] |= 0x10
			if key {
				width := height * 16 / 9
				head = append(head[:6], 0, 0, 0, 0x9d, 0x01, 0x2a, byte(width), byte(width>>8), byte(height), byte(height>>8))
			}
		}
		copy(payload, head)
		binary.BigEndian.PutUint16(payload[len(payload)-2:], uint16(height))
		s.seqs[rid]++
		p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: s.seqs[rid], Timestamp: s.frames * 90 * filmFrame * 10, Marker: part == parts-1}, Payload: payload}
		if err := cmp.Or(p.Header.SetExtension(s.midExt, []byte(s.mid)), p.Header.SetExtension(s.ridExt, []byte(rid)), s.senders[rid].WriteRTP(p)); err != nil {
			s.t.Error(err)
		}
	}
}

// feedbackInterceptors negotiate transport-wide feedback beside NACKs.
func feedbackInterceptors(t *testing.T, m *webrtc.MediaEngine, r *interceptor.Registry) {
	nackInterceptors(t, m, r)
	if err := cmp.Or(webrtc.ConfigureRTCPReports(r), webrtc.ConfigureTWCCSender(m, r)); err != nil {
		t.Fatal(err)
	}
}

// A virtualViewer receives three people and notes what arrives when.
type virtualViewer struct {
	*virtualClient
	began time.Time

	mu      sync.Mutex
	video   map[uint32][]viewedPacket // by CSRC. Guarded by mu, as all below.
	audio   []viewedAudio
	samples []viewedSample
}

type viewedPacket struct {
	at        time.Duration
	seq       uint16
	timestamp uint32
	begins    bool
	marker    bool
	height    int
	size      int
}

type viewedAudio struct{ sent, took time.Duration }

type viewedSample struct {
	at    time.Duration
	rate  int
	line  int
	waits []time.Duration
	lost  int
	count bwe.Counters
}

func (v *virtualNet) viewer(r *testRoom, id PeerID, pairs int, extend extendAPI) *virtualViewer {
	x := &virtualViewer{video: map[uint32][]viewedPacket{}, began: time.Now()}
	x.virtualClient = v.clientOf(r, id, extend, nil, func(c *testClient) {
		c.sendAll()
		c.addPairs(pairs)
	})
	x.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := t.ReadRTP()
			if err != nil {
				return
			}
			x.view(p)
		}
	})
	return x
}

func (x *virtualViewer) view(p *rtp.Packet) {
	x.mu.Lock()
	defer x.mu.Unlock()
	at := time.Since(x.began)
	if p.PayloadType == 111 {
		sent := time.Unix(0, int64(binary.BigEndian.Uint64(p.Payload))).Sub(x.began)
		x.audio = append(x.audio, viewedAudio{sent, at - sent})
		return
	}
	if len(p.Payload) < 8 {
		return
	}
	x.video[p.CSRC[0]] = append(x.video[p.CSRC[0]], viewedPacket{
		at, p.SequenceNumber, p.Timestamp, p.Payload[0]&0x10 != 0, p.Marker,
		int(binary.BigEndian.Uint16(p.Payload[len(p.Payload)-2:])), len(p.Payload),
	})
}

// watch lets three people be filmed for a viewer behind a path.
func (v *virtualNet) watch(path *virtualPath, extend extendAPI) *virtualViewer {
	r := v.room()
	plan := fullPlan("a", "b", "c", "v")
	for i := range plan.Entries[:3] {
		plan.Entries[i].Receives = nil
	}
	r.applyPlan(plan)
	var people []*simulcaster
	for _, id := range []PeerID{"a", "b", "c"} {
		people = append(people, v.addSimulcast(r, id))
	}
	x := v.viewer(r, "v", 3, extend)
	x.conn.SetLink(path.link(0))
	if path.pinned {
		r.View("v", View{Heights: map[string]int{"a-camera": 720, "b-camera": 180, "c-camera": 180}})
	}
	x.join()
	x.began = time.Now()
	for tick := range int(path.length / filmTick) {
		if tick%10 == 0 {
			x.sample(path)
		}
		for i, s := range people {
			s.film(tick + i)
		}
		time.Sleep(filmTick)
	}
	return x
}

// sample notes the state of the line and what the server knows of it.
func (x *virtualViewer) sample(path *virtualPath) {
	at := time.Since(x.began)
	link := path.link(at)
	x.conn.SetLink(link)
	s := viewedSample{at: at, line: link.Rate}
	s.waits, _, s.lost = x.conn.Squeezed()
	done := make(chan bool)
	x.room.worker.submit(func() {
		if p := x.room.members["v"].peer; p != nil {
			s.rate = p.rate()
			if p.bandwidth != nil {
				s.count = p.bandwidth.estimator.Counters
			}
		}
		done <- true
	})
	<-done
	x.samples = append(x.samples, s)
}

// A viewed is what became of a session.
type viewed struct {
	video     int
	queue     time.Duration
	audio     time.Duration
	audioLost float64
	frozen    float64
	frames    float64
	changes   int
	back      time.Duration
}

// longGap is a pause between two frames that people see.
const longGap = 300 * time.Millisecond

// result sums up what arrived.
func (x *virtualViewer) result(path *virtualPath) viewed {
	x.mu.Lock()
	defer x.mu.Unlock()
	from, to := path.from, cmp.Or(path.to, path.length)
	in := func(at time.Duration) bool { return at >= from && at < to }
	var r viewed
	for csrc, list := range x.video {
		bits, heights := 0, map[uint32]int{}
		seen := map[uint64]bool{}
		for _, p := range list {
			id := uint64(p.timestamp)<<16 | uint64(p.seq)
			if !in(p.at) || seen[id] {
				continue
			}
			seen[id] = true
			bits += 8 * p.size
			heights[p.timestamp] = p.height
		}
		height := 0
		for _, timestamp := range slices.Sorted(maps.Keys(heights)) {
			if height != 0 && heights[timestamp] != height {
				r.changes++
			}
			height = heights[timestamp]
		}
		r.video += int(float64(bits) / (to - from).Seconds())
		frames, frozen := wholeFrames(list, from, to)
		if path.pinned && csrc == 11 {
			r.frames, r.frozen = frames, frozen
		} else if !path.pinned {
			r.frames, r.frozen = r.frames+frames/3, r.frozen+frozen/3
		}
	}
	r.changes = int(float64(r.changes) / (to - from).Minutes())
	var took, waits []time.Duration
	for _, a := range x.audio {
		if in(a.sent) {
			took = append(took, a.took)
		}
	}
	r.audioLost = 1 - float64(len(took))/(3*float64(to-from)/float64(filmAudio*filmTick))
	for _, s := range x.samples {
		if in(s.at) {
			waits = append(waits, s.waits...)
		}
	}
	r.audio, r.queue = p95(took), p95(waits)
	r.back = x.backAfter(path)
	return r
}

// backAfter returns how long the estimate took to come back.
func (x *virtualViewer) backAfter(path *virtualPath) time.Duration {
	for _, s := range x.samples {
		if s.at >= path.at && s.rate >= path.rate {
			return s.at - path.at
		}
	}
	return path.length - path.at
}

func p95(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)*95/100]
}

// wholeFrames returns how many frames a second arrived whole, and the share of the time in long gaps between them.
func wholeFrames(list []viewedPacket, from, to time.Duration) (rate, frozen float64) {
	type frame struct {
		first, last uint16
		begins, end bool
		packets     int
		at          time.Duration
	}
	frames := map[uint32]*frame{}
	seen := map[uint64]bool{}
	for _, p := range list {
		id := uint64(p.timestamp)<<16 | uint64(p.seq)
		if seen[id] {
			continue
		}
		seen[id] = true
		f := frames[p.timestamp]
		if f == nil {
			f = &frame{}
			frames[p.timestamp] = f
		}
		f.packets++
		f.at = max(f.at, p.at)
		if p.begins {
			f.first, f.begins = p.seq, true
		}
		if p.marker {
			f.last, f.end = p.seq, true
		}
	}
	var whole []time.Duration
	for _, f := range frames {
		if f.begins && f.end && f.packets == int(f.last-f.first)+1 && f.at >= from && f.at < to {
			whole = append(whole, f.at)
		}
	}
	slices.Sort(whole)
	last, gaps := from, time.Duration(0)
	for _, at := range append(whole, to) {
		if at-last > longGap {
			gaps += at - last
		}
		last = at
	}
	return float64(len(whole)) / (to - from).Seconds(), float64(gaps) / float64(to-from)
}

func (r viewed) String() string {
	return fmt.Sprintf("video %d kbit/s, %.1f frames/s, frozen %.1f %%, audio %v lost %.1f %%, queue %v, %d changes/min, back %v",
		r.video/1000, r.frames, 100*r.frozen, r.audio.Round(time.Millisecond), 100*r.audioLost, r.queue.Round(time.Millisecond), r.changes, r.back.Round(100*time.Millisecond))
}

// timeline describes a session second by second.
func (x *virtualViewer) timeline() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var b strings.Builder
	for i, s := range x.samples {
		if i%10 != 0 {
			continue
		}
		fmt.Fprintf(&b, "%3.0f s: line %5d estimate %5d queue %4v", s.at.Seconds(), s.line/1000, s.rate/1000, p95(append([]time.Duration(nil), s.waits...)).Round(time.Millisecond))
		for _, csrc := range []uint32{11, 21, 31} {
			height, frames, bits := 0, 0, 0
			for _, p := range x.video[csrc] {
				if p.at >= s.at && p.at < s.at+time.Second {
					height, bits = p.height, bits+8*p.size
					if p.marker {
						frames++
					}
				}
			}
			fmt.Fprintf(&b, " | %3d p %2d/s %4d", height, frames, bits/1000)
		}
		if c := s.count; i > 0 {
			was := x.samples[i-10].count
			fmt.Fprintf(&b, " | decreases %d, undone %d, for loss %d, own %d, futile %d, probes %d, useful %d, silences %d", c.Decreases-was.Decreases, c.Undone-was.Undone,
				c.LossDecreases-was.LossDecreases, c.OwnLoss-was.OwnLoss, c.Futile-was.Futile, c.Probes-was.Probes, c.ProbesUseful-was.ProbesUseful, c.Silences-was.Silences)
		}
		b.WriteString("\n")
	}
	return b.String()
}
