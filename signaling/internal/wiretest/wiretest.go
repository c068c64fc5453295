// Package wiretest provides shared test tools of signaling: a strict client of alcove.v1, and fakes of tokens and media.
package wiretest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/wire"
)

// Timeout bounds every wait of a test. Only a test that fails waits so long.
const Timeout = 10 * time.Second

// Tokens accepts tokens of the form room|role|person|name or room|role|person|name|e2ee, refuses all others, and panics at "panic".
type Tokens struct{}

// Verify implements session.TokenVerifier.
func (Tokens) Verify(now time.Time, token auth.Secret) (auth.Grant, error) {
	part := strings.Split(token.Reveal(), "|")
	if part[0] == "panic" {
		panic(token.Reveal())
	}
	mode := ""
	if n := len(part); n == 5 && (part[4] == "required" || part[4] == "off") {
		mode, part = part[4], part[:4]
	}
	if len(part) != 4 {
		return auth.Grant{}, auth.Refusal{Reason: auth.Expired}
	}
	return auth.Grant{Room: part[0], Role: auth.Role(part[1]), Person: part[2], Name: part[3], E2EE: mode,
		IssuedAt: now.Add(-time.Second), ExpiresAt: now.Add(time.Minute)}, nil
}

// Recheck implements session.TokenVerifier; it is Verify, which does not enforce single use.
func (f Tokens) Recheck(now time.Time, token auth.Secret) (auth.Grant, error) {
	return f.Verify(now, token)
}

// Media is a media plane that applies every plan at once, answers every offer and starts recorders.
type Media struct {
	Answer func(live.Offer) (live.Answer, error) // nil: a fixed answer
}

// Open implements live.Media.
func (m Media) Open(_ live.MediaSession, events func(live.MediaEvent)) (live.MediaRoom, error) {
	return mediaRoom{m.Answer, events}, nil
}

type mediaRoom struct {
	answer func(live.Offer) (live.Answer, error)
	events func(live.MediaEvent)
}

func (r mediaRoom) Answer(o live.Offer, accept func() error, done func(live.Answer, error)) {
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
func (r mediaRoom) ApplyPlan(plan room.Plan, done func()) {
	go func() {
		done()
		if len(plan.Record) > 0 {
			r.events(live.RecorderBegan{})
		}
	}()
}
func (mediaRoom) Announced(room.ParticipantID, uint64) {}

func (mediaRoom) View(room.ParticipantID, live.View) {}
func (mediaRoom) Close()                             {}

// A LogBuffer collects a log. It is safe for concurrent use.
type LogBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *LogBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String returns the log so far.
func (l *LogBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// A Client speaks alcove.v1. Its methods fail the test if the server violates the protocol.
type Client struct {
	T       testing.TB
	Conn    *websocket.Conn
	Events  []Event // that WaitFor has not consumed
	Welcome Welcome // the answer to hello

	requests int
	seq      uint64
}

// An Event is a decoded event.
type Event struct {
	Seq  uint64
	Type string
	Data map[string]any
}

// A Reply is a decoded answer.
type Reply struct {
	ID    string
	OK    bool
	Data  map[string]any
	Error *wire.Failure
}

// Code returns the code of the error, "" if there is none.
func (r Reply) Code() room.Code {
	if r.OK {
		return ""
	}
	return r.Error.Code
}

// A Welcome is the answer to hello.
type Welcome struct {
	SessionID, ResumeSecret, ParticipantID, State, Role string
	PingMs, ResumeMs                                    int
}

// Dial does the handshake with the server at the HTTP URL base. A nil header has the Origin of base.
func Dial(base string, header http.Header, protocols ...string) (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{Subprotocols: protocols, HandshakeTimeout: Timeout}
	if header == nil {
		header = http.Header{"Origin": {base}}
	}
	return d.Dial("ws"+strings.TrimPrefix(base, "http")+"/v1/rtc", header)
}

// Connect dials as the page of the server does.
func Connect(t testing.TB, base string) *Client {
	t.Helper()
	conn, _, err := Dial(base, nil, wire.Subprotocol)
	if err != nil {
		t.Fatal(err)
	}
	return NewClient(t, conn)
}

// Enter dials and takes a seat with a token.
func Enter(t testing.TB, base, token string) *Client {
	t.Helper()
	c := Connect(t, base)
	c.Hello(wire.Object{"token": token})
	return c
}

// NewClient returns the client of a connection, which ends with the test.
func NewClient(t testing.TB, conn *websocket.Conn) *Client {
	t.Cleanup(func() { conn.Close() })
	return &Client{T: t, Conn: conn}
}

// ClientInfo is the field client of a hello.
var ClientInfo = wire.Object{"name": "test", "version": "1"}

// Hello sends hello, as a client that speaks end-to-end encryption, and fails the test if it is refused.
func (c *Client) Hello(data wire.Object) {
	c.T.Helper()
	data["client"], data["e2ee"] = ClientInfo, wire.E2EEVersion
	r := c.Request("hello", data)
	if !r.OK {
		c.T.Fatalf("hello refused: %+v", r.Error)
	}
	if len(c.Events) != 0 {
		c.T.Fatalf("events before the answer to hello: %v", c.Events)
	}
	if err := json.Unmarshal(wire.MustJSON(r.Data), &c.Welcome); err != nil {
		c.T.Fatal(err)
	}
}

// Resume sends hello with the resume secret of an earlier connection.
func (c *Client) Resume(w Welcome) {
	c.T.Helper()
	c.Hello(wire.Object{"resume": wire.Object{"sessionId": w.SessionID, "secret": w.ResumeSecret}})
}

// TryHello sends hello with a token, and a nonce unless it is "", and returns the answer.
func (c *Client) TryHello(token, nonce string) Reply {
	c.T.Helper()
	data := wire.Object{"token": token, "client": ClientInfo}
	if nonce != "" {
		data["nonce"] = nonce
	}
	return c.Request("hello", data)
}

// Send writes a text message. An error shows at the next read.
func (c *Client) Send(text string) {
	c.Conn.SetWriteDeadline(time.Now().Add(Timeout))
	c.Conn.WriteMessage(websocket.TextMessage, []byte(text))
}

// Request sends a request with a new ID and returns its answer.
func (c *Client) Request(kind string, data any) Reply {
	c.T.Helper()
	c.requests++
	return c.RequestAs(fmt.Sprintf("%p-%d", c, c.requests), kind, data)
}

// RequestAs sends a request with an ID and returns its answer.
func (c *Client) RequestAs(id, kind string, data any) Reply {
	c.T.Helper()
	frame := wire.Object{"id": id, "type": kind}
	if data != nil {
		frame["data"] = data
	}
	c.Send(string(wire.MustJSON(frame)))
	return c.Answer(id)
}

// Answer reads until the answer to a request. Events are kept.
func (c *Client) Answer(id string) Reply {
	c.T.Helper()
	for {
		raw, err := c.Read()
		if err != nil {
			c.T.Fatalf("no answer: %v", err)
		}
		if c.keep(raw) {
			continue
		}
		var r Reply
		if err := json.Unmarshal(raw, &r); err != nil {
			c.T.Fatal(err)
		}
		if r.ID == id {
			return r
		}
	}
}

// keep stores an event and reports whether the frame was one.
func (c *Client) keep(raw []byte) bool {
	c.T.Helper()
	var e Event
	if err := json.Unmarshal(raw, &e); err != nil {
		c.T.Fatal(err)
	}
	if e.Type == "" {
		return false
	}
	if c.seq++; e.Seq != c.seq {
		c.T.Fatalf("event %d after %d", e.Seq, c.seq-1)
	}
	c.Events = append(c.Events, e)
	return true
}

// Read reads one message.
func (c *Client) Read() ([]byte, error) {
	c.Conn.SetReadDeadline(time.Now().Add(Timeout))
	_, raw, err := c.Conn.ReadMessage()
	return raw, err
}

// WaitFor returns the next event of a type, kept or new. It discards the events before it.
func (c *Client) WaitFor(kind string) Event {
	c.T.Helper()
	for {
		for i, e := range c.Events {
			if e.Type == kind {
				c.Events = c.Events[i+1:]
				return e
			}
		}
		c.Events = nil
		raw, err := c.Read()
		if err != nil {
			c.T.Fatalf("no %s: %v", kind, err)
		}
		c.keep(raw)
	}
}

// CloseCode reads to the end and returns the close code.
func (c *Client) CloseCode() int {
	c.T.Helper()
	return c.CloseFrame().Code
}

// CloseFrame reads to the end and returns the close frame.
func (c *Client) CloseFrame() *websocket.CloseError {
	c.T.Helper()
	for {
		raw, err := c.Read()
		var frame *websocket.CloseError
		if errors.As(err, &frame) {
			return frame
		}
		if err != nil {
			c.T.Fatalf("ended without a close frame: %v", err)
		}
		c.keep(raw)
	}
}

// Refused sends a request that must be refused with a code.
func (c *Client) Refused(kind string, data any, code room.Code) {
	c.T.Helper()
	if r := c.Request(kind, data); r.OK || r.Error.Code != code {
		c.T.Errorf("%s: %+v %+v, want %s", kind, r, r.Error, code)
	}
}

// Do sends a request that must succeed.
func (c *Client) Do(kind string, data any) Reply {
	c.T.Helper()
	r := c.Request(kind, data)
	if !r.OK {
		c.T.Errorf("%s: %+v", kind, r.Error)
	}
	return r
}
