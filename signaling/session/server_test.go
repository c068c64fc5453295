package session

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/internal/report"
	"alcove/signaling/internal/wiretest"
	"alcove/signaling/wire"
)

// testMetrics counts close codes. It panics for requests of one type.
type testMetrics struct {
	mu      sync.Mutex
	closes  map[int]int // Guarded by mu.
	panicOn string
}

func (*testMetrics) Joined(string) {}

func (*testMetrics) HelloAnswered(string, time.Duration) {}

func (m *testMetrics) RequestAnswered(kind string, _ *wire.Failure) {
	if m.panicOn != "" && kind == m.panicOn {
		panic("CANARY")
	}
}

func (m *testMetrics) ConnectionClosed(code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closes[code]++
}

func (m *testMetrics) closed(code int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closes[code]
}

// A testServer accepts WebSockets and runs their sessions, with rooms but without a media plane.
type testServer struct {
	t       testing.TB
	svc     *Service
	web     *httptest.Server
	log     *wiretest.LogBuffer
	metrics *testMetrics

	mu   sync.Mutex
	open map[*Session]bool // Guarded by mu.
}

// newTestServer calls tune with nil before it creates the service, and with the service after.
func newTestServer(t testing.TB, tune func(*Config, *Service)) *testServer {
	t.Helper()
	h := &testServer{t: t, log: &wiretest.LogBuffer{}, metrics: &testMetrics{closes: map[int]int{}}, open: map[*Session]bool{}}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	policy := room.Policy{Name: "default", MaxParticipants: 20, MaxWaiting: 20, ResumeWindow: time.Minute}
	cfg := Config{
		Tokens: wiretest.Tokens{}, Metrics: h.metrics, Log: log, Now: time.Now, Refusals: report.NewRefusals(nil, time.Now),
		Faults: report.Faults{Log: log, OnPanic: func() {}},
		Rooms: live.NewRegistry(live.Config{Policies: map[string]room.Policy{"default": policy}, Media: wiretest.Media{}, MaxRooms: 10,
			Log: log}),
	}
	if tune != nil {
		tune(&cfg, nil)
	}
	svc, err := NewService(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if tune != nil {
		tune(&cfg, svc)
	}
	h.svc = svc
	h.web = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wiretest.Timeout)
		defer cancel()
		if err := cfg.Rooms.Close(ctx); err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		for s := range h.open {
			s.Close(wire.CloseDraining)
		}
		h.mu.Unlock()
		h.web.Close()
	})
	return h
}

func (h *testServer) serve(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}, CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	s := h.svc.New(conn, Peer{Prefix: "127.0.0.1/32"})
	h.mu.Lock()
	h.open[s] = false
	h.mu.Unlock()
	s.Run(func() {
		h.mu.Lock()
		h.open[s] = true
		h.mu.Unlock()
	})
	h.mu.Lock()
	delete(h.open, s)
	h.mu.Unlock()
}

// seated counts the open sessions with a seat.
func (h *testServer) seated() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, seated := range h.open {
		if seated {
			n++
		}
	}
	return n
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
