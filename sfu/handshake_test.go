package sfu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/pion/dtls/v3"
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

func engineWith(t *testing.T, c Config) *Engine {
	t.Helper()
	c.Listen, c.Workers = "127.0.0.1:0", 1
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// TestHandshakeFaults lets handshakes fail in each way that a client can bring about, and holds that it is counted and told by its reason, logged
// without an address, and ends the peer but not the room.
func TestHandshakeFaults(t *testing.T) {
	for _, c := range []struct {
		fault    HandshakeFault
		settings func(*webrtc.SettingEngine)
		change   func(string) string // of the offer
	}{
		{FaultProfile, func(s *webrtc.SettingEngine) { s.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80) }, nil},
		{FaultProfile, func(s *webrtc.SettingEngine) { s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM) }, nil},
		{FaultSuite, func(s *webrtc.SettingEngine) { s.SetDTLSCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA) }, nil},
		{FaultFingerprint, nil, func(sdp string) string { // the first byte of each is another
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
		}},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			log := &lockedBuffer{}
			e := engineWith(t, Config{Log: slog.New(slog.NewTextHandler(log, nil))})
			r := openRoom(t, e)
			told := make(chan HandshakeFailed, 8)
			other := r.events
			r.events = func(ev Event) {
				if failed, ok := ev.(HandshakeFailed); ok {
					told <- failed
				}
				other(ev)
			}
			r.obey(everyone("a"))
			k := newClientWith(r, "a", 1, c.settings)
			k.changeOffer = c.change
			if _, err := k.offer(1); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, told, "news of the failure"); got != (HandshakeFailed{"a", 1, c.fault}) {
				t.Fatalf("told %+v", got)
			}
			eventually(t, "it is counted", func() bool {
				for i, f := range HandshakeFaults {
					if f == c.fault {
						return e.Counters().HandshakesFailed[i] == 1
					}
				}
				return false
			})
			if text := log.String(); !strings.Contains(text, "reason="+string(c.fault)) || strings.Contains(text, "127.0.0.1") {
				t.Errorf("logged %q", text)
			}
			if r.failed.Load() || e.Counters().Peers != 0 {
				t.Error("the room ended, or a peer has keys")
			}
		})
	}
}

func TestFaultOf(t *testing.T) {
	for err, want := range map[error]HandshakeFault{
		fmt.Errorf("x: %w", context.DeadlineExceeded):                                                    FaultTimeout,
		errors.New("dtls fatal: unsupported protocol version"):                                           FaultVersion,
		errors.New("client requested zero or more elliptic curves that are not supported by the server"): FaultSuite,
		errors.New("conn is closed"):                                                                     FaultClosed, errors.New("something new"): FaultOther,
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
			e := engineWith(t, Config{AllowAES128: true})
			r := openRoom(t, e)
			r.obey(everyone("a", "b"))
			old := newClientWith(r, "a", 1, func(s *webrtc.SettingEngine) { s.SetSRTPProtectionProfiles(profile) })
			b := newClient(r, "b", 1)
			old.join()
			b.join()
			talk(t, "both hear each other", []*testClient{old, b}, func() bool {
				return b.count(10) > 5 && b.count(11) > 5 && old.count(20) > 5 && old.count(21) > 5
			})
			eventually(t, "one is counted", func() bool { return e.Counters().AES128 == 1 })
		})
	}
}
