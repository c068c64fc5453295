package run

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/gorilla/websocket"
	"github.com/pion/dtls/v3"
	"github.com/pion/stun/v4"

	"alcove/loadtest/pace"
	"alcove/sfu/srtp"
)

// A fakeServer implements the part of protocol v1 that light clients need, for one room. It forwards with a latency and a loss that it
// chooses and records, so that tests can compare the report with them.
type fakeServer struct {
	t       *testing.T
	http    *httptest.Server
	cert    tls.Certificate
	pacer   *pace.Pacer
	latency func(*mrand.Rand) time.Duration
	loss    float64
	early   func(*http.Request) bool // refuses a connection, for tests; nil: nobody

	mu     sync.Mutex
	peers  []*fakePeer // Guarded by mu, as all below.
	random *mrand.Rand
	truth  *hdrhistogram.Histogram // what each forwarded packet spent here, socket to socket
	sent   uint64
	lost   uint64
	people int
}

// A fakePeer is one participant.
type fakePeer struct {
	server   *fakeServer
	id       string
	ws       *websocket.Conn
	write    sync.Mutex
	seq      int
	welcomed bool // guarded by the server's mu

	sock   *net.UDPConn
	client atomic.Pointer[netip.AddrPort]
	ufrag  string
	pwd    string
	dtlsIn chan []byte
	done   chan struct{}
	ssrcs  [2]uint32 // audio, video
	csrcs  [2]uint32

	open  *srtp.Opener // Guarded by the server's mu, as all below.
	seal  *srtp.Sealer
	slots map[uint32]*fakeSlot // by CSRC
}

// A fakeSlot is one source as it is sent to one receiver.
type fakeSlot struct {
	ssrc uint32
	seq  uint64
}

func newFakeServer(t *testing.T, latency func(*mrand.Rand) time.Duration, loss float64) *fakeServer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pacer, err := pace.NewPacer()
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeServer{
		t: t, cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pacer: pacer, latency: latency, loss: loss,
		random: mrand.New(mrand.NewPCG(1, 2)), truth: pace.NewHistogram(),
	}
	pacer.Add(pace.Now(), false, f.askKeyFrames)
	f.http = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(func() {
		f.mu.Lock()
		for _, p := range f.peers {
			_ = p.ws.Close()
			_ = p.sock.Close()
		}
		f.mu.Unlock()
		f.http.Close()
		pacer.Close()
	})
	return f
}

func (f *fakeServer) serve(w http.ResponseWriter, r *http.Request) {
	if f.early != nil && f.early(r) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	up := websocket.Upgrader{Subprotocols: []string{"alcove.v1"}, CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	sock, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return
	}
	f.mu.Lock()
	f.people++
	n := uint32(f.people)
	p := &fakePeer{
		server: f, id: fmt.Sprintf("p%d", n), ws: ws, sock: sock, ufrag: fmt.Sprintf("fake%04d", n), pwd: rand.Text(),
		dtlsIn: make(chan []byte, 32), done: make(chan struct{}), csrcs: [2]uint32{10 * n, 10*n + 1}, slots: map[uint32]*fakeSlot{},
	}
	f.peers = append(f.peers, p)
	f.mu.Unlock()
	defer p.gone()
	for {
		var m struct {
			ID   string
			Type string
			Data json.RawMessage
		}
		if ws.ReadJSON(&m) != nil {
			return
		}
		p.request(m.ID, m.Type, m.Data)
	}
}

func (p *fakePeer) gone() {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	for i, o := range p.server.peers {
		if o == p {
			p.server.peers = append(p.server.peers[:i], p.server.peers[i+1:]...)
		}
	}
	close(p.done)
	_ = p.sock.Close()
	_ = p.ws.Close()
}

func (p *fakePeer) tell(v map[string]any) {
	p.write.Lock()
	defer p.write.Unlock()
	_ = p.ws.WriteJSON(v)
}

func (p *fakePeer) event(kind string, data any) {
	p.write.Lock()
	p.seq++
	seq := p.seq
	p.write.Unlock()
	p.tell(map[string]any{"seq": seq, "type": kind, "ts": time.Now().UnixMilli(), "data": data})
}

func (p *fakePeer) request(id, kind string, data json.RawMessage) {
	answer := map[string]any{}
	switch kind {
	case "hello":
		p.tell(map[string]any{"id": id, "ok": true, "data": map[string]any{
			"sessionId": "s." + p.id, "resumeSecret": "x", "participantId": p.id, "state": "admitted", "role": "participant",
			"permissions": []string{}, "pingMs": 5000, "resumeMs": 60000,
		}})
		p.server.mu.Lock()
		p.welcomed = true
		p.server.mu.Unlock()
		p.event("something.new", map[string]any{"of": "a later version"})
		p.event("media.ready", map[string]any{"generation": 0, "slots": map[string]int{"pairs": 7, "screens": 1}})
		return
	case "media.offer":
		var o struct{ SDP string }
		if json.Unmarshal(data, &o) != nil {
			p.server.t.Error("an offer is not JSON")
		}
		answer["sdp"] = p.answer(o.SDP)
		answer["slots"] = []any{}
	}
	p.tell(map[string]any{"id": id, "ok": true, "data": answer})
	if kind == "media.offer" {
		p.server.announce()
	}
}

// announce sends everybody the assignment of participants to slots.
func (f *fakeServer) announce() {
	var peers []*fakePeer
	f.mu.Lock()
	for _, p := range f.peers {
		if p.welcomed { // before, they are told nothing
			peers = append(peers, p)
		}
	}
	f.mu.Unlock()
	for _, p := range peers {
		slots := []map[string]any{}
		for i, o := range peers {
			for k, kind := range []string{"audio", "video"} {
				slots = append(slots, map[string]any{"kind": kind, "index": i, "participantId": o.id, "csrc": o.csrcs[k]})
			}
		}
		p.event("slot.map", map[string]any{"slots": slots})
	}
}

// answer parses the parts of an offer that the fake needs, and returns its answer.
func (p *fakePeer) answer(offer string) string {
	kind := 0
	for line := range strings.Lines(offer) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "m=video") {
			kind = 1
		} else if strings.HasPrefix(line, "m=audio") {
			kind = 0
		}
		if rest, ok := strings.CutPrefix(line, "a=ssrc:"); ok {
			_, _ = fmt.Sscan(rest, &p.ssrcs[kind])
		}
	}
	digest := sha256.Sum256(p.server.cert.Certificate[0])
	print := strings.ReplaceAll(fmt.Sprintf("% X", digest[:]), " ", ":")
	go p.read()
	go p.handshake()
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"+
		"a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=setup:passive\r\na=candidate:1 1 udp 1 127.0.0.1 %d typ host\r\n",
		p.ufrag, p.pwd, print, p.sock.LocalAddr().(*net.UDPAddr).Port)
}

func (p *fakePeer) read() {
	b := make([]byte, 2048)
	for {
		n, from, err := p.sock.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		now := pace.Now()
		switch {
		case b[0] < 4:
			p.stun(append([]byte(nil), b[:n]...), from)
		case b[0] < 64:
			select {
			case p.dtlsIn <- append([]byte(nil), b[:n]...):
			default:
			}
		case b[1] < 192 || b[1] >= 224:
			p.server.forward(p, now, b[:n])
		}
	}
}

// stun responds to a nominating check, as an ICE-lite server does.
func (p *fakePeer) stun(raw []byte, from netip.AddrPort) {
	m := &stun.Message{Raw: raw}
	if m.Decode() != nil || stun.NewShortTermIntegrity(p.pwd).Check(m) != nil || !m.Contains(stun.AttrUseCandidate) {
		p.server.t.Error("a check does not nominate, or is not authentic")
		return
	}
	reply, err := stun.Build(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())},
		stun.NewShortTermIntegrity(p.pwd), stun.Fingerprint)
	if err != nil {
		p.server.t.Error(err)
		return
	}
	p.client.Store(&from)
	_, _ = p.sock.WriteToUDPAddrPort(reply.Raw, from)
}

func (p *fakePeer) handshake() {
	conn, err := dtls.ServerWithOptions(fakeEnd{p}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1},
		dtls.WithCertificates(p.server.cert), dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_256_GCM),
		dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithInsecureSkipVerify(true),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret))
	if err != nil {
		p.server.t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return // the test ended
	}
	state, _ := conn.ConnectionState()
	m, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 88)
	if err != nil {
		p.server.t.Error(err)
		return
	}
	open, err1 := srtp.NewOpener(m[:32], m[64:76])
	seal, err2 := srtp.NewSealer(m[32:64], m[76:88])
	if err1 != nil || err2 != nil {
		p.server.t.Error(err1, err2)
	}
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	p.open, p.seal = open, seal
}

// askKeyFrames requests key frames for new receivers repeatedly, because a request can be lost.
func (f *fakeServer) askKeyFrames(due, _ time.Duration) (time.Duration, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.peers {
		p.askKeyFrame()
	}
	return due + 300*time.Millisecond, true
}

// askKeyFrame sends a PLI (RFC 4585, section 6.3.1). Called with the server's mu held.
func (p *fakePeer) askKeyFrame() {
	at := p.client.Load()
	if p.seal == nil || at == nil {
		return
	}
	b := append(make([]byte, 0, 64), 2<<6|1, 206, 0, 2, 0, 0, 0, 1)
	_, _ = p.sock.WriteToUDPAddrPort(p.seal.RTCP(binary.BigEndian.AppendUint32(b, p.ssrcs[1])), *at)
}

// forward sends one packet to all other participants, each copy with its own latency, or drops it.
func (f *fakeServer) forward(from *fakePeer, now time.Duration, b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if from.open == nil {
		return
	}
	header := 16 + 4*int(binary.BigEndian.Uint16(b[14:])) // no CSRC, one extension block
	plain, err := from.open.RTP(b, header)
	if err != nil {
		f.t.Errorf("a packet of %s does not open: %v", from.id, err)
		return
	}
	kind := 0
	if b[1]&0x7f == 96 {
		kind = 1
	}
	if got := binary.BigEndian.Uint32(b[8:]); got != from.ssrcs[kind] {
		f.t.Errorf("a packet has SSRC %d, the offer says %d", got, from.ssrcs[kind])
	}
	csrc := from.csrcs[kind]
	for _, to := range f.peers {
		if to == from || to.seal == nil {
			continue
		}
		s := to.slots[csrc]
		if s == nil {
			s = &fakeSlot{ssrc: csrc<<8 | 1}
			to.slots[csrc] = s
		}
		s.seq++
		f.sent++
		if f.random.Float64() < f.loss {
			f.lost++
			continue
		}
		out := append([]byte{2<<6 | 1, b[1]}, byte(s.seq>>8), byte(s.seq))
		out = append(append(out, b[4:8]...), binary.BigEndian.AppendUint32(nil, s.ssrc)...)
		out = binary.BigEndian.AppendUint32(out, csrc)
		out = append(append(make([]byte, 0, 1600), out...), plain[header:]...)
		sealed := to.seal.RTP(out, 16, s.ssrc, s.seq)
		f.pacer.Add(now+f.latency(f.random), false, func(time.Duration, time.Duration) (time.Duration, bool) {
			f.mu.Lock()
			pace.Record(f.truth, pace.Now()-now)
			f.mu.Unlock()
			if at := to.client.Load(); at != nil {
				_, _ = to.sock.WriteToUDPAddrPort(sealed, *at)
			}
			return 0, false
		})
	}
}

// fakeEnd is the packet connection of the fake's DTLS.
type fakeEnd struct{ p *fakePeer }

func (e fakeEnd) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-e.p.dtlsIn:
		return copy(b, d), e.LocalAddr(), nil
	case <-e.p.done:
		return 0, nil, io.EOF
	}
}

func (e fakeEnd) WriteTo(b []byte, _ net.Addr) (int, error) {
	return e.p.sock.WriteToUDPAddrPort(b, *e.p.client.Load())
}

func (e fakeEnd) Close() error                     { return nil }
func (e fakeEnd) LocalAddr() net.Addr              { return e.p.sock.LocalAddr() }
func (e fakeEnd) SetDeadline(time.Time) error      { return nil }
func (e fakeEnd) SetReadDeadline(time.Time) error  { return nil }
func (e fakeEnd) SetWriteDeadline(time.Time) error { return nil }
