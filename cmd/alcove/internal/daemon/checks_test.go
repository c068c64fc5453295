package daemon

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/wire"
)

func codeOf(err error) room.Code {
	if ours, ok := errors.AsType[*room.Error](err); ok {
		return ours.Code
	}
	return ""
}

// TestCheckLimits checks who may check when, and that each echo ends with the next, with the check, and when it is refused.
func TestCheckLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running := 0
		var fail error
		var lasts []time.Duration
		k := &checks{now: time.Now, bySeat: map[string]*check{}}
		k.echo = func(_ live.Offer, d time.Duration, done func(live.Answer, error)) (func(), error) {
			running++
			lasts = append(lasts, d)
			done(live.Answer{SDP: "answer"}, fail)
			return func() { running-- }, nil
		}
		begin := func(seat string) room.Code { _, _, err := k.Begin(wire.ICEClient{Seat: seat}); return codeOf(err) }
		offer := func(seat string) room.Code {
			sdp, err := k.Offer(context.Background(), seat, live.Offer{SDP: "v=0"})
			if err == nil && sdp != "answer" {
				t.Errorf("answered %q", sdp)
			}
			return codeOf(err)
		}
		if c := offer("a"); c != room.InvalidState {
			t.Errorf("an offer without a check: %q", c)
		}
		if c := begin("a"); c != "" {
			t.Error(c)
		}
		if c := begin("a"); c != room.InvalidState {
			t.Errorf("a second check at once: %q", c)
		}
		time.Sleep(10 * time.Second)
		for i := range maxCheckOffers {
			if c := offer("a"); c != "" || running != 1 || lasts[i] != checkLasts-10*time.Second {
				t.Errorf("offer %d: %q, %d echoes, for %v", i, c, running, lasts[i])
			}
		}
		if c := offer("a"); c != room.InvalidState {
			t.Errorf("one offer too many: %q", c)
		}
		for i := 1; i < maxChecks; i++ {
			if c := begin(string(rune('a' + i))); c != "" {
				t.Errorf("check %d: %q", i, c)
			}
		}
		if c := begin("one more"); c != room.Unavailable {
			t.Errorf("too many at once: %q", c)
		}
		fail = &room.Error{Code: live.SDPInvalid}
		before := running
		if c := offer("b"); c != live.SDPInvalid || running != before {
			t.Errorf("a bad offer: %q, %d echoes, %d before", c, running, before)
		}
		time.Sleep(checkLasts)
		if c := offer("b"); c != room.InvalidState {
			t.Errorf("an offer after the check: %q", c)
		}
		if c := begin("one more"); c != "" {
			t.Errorf("after the others: %q", c)
		}
		time.Sleep(checkPause)
		if c := begin("a"); c != "" {
			t.Errorf("a minute later: %q", c)
		}
	})
}

// TestCheckOffersAtOnce checks that of two offers of a seat that are answered at once one echo stays.
func TestCheckOffersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		k := &checks{now: time.Now, bySeat: map[string]*check{}}
		k.echo = func(_ live.Offer, _ time.Duration, done func(live.Answer, error)) (func(), error) {
			running.Add(1)
			time.Sleep(time.Second)
			done(live.Answer{}, nil)
			return sync.OnceFunc(func() { running.Add(-1) }), nil
		}
		if _, _, err := k.Begin(wire.ICEClient{Seat: "a"}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			go func() {
				if _, err := k.Offer(t.Context(), "a", live.Offer{}); err != nil {
					t.Error(err)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		if n := running.Load(); n != 1 {
			t.Errorf("%d echoes", n)
		}
		time.Sleep(checkLasts)
	})
}

// TestChecksAndRelay checks that the relay lets in each seat during its check and no longer.
func TestChecksAndRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var allowed []string
		k := &checks{now: time.Now, bySeat: map[string]*check{}}
		k.allow = func(holders []string) { allowed = slices.Sorted(slices.Values(holders)) }
		want := func(holders ...string) {
			t.Helper()
			synctest.Wait()
			if k.mu.Lock(); !slices.Equal(allowed, holders) {
				t.Errorf("the relay lets in %q, want %q", allowed, holders)
			}
			k.mu.Unlock()
		}
		for i, seat := range []string{"a", "b"} {
			if _, _, err := k.Begin(wire.ICEClient{Seat: seat}); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				time.Sleep(checkLasts / 2)
			}
		}
		want(checkHolder("a"), checkHolder("b"))
		time.Sleep(checkLasts / 2)
		want(checkHolder("b"))
		time.Sleep(checkLasts / 2)
		want()
	})
}

// TestDaemonCheck checks that who waits, and has no relay for the session, gets one for a check.
func TestDaemonCheck(t *testing.T) {
	t.Parallel()
	r := startDevWith(t, t.TempDir(), func(d *Daemon) {
		d.Config.Media.Listen, d.Config.Media.Port = config.Addresses{"127.0.0.1"}, 0
		d.OpenMedia = OpenMedia
	})
	r.hello(t, r.token(t, "role=host"))
	guest, _ := r.hello(t, r.token(t, "sub=guest&name=Guest"))
	alcovetest.Send(t, guest, `{"id":"2","type":"check.begin","data":{}}`)
	servers := alcovetest.AnswerICEServers(t, guest, "2")
	if len(servers) != 1 {
		t.Fatalf("who waits is told of %+v", servers)
	}
	at := servers[0].URLs[0][len("turn:") : len(servers[0].URLs[0])-len("?transport=tcp")]
	if _, err := alcovetest.AllocateRelay(t, at, servers[0], nil); err != nil {
		t.Error(err)
	}
}
