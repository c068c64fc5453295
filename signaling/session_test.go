package signaling

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"alcove/room"
	"alcove/room/live"
)

const (
	hostToken  = "tuesday|host|klein|Klein"
	guestToken = "tuesday|participant|maria|Maria"
)

// TestGroup walks through a session: wait, admit, act, leave.
func TestGroup(t *testing.T) {
	h := newHouse(t, nil)
	host := h.enter(hostToken)
	if host.said.State != "admitted" || host.said.PingMs != 5000 || host.said.ResumeMs != 60000 {
		t.Errorf("%+v", host.said)
	}
	host.until("media.ready")
	guest := h.enter(guestToken)
	id := guest.said.ParticipantID
	if guest.said.State != "waiting" {
		t.Errorf("%+v", guest.said)
	}
	if w := host.until("waiting.added").Data["waiter"].(map[string]any); w["participantId"] != id || w["verifiedName"] != "Maria" {
		t.Errorf("%v", w)
	}
	guest.done("waiting.message", Object{"text": "Hello?"})
	if m := host.until("waiting.message"); m.Data["from"] != "waiting" || m.Data["text"] != "Hello?" {
		t.Errorf("%v", m)
	}
	if r := host.done("waiting.admit", Object{"participantIds": []string{id}}); len(r.Data["admitted"].([]any)) != 1 {
		t.Errorf("%v", r.Data)
	}
	if e := guest.until("access.changed"); e.Data["state"] != "admitted" || e.Data["reason"] != "admitted" {
		t.Errorf("%v", e)
	}
	guest.until("roster")
	guest.until("media.ready")
	offer := Object{"generation": 1, "sdp": "v=0\r\n", "tracks": []Object{{"mid": "0", "source": "microphone"}}}
	if r := guest.done("media.offer", offer); r.Data["sdp"] != "v=0\r\n" {
		t.Errorf("%v", r.Data)
	}
	guest.done("hand.set", Object{"raised": true})
	host.until("participant.updated")
	host.done("mod.mute", Object{"participantId": id, "source": "microphone"})
	host.done("mod.askUnmute", Object{"participantId": id, "source": "microphone"})
	guest.until("unmute.asked")
	guest.done("leave", nil)
	if code := guest.closed(); code != CloseNormal {
		t.Errorf("left with %d", code)
	}
	host.until("participant.left")
	host.done("room.end", nil)
	if code := host.closed(); code != CloseRoomEnded {
		t.Errorf("ended with %d", code)
	}
	late := h.dial()
	late.refused("hello", Object{"token": "other|host|a|b|c", "client": Object{"name": "t", "version": "1"}}, InvalidToken)
	if code := late.closed(); code != CloseInvalidToken {
		t.Errorf("closed with %d", code)
	}
}

// TestMalformed: each wrong thing has its close code, before and after hello, and the daemon serves on.
func TestMalformed(t *testing.T) {
	h := newHouse(t, nil)
	big := func(n int) string {
		return `{"id":"1","type":"ping","data":{"x":"` + strings.Repeat("x", n) + `"}}`
	}
	for note, c := range map[string]struct {
		text string
		code int
		why  string
	}{
		"bad JSON":        {`{"id":`, CloseProtocol, "not one JSON object"},
		"a list":          {`[]`, CloseProtocol, "not one JSON object"},
		"a request first": {`{"id":"1","type":"ping"}`, CloseProtocol, "the first request must be hello"},
		"a field more":    {`{"id":"1","type":"ping","seq":1}`, CloseProtocol, "a field besides id, type and data"},
		"16 KiB and more": {big(MaxFrameWaiting), CloseTooLarge, ""},
		"a MiB":           {big(1 << 20), CloseTooLarge, ""},
	} {
		stranger := h.dial()
		stranger.send(c.text)
		if bye := stranger.goodbye(); bye.Code != c.code || bye.Text != c.why {
			t.Errorf("%s before hello: closed with %d %q", note, bye.Code, bye.Text)
		}
	}
	for note, c := range map[string]struct {
		token, text string
		kind, code  int
		why         string
	}{
		"bad JSON":          {hostToken, `{"id":`, websocket.TextMessage, CloseProtocol, "not one JSON object"},
		"binary":            {hostToken, `{"id":"1","type":"ping"}`, websocket.BinaryMessage, CloseProtocol, "a binary message"},
		"broken UTF-8":      {hostToken, "{\"id\":\"\xff\",\"type\":\"ping\"}", websocket.TextMessage, CloseProtocol, "not UTF-8"},
		"too large":         {hostToken, big(MaxFrameAdmitted), websocket.TextMessage, CloseTooLarge, ""},
		"large and waiting": {guestToken, big(MaxFrameWaiting), websocket.TextMessage, CloseTooLarge, ""},
	} {
		in := h.enter(c.token)
		in.conn.WriteMessage(c.kind, []byte(c.text))
		if bye := in.goodbye(); bye.Code != c.code || bye.Text != c.why {
			t.Errorf("%s: closed with %d %q, want %d %q", note, bye.Code, bye.Text, c.code, c.why)
		}
	}
	host := h.enter(hostToken)
	host.send(`{"id":"big","type":"ping","data":{"x":"` + strings.Repeat("x", 2*MaxFrameWaiting) + `"}}`)
	if r := host.answer("big"); !r.OK {
		t.Errorf("an admitted host may not send 32 KiB: %+v", r.Error)
	}
	host.refused("no.such", nil, UnknownType)
	host.refused("hello", Object{"token": hostToken, "client": Object{"name": "t", "version": "1"}}, room.InvalidState)
	host.done("ping", nil)
}

func TestRefusedHello(t *testing.T) {
	h := newHouse(t, nil)
	client := Object{"name": "t", "version": "1"}
	for note, c := range map[string]struct {
		data any
		err  room.Code
		code int
	}{
		"bad token":      {Object{"token": "bad", "client": client}, InvalidToken, CloseInvalidToken},
		"no token":       {Object{"client": client}, room.BadRequest, CloseProtocol},
		"no client":      {Object{"token": hostToken}, room.BadRequest, CloseProtocol},
		"unknown resume": {Object{"resume": Object{"sessionId": "a.b", "secret": "x"}, "client": client}, room.ResumeExpired, CloseInvalidToken},
		"a bug":          {Object{"token": "panic|CANARY", "client": client}, room.Internal, CloseInternal},
	} {
		who := h.dial()
		r := who.ask("hello", c.data)
		if r.OK || r.Error.Code != c.err {
			t.Errorf("%s: %+v", note, r.Error)
			continue
		}
		if code := who.closed(); code != c.code {
			t.Errorf("%s: closed with %d", note, code)
		}
		if c.err == InvalidToken || c.err == room.Internal {
			if len(r.Error.Ref) != 8 || !strings.Contains(h.log.String(), "ref="+r.Error.Ref) {
				t.Errorf("%s: ref %q is not in the log", note, r.Error.Ref)
			}
		}
	}
	if log := h.log.String(); !strings.Contains(log, "reason=expired") || strings.Contains(log, "CANARY") {
		t.Error(log)
	}
	h.enter(hostToken).done("ping", nil) // the others go on
}

// TestSilence: no hello in time, and no word after it.
func TestSilence(t *testing.T) {
	h := newHouse(t, func(_ *Config, s *Server) {
		if s != nil {
			s.timing.hello, s.timing.ping = 50*time.Millisecond, 20*time.Millisecond
		}
	})
	if code := h.dial().closed(); code != CloseHelloTimeout {
		t.Errorf("no hello: closed with %d", code)
	}
	if code := h.enter(hostToken).closed(); code != CloseGoingAway {
		t.Errorf("no ping: closed with %d", code)
	}
}

func TestHandshake(t *testing.T) {
	h := newHouse(t, func(c *Config, _ *Server) { c.Origins = []string{"https://portal.clinic.example"} })
	for note, c := range map[string]struct {
		header   http.Header
		protocol []string
		status   int
		text     string // of a refusal: what to do
	}{
		"own origin":        {http.Header{"Origin": {h.web.URL}}, []string{Subprotocol}, 101, ""},
		"configured origin": {http.Header{"Origin": {"https://Portal.clinic.example:443"}}, []string{Subprotocol}, 101, ""},
		"foreign origin":    {http.Header{"Origin": {"https://evil.example"}}, []string{Subprotocol}, 403, "origins of the configuration"},
		"origin null":       {http.Header{"Origin": {"null"}}, []string{Subprotocol}, 403, "origin"},
		"another scheme":    {http.Header{"Origin": {strings.Replace(h.web.URL, "http", "https", 1)}}, []string{Subprotocol}, 403, "origin"},
		"claimed host":      {http.Header{"Origin": {"https://evil.example"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}}, []string{Subprotocol}, 403, "origin"},
		"no origin":         {http.Header{}, []string{Subprotocol}, 403, "Authorization: Bearer"},
		"a native client":   {http.Header{"Authorization": {"Bearer " + hostToken}}, []string{Subprotocol}, 101, ""},
		"no subprotocol":    {nil, nil, 400, Subprotocol},
		"another one":       {nil, []string{"alcove.v2"}, 400, Subprotocol},
	} {
		conn, resp, err := h.handshake(c.header, c.protocol...)
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
	h := newHouse(t, nil)
	dial := func() *caller {
		conn, _, err := h.handshake(http.Header{"Authorization": {"Bearer " + hostToken}}, Subprotocol)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return &caller{t: t, conn: conn}
	}
	c := dial()
	if c.greet(Object{}); c.said.Role != "host" {
		t.Errorf("%+v", c.said)
	}
	dial().refused("hello", Object{"token": hostToken, "client": Object{"name": "t", "version": "1"}}, room.BadRequest)
	// A resume comes with the token of before, used or not: without an Origin nothing else opens the connection.
	back := dial()
	if back.greet(Object{"resume": Object{"sessionId": c.said.SessionID, "secret": c.said.ResumeSecret}}); back.said.Role != "host" {
		t.Errorf("%+v", back.said)
	}
}

// TestStrangersAreBounded: of those who have not said hello the idle one goes for the newest, and whoever said hello stays.
func TestStrangersAreBounded(t *testing.T) {
	h := newHouse(t, nil)
	h.srv.preAuth.SetLimit(4)
	host := h.enter(hostToken)
	var silent []*caller
	for i := range 4 {
		silent = append(silent, h.dial())
		for h.srv.preAuth.Len() != i+1 {
			runtime.Gosched()
		}
	}
	h.enter(guestToken)
	if _, err := silent[0].read(); err == nil || websocket.IsCloseError(err) || h.srv.preAuth.Displaced()[0] != 1 {
		t.Errorf("who was silent longest: %v, %v went", err, h.srv.preAuth.Displaced())
	}
	for _, c := range silent[1:] {
		c.greet(Object{"token": guestToken})
	}
	host.done("ping", nil)
}

// TestSameID: a request that is sent again is answered again and done once, across a resume too.
func TestSameID(t *testing.T) {
	h := newHouse(t, nil)
	host, guest := h.enter(hostToken), h.enter(guestToken)
	host.until("waiting.added")
	admit := Object{"participantIds": []string{guest.said.ParticipantID}}
	first := host.askAs("x-1", "waiting.admit", admit)
	again := host.askAs("x-1", "waiting.admit", admit)
	if !first.OK || !equal(first, again) {
		t.Errorf("%+v, then %+v", first, again)
	}
	if r := host.askAs("x-1", "room.lock", nil); r.OK || r.Error.Code != room.BadRequest {
		t.Errorf("another request with a used id: %+v", r)
	}
	back := h.dial()
	back.greet(Object{"resume": Object{"sessionId": host.said.SessionID, "secret": host.said.ResumeSecret}})
	if code := host.closed(); code != CloseReplaced {
		t.Errorf("the older connection closed with %d", code)
	}
	if r := back.askAs("x-1", "waiting.admit", admit); !equal(r, first) {
		t.Errorf("after the resume: %+v", r)
	}
	back.done("leave", nil)
	guest.done("leave", nil)
	back.closed()
	guest.closed()
	if n := h.srv.caches.size(); n != 0 {
		t.Errorf("%d sessions are remembered after the last left", n)
	}
}

// TestConfirm: the older secret lives until the first frame that shows the newer arrived.
func TestConfirm(t *testing.T) {
	h := newHouse(t, nil)
	host := h.enter(hostToken)
	host.done("ping", nil)
	resume := func(secret string) Object {
		return Object{"resume": Object{"sessionId": host.said.SessionID, "secret": secret}, "client": Object{"name": "t", "version": "1"}}
	}
	old := host.said.ResumeSecret
	second := h.dial()
	second.greet(resume(old))
	third := h.dial() // the answer to the second was lost
	third.greet(resume(old))
	third.done("ping", nil)
	h.dial().refused("hello", resume(old), room.ResumeExpired)
}

func TestPace(t *testing.T) {
	now := time.Unix(1790000000, 0)
	h := newHouse(t, func(c *Config, _ *Server) { c.Now = func() time.Time { return now } })
	host := h.enter(hostToken)
	for range freePings + burst {
		host.done("ping", nil)
	}
	r := host.ask("ping", nil)
	if r.OK || r.Error.Code != RateLimited || r.Error.RetryAfterMs != 50 {
		t.Fatalf("%+v", r.Error)
	}
	for range maxRefused {
		host.send(`{"id":"1","type":"ping"}`)
	}
	if code := host.closed(); code != CloseRateLimited {
		t.Errorf("closed with %d", code)
	}
	pinger := h.enter(hostToken)
	for range freePings + burst + maxRefused + 1 {
		pinger.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience))
	}
	if code := pinger.closed(); code != CloseRateLimited {
		t.Errorf("WebSocket pings: closed with %d", code)
	}
}

// TestSlowReader: who does not read is not waited for, and hears why once it reads again.
func TestSlowReader(t *testing.T) {
	h := newHouse(t, nil)
	host := h.enter(hostToken)
	host.until("media.ready")
	h.srv.mu.Lock()
	var s *session
	for s = range h.srv.sessions {
	}
	h.srv.mu.Unlock()
	words := strings.Repeat("x", 64<<10)
	for i := 0; !s.out.closed(); i++ {
		if i > 10_000 {
			t.Fatal("the queue takes without end")
		}
		s.Deliver(live.EffectNotice{Effect: room.MessageSent{Waiter: "w", Text: words}})
	}
	if code := host.closed(); code != CloseRateLimited {
		t.Errorf("closed with %d", code)
	}
}

// TestGoroutines: connections that come and break leave nothing behind.
func TestGoroutines(t *testing.T) {
	h := newHouse(t, nil)
	host := h.enter(hostToken)
	host.done("ping", nil)
	before := runtime.NumGoroutine()
	for i := range 200 {
		c := h.dial()
		switch i % 3 {
		case 0:
			c.greet(Object{"token": guestToken})
			c.done("leave", nil)
		case 1:
			c.send(`{"id":`)
		}
		c.conn.NetConn().Close()
		host.done("ping", nil)
		if i%(burst/2) == 0 { // the host keeps its pace by coming anew
			host.conn.NetConn().Close()
			host = h.enter(hostToken)
		}
	}
	host.conn.NetConn().Close()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}

// TestLog: what must stay out of the log does, whatever happens.
func TestLog(t *testing.T) {
	h := newHouse(t, nil)
	host := h.enter("CANARYroom|host|CANARYperson|CANARYname")
	host.until("media.ready")
	guest := h.dial()
	guest.greet(Object{"token": "CANARYroom|participant|CANARYother|CANARYname", "displayName": "CANARYshown"})
	host.until("waiting.added")
	guest.done("waiting.message", Object{"text": "CANARYwords"})
	host.done("media.offer", Object{"generation": 1, "sdp": "CANARYsdp", "tracks": []any{}})
	host.refused("CANARYtype", nil, UnknownType)
	host.refused("mod.mute", Object{"participantId": "CANARY", "source": "CANARY"}, room.BadRequest)
	h.dial().refused("hello", Object{"token": "CANARYtoken", "client": Object{"name": "t", "version": "1"}}, InvalidToken)
	h.dial().refused("hello", Object{"token": "panic|CANARY", "client": Object{"name": "t", "version": "1"}}, room.Internal)
	host.done("room.end", nil)
	host.closed()
	guest.closed()
	log := h.log.String()
	for _, word := range []string{"CANARY", "127.0.0.1", host.said.ResumeSecret, guest.said.ResumeSecret} {
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

// TestClose: a daemon that goes says so to everyone.
func TestClose(t *testing.T) {
	h := newHouse(t, nil)
	host, stranger := h.enter(hostToken), h.dial()
	done := make(chan error, 1)
	go func() { done <- h.srv.Close(t.Context()) }()
	if code := host.closed(); code != CloseDraining {
		t.Errorf("closed with %d", code)
	}
	if code := stranger.closed(); code != CloseDraining {
		t.Errorf("a stranger: closed with %d", code)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
