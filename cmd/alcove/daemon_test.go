package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"alcove/room"
	"alcove/room/live"
	"alcove/sfu/relay"
	"alcove/signaling/conns"
)

// silence is a media plane without media.
type silence struct{ closed bool }

func (*silence) Open(live.MediaSession, func(live.MediaEvent)) (live.MediaRoom, error) {
	return silentRoom{}, nil
}
func (s *silence) Close() error                   { s.closed = true; return nil }
func (*silence) Finish(context.Context) error     { return nil }
func (*silence) Describe(chan<- *prometheus.Desc) {}
func (*silence) Collect(chan<- prometheus.Metric) {}
func (*silence) recording() *recorder             { return nil }
func (*silence) relaying() *relay.Server          { return nil }

type silentRoom struct{}

func (silentRoom) Answer(_ live.Offer, _ func() error, f func(live.Answer, error)) {
	f(live.Answer{}, errors.New("silence"))
}
func (silentRoom) Obey(_ room.Plan, done func())        { done() }
func (silentRoom) Announced(room.ParticipantID, uint64) {}

func (silentRoom) View(room.ParticipantID, live.View) {}
func (silentRoom) Close()                             {}

// lockedBuffer takes a log from many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // Guarded by mu.
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is a dev daemon in this process.
type running struct {
	base, admin string
	socket      string
	log         *lockedBuffer
	media       *silence
	signals     chan os.Signal
	stopped     chan error
}

func startDev(t *testing.T) *running {
	t.Helper()
	return startDevIn(t, t.TempDir())
}

func startDevIn(t *testing.T, folder string) *running {
	t.Helper()
	return startDevWith(t, folder, func(*daemon) {})
}

// startDevWith starts a daemon that was changed before.
func startDevWith(t *testing.T, folder string, change func(*daemon)) *running {
	t.Helper()
	c := defaultConfig()
	c.Listen, c.Admin = "127.0.0.1:0", "127.0.0.1:0"
	c.Auth.Issuer, c.Auth.Audience = devIssuer, devAudience
	r := &running{log: &lockedBuffer{}, media: &silence{}, signals: make(chan os.Signal, 2), stopped: make(chan error, 1)}
	d, err := openDev(c, folder, slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	d.media = func(config, *slog.Logger) (live.Media, plane, error) { return r.media, r.media, nil }
	change(&d)
	r.base, r.admin, r.socket = "http://"+d.public[0].Addr().String(), "http://"+d.admin.Addr().String(), d.config.Control
	stop, done := countSignals(r.signals)
	t.Cleanup(done)
	go func() { r.stopped <- d.run(stop) }()
	return r
}

// get does not follow redirects: they carry the token in a fragment.
func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// hello says hello with a token and gives the connection and the answer.
func (r *running) hello(t *testing.T, token string) (*websocket.Conn, string) {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"alcove.v1"}}
	conn, _, err := dialer.Dial("ws"+strings.TrimPrefix(r.base, "http")+"/v1/rtc", http.Header{"Origin": {r.base}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	message := `{"id":"1","type":"hello","data":{"token":"` + token + `","client":{"name":"test","version":"1"}}}`
	if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		t.Fatal(err)
	}
	return conn, next(t, conn)
}

func next(t *testing.T, conn *websocket.Conn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, data, err := conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// From token to seat, through everything but media.
func TestDaemon(t *testing.T) {
	r := startDev(t)
	for _, path := range []string{"/livez", "/readyz"} {
		if resp, body := get(t, r.admin+path); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	resp, _ := get(t, r.base+"/dev/host")
	_, hostToken, found := strings.Cut(resp.Header.Get("Location"), "/#t=")
	if resp.StatusCode != http.StatusFound || !found || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("/dev/host: %s %v", resp.Status, resp.Header)
	}
	_, answer := r.hello(t, hostToken)
	if !strings.Contains(answer, `"ok":true`) || !strings.Contains(answer, `"state":"admitted"`) || !strings.Contains(answer, `"role":"host"`) {
		t.Errorf("the host hears %s", answer)
	}
	_, answer = r.hello(t, hostToken)
	if !strings.Contains(answer, "invalid_token") || !strings.Contains(answer, "refused: used") {
		t.Errorf("a replayed token hears %s", answer)
	}
	_, token := get(t, r.base+"/dev/token?sub=planted-sub&name=PlantedName&room=planted-room")
	conn, answer := r.hello(t, strings.TrimSpace(token))
	if !strings.Contains(answer, `"state":"waiting"`) {
		t.Errorf("a participant hears %s", answer)
	}
	if _, body := get(t, r.admin+"/metrics"); !strings.Contains(body, "alcove_waiting 1") || !strings.Contains(body, "alcove_connections_refused_total 0") {
		t.Errorf("metrics say %s", body)
	}
	r.signals <- os.Interrupt
	if err := <-r.stopped; err != nil {
		t.Errorf("stopped with %v", err)
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	for err := error(nil); err == nil; {
		if _, _, err = conn.ReadMessage(); err != nil && !websocket.IsCloseError(err, 4410, 4503) {
			t.Errorf("the client hears %v", err)
		}
	}
	if !r.media.closed {
		t.Error("the media plane was not closed")
	}
	for _, planted := range []string{"planted-sub", "PlantedName", "planted-room", devHostName, hostToken, strings.TrimSpace(token)} {
		if strings.Contains(r.log.String(), planted) {
			t.Errorf("the log holds %q", planted)
		}
	}
	if !strings.Contains(r.log.String(), "used") {
		t.Errorf("the log does not say why a token was refused:\n%s", r.log)
	}
}

func TestDaemonWithoutMedia(t *testing.T) {
	listeners, err := listenLoopback("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := daemon{config: defaultConfig(), public: listeners, admin: admin, log: slog.New(slog.DiscardHandler),
		media: func(config, *slog.Logger) (live.Media, plane, error) {
			return nil, nil, errors.New("port in use")
		}}
	stop, done := countSignals(nil)
	defer done()
	if err := d.run(stop); err == nil || !strings.Contains(err.Error(), "port in use") {
		t.Errorf("got %v", err)
	}
	if _, err := listeners[0].Accept(); err == nil {
		t.Error("a listener was left open")
	}
}

func TestSignals(t *testing.T) {
	signals := make(chan os.Signal, 2)
	stop, done := countSignals(signals)
	defer done()
	signals <- os.Interrupt
	<-stop.graceful.Done()
	if stop.forced.Err() != nil {
		t.Error("the first signal forces")
	}
	signals <- os.Interrupt
	<-stop.forced.Done()
}

func TestListenLoopback(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "10.0.0.1:0", "example.org:0", "8080"} {
		if all, err := listenLoopback(address); err == nil || !strings.Contains(err.Error(), "not a loopback address") {
			t.Errorf("%s: got %v, %v", address, all, err)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0", "127.0.0.7:0"} {
		all, err := listenLoopback(address)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			if a := l.Addr().(*net.TCPAddr); !a.IP.IsLoopback() || a.Port != all[0].Addr().(*net.TCPAddr).Port {
				t.Errorf("%s: listens on %s", address, a)
			}
			l.Close()
		}
	}
}

func TestDevLinksRefuse(t *testing.T) {
	r := startDev(t)
	for _, path := range []string{"/dev/token?role=admin", "/dev/token?room=%00", "/dev/join?room=" + strings.Repeat("n", 129)} {
		if resp, body := get(t, r.base+path); resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, r.base+"/dev/token", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "rebound.example:80"
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("another name of this host: %s", resp.Status)
	}
	r.signals <- os.Interrupt
	if err := <-r.stopped; err != nil {
		t.Error(err)
	}
}

// selfSigned is a certificate for localhost or other names, and who trusts it.
func selfSigned(t *testing.T, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		names = []string{"localhost"}
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}

func TestTLS(t *testing.T) {
	cert, roots := selfSigned(t)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certs, err := newCertificates(tlsConfig{CertFile: "given"}, &cert)
	if err != nil {
		t.Fatal(err)
	}
	l := tls.NewListener(conns.New(10).Listener(inner, conns.ListenerConfig{}), certs.config())
	defer l.Close()
	go (&http.Server{ErrorLog: log.New(io.Discard, "", 0)}).Serve(l)
	for _, tt := range []struct {
		name string
		max  uint16
		fine bool
	}{{"TLS 1.3", tls.VersionTLS13, true}, {"TLS 1.2", tls.VersionTLS12, false}} {
		conn, err := tls.Dial("tcp", inner.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "localhost", MaxVersion: tt.max, NextProtos: []string{"h2", "http/1.1"}})
		if (err == nil) != tt.fine {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err == nil {
			if p := conn.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
				t.Errorf("%s: speaks %q", tt.name, p)
			}
			conn.Close()
		}
	}
	if text := certificate(&cert); !strings.Contains(text, "localhost until "+cert.Leaf.NotAfter.UTC().Format(time.DateOnly)) {
		t.Errorf("check says %q", text)
	}
}
