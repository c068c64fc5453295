package sfu

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"alcove/sfu/internal/simnet"
)

// simulcastHeights are the heights of the encodings q, h and f.
var simulcastHeights = map[string]int{"q": 180, "h": 360, "f": 720}

// A simulcaster is a pion client whose camera sends three encodings, as browsers do: it pauses those that nobody wants, and sends a key
// frame for each PLI.
type simulcaster struct {
	*testClient
	senders map[string]*webrtc.TrackLocalStaticRTP
	mid     string
	midExt  uint8
	ridExt  uint8
	frames  uint32            // so far
	seqs    map[string]uint16 // of each encoding: a paused one does not advance
	tl0     uint8             // TL0PICIDX (RFC 7741)

	mu     sync.Mutex
	wanted []string        // Guarded by mu.
	keys   map[string]bool // Guarded by mu. Encodings that owe a key frame.
}

// simulcastExtensions registers the extensions that identify encodings (RFC 8843, RFC 8852).
func simulcastExtensions(t *testing.T, m *webrtc.MediaEngine, r *interceptor.Registry) {
	nackInterceptors(t, m, r)
	for _, uri := range []string{"urn:ietf:params:rtp-hdrext:sdes:mid", "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"} {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
	}
}

// addSimulcast joins a client that publishes audio and a camera with three encodings.
func (v *virtualNet) addSimulcast(r *testRoom, id PeerID) *simulcaster {
	v.t.Helper()
	s := &simulcaster{senders: map[string]*webrtc.TrackLocalStaticRTP{}, seqs: map[string]uint16{}, keys: map[string]bool{}}
	s.testClient = v.clientOf(r, id, simulcastExtensions, nil, func(c *testClient) {
		c.audio = c.send(webrtc.MimeTypeOpus)
		s.addCamera(c)
	}).testClient
	events := r.events
	r.events = func(e Event) {
		if w, ok := e.(EncodingsWanted); ok && w.Peer == id {
			s.mu.Lock()
			s.wanted = w.RIDs
			s.mu.Unlock()
		}
		events(e)
	}
	s.join()
	return s
}

func (s *simulcaster) addCamera(c *testClient) {
	c.t.Helper()
	var sender *webrtc.RTPSender
	for _, rid := range []string{"q", "h", "f"} {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "camera", "own", webrtc.WithRTPStreamID(rid))
		if err != nil {
			c.t.Fatal(err)
		}
		s.senders[rid] = track
		if sender != nil {
			if err := sender.AddEncoding(track); err != nil {
				c.t.Fatal(err)
			}
			continue
		}
		tr, err := c.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			c.t.Fatal(err)
		}
		sender, s.mid = tr.Sender(), "1"
	}
	for _, e := range sender.GetParameters().HeaderExtensions {
		switch e.URI {
		case "urn:ietf:params:rtp-hdrext:sdes:mid":
			s.midExt = uint8(e.ID)
		case "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id":
			s.ridExt = uint8(e.ID)
		}
	}
	for rid := range s.senders {
		go s.readRTCP(sender, rid)
	}
}

// readRTCP notes the key frames that are requested of one encoding.
func (s *simulcaster) readRTCP(sender *webrtc.RTPSender, rid string) {
	for {
		packets, _, err := sender.ReadSimulcastRTCP(rid)
		if err != nil {
			return
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				s.mu.Lock()
				s.keys[rid] = true
				s.mu.Unlock()
			}
		}
	}
}

// record sends 25 frames a second of each wanted encoding.
func (s *simulcaster) record(d time.Duration) {
	for range int(d / (40 * time.Millisecond)) {
		s.frames++
		for rid, track := range s.senders {
			s.mu.Lock()
			send, key := s.wanted == nil || slices.Contains(s.wanted, rid), s.keys[rid]
			delete(s.keys, rid)
			s.mu.Unlock()
			if !send {
				continue
			}
			s.seqs[rid]++
			p := &rtp.Packet{
				Header:  rtp.Header{Version: 2, SequenceNumber: s.seqs[rid], Timestamp: s.frames * 3600, Marker: true},
				Payload: vp8Frame(simulcastHeights[rid], key || s.seqs[rid] == 1),
			}
			if err := p.Header.SetExtension(s.midExt, []byte(s.mid)); err != nil {
				s.t.Error(err)
			}
			if err := p.Header.SetExtension(s.ridExt, []byte(rid)); err != nil {
				s.t.Error(err)
			}
			if err := track.WriteRTP(p); err != nil {
				s.t.Error(err)
			}
		}
		time.Sleep(40 * time.Millisecond)
	}
}

// vp8Frame is a frame whose size stands in a key frame's header (RFC 6386, section 9.1) and, so that tests can tell encodings apart, in
// the last two bytes of every frame.
func vp8Frame(height int, key bool) []byte {
	width := height * 16 / 9
	frame := []byte{0x10, 0x01, 0, 0}
	if key {
		frame = []byte{0x10, 0x00, 0, 0, 0x9d, 0x01, 0x2a, byte(width), byte(width >> 8), byte(height), byte(height >> 8)}
	}
	return append(append(frame, make([]byte, 40)...), byte(height), byte(height>>8))
}

// heights returns the heights of the frames that a client received from a publication, from the nth on.
func (c *testClient) heights(csrc uint32, from int) []int {
	var all []int
	for _, p := range c.packets(csrc)[from:] {
		n := len(p.Payload)
		all = append(all, int(p.Payload[n-2])|int(p.Payload[n-1])<<8)
	}
	return all
}

// TestVirtualLayerSwitch changes what b displays: the slot switches to the smallest encoding that fills the view, at a key frame, in one
// sequence of numbers, and a pauses the encodings that have no receiver.
func TestVirtualLayerSwitch(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		r.applyPlan(fullPlan("a", "b"))
		a := v.addSimulcast(r, "a")
		b := v.client(r, "b", simnet.Link{Delay: 30 * time.Millisecond})
		b.join()
		a.record(3 * time.Second)
		for _, c := range []struct {
			view, want int
			wanted     []string
		}{{720, 720, []string{"f"}}, {150, 180, []string{"q"}}, {300, 360, []string{"h"}}, {1080, 720, []string{"f"}}} {
			r.View("b", View{Heights: map[string]int{"a-camera": c.view}})
			a.record(5 * time.Second)
			from := b.count(11)
			a.record(2 * time.Second)
			got := b.heights(11, from)
			if len(got) < 45 || slices.Min(got) != c.want || slices.Max(got) != c.want {
				t.Errorf("view of %d: %d frames with heights %v", c.view, len(got), slices.Compact(got))
			}
			a.mu.Lock()
			if !slices.Equal(a.wanted, c.wanted) {
				t.Errorf("view of %d: encodings %v are wanted", c.view, a.wanted)
			}
			a.mu.Unlock()
		}
		checkSwitches(t, b.packets(11))
		r.View("b", View{Heights: map[string]int{"a-camera": 0}})
		a.record(time.Second)
		from := b.count(11)
		a.record(2 * time.Second)
		if n := b.count(11) - from; n != 0 {
			t.Errorf("%d frames for a hidden video", n)
		}
	})
}

// checkSwitches checks that numbers have no gap and that the height changes at key frames only.
func checkSwitches(t *testing.T, packets []*rtp.Packet) {
	t.Helper()
	height, switches := 0, 0
	for i, p := range packets {
		if i > 0 && p.SequenceNumber != packets[i-1].SequenceNumber+1 {
			t.Fatalf("packet %d has number %d after %d", i, p.SequenceNumber, packets[i-1].SequenceNumber)
		}
		n := len(p.Payload)
		h := int(p.Payload[n-2]) | int(p.Payload[n-1])<<8
		if h != height {
			switches++
			if p.Payload[1]&1 != 0 {
				t.Errorf("packet %d switches from %d to %d without a key frame", i, height, h)
			}
		}
		height = h
	}
	if switches < 4 {
		t.Errorf("%d switches", switches)
	}
}
