package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/stun/v4"

	"alcove/loadtest/pace"
)

// An External is a light connection for servers of another protocol: the caller carries the descriptions. It either sends, then it
// offers and the server answers; or it receives, then the server offers and it answers.
//
//	Offer ──► server's answer ──► Connect            Answer(server's offer) ──► server knows ──► Connect
type External struct {
	light  *Light
	sink   *Sink
	random *rand.Rand
}

// NewExternal opens a connection's socket; shapes are its sources, nil for none.
func NewExternal(env *Env, group *Group, audio, video *MediaProfile) (*External, error) {
	id, err := env.sharedIdentity()
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	var sources []*source
	if audio != nil {
		sources = append(sources, newSource(*audio, false, random))
	}
	if video != nil {
		sources = append(sources, newSource(*video, true, random))
	}
	p := &External{sink: group.NewSink(), random: random}
	if p.light, err = newLight(env.Local, id, env.Pacer, p.sink, sources); err != nil {
		return nil, err
	}
	p.light.external.Store(true)
	return p, nil
}

// Offer describes the sources and the candidate: a server of trickle ICE would wait for one.
func (p *External) Offer() string {
	sdp, _ := p.light.offerLight(Slots{})
	return strings.ReplaceAll(sdp, "a=setup:active\r\n", "a=setup:active\r\n"+p.candidate())
}

func (p *External) candidate() string {
	at := p.light.sock.Local
	return fmt.Sprintf("a=candidate:1 1 udp 2130706431 %s %d typ host\r\na=end-of-candidates\r\n", at.Addr(), at.Port())
}

// An offeredLine line is an m-line of a server's offer.
type offeredLine struct {
	kind, port, mid, direction string
	formats                    []string
}

var errFormats = errors.New("client: the offer has an m-line without our payload types")

// readOffer lists the m-lines of an offer (RFC 8866, section 5.14).
func readOffer(sdp string) ([]offeredLine, error) {
	var lines []offeredLine
	for text := range strings.Lines(sdp) {
		text = strings.TrimSpace(text)
		if f := strings.Fields(strings.TrimPrefix(text, "m=")); strings.HasPrefix(text, "m=") && len(f) > 3 {
			lines = append(lines, offeredLine{kind: f[0], port: f[1], formats: f[3:], direction: "sendrecv"})
			continue
		}
		if len(lines) == 0 {
			continue
		}
		line := &lines[len(lines)-1]
		switch key, value, _ := strings.Cut(strings.TrimPrefix(text, "a="), ":"); key {
		case "mid":
			line.mid = value
		case "sendonly", "recvonly", "sendrecv", "inactive":
			line.direction = key
		}
	}
	for _, l := range lines {
		if want := map[string]int{"audio": opusPayload, "video": vp8Payload}[l.kind]; l.formats[0] != fmt.Sprint(want) {
			return nil, fmt.Errorf("%w: %s %v", errFormats, l.kind, l.formats)
		}
	}
	return lines, nil
}

// Answer takes every line of an offer that carries something, without feedback but for key frames.
func (p *External) Answer(offer string) (string, error) {
	lines, err := readOffer(offer)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	l := p.light
	l.version++
	fmt.Fprintf(&b, "v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE", l.version)
	for _, line := range lines {
		b.WriteString(" " + line.mid)
	}
	b.WriteString("\r\na=msid-semantic: WMS *\r\n")
	for _, line := range lines {
		direction, port := "recvonly", "9"
		if line.direction == "inactive" || line.direction == "recvonly" {
			direction = "inactive"
		}
		if line.port == "0" {
			port = "0"
		}
		codec := "opus/48000/2"
		if line.kind == "video" {
			codec = "VP8/90000"
		}
		pt := line.formats[0]
		fmt.Fprintf(&b, "m=%s %s UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=%s\r\na=rtcp-mux\r\n", line.kind, port, pt, line.mid, direction)
		fmt.Fprintf(&b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:active\r\n%s", l.ufrag, l.pwd, l.identity.fingerprint, p.candidate())
		fmt.Fprintf(&b, "a=rtpmap:%s %s\r\n", pt, codec)
		if line.kind == "video" {
			fmt.Fprintf(&b, "a=rtcp-fb:%s nack pli\r\na=rtcp-fb:%s ccm fir\r\n", pt, pt)
		}
	}
	return b.String(), nil
}

// Connect connects with the server's description and starts sending. Later calls are no-ops.
func (p *External) Connect(ctx context.Context, description string) error {
	l := p.light
	if l.keys.Load() != nil {
		return nil
	}
	r, err := parseAnswer(description)
	if err != nil {
		return err
	}
	l.server, l.to = r, r.candidates[0]
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	free := context.AfterFunc(ctx, func() { l.Close(false) }) // the handshake's readers
	defer free()
	ours, theirs := make(chan struct{}), make(chan struct{})
	connecting, done := context.WithCancel(ctx)
	defer done()
	go p.repeatCheck(connecting)
	go p.handleChecks(ours, theirs)
	select {
	case <-ours:
	case <-ctx.Done():
		return fmt.Errorf("ICE: %w", ctx.Err())
	}
	patience := time.After(checkPatience)
	select {
	case <-theirs:
		<-time.After(checkSettle)
	case <-patience:
	case <-ctx.Done():
	}
	k, err := l.handshake(ctx)
	if err != nil {
		return err
	}
	l.keys.Store(k)
	l.Start(p.random)
	l.pacer.Add(pace.Now()+keyFrameWait, false, func(due, _ time.Duration) (time.Duration, bool) {
		return due + keyFrameWait, p.requestKeyFrames()
	})
	return nil
}

// Times for servers that check as well, before they take a handshake: one that comes earlier is dropped, and DTLS repeats only
// after a second (RFC 6347, section 4.2.4.1).
const (
	checkPatience = 200 * time.Millisecond // until their check arrives
	checkSettle   = 10 * time.Millisecond  // until they have processed our answer
)

// keyFrameWait is how long a receiver waits for a key frame before it asks for one, as Chromium's.
const keyFrameWait = 200 * time.Millisecond

// requestKeyFrames requests missing key frames (RFC 4585, section 6.3.1). Runs on the pacer.
func (p *External) requestKeyFrames() bool {
	if p.light.isClosed() {
		return false
	}
	for _, block := range p.sink.awaitingKeyFrame() {
		p.light.sendRTCP(
			&rtcp.ReceiverReport{SSRC: p.light.ssrc, Reports: []rtcp.ReceptionReport{block}},
			&rtcp.PictureLossIndication{SenderSSRC: p.light.ssrc, MediaSSRC: block.SSRC},
		)
	}
	return true
}

// awaitingKeyFrame reports on the video streams that have begun without a key frame. Some servers know a feedback message only by
// the report before it.
func (s *Sink) awaitingKeyFrame() []rtcp.ReceptionReport {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	var all []rtcp.ReceptionReport
	for ssrc, st := range s.streams {
		if first, known := s.first[ssrc]; known && st.video && first.KeyFrame == 0 {
			all = append(all, st.report(ssrc, pace.Now()))
		}
	}
	return all
}

// repeatCheck repeats the nominating check until the connection is established, as browsers do.
func (p *External) repeatCheck(ctx context.Context) {
	ticker := time.NewTicker(checkRepeat)
	defer ticker.Stop()
	for {
		if request, err := p.light.binding(); err == nil {
			_, _ = p.light.sock.WriteTo(request.Raw, p.light.to)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// handleChecks closes ours on the first answer to a check. It answers the checks of servers that are not content with ours (RFC 8445,
// section 7.3) until the connection ends, and closes theirs on the first.
func (p *External) handleChecks(ours, theirs chan<- struct{}) {
	l := p.light
	for {
		select {
		case raw := <-l.answers:
			m := &stun.Message{Raw: raw}
			if m.Decode() != nil {
				continue
			}
			switch {
			case m.Type == stun.BindingSuccess && stun.NewShortTermIntegrity(l.server.pwd).Check(m) == nil:
				ours = closeOnce(ours)
			case m.Type == stun.BindingRequest && stun.NewShortTermIntegrity(l.pwd).Check(m) == nil:
				l.answerCheck(m)
				theirs = closeOnce(theirs)
			}
		case <-l.closed:
			return
		}
	}
}

// closeOnce closes a channel once.
func closeOnce(c chan<- struct{}) chan<- struct{} {
	if c != nil {
		close(c)
	}
	return nil
}

// answerCheck answers a check.
func (l *Light) answerCheck(request *stun.Message) {
	mapped := &stun.XORMappedAddress{IP: l.to.Addr().AsSlice(), Port: int(l.to.Port())}
	m, err := stun.Build(request, stun.BindingSuccess, mapped, stun.NewShortTermIntegrity(l.pwd), stun.Fingerprint)
	if err == nil {
		_, _ = l.sock.WriteTo(m.Raw, l.to)
	}
}

// FirstPackets returns when each source was first received, by SSRC if the server sets no CSRC.
func (p *External) FirstPackets() map[uint32]FirstArrival { return p.sink.FirstPackets() }

// Close closes DTLS and the connection.
func (p *External) Close() {
	p.light.Close(true)
	p.sink.Close()
}
