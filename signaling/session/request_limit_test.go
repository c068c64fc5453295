package session

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"alcove/room"
	"alcove/signaling/wire"
)

// TestChatLimit checks that chat messages are limited per session, across connections, and that a refused request may be repeated with its
// ID.
func TestChatLimit(t *testing.T) {
	var ahead atomic.Int64
	h := newTestServer(t, func(c *Config, _ *Service) {
		c.Now = func() time.Time { return time.Unix(1_790_000_000, ahead.Load()) }
	})
	host, guest := h.enter(hostToken), h.enter(guestToken)
	host.WaitFor("waiting.added")
	message := wire.Object{"text": "Hello?"}
	for range chatLimit.burst {
		guest.Do("waiting.message", message)
	}
	r := guest.RequestAs("again", "waiting.message", message)
	if r.OK || r.Error.Code != wire.RateLimited || r.Error.RetryAfterMs != 5000 || !r.Error.Retryable {
		t.Fatalf("one too many: %+v %+v", r, r.Error)
	}
	other := h.dial()
	other.Hello(wire.Object{"resume": wire.Object{"sessionId": guest.Welcome.SessionID, "secret": guest.Welcome.ResumeSecret}})
	other.Refused("waiting.message", message, wire.RateLimited)
	ahead.Add(int64(5 * time.Second))
	if r := other.RequestAs("again", "waiting.message", message); !r.OK {
		t.Errorf("after its time: %+v", r.Error)
	}
	other.Refused("waiting.message", message, wire.RateLimited)
	for range chatLimit.burst + 1 {
		host.WaitFor("waiting.message")
	}
	host.Do("waiting.deny", wire.Object{"participantId": guest.Welcome.ParticipantID, "message": "Not now."})
}

// TestHelpLimit checks that repeated calls for help are limited, but neither the first one nor the first after a host cleared the last,
// and that calls that the caller takes back are limited, too.
func TestHelpLimit(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	h := newTestServer(t, func(c *Config, _ *Service) { c.Now = func() time.Time { return now } })
	host, guest := h.enter(hostToken), h.enter(guestToken)
	id := guest.Welcome.ParticipantID
	host.Do("waiting.admit", wire.Object{"participantIds": []string{id}})
	guest.WaitFor("roster")
	for i := range 3 {
		guest.Do("help.signal", nil)
		if i == 0 {
			for range helpLimit.burst {
				guest.Do("help.signal", nil)
			}
		}
		guest.Refused("help.signal", nil, wire.RateLimited)
		other := h.dial()
		other.Hello(wire.Object{"resume": wire.Object{"sessionId": guest.Welcome.SessionID, "secret": guest.Welcome.ResumeSecret}})
		guest = other
		guest.Refused("help.signal", nil, wire.RateLimited)
		host.Do("help.clear", wire.Object{"participantId": id})
		guest.WaitFor("self.updated")
	}
	for range helpWithdrawalLimit.burst {
		guest.Do("help.signal", nil)
		guest.Do("help.withdraw", nil)
	}
	guest.Do("help.signal", nil)
	guest.Refused("help.withdraw", nil, wire.RateLimited)
}

// TestRequestLimits checks that requests that withdraw, refuse, close or moderate have no limit, and that requests whose effects others see
// have one.
func TestRequestLimits(t *testing.T) {
	a := newIdempotencyCache()
	now := time.Unix(1_790_000_000, 0)
	for _, c := range []room.Command{
		room.WithdrawConsent{}, room.AnswerConsent{}, room.StopRecording{}, room.Leave{}, room.Remove{}, room.Deny{}, room.Mute{}, room.Lock{},
		room.End{}, room.SendBack{}, room.SetMuted{Muted: true}, room.CloseSideRoom{}, room.Acknowledge{},
	} {
		for range 1000 {
			if wait := a.takeLimit(c, true, now); wait > 0 {
				t.Errorf("%T has to wait for %s", c, wait)
				break
			}
		}
	}
	for _, c := range []any{
		room.Message{}, room.RequestHelp{}, room.AnswerConsent{Granted: true}, room.AskConsent{}, room.AskScreen{}, room.AskUnmute{},
		room.ShowAgreement{}, room.SetKeyPackage{}, room.SendToGroup{}, room.CreateGroup{}, room.CommitGroup{}, room.SyncGroup{},
		room.ReleaseKeys{}, wire.FileCreate{}, room.Rename{}, room.ReplyHelp{}, room.WithdrawHelp{},
	} {
		l := requestLimitOf(c)
		if l == nil {
			t.Errorf("%T has no limit", c)
			continue
		}
		a, done := newIdempotencyCache(), 0
		for i := range 6000 { // ten requests a second for ten minutes, above every limit
			if a.takeLimit(c, true, now.Add(time.Duration(i)*100*time.Millisecond)) == 0 {
				done++
			}
		}
		if most := l.burst + 10*l.perMinute; done > most || done < most-l.perMinute {
			t.Errorf("%T: %d in ten minutes, want %d", c, done, most)
		}
	}
	if wait := a.takeLimit(room.RequestHelp{}, false, now); wait > 0 {
		t.Errorf("the first call for help has to wait for %s", wait)
	}
}

// TestRequestLimitsAreDocumented checks that PROTOCOL.md states each limit with the requests that it covers.
func TestRequestLimitsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	for requests, l := range map[string]requestLimit{
		"`waiting.message` and `help.reply` together %d and %d;": chatLimit, "`self.rename` and `participant.rename` together %d and %d;": nameLimit, "`help.signal` %d and %d,": helpLimit,
		"`help.withdraw` %d and %d;": helpWithdrawalLimit,
		"`consent.respond` with `granted` and `recording.start` together %d and %d;":   consentLimit,
		"`permission.ask`, `mod.askUnmute` and `agreement.remind` together %d and %d.": promptLimit,
		"%d `file.create` at once and then %d a minute.":                               fileLimit,
		"`e2ee.key` %d and %d;": keyPackageLimit, "`e2ee.app` %d and %d;": groupMessageLimit,
		"`e2ee.create` and `e2ee.commit` together %d and %d;": groupEntryLimit, "`e2ee.sync` %d and %d;": syncLimit, "`e2ee.release` %d and %d.": releaseLimit,
	} {
		if want := fmt.Sprintf(requests, l.burst, l.perMinute); !strings.Contains(text, want) {
			t.Errorf("PROTOCOL.md does not say: %s", want)
		}
	}
}

// TestLimitClockSetBack checks that a clock that is set back does not lengthen any wait.
func TestLimitClockSetBack(t *testing.T) {
	l, now := chatLimit.limiter(), time.Unix(1_790_000_000, 0)
	for range chatLimit.burst {
		take(l, now)
	}
	if wait := take(l, now.Add(-time.Hour)); wait != 5*time.Second {
		t.Errorf("has to wait for %s", wait)
	}
	if wait := take(l, now.Add(5*time.Second-time.Hour)); wait != 0 {
		t.Errorf("has to wait for %s", wait)
	}
}
