package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"alcove/loadtest/pace"
)

// A Real is a pion PeerConnection with its usual interceptors: it requests lost packets and retransmits requested ones.
type Real struct {
	pc            *webrtc.PeerConnection
	pacer         *pace.Pacer
	sink          *Sink
	sources       []*source
	tracks        []*webrtc.TrackLocalStaticRTP // of sources, in order
	slots         Slots                         // in the offer so far
	closed        chan struct{}
	once          sync.Once
	connected     chan struct{} // closed when connected
	connectedOnce sync.Once
	readers       sync.WaitGroup
}

func newReal(local netip.Addr, p *pace.Pacer, sink *Sink, sources []*source) (*Real, error) {
	api, err := pionAPI(local)
	if err != nil {
		return nil, err
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	r := &Real{pc: pc, pacer: p, sink: sink, sources: sources, closed: make(chan struct{}), connected: make(chan struct{})}
	for _, s := range sources {
		if err := r.publish(s); err != nil {
			return nil, errors.Join(err, pc.Close())
		}
	}
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { r.read(t) })
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		switch s {
		case webrtc.PeerConnectionStateConnected:
			r.connectedOnce.Do(func() { close(r.connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			r.once.Do(func() { close(r.closed) })
		}
	})
	return r, nil
}

// pionAPI supports Opus, VP8 and RTX only, as PROTOCOL.md requires.
func pionAPI(local netip.Addr) (*webrtc.API, error) {
	m := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
	for _, c := range []struct {
		webrtc.RTPCodecParameters
		kind webrtc.RTPCodecType
	}{
		{webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
		}, PayloadType: opusPayload}, webrtc.RTPCodecTypeAudio},
		{webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: feedback,
		}, PayloadType: vp8Payload}, webrtc.RTPCodecTypeVideo},
		{webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", vp8Payload),
		}, PayloadType: vp8Payload + 1}, webrtc.RTPCodecTypeVideo},
	} {
		if err := m.RegisterCodec(c.RTPCodecParameters, c.kind); err != nil {
			return nil, err
		}
	}
	registry := &interceptor.Registry{}
	if err := errors.Join(webrtc.ConfigureNack(m, registry), webrtc.ConfigureRTCPReports(registry),
		webrtc.ConfigureTWCCHeaderExtensionSender(m, registry), webrtc.ConfigureTWCCSender(m, registry)); err != nil {
		return nil, err
	}
	s := webrtc.SettingEngine{LoggerFactory: discardLogger{}}
	s.SetIncludeLoopbackCandidate(local.IsLoopback())
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.SetHostAcceptanceMinWait(0) // nominate at once
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(s)), nil
}

func (r *Real) publish(s *source) error {
	mime := webrtc.MimeTypeOpus
	if s.video {
		mime = webrtc.MimeTypeVP8
	}
	t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, sourceName(s.video), "own")
	if err != nil {
		return err
	}
	tr, err := r.pc.AddTransceiverFromTrack(t, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return err
	}
	r.tracks = append(r.tracks, t)
	r.readers.Go(func() {
		for {
			packets, _, err := tr.Sender().ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				switch p.(type) {
				case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
					s.keyWanted.Store(true)
				}
			}
		}
	})
	return nil
}

// Offer describes the connection, with more m-lines where there are more slots.
func (r *Real) Offer(slots Slots) (string, []Track, error) {
	kinds := []webrtc.RTPCodecType{}
	for range max(slots.Pairs-r.slots.Pairs, 0) {
		kinds = append(kinds, webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo)
	}
	for range max(slots.Screens-r.slots.Screens, 0) {
		kinds = append(kinds, webrtc.RTPCodecTypeVideo)
	}
	for _, k := range kinds {
		_, err := r.pc.AddTransceiverFromKind(k, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			return "", nil, err
		}
	}
	r.slots = Slots{max(slots.Pairs, r.slots.Pairs), max(slots.Screens, r.slots.Screens)}
	o, err := r.pc.CreateOffer(nil)
	if err != nil {
		return "", nil, err
	}
	if err := r.pc.SetLocalDescription(o); err != nil {
		return "", nil, err
	}
	var tracks []Track
	for _, tr := range r.pc.GetTransceivers() {
		for i, t := range r.tracks {
			if tr.Sender() != nil && tr.Sender().Track() == t {
				tracks = append(tracks, Track{tr.Mid(), sourceName(r.sources[i].video)})
			}
		}
	}
	return r.pc.LocalDescription().SDP, tracks, nil
}

// Answered takes the server's description and waits until media may flow.
func (r *Real) Answered(ctx context.Context, sdp string, via func(netip.AddrPort) netip.AddrPort) error {
	if via != nil {
		sdp = Redirect(sdp, via)
	}
	if err := r.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	select {
	case <-r.connected:
		return nil
	case <-r.closed:
		return errGone
	case <-ctx.Done():
		return fmt.Errorf("ICE or DTLS: %w", ctx.Err())
	}
}

// Redirect puts other addresses into the candidates of a description.
func Redirect(sdp string, via func(netip.AddrPort) netip.AddrPort) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		if f := strings.Fields(line); strings.HasPrefix(line, "a=candidate:") && len(f) >= 8 {
			if addr, err := netip.ParseAddr(f[4]); err == nil {
				var port uint16
				if _, err := fmt.Sscan(f[5], &port); err == nil {
					to := via(netip.AddrPortFrom(addr, port))
					f[4], f[5] = to.Addr().String(), fmt.Sprint(to.Port())
					line = strings.Join(f, " ") + "\r\n"
				}
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

// Start starts the sources.
func (r *Real) Start(random *rand.Rand) {
	now := pace.Now()
	for i, s := range r.sources {
		phase := time.Duration(random.Int64N(int64(s.profile.Interval)))
		r.pacer.Add(now+phase, true, func(due, _ time.Duration) (time.Duration, bool) {
			return due + s.profile.Interval, r.send(s, r.tracks[i], due)
		})
	}
}

func (r *Real) send(s *source, t *webrtc.TrackLocalStaticRTP, due time.Duration) bool {
	select {
	case <-r.closed:
		return false
	default:
	}
	if s.muted.Load() {
		return true
	}
	ts := s.prepare(due)
	for i := range s.bufs {
		p := rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: uint16(s.seq), Timestamp: ts, Marker: s.video && i == len(s.bufs)-1},
			Payload: s.stamped(i, due),
		}
		_ = t.WriteRTP(&p)
		s.seq++
	}
	return true
}

func (r *Real) read(t *webrtc.TrackRemote) {
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		if len(p.Payload) == 0 {
			continue
		}
		now := pace.Now()
		in := Packet{SSRC: p.SSRC, Seq: p.SequenceNumber, Video: t.Kind() == webrtc.RTPCodecTypeVideo, Marker: p.Marker, Payload: p.Payload}
		if len(p.CSRC) > 0 {
			in.CSRC = p.CSRC[0]
		}
		r.sink.Batch()
		r.sink.Receive(now, in)
		r.sink.Unlock()
	}
}

// Closed ends with the connection.
func (r *Real) Closed() <-chan struct{} { return r.closed }

// Close ends the PeerConnection. One that is not polite lets its transport vanish first.
func (r *Real) Close(polite bool) {
	r.once.Do(func() { close(r.closed) })
	if !polite {
		_ = r.pc.SCTP().Transport().ICETransport().Stop()
	}
	_ = r.pc.Close()
	r.readers.Wait()
}
