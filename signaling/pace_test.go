package signaling

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"alcove/room"
)

// TestPaceOfWords: a few words a minute, whatever connection they come by; what was refused may be asked again under its id.
func TestPaceOfWords(t *testing.T) {
	var ahead atomic.Int64
	h := newHouse(t, func(c *Config, _ *Server) {
		c.Now = func() time.Time { return time.Unix(1_790_000_000, ahead.Load()) }
	})
	host, guest := h.enter(hostToken), h.enter(guestToken)
	host.until("waiting.added")
	words := Object{"text": "Hello?"}
	for range int(wordsPace.burst) {
		guest.done("waiting.message", words)
	}
	r := guest.askAs("again", "waiting.message", words)
	if r.OK || r.Error.Code != RateLimited || r.Error.RetryAfterMs != 5000 || !r.Error.Retryable {
		t.Fatalf("one too many: %+v %+v", r, r.Error)
	}
	other := h.dial()
	other.greet(Object{"resume": Object{"sessionId": guest.said.SessionID, "secret": guest.said.ResumeSecret}})
	other.refused("waiting.message", words, RateLimited)
	ahead.Add(int64(5 * time.Second))
	if r := other.askAs("again", "waiting.message", words); !r.OK {
		t.Errorf("after its time: %+v", r.Error)
	}
	other.refused("waiting.message", words, RateLimited)
	for range int(wordsPace.burst) + 1 {
		host.until("waiting.message")
	}
	host.done("waiting.deny", Object{"participantId": guest.said.ParticipantID, "message": "Not now."})
}

// TestPaceOfHelp: who calls again and again is slowed down, but never the first call, nor the first after a host has seen to it.
func TestPaceOfHelp(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	h := newHouse(t, func(c *Config, _ *Server) { c.Now = func() time.Time { return now } })
	host, guest := h.enter(hostToken), h.enter(guestToken)
	id := guest.said.ParticipantID
	host.done("waiting.admit", Object{"participantIds": []string{id}})
	guest.until("roster")
	for i := range 3 {
		guest.done("help.signal", nil)
		if i == 0 {
			for range int(helpPace.burst) {
				guest.done("help.signal", nil)
			}
		}
		guest.refused("help.signal", nil, RateLimited)
		other := h.dial()
		other.greet(Object{"resume": Object{"sessionId": guest.said.SessionID, "secret": guest.said.ResumeSecret}})
		guest = other
		guest.refused("help.signal", nil, RateLimited)
		host.done("help.clear", Object{"participantId": id})
		guest.until("self.updated")
	}
}

// TestPaceNeverCloses: nothing that takes back, refuses, closes or moderates has a pace, and all that shows something to others does.
func TestPaceNeverCloses(t *testing.T) {
	a := &idempotencyCache{limiters: map[*pace]*spending{}}
	now := time.Unix(1_790_000_000, 0)
	for _, c := range []room.Command{
		room.WithdrawConsent{}, room.AnswerConsent{}, room.StopRecording{}, room.Leave{}, room.Remove{}, room.Deny{}, room.Mute{}, room.Lock{},
		room.End{}, room.SendBack{}, room.SetMuted{Muted: true}, room.CloseSideRoom{}, room.Acknowledge{},
	} {
		for range 1000 {
			if wait := a.reserve(c, true, now); wait > 0 {
				t.Errorf("%T has to wait for %s", c, wait)
				break
			}
		}
	}
	for _, c := range []room.Command{
		room.Message{}, room.RequestHelp{}, room.AnswerConsent{Granted: true}, room.AskConsent{}, room.AskScreen{}, room.AskUnmute{},
		room.ShowAgreement{},
	} {
		a, done := &idempotencyCache{limiters: map[*pace]*spending{}}, 0
		for i := range 600 { // ten minutes of ten a minute more than anybody means
			if a.reserve(c, true, now.Add(time.Duration(i)*time.Second)) == 0 {
				done++
			}
		}
		if p := paceOf(c); float64(done) > p.burst+10*p.perMinute || done == 0 {
			t.Errorf("%T: %d in ten minutes", c, done)
		}
	}
	if wait := a.reserve(room.RequestHelp{}, false, now); wait > 0 {
		t.Errorf("the first call for help has to wait for %s", wait)
	}
}

// TestPaceSetBack: a clock that is set back makes nobody wait for more than without.
func TestPaceSetBack(t *testing.T) {
	s, now := &spending{}, time.Unix(1_790_000_000, 0)
	for range int(wordsPace.burst) {
		wordsPace.spend(s, now)
	}
	if wait := wordsPace.spend(s, now.Add(-time.Hour)); wait != 5*time.Second {
		t.Errorf("has to wait for %s", wait)
	}
	if wait := wordsPace.spend(s, now.Add(5*time.Second-time.Hour)); wait != 0 {
		t.Error(fmt.Sprint("has to wait for ", wait))
	}
}
