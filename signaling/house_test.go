package signaling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

// patience bounds every wait of a test; nothing waits for it unless it fails.
const patience = 10 * time.Second

// fakeTokens reads "room role person name" for a token; "bad" is refused and "panic" is a bug.
type fakeTokens struct{}

func (fakeTokens) Verify(now time.Time, token auth.Secret) (auth.Grant, error) {
	part := strings.Split(token.Reveal(), "|")
	if part[0] == "panic" {
		panic(token.Reveal())
	}
	if len(part) != 4 {
		return auth.Grant{}, auth.Refusal{Reason: auth.Expired}
	}
	return auth.Grant{Room: part[0], Role: auth.Role(part[1]), Person: part[2], Name: part[3],
		IssuedAt: now.Add(-time.Second), ExpiresAt: now.Add(time.Minute)}, nil
}

// Recheck ignores single use.
func (f fakeTokens) Recheck(now time.Time, token auth.Secret) (auth.Grant, error) {
	return f.Verify(now, token)
}

// fakeMedia obeys at once, answers every offer, and records what it may.
type fakeMedia struct {
	answer func(live.Offer) (live.Answer, error)
}

func (m fakeMedia) Open(_ live.MediaSession, events func(live.MediaEvent)) (live.MediaRoom, error) {
	return fakeRoom{m.answer, events}, nil
}

type fakeRoom struct {
	answer func(live.Offer) (live.Answer, error)
	events func(live.MediaEvent)
}

func (r fakeRoom) Answer(o live.Offer, accept func() error, done func(live.Answer, error)) {
	go func() {
		if err := accept(); err != nil {
			done(live.Answer{}, err)
			return
		}
		if r.answer != nil {
			done(r.answer(o))
			return
		}
		done(live.Answer{SDP: "v=0\r\n"}, nil)
	}()
}
func (r fakeRoom) Obey(plan room.Plan, done func()) {
	go func() {
		done()
		if len(plan.Record) > 0 {
			r.events(live.RecorderBegan{})
		}
	}()
}
func (fakeRoom) Announced(room.ParticipantID, uint64) {}

func (fakeRoom) View(room.ParticipantID, live.View) {}
func (fakeRoom) Close()                             {}

// A logbook is a log that goroutines share.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// A house is a whole daemon but for its media plane.
type house struct {
	t    testing.TB
	srv  *Server
	web  *httptest.Server
	log  *logbook
	prom *prometheus.Registry
}

func newHouse(t testing.TB, tune func(*Config, *Server)) *house {
	t.Helper()
	h := &house{t: t, log: &logbook{}, prom: prometheus.NewRegistry()}
	logger := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	metrics := NewMetrics(h.prom, "test")
	policy := room.Policy{Name: "default", MaxParticipants: 20, MaxWaiting: 20, ResumeWindow: time.Minute}
	rooms := live.NewRegistry(live.Config{Policies: map[string]room.Policy{"default": policy}, Media: fakeMedia{}, MaxRooms: 10,
		Log: logger, Observe: metrics})
	cfg := Config{Tokens: fakeTokens{}, Rooms: rooms, Metrics: metrics, Log: logger}
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
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(rooms.Close(ctx), srv.Close(ctx)); err != nil {
			t.Error(err)
		}
		h.web.Close()
	})
	return h
}

// A caller is a client of the protocol that believes nothing.
type caller struct {
	t      testing.TB
	conn   *websocket.Conn
	next   int
	events []event
	seq    uint64
	said   welcome
}

type event struct {
	Seq  uint64
	Type string
	Data map[string]any
}

type reply struct {
	ID    string
	OK    bool
	Data  map[string]any
	Error *Failure
}

type welcome struct {
	SessionID, ResumeSecret, ParticipantID, State, Role string
	PingMs, ResumeMs                                    int
}

func (h *house) handshake(header http.Header, protocols ...string) (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{Subprotocols: protocols, HandshakeTimeout: patience}
	if header == nil {
		header = http.Header{"Origin": {h.web.URL}}
	}
	return d.Dial("ws"+strings.TrimPrefix(h.web.URL, "http")+"/v1/rtc", header)
}

func (h *house) dial() *caller {
	h.t.Helper()
	conn, _, err := h.handshake(nil, Subprotocol)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return &caller{t: h.t, conn: conn}
}

// enter dials and takes a seat with a token.
func (h *house) enter(token string) *caller {
	h.t.Helper()
	c := h.dial()
	c.greet(Object{"token": token})
	return c
}

func (c *caller) greet(data Object) {
	c.t.Helper()
	data["client"] = Object{"name": "test", "version": "1"}
	r := c.ask("hello", data)
	if !r.OK {
		c.t.Fatalf("hello refused: %+v", r.Error)
	}
	if len(c.events) != 0 {
		c.t.Fatalf("told %v before the answer to hello", c.events)
	}
	if err := json.Unmarshal(MustJSON(r.Data), &c.said); err != nil {
		c.t.Fatal(err)
	}
}

func (c *caller) send(text string) {
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	c.conn.WriteMessage(websocket.TextMessage, []byte(text)) // an error shows when reading
}

func (c *caller) ask(kind string, data any) reply {
	c.t.Helper()
	c.next++
	return c.askAs(fmt.Sprintf("%p-%d", c, c.next), kind, data)
}

func (c *caller) askAs(id, kind string, data any) reply {
	c.t.Helper()
	frame := Object{"id": id, "type": kind}
	if data != nil {
		frame["data"] = data
	}
	c.send(string(MustJSON(frame)))
	return c.answer(id)
}

// answer reads until the answer to id; events are kept.
func (c *caller) answer(id string) reply {
	c.t.Helper()
	for {
		var frame struct {
			reply
			event
			Data map[string]any
		}
		raw, err := c.read()
		if err != nil {
			c.t.Fatalf("no answer: %v", err)
		}
		if err := json.Unmarshal(raw, &frame); err != nil {
			c.t.Fatal(err)
		}
		if frame.Type != "" {
			c.keep(event{frame.Seq, frame.Type, frame.Data})
			continue
		}
		if frame.reply.ID == id {
			return reply{id, frame.OK, frame.Data, frame.Error}
		}
	}
}

func (c *caller) keep(e event) {
	c.t.Helper()
	if c.seq++; e.Seq != c.seq {
		c.t.Fatalf("event %d after %d", e.Seq, c.seq-1)
	}
	c.events = append(c.events, e)
}

func (c *caller) read() ([]byte, error) {
	c.conn.SetReadDeadline(time.Now().Add(patience))
	_, raw, err := c.conn.ReadMessage()
	return raw, err
}

// until gives the next event of this type, of those kept or to come.
func (c *caller) until(kind string) event {
	c.t.Helper()
	for {
		for i, e := range c.events {
			if e.Type == kind {
				c.events = c.events[i+1:]
				return e
			}
		}
		c.events = nil
		raw, err := c.read()
		if err != nil {
			c.t.Fatalf("no %s: %v", kind, err)
		}
		var e event
		if json.Unmarshal(raw, &e); e.Type != "" {
			c.keep(e)
		}
	}
}

// closed reads to the end and gives the close code.
func (c *caller) closed() int {
	c.t.Helper()
	return c.goodbye().Code
}

// goodbye reads to the end and gives the close frame.
func (c *caller) goodbye() *websocket.CloseError {
	c.t.Helper()
	for {
		raw, err := c.read()
		var bye *websocket.CloseError
		if errors.As(err, &bye) {
			return bye
		}
		if err != nil {
			c.t.Fatalf("ended without a close frame: %v", err)
		}
		var e event
		if json.Unmarshal(raw, &e); e.Type != "" {
			c.keep(e)
		}
	}
}

func (c *caller) refused(kind string, data any, code room.Code) {
	c.t.Helper()
	if r := c.ask(kind, data); r.OK || r.Error.Code != code {
		c.t.Errorf("%s: %+v %+v, want %s", kind, r, r.Error, code)
	}
}

func (c *caller) done(kind string, data any) reply {
	c.t.Helper()
	r := c.ask(kind, data)
	if !r.OK {
		c.t.Errorf("%s: %+v", kind, r.Error)
	}
	return r
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
