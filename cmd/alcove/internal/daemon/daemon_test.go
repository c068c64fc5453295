package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/dev"
	"alcove/room"
	"alcove/room/live"
	"alcove/sfu"
	"alcove/sfu/relay"
)

// silence is a media plane without media.
type silence struct{ closed bool }

func (*silence) Open(live.MediaSession, func(live.MediaEvent)) (live.MediaRoom, error) {
	return silentRoom{}, nil
}

func (s *silence) Close() error { s.closed = true; return nil }

func (*silence) Finish(context.Context) error { return nil }

func (*silence) Describe(chan<- *prometheus.Desc) {}

func (*silence) Collect(chan<- prometheus.Metric) {}

func (*silence) recorder() *recorder { return nil }

func (*silence) relayServer() *relay.Server { return nil }
func (*silence) mediaEngine() *sfu.Engine   { return nil }

type silentRoom struct{}

func (silentRoom) Answer(_ live.Offer, _ func() error, f func(live.Answer, error)) {
	f(live.Answer{}, errors.New("silence"))
}

func (silentRoom) ApplyPlan(_ room.Plan, done func()) { done() }

func (silentRoom) Announced(room.ParticipantID, uint64) {}

func (silentRoom) View(room.ParticipantID, live.View) {}

func (silentRoom) Close() {}

// running is a dev daemon in this process.
type running struct {
	base, admin string
	socket      string
	log         *alcovetest.Log
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
	return startDevWith(t, folder, func(*Daemon) {})
}

// openDaemon gives the daemon of a demo, to be run.
func openDaemon(c config.Config, folder string, log *slog.Logger) (Daemon, error) {
	d, err := dev.Open(c, folder)
	return ofDemo(d, log), err
}

// startDevWith starts a daemon that was changed before.
func startDevWith(t *testing.T, folder string, change func(*Daemon)) *running {
	t.Helper()
	c := config.Default()
	c.Listen, c.Admin = "127.0.0.1:0", "127.0.0.1:0"
	c.Auth.Issuer, c.Auth.Audience = dev.Issuer, dev.Audience
	r := &running{log: &alcovetest.Log{}, media: &silence{}, signals: make(chan os.Signal, 2), stopped: make(chan error, 1)}
	d, err := openDaemon(c, folder, slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	d.OpenMedia = func(config.Config, *slog.Logger) (live.Media, Plane, error) { return r.media, r.media, nil }
	change(&d)
	r.base, r.admin, r.socket = "http://"+d.Public[0].Addr().String(), "http://"+d.Admin.Addr().String(), d.Config.Control
	stop, done := signalContexts(r.signals)
	t.Cleanup(done)
	go func() { r.stopped <- d.Run(stop) }()
	return r
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
	return conn, alcovetest.Next(t, conn)
}

// TestDaemon checks a whole daemon except media, from a token to a seat.
func TestDaemon(t *testing.T) {
	t.Parallel()
	r := startDev(t)
	for _, path := range []string{"/livez", "/readyz"} {
		if resp, body := alcovetest.Get(t, r.admin+path); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	resp, _ := alcovetest.Get(t, r.base+"/dev/host")
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
	_, token := alcovetest.Get(t, r.base+"/dev/token?sub=planted-sub&name=PlantedName&room=planted-room")
	conn, answer := r.hello(t, strings.TrimSpace(token))
	if !strings.Contains(answer, `"state":"waiting"`) {
		t.Errorf("a participant hears %s", answer)
	}
	if _, body := alcovetest.Get(t, r.admin+"/metrics"); !strings.Contains(body, "alcove_waiting 1") || !strings.Contains(body, "alcove_connections_refused_total 0") {
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
	for _, planted := range []string{"planted-sub", "PlantedName", "planted-room", dev.HostName, hostToken, strings.TrimSpace(token)} {
		if strings.Contains(r.log.String(), planted) {
			t.Errorf("the log holds %q", planted)
		}
	}
	if !strings.Contains(r.log.String(), "used") {
		t.Errorf("the log does not say why a token was refused:\n%s", r.log)
	}
}

func TestDaemonWithoutMedia(t *testing.T) {
	t.Parallel()
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := Daemon{Config: config.Default(), Public: []net.Listener{public}, Admin: admin, Log: slog.New(slog.DiscardHandler),
		OpenMedia: func(config.Config, *slog.Logger) (live.Media, Plane, error) {
			return nil, nil, errors.New("port in use")
		}}
	stop, done := signalContexts(nil)
	defer done()
	if err := d.Run(stop); err == nil || !strings.Contains(err.Error(), "port in use") {
		t.Errorf("got %v", err)
	}
	if _, err := public.Accept(); err == nil {
		t.Error("a listener was left open")
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 2)
	stop, done := signalContexts(signals)
	defer done()
	signals <- os.Interrupt
	<-stop.Graceful.Done()
	if stop.Forced.Err() != nil {
		t.Error("the first signal forces")
	}
	signals <- os.Interrupt
	<-stop.Forced.Done()
}

func TestDevLinksRefuse(t *testing.T) {
	r := startDev(t)
	for _, path := range []string{"/dev/token?role=admin", "/dev/token?room=%00", "/dev/join?room=" + strings.Repeat("n", 129)} {
		if resp, body := alcovetest.Get(t, r.base+path); resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" {
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
