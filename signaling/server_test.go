package signaling

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/internal/wiretest"
)

const (
	hostToken  = "tuesday|host|klein|Klein"
	guestToken = "tuesday|participant|maria|Maria"
)

// A testServer is a Server with rooms, but without a media plane.
type testServer struct {
	t    testing.TB
	srv  *Server
	web  *httptest.Server
	log  *wiretest.LogBuffer
	prom *prometheus.Registry
}

// newTestServer calls tune with nil before it creates the server, and with the server after.
func newTestServer(t testing.TB, tune func(*Config, *Server)) *testServer {
	t.Helper()
	h := &testServer{t: t, log: &wiretest.LogBuffer{}, prom: prometheus.NewRegistry()}
	logger := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	metrics := NewMetrics(h.prom, "test")
	policy := room.Policy{Name: "default", MaxParticipants: 20, MaxWaiting: 20, ResumeWindow: time.Minute}
	rooms := live.NewRegistry(live.Config{Policies: map[string]room.Policy{"default": policy}, Media: wiretest.Media{}, MaxRooms: 10,
		Log: logger, Observe: metrics})
	cfg := Config{Tokens: wiretest.Tokens{}, Rooms: rooms, Metrics: metrics, Log: logger}
	if tune != nil {
		tune(&cfg, nil)
	}
	srv, err := NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if tune != nil {
		tune(&cfg, srv)
	}
	h.srv = srv
	h.web = httptest.NewUnstartedServer(nil)
	h.web.Config = srv.HTTPServer(srv.Handler())
	h.web.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wiretest.Timeout)
		defer cancel()
		if err := errors.Join(rooms.Close(ctx), srv.Close(ctx)); err != nil {
			t.Error(err)
		}
		h.web.Close()
	})
	return h
}

func (h *testServer) dial() *wiretest.Client {
	h.t.Helper()
	return wiretest.Connect(h.t, h.web.URL)
}

// enter dials and takes a seat with a token.
func (h *testServer) enter(token string) *wiretest.Client {
	h.t.Helper()
	return wiretest.Enter(h.t, h.web.URL, token)
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp, string(body)
}
