package signaling

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"alcove/room"
	"alcove/signaling/internal/wiretest"
	"alcove/signaling/wire"
)

func TestHandshake(t *testing.T) {
	h := newTestServer(t, func(c *Config, _ *Server) { c.Origins = []string{"https://portal.clinic.example"} })
	for note, c := range map[string]struct {
		header   http.Header
		protocol []string
		status   int
		text     string // of a refusal: what to do
	}{
		"own origin":        {http.Header{"Origin": {h.web.URL}}, []string{wire.Subprotocol}, 101, ""},
		"configured origin": {http.Header{"Origin": {"https://Portal.clinic.example:443"}}, []string{wire.Subprotocol}, 101, ""},
		"foreign origin":    {http.Header{"Origin": {"https://evil.example"}}, []string{wire.Subprotocol}, 403, "origins of the configuration"},
		"origin null":       {http.Header{"Origin": {"null"}}, []string{wire.Subprotocol}, 403, "origin"},
		"another scheme":    {http.Header{"Origin": {strings.Replace(h.web.URL, "http", "https", 1)}}, []string{wire.Subprotocol}, 403, "origin"},
		"claimed host":      {http.Header{"Origin": {"https://evil.example"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}}, []string{wire.Subprotocol}, 403, "origin"},
		"no origin":         {http.Header{}, []string{wire.Subprotocol}, 403, "Authorization: Bearer"},
		"a native client":   {http.Header{"Authorization": {"Bearer " + hostToken}}, []string{wire.Subprotocol}, 101, ""},
		"no subprotocol":    {nil, nil, 400, wire.Subprotocol},
		"another one":       {nil, []string{"alcove.v2"}, 400, wire.Subprotocol},
	} {
		conn, resp, err := wiretest.Dial(h.web.URL, c.header, c.protocol...)
		if conn != nil {
			conn.Close()
		}
		if resp == nil || resp.StatusCode != c.status {
			t.Errorf("%s: %v %v", note, resp, err)
			continue
		}
		if said, _ := io.ReadAll(resp.Body); !strings.Contains(string(said), c.text) {
			t.Errorf("%s: %s", note, said)
		}
	}
}

func TestBearer(t *testing.T) {
	h := newTestServer(t, nil)
	dial := func() *wiretest.Client {
		conn, _, err := wiretest.Dial(h.web.URL, http.Header{"Authorization": {"Bearer " + hostToken}}, wire.Subprotocol)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return wiretest.NewClient(t, conn)
	}
	c := dial()
	if c.Hello(wire.Object{}); c.Welcome.Role != "host" {
		t.Errorf("%+v", c.Welcome)
	}
	dial().Refused("hello", wire.Object{"token": hostToken, "client": wiretest.ClientInfo}, room.BadRequest)
	// A resume presents the earlier token, used or not: without an Origin, nothing else opens the connection.
	back := dial()
	if back.Hello(wire.Object{"resume": wire.Object{"sessionId": c.Welcome.SessionID, "secret": c.Welcome.ResumeSecret}}); back.Welcome.Role != "host" {
		t.Errorf("%+v", back.Welcome)
	}
}

// TestPreAuthConnectionsAreBounded checks that a new connection displaces the idlest one without a hello, and never one with a hello.
func TestPreAuthConnectionsAreBounded(t *testing.T) {
	h := newTestServer(t, nil)
	h.srv.preAuth.SetLimit(4)
	host := h.enter(hostToken)
	var silent []*wiretest.Client
	for i := range 4 {
		silent = append(silent, h.dial())
		for h.srv.preAuth.Len() != i+1 {
			runtime.Gosched()
		}
	}
	h.enter(guestToken)
	if _, err := silent[0].Read(); err == nil || websocket.IsCloseError(err) || h.srv.preAuth.Displaced()[0] != 1 {
		t.Errorf("who was silent longest: %v, %v went", err, h.srv.preAuth.Displaced())
	}
	for _, c := range silent[1:] {
		c.Hello(wire.Object{"token": guestToken})
	}
	host.Do("ping", nil)
}

// TestLog checks that names, addresses and tokens never get into the log.
func TestLog(t *testing.T) {
	h := newTestServer(t, nil)
	host := h.enter("CANARYroom|host|CANARYperson|CANARYname")
	host.WaitFor("media.ready")
	guest := h.dial()
	guest.Hello(wire.Object{"token": "CANARYroom|participant|CANARYother|CANARYname", "displayName": "CANARYshown"})
	host.WaitFor("waiting.added")
	guest.Do("waiting.message", wire.Object{"text": "CANARYwords"})
	host.Do("media.offer", wire.Object{"generation": 1, "sdp": "CANARYsdp", "tracks": []any{}})
	host.Refused("CANARYtype", nil, wire.UnknownType)
	host.Refused("mod.mute", wire.Object{"participantId": "CANARY", "source": "CANARY"}, room.BadRequest)
	h.dial().Refused("hello", wire.Object{"token": "CANARYtoken", "client": wiretest.ClientInfo}, wire.InvalidToken)
	h.dial().Refused("hello", wire.Object{"token": "panic|CANARY", "client": wiretest.ClientInfo}, room.Internal)
	host.Do("room.end", nil)
	host.CloseCode()
	guest.CloseCode()
	log := h.log.String()
	for _, word := range []string{"CANARY", "127.0.0.1", host.Welcome.ResumeSecret, guest.Welcome.ResumeSecret} {
		if strings.Contains(log, word) {
			t.Errorf("the log holds %s:\n%s", word, log)
		}
	}
	if !strings.Contains(log, "ref=") {
		t.Error("the log holds nothing: the test sees no log")
	}
	families, err := h.prom.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.Contains(f.String(), "CANARY") || strings.Contains(f.String(), "127.0.0.1") {
			t.Errorf("a metric holds what a client sent: %s", f)
		}
	}
}

// TestClose checks that a daemon that stops notifies every client.
func TestClose(t *testing.T) {
	h := newTestServer(t, nil)
	host, stranger := h.enter(hostToken), h.dial()
	done := make(chan error, 1)
	go func() { done <- h.srv.Close(t.Context()) }()
	if code := host.CloseCode(); code != wire.CloseDraining {
		t.Errorf("closed with %d", code)
	}
	if code := stranger.CloseCode(); code != wire.CloseDraining {
		t.Errorf("a stranger: closed with %d", code)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
