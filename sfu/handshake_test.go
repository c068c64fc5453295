package sfu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/elliptic"
	"github.com/pion/dtls/v3/pkg/protocol"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/webrtc/v4"
)

// A lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// hello changes what the client says first in DTLS.
func hello(change func(*handshake.MessageClientHello)) func(*webrtc.SettingEngine) {
	return func(s *webrtc.SettingEngine) {
		s.SetDTLSClientHelloMessageHook(func(m handshake.MessageClientHello) handshake.Message {
			change(&m)
			return &m
		})
	}
}

// otherFingerprint changes the first digit of each fingerprint.
func otherFingerprint(sdp string) string {
	var out []string
	for line := range strings.Lines(sdp) {
		if at := strings.Index(line, "a=fingerprint:sha-256 "); at == 0 {
			digit := "0"
			if line[22] == '0' {
				digit = "1"
			}
			line = line[:22] + digit + line[23:]
		}
		out = append(out, line)
	}
	return strings.Join(out, "")
}

// TestHandshakeFaults lets handshakes fail in each way that a client can bring about, and checks that it is counted and reported by its reason, logged
// without an address, and ends the peer but not the room.
func TestHandshakeFaults(t *testing.T) {
	for _, c := range []struct {
		fault    HandshakeFault
		settings func(*webrtc.SettingEngine)
		offer    func(string) string // changes the offer
		answer   func(string) string // changes the answer, before the client sees it
	}{
		{FaultProfile, func(s *webrtc.SettingEngine) { s.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80) }, nil, nil},
		{FaultProfile, func(s *webrtc.SettingEngine) { s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM) }, nil, nil},
		{FaultSuite, func(s *webrtc.SettingEngine) { s.SetDTLSCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA) }, nil, nil},
		{FaultSuite, hello(func(m *handshake.MessageClientHello) { // secp521r1 only (RFC 8422, section 5.1.1)
			for _, e := range m.Extensions {
				if curves, ok := e.(*extension.SupportedEllipticCurves); ok {
					curves.EllipticCurves = []elliptic.Curve{25}
				}
			}
		}), nil, nil},
		{FaultVersion, hello(func(m *handshake.MessageClientHello) { m.Version = protocol.Version1_0 }), nil, nil},
		{FaultFingerprint, nil, otherFingerprint, nil},
		{FaultClosed, nil, nil, otherFingerprint}, // the client ends it with an alert
		{FaultTimeout, nil, nil, func(sdp string) string { return strings.ReplaceAll(sdp, "a=candidate:", "a=x-candidate:") }},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			log := &lockedBuffer{}
			inBubbleWith(t, Config{Log: slog.New(slog.NewTextHandler(log, nil))}, func(t *testing.T, v *virtualNet) {
				e, r := v.engine, v.room()
				failures := make(chan HandshakeFailed, 8)
				other := r.events
				r.events = func(ev Event) {
					if failed, ok := ev.(HandshakeFailed); ok {
						failures <- failed
					}
					other(ev)
				}
				r.applyPlan(fullPlan("a"))
				k := newClientWith(r, "a", 1, c.settings)
				k.changeOffer, k.changeAnswer = c.offer, c.answer
				if _, err := k.offer(1); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				if got := <-failures; got != (HandshakeFailed{"a", 1, c.fault}) {
					t.Fatalf("reported %+v", got)
				}
				if took := time.Since(began); (c.fault == FaultTimeout) != (took == handshakeLimit) {
					t.Errorf("failed after %v", took)
				}
				eventually(t, "it is counted", func() bool { return e.Counters().failed(c.fault) == 1 })
				if text := log.String(); !strings.Contains(text, "reason="+string(c.fault)) || strings.Contains(text, "203.0") {
					t.Errorf("logged %q", text)
				}
				if r.failed.Load() || e.Counters().Peers != 0 {
					t.Error("the room ended, or a peer has keys")
				}
			})
		})
	}
}

func (c Counters) failed(fault HandshakeFault) uint64 {
	return c.HandshakesFailed[slices.Index(HandshakeFaults[:], fault)]
}

// TestFaultOf covers the faults for which pion exports an error.
func TestFaultOf(t *testing.T) {
	for err, want := range map[error]HandshakeFault{
		fmt.Errorf("x: %w", context.DeadlineExceeded): FaultTimeout, fmt.Errorf("x: %w", dtls.ErrConnClosed): FaultClosed,
		errors.New("something new"): FaultOther,
	} {
		if got := faultOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

// TestAES128Profiles lets clients in that know AES-128 only, where the deployment allows it; their media goes both ways, and they are counted.
func TestAES128Profiles(t *testing.T) {
	for _, profile := range []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80} {
		t.Run(fmt.Sprintf("%#04x", uint16(profile)), func(t *testing.T) {
			inBubbleWith(t, Config{AllowAES128: true}, func(t *testing.T, v *virtualNet) {
				e, r := v.engine, v.room()
				told, other := make(chan Connected, 8), r.events
				r.events = func(ev Event) {
					if made, ok := ev.(Connected); ok {
						told <- made
					}
					other(ev)
				}
				r.applyPlan(fullPlan("a", "b"))
				old := newClientWith(r, "a", 1, func(s *webrtc.SettingEngine) { s.SetSRTPProtectionProfiles(profile) })
				b := newClient(r, "b", 1)
				old.join()
				if got := receive(t, told, "news of the connection"); got != (Connected{"a", 1, true}) {
					t.Fatalf("told %+v", got)
				}
				b.join()
				if got := receive(t, told, "news of the connection"); got != (Connected{"b", 1, false}) {
					t.Fatalf("told %+v", got)
				}
				sendUntil(t, "both hear each other", []*testClient{old, b}, func() bool {
					return b.count(10) > 5 && b.count(11) > 5 && old.count(20) > 5 && old.count(21) > 5
				})
				eventually(t, "one is counted", func() bool { return e.Counters().AES128 == 1 })
			})
		})
	}
}
