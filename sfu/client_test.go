package sfu

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// A testRoom stands for the policy: it announces every slot map at once and remembers the newest.
type testRoom struct {
	t   *testing.T
	e   *Engine
	net *virtualNet // nil: clients use real sockets
	*Room
	mu       sync.Mutex
	maps     map[PeerID][]SlotOwner
	version  map[PeerID]uint64 // of maps
	speakers []PeerID
	failed   atomic.Bool
	hold     atomic.Bool // do not announce
}

func newEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := New(Config{Listen: "127.0.0.1:0", Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func openRoom(t *testing.T, e *Engine) *testRoom {
	t.Helper()
	r := &testRoom{t: t, e: e, maps: map[PeerID][]SlotOwner{}, version: map[PeerID]uint64{}}
	var err error
	r.Room, err = e.Open(func(ev Event) {
		switch ev := ev.(type) {
		case SlotsMapped:
			r.mu.Lock()
			r.maps[ev.Peer], r.version[ev.Peer] = ev.Slots, ev.Version
			r.mu.Unlock()
			if !r.hold.Load() {
				go r.Announced(ev.Peer, ev.Version)
			}
		case SpeakersChanged:
			r.mu.Lock()
			r.speakers = ev.Peers
			r.mu.Unlock()
		case Failed:
			r.failed.Store(true)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *testRoom) slotMap(id PeerID) []SlotOwner {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.maps[id]
}

// fullPlan is a plan in which every peer receives every other. CSRCs are 10, 20, 30 … plus 0 for audio, 1 for the camera, 2 for the screen.
func fullPlan(ids ...PeerID) Plan {
	var p Plan
	for i, id := range ids {
		s := PlanEntry{Peer: id}
		for j, source := range []Source{Microphone, Camera, Screen} {
			s.Sends = append(s.Sends, Send{
				ID: fmt.Sprintf("%s-%s", id, source), Source: source, CSRC: uint32(10*(i+1) + j), Muted: source == Screen,
			})
		}
		for _, other := range ids {
			if other != id {
				s.Receives = append(s.Receives, other)
			}
		}
		p.Entries = append(p.Entries, s)
	}
	return p
}

func (r *testRoom) applyPlan(p Plan) {
	r.t.Helper()
	done := make(chan struct{})
	r.Apply(p, func() { close(done) })
	receive(r.t, done, "the plan in force")
}

func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// eventually polls what other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}

// A testClient is a real pion client.
type testClient struct {
	changeOffer  func(string) string // of the SDP, nil: none
	changeAnswer func(string) string
	t            *testing.T
	room         *testRoom
	id           PeerID
	pc           *webrtc.PeerConnection
	audio        *webrtc.TrackLocalStaticRTP
	video        *webrtc.TrackLocalStaticRTP
	seq          uint16
	pairs        int
	plis         atomic.Int64
	mu           sync.Mutex
	got          map[uint32][]*rtp.Packet // by CSRC
	closed       chan struct{}
}

func newAPI(t *testing.T, settings func(*webrtc.SettingEngine)) *webrtc.API {
	t.Helper()
	return newAPIWith(t, nil, settings)
}

// An extendAPI adds to what a client negotiates.
type extendAPI func(*testing.T, *webrtc.MediaEngine, *interceptor.Registry)

// nackInterceptors answers NACKs, and requests lost packets of video.
func nackInterceptors(t *testing.T, m *webrtc.MediaEngine, r *interceptor.Registry) {
	if err := webrtc.ConfigureNack(m, r); err != nil {
		t.Fatal(err)
	}
}

// audioNackInterceptors do the same of audio.
func audioNackInterceptors(t *testing.T, m *webrtc.MediaEngine, r *interceptor.Registry) {
	m.RegisterFeedback(webrtc.RTCPFeedback{Type: "nack"}, webrtc.RTPCodecTypeAudio)
	nackInterceptors(t, m, r)
}

func newAPIWith(t *testing.T, extend extendAPI, settings func(*webrtc.SettingEngine)) *webrtc.API {
	t.Helper()
	m := &webrtc.MediaEngine{}
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	vp8 := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}}
	rtx := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=96"}
	for _, c := range []struct {
		webrtc.RTPCodecParameters
		kind webrtc.RTPCodecType
	}{
		{webrtc.RTPCodecParameters{RTPCodecCapability: opus, PayloadType: 111}, webrtc.RTPCodecTypeAudio},
		{webrtc.RTPCodecParameters{RTPCodecCapability: vp8, PayloadType: 96}, webrtc.RTPCodecTypeVideo},
		{webrtc.RTPCodecParameters{RTPCodecCapability: rtx, PayloadType: 97}, webrtc.RTPCodecTypeVideo},
	} {
		if err := m.RegisterCodec(c.RTPCodecParameters, c.kind); err != nil {
			t.Fatal(err)
		}
	}
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	s.SetHostAcceptanceMinWait(0) // nominates at once
	if settings != nil {
		settings(&s)
	}
	registry := &interceptor.Registry{}
	if extend != nil {
		extend(t, m, registry)
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s), webrtc.WithInterceptorRegistry(registry))
}

func newClient(r *testRoom, id PeerID, pairs int) *testClient {
	r.t.Helper()
	return newClientWith(r, id, pairs, nil)
}

func newClientWith(r *testRoom, id PeerID, pairs int, settings func(*webrtc.SettingEngine)) *testClient {
	r.t.Helper()
	if r.net != nil {
		return r.net.clientWith(r, id, pairs, settings).testClient
	}
	c := newClientOn(r, id, newAPI(r.t, settings))
	c.sendAll()
	c.addPairs(pairs)
	return c
}

// sendAll adds a microphone and a camera.
func (c *testClient) sendAll() {
	c.t.Helper()
	c.audio, c.video = c.send(webrtc.MimeTypeOpus), c.send(webrtc.MimeTypeVP8)
}

// newClientOn creates a client without m-lines.
func newClientOn(r *testRoom, id PeerID, api *webrtc.API) *testClient {
	r.t.Helper()
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		r.t.Fatal(err)
	}
	c := &testClient{t: r.t, room: r, id: id, pc: pc, got: map[uint32][]*rtp.Packet{}, closed: make(chan struct{})}
	r.t.Cleanup(c.close)
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := t.ReadRTP()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.got[p.CSRC[0]] = append(c.got[p.CSRC[0]], p)
			c.mu.Unlock()
		}
	})
	return c
}

func (c *testClient) addPairs(n int) {
	c.t.Helper()
	for range n {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if _, err := c.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

func (c *testClient) send(mime string) *webrtc.TrackLocalStaticRTP {
	c.t.Helper()
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, mime, "own")
	if err != nil {
		c.t.Fatal(err)
	}
	tr, err := c.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		c.t.Fatal(err)
	}
	go func() {
		for {
			packets, _, err := tr.Sender().ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				if _, ok := p.(*rtcp.PictureLossIndication); ok {
					c.plis.Add(1)
				}
			}
		}
	}()
	return track
}

// offer negotiates; the error is that of Room.Answer.
func (c *testClient) offer(generation uint32) (Answer, error) {
	c.t.Helper()
	answer, err := c.ask(generation)
	if err == nil {
		if c.changeAnswer != nil {
			answer.SDP = c.changeAnswer(answer.SDP)
		}
		if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
			c.t.Fatalf("the answer does not parse: %v\n%s", err, answer.SDP)
		}
	}
	return answer, err
}

// described is the offer as it goes out.
func (c *testClient) described() string {
	sdp := c.pc.LocalDescription().SDP
	if c.changeOffer != nil {
		sdp = c.changeOffer(sdp)
	}
	return sdp
}

// ask offers and leaves the answer to the caller.
func (c *testClient) ask(generation uint32) (Answer, error) {
	c.t.Helper()
	o, err := c.pc.CreateOffer(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.pc.SetLocalDescription(o); err != nil {
		c.t.Fatal(err)
	}
	return c.put(generation)
}

// put sends the local description.
func (c *testClient) put(generation uint32) (Answer, error) {
	c.t.Helper()
	type result struct {
		Answer
		error
	}
	done := make(chan result, 1)
	c.room.Answer(Offer{
		Peer: c.id, Generation: generation, SDP: c.described(),
		Tracks: []Track{{MID: "0", Source: Microphone}, {MID: "1", Source: Camera}},
	}, func() error { return nil }, func(a Answer, err error) { done <- result{a, err} })
	r := receive(c.t, done, "an answer")
	return r.Answer, r.error
}

func (c *testClient) join() {
	c.t.Helper()
	if _, err := c.offer(1); err != nil {
		c.t.Fatal(err)
	}
	c.connected()
}

func (c *testClient) connected() {
	c.t.Helper()
	eventually(c.t, string(c.id)+" connected", func() bool {
		return c.pc.ConnectionState() == webrtc.PeerConnectionStateConnected
	})
}

func (c *testClient) close() {
	select {
	case <-c.closed:
	default:
		close(c.closed)
		_ = c.pc.Close()
	}
}

// vanish ends the client's transport without a word to the server: pion's agent goes before DTLS could say goodbye.
func (c *testClient) vanish() {
	_ = c.pc.SCTP().Transport().ICETransport().Stop()
	c.close()
}

// say sends one packet of audio and one of video, a key frame if asked for.
func (c *testClient) say(key bool) {
	c.seq++
	frame := []byte{0x10, 0x01, byte(c.seq), byte(c.seq >> 8), 0, 0, 0, 0, 0, 0, 0}
	if key {
		frame[1] = 0x00
	}
	ts := uint32(c.seq) * 960
	errA := c.audio.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: c.seq, Timestamp: ts}, Payload: []byte("opus" + string(c.id))})
	errV := c.video.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: c.seq, Timestamp: ts * 90 / 48, Marker: true}, Payload: frame})
	if err := errors.Join(errA, errV); err != nil && !strings.Contains(err.Error(), "closed") {
		c.t.Error(err)
	}
}

func (c *testClient) count(csrc uint32) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got[csrc])
}

func (c *testClient) packets(csrc uint32) []*rtp.Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*rtp.Packet(nil), c.got[csrc]...)
}

// sendUntil makes all clients send until ok holds.
func sendUntil(t *testing.T, what string, clients []*testClient, ok func() bool) {
	t.Helper()
	n := 0
	eventually(t, what, func() bool {
		for _, c := range clients {
			c.say(n%20 == 0)
		}
		n++
		return ok()
	})
}

func (c *testClient) nack(media uint32, seq uint16) {
	c.t.Helper()
	err := c.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: media, Nacks: []rtcp.NackPair{{PacketID: seq}}}})
	if err != nil {
		c.t.Fatal(err)
	}
}
