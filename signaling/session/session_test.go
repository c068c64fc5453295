package session

import (
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/internal/wiretest"
	"alcove/signaling/wire"
)

const (
	hostToken  = "tuesday|host|klein|Klein"
	guestToken = "tuesday|participant|maria|Maria"
)

// TestGroup walks through a session: wait, admit, act, leave.
func TestGroup(t *testing.T) {
	h := newTestServer(t, nil)
	host := h.enter(hostToken)
	if host.Welcome.State != "admitted" || host.Welcome.PingMs != 5000 || host.Welcome.ResumeMs != 60000 {
		t.Errorf("%+v", host.Welcome)
	}
	host.WaitFor("media.ready")
	guest := h.enter(guestToken)
	id := guest.Welcome.ParticipantID
	if guest.Welcome.State != "waiting" {
		t.Errorf("%+v", guest.Welcome)
	}
	if w := host.WaitFor("waiting.added").Data["waiter"].(map[string]any); w["participantId"] != id || w["verifiedName"] != "Maria" {
		t.Errorf("%v", w)
	}
	guest.Do("waiting.message", wire.Object{"text": "Hello?"})
	if m := host.WaitFor("waiting.message"); m.Data["from"] != "waiting" || m.Data["text"] != "Hello?" {
		t.Errorf("%v", m)
	}
	if r := host.Do("waiting.admit", wire.Object{"participantIds": []string{id}}); len(r.Data["admitted"].([]any)) != 1 {
		t.Errorf("%v", r.Data)
	}
	if e := guest.WaitFor("access.changed"); e.Data["state"] != "admitted" || e.Data["reason"] != "admitted" {
		t.Errorf("%v", e)
	}
	guest.WaitFor("roster")
	guest.WaitFor("media.ready")
	offer := wire.Object{"generation": 1, "sdp": "v=0\r\n", "tracks": []wire.Object{{"mid": "0", "source": "microphone"}}}
	if r := guest.Do("media.offer", offer); r.Data["sdp"] != "v=0\r\n" {
		t.Errorf("%v", r.Data)
	}
	guest.Do("hand.set", wire.Object{"raised": true})
	host.WaitFor("participant.updated")
	host.Do("mod.mute", wire.Object{"participantId": id, "source": "microphone"})
	host.Do("mod.askUnmute", wire.Object{"participantId": id, "source": "microphone"})
	guest.WaitFor("unmute.asked")
	guest.Do("leave", nil)
	if code := guest.CloseCode(); code != wire.CloseNormal {
		t.Errorf("left with %d", code)
	}
	host.WaitFor("participant.left")
	host.Do("room.end", nil)
	if code := host.CloseCode(); code != wire.CloseRoomEnded {
		t.Errorf("ended with %d", code)
	}
	late := h.dial()
	late.Refused("hello", wire.Object{"token": "other|host|a|b|c", "client": wiretest.ClientInfo}, wire.InvalidToken)
	if code := late.CloseCode(); code != wire.CloseInvalidToken {
		t.Errorf("closed with %d", code)
	}
}

// TestMalformed checks that each malformed frame has its close code, before and after hello, and that the daemon continues.
func TestMalformed(t *testing.T) {
	h := newTestServer(t, nil)
	big := func(n int) string {
		return `{"id":"1","type":"ping","data":{"x":"` + strings.Repeat("x", n) + `"}}`
	}
	for note, c := range map[string]struct {
		text string
		code int
		why  string
	}{
		"bad JSON":        {`{"id":`, wire.CloseProtocol, "not one JSON object"},
		"a list":          {`[]`, wire.CloseProtocol, "not one JSON object"},
		"a request first": {`{"id":"1","type":"ping"}`, wire.CloseProtocol, "the first request must be hello"},
		"a field more":    {`{"id":"1","type":"ping","seq":1}`, wire.CloseProtocol, "a field besides id, type and data"},
		"16 KiB and more": {big(wire.MaxFrameWaiting), wire.CloseTooLarge, ""},
		"a MiB":           {big(1 << 20), wire.CloseTooLarge, ""},
	} {
		stranger := h.dial()
		stranger.Send(c.text)
		if bye := stranger.CloseFrame(); bye.Code != c.code || bye.Text != c.why {
			t.Errorf("%s before hello: closed with %d %q", note, bye.Code, bye.Text)
		}
	}
	for note, c := range map[string]struct {
		token, text string
		kind, code  int
		why         string
	}{
		"bad JSON":          {hostToken, `{"id":`, websocket.TextMessage, wire.CloseProtocol, "not one JSON object"},
		"binary":            {hostToken, `{"id":"1","type":"ping"}`, websocket.BinaryMessage, wire.CloseProtocol, "a binary message"},
		"broken UTF-8":      {hostToken, "{\"id\":\"\xff\",\"type\":\"ping\"}", websocket.TextMessage, wire.CloseProtocol, "not UTF-8"},
		"too large":         {hostToken, big(wire.MaxFrameAdmitted), websocket.TextMessage, wire.CloseTooLarge, ""},
		"large and waiting": {guestToken, big(wire.MaxFrameWaiting), websocket.TextMessage, wire.CloseTooLarge, ""},
	} {
		in := h.enter(c.token)
		in.Conn.WriteMessage(c.kind, []byte(c.text))
		if bye := in.CloseFrame(); bye.Code != c.code || bye.Text != c.why {
			t.Errorf("%s: closed with %d %q, want %d %q", note, bye.Code, bye.Text, c.code, c.why)
		}
	}
	host := h.enter(hostToken)
	host.Send(`{"id":"big","type":"ping","data":{"x":"` + strings.Repeat("x", 2*wire.MaxFrameWaiting) + `"}}`)
	if r := host.Answer("big"); !r.OK {
		t.Errorf("an admitted host may not send 32 KiB: %+v", r.Error)
	}
	host.Refused("no.such", nil, wire.UnknownType)
	host.Refused("hello", wire.Object{"token": hostToken, "client": wiretest.ClientInfo}, room.InvalidState)
	host.Do("ping", nil)
}

func TestRefusedHello(t *testing.T) {
	h := newTestServer(t, nil)
	client := wiretest.ClientInfo
	for note, c := range map[string]struct {
		data any
		err  room.Code
		code int
	}{
		"bad token":      {wire.Object{"token": "bad", "client": client}, wire.InvalidToken, wire.CloseInvalidToken},
		"no token":       {wire.Object{"client": client}, room.BadRequest, wire.CloseProtocol},
		"no client":      {wire.Object{"token": hostToken}, room.BadRequest, wire.CloseProtocol},
		"unknown resume": {wire.Object{"resume": wire.Object{"sessionId": "a.b", "secret": "x"}, "client": client}, room.ResumeExpired, wire.CloseInvalidToken},
		"a bug":          {wire.Object{"token": "panic|CANARY", "client": client}, room.Internal, wire.CloseInternal},
	} {
		who := h.dial()
		r := who.Request("hello", c.data)
		if r.OK || r.Error.Code != c.err {
			t.Errorf("%s: %+v", note, r.Error)
			continue
		}
		if code := who.CloseCode(); code != c.code {
			t.Errorf("%s: closed with %d", note, code)
		}
		if c.err == wire.InvalidToken || c.err == room.Internal {
			if len(r.Error.Ref) != 8 || !strings.Contains(h.log.String(), "ref="+r.Error.Ref) {
				t.Errorf("%s: ref %q is not in the log", note, r.Error.Ref)
			}
		}
	}
	if log := h.log.String(); !strings.Contains(log, "reason=expired") || strings.Contains(log, "CANARY") {
		t.Error(log)
	}
	h.enter(hostToken).Do("ping", nil) // other connections continue
}

// TestSilence checks the timeouts before and after hello.
func TestSilence(t *testing.T) {
	h := newTestServer(t, func(_ *Config, s *Service) {
		if s != nil {
			s.timing.hello, s.timing.ping = 50*time.Millisecond, 20*time.Millisecond
		}
	})
	if code := h.dial().CloseCode(); code != wire.CloseHelloTimeout {
		t.Errorf("no hello: closed with %d", code)
	}
	if code := h.enter(hostToken).CloseCode(); code != wire.CloseGoingAway {
		t.Errorf("no ping: closed with %d", code)
	}
}

// TestRepeatedRequestID checks that a repeated request is answered again and done once, across a resume too.
func TestRepeatedRequestID(t *testing.T) {
	h := newTestServer(t, nil)
	host, guest := h.enter(hostToken), h.enter(guestToken)
	host.WaitFor("waiting.added")
	admit := wire.Object{"participantIds": []string{guest.Welcome.ParticipantID}}
	first := host.RequestAs("x-1", "waiting.admit", admit)
	again := host.RequestAs("x-1", "waiting.admit", admit)
	if !first.OK || !reflect.DeepEqual(first, again) {
		t.Errorf("%+v, then %+v", first, again)
	}
	if r := host.RequestAs("x-1", "room.lock", nil); r.OK || r.Error.Code != room.BadRequest {
		t.Errorf("another request with a used id: %+v", r)
	}
	back := h.dial()
	back.Hello(wire.Object{"resume": wire.Object{"sessionId": host.Welcome.SessionID, "secret": host.Welcome.ResumeSecret}})
	if code := host.CloseCode(); code != wire.CloseReplaced {
		t.Errorf("the older connection closed with %d", code)
	}
	if r := back.RequestAs("x-1", "waiting.admit", admit); !reflect.DeepEqual(r, first) {
		t.Errorf("after the resume: %+v", r)
	}
	back.Do("leave", nil)
	guest.Do("leave", nil)
	back.CloseCode()
	guest.CloseCode()
	if n := h.svc.caches.size(); n != 0 {
		t.Errorf("%d sessions are remembered after the last left", n)
	}
}

// TestConfirm checks that the older resume secret is valid until the first frame that shows that the newer one arrived.
func TestConfirm(t *testing.T) {
	h := newTestServer(t, nil)
	host := h.enter(hostToken)
	host.Do("ping", nil)
	resume := func(secret string) wire.Object {
		return wire.Object{"resume": wire.Object{"sessionId": host.Welcome.SessionID, "secret": secret}, "client": wiretest.ClientInfo}
	}
	old := host.Welcome.ResumeSecret
	second := h.dial()
	second.Hello(resume(old))
	third := h.dial() // the answer to the second was lost
	third.Hello(resume(old))
	third.Do("ping", nil)
	h.dial().Refused("hello", resume(old), room.ResumeExpired)
}

func TestMessageRate(t *testing.T) {
	now := time.Unix(1790000000, 0)
	h := newTestServer(t, func(c *Config, _ *Service) { c.Now = func() time.Time { return now } })
	host := h.enter(hostToken)
	for range freePings + messageBurst {
		host.Do("ping", nil)
	}
	r := host.Request("ping", nil)
	if r.OK || r.Error.Code != wire.RateLimited || r.Error.RetryAfterMs != 50 {
		t.Fatalf("%+v", r.Error)
	}
	for range maxRefusedRun {
		host.Send(`{"id":"1","type":"ping"}`)
	}
	if code := host.CloseCode(); code != wire.CloseRateLimited {
		t.Errorf("closed with %d", code)
	}
	pinger := h.enter(hostToken)
	for range freePings + messageBurst + maxRefusedRun + 1 {
		pinger.Conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(wiretest.Timeout))
	}
	if code := pinger.CloseCode(); code != wire.CloseRateLimited {
		t.Errorf("WebSocket pings: closed with %d", code)
	}
}

// TestSlowReader checks that a client that does not read is disconnected and gets the close code once it reads again.
func TestSlowReader(t *testing.T) {
	h := newTestServer(t, nil)
	host := h.enter(hostToken)
	host.WaitFor("media.ready")
	h.mu.Lock()
	var s *Session
	for s = range h.open {
	}
	h.mu.Unlock()
	words := strings.Repeat("x", 64<<10)
	for i := 0; !s.out.closed(); i++ {
		if i > 10_000 {
			t.Fatal("the queue takes without end")
		}
		s.Deliver(live.EffectNotice{Effect: room.MessageSent{Waiter: "w", Text: words}})
	}
	if code := host.CloseCode(); code != wire.CloseRateLimited {
		t.Errorf("closed with %d", code)
	}
}

// TestGoroutines checks that connections that break leave no goroutines.
func TestGoroutines(t *testing.T) {
	h := newTestServer(t, nil)
	host := h.enter(hostToken)
	host.Do("ping", nil)
	before := runtime.NumGoroutine()
	for i := range 200 {
		c := h.dial()
		switch i % 3 {
		case 0:
			c.Hello(wire.Object{"token": guestToken})
			c.Do("leave", nil)
		case 1:
			c.Send(`{"id":`)
		}
		c.Conn.NetConn().Close()
		host.Do("ping", nil)
		if i%(messageBurst/2) == 0 { // the host keeps its pace by coming anew
			host.Conn.NetConn().Close()
			host = h.enter(hostToken)
		}
	}
	host.Conn.NetConn().Close()
	deadline := time.Now().Add(wiretest.Timeout)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}
