package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/internal/report"
	"alcove/signaling/internal/wiretest"
	"alcove/signaling/session"
	"alcove/signaling/wire"
)

const (
	hostToken  = "tuesday|host|klein|Klein"
	guestToken = "tuesday|participant|maria|Maria"
)

type noMetrics struct{}

func (noMetrics) Joined(string)                         {}
func (noMetrics) HelloAnswered(string, time.Duration)   {}
func (noMetrics) RequestAnswered(string, *wire.Failure) {}
func (noMetrics) ConnectionClosed(int)                  {}

// A testServer has rooms that clients join, and the API over them.
type testServer struct {
	t     *testing.T
	rooms *live.Registry
	web   *httptest.Server // WebSockets
}

func newTestServer(t *testing.T) (*testServer, report.Faults) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	faults := report.Faults{Log: log, OnPanic: func() { t.Error("a panic") }}
	policy := room.Policy{Name: "default", MaxParticipants: 20, MaxWaiting: 20, ResumeWindow: time.Minute}
	rooms := live.NewRegistry(live.Config{Policies: map[string]room.Policy{"default": policy}, Media: wiretest.Media{}, MaxRooms: 10, Log: log})
	sessions, err := session.NewService(session.Config{Tokens: wiretest.Tokens{}, Rooms: rooms, Metrics: noMetrics{}, Faults: faults,
		Refusals: report.NewRefusals(nil, time.Now), Log: log, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	upgrader := websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}, CheckOrigin: func(*http.Request) bool { return true }}
	h := &testServer{t: t, rooms: rooms}
	h.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := upgrader.Upgrade(w, r, nil); err == nil {
			sessions.New(conn, session.Peer{}).Run(func() {})
		}
	}))
	t.Cleanup(func() {
		if err := rooms.Close(context.Background()); err != nil {
			t.Error(err)
		}
		h.web.Close()
	})
	return h, faults
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
