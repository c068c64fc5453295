package session

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/internal/wiretest"
	"alcove/signaling/wire"
)

// onceTokens are wiretest.Tokens that work once, until they are revoked.
type onceTokens struct {
	wiretest.Tokens
	mu      sync.Mutex
	used    map[string]bool // Guarded by mu.
	revoked bool            // Guarded by mu.
}

func (o *onceTokens) Verify(now time.Time, token auth.Secret) (auth.Grant, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.used[token.Reveal()] {
		return auth.Grant{}, auth.Refusal{Reason: auth.Used}
	}
	o.used[token.Reveal()] = true
	return o.Tokens.Verify(now, token)
}

func (o *onceTokens) Recheck(now time.Time, token auth.Secret) (auth.Grant, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.revoked {
		return auth.Grant{}, auth.Refusal{Reason: auth.Revoked}
	}
	return o.Tokens.Verify(now, token)
}

// forgetful fails to remember one use of a token, and then works.
type forgetful struct {
	onceTokens
	reason auth.Reason // "" once it was returned
}

func (o *forgetful) Verify(now time.Time, token auth.Secret) (auth.Grant, error) {
	o.mu.Lock()
	reason := o.reason
	o.reason = ""
	o.mu.Unlock()
	if reason != "" {
		return auth.Grant{}, auth.Refusal{Reason: reason}
	}
	return o.onceTokens.Verify(now, token)
}

// TestTokenThatCannotBeMarkedUsed checks that a valid token that a full disk prevents from being marked as used may be presented again.
func TestTokenThatCannotBeMarkedUsed(t *testing.T) {
	for _, reason := range []auth.Reason{auth.UsedTokensFailed, auth.UsedTokensFull} {
		tokens := &forgetful{onceTokens: onceTokens{used: map[string]bool{}}, reason: reason}
		h := newTestServer(t, func(c *Config, _ *Service) { c.Tokens = tokens })
		first := h.dial()
		r := first.TryHello(hostToken, nonce)
		if r.Code() != room.Unavailable || !r.Error.Retryable || r.Error.Ref == "" || !strings.Contains(h.log.String(), r.Error.Ref) {
			t.Errorf("%s: %+v", reason, r.Error)
		}
		if got := first.CloseCode(); got != wire.CloseDraining {
			t.Errorf("%s: closed with %d", reason, got)
		}
		if r := h.dial().TryHello(hostToken, nonce); !r.OK {
			t.Errorf("%s: the same token again: %+v", reason, r.Error)
		}
	}
}

// slowTokens wait until they may be verified.
type slowTokens struct {
	onceTokens
	asked chan struct{}
	may   chan struct{}
}

func (o *slowTokens) Verify(now time.Time, token auth.Secret) (auth.Grant, error) {
	o.asked <- struct{}{}
	<-o.may
	return o.onceTokens.Verify(now, token)
}

// TestRepeatedHelloDuringVerification repeats a hello while its token is being marked as used: with the same nonce it waits and gets the
// seat, with another nonce or none it is refused.
func TestRepeatedHelloDuringVerification(t *testing.T) {
	tokens := &slowTokens{onceTokens{used: map[string]bool{}}, make(chan struct{}, 3), make(chan struct{}, 3)}
	h := newTestServer(t, func(c *Config, _ *Service) { c.Tokens = tokens })
	say := func(c *wiretest.Client, nonce string) {
		data := wire.Object{"token": hostToken, "client": wiretest.ClientInfo}
		if nonce != "" {
			data["nonce"] = nonce
		}
		c.Send(string(wire.MustJSON(wire.Object{"id": "1", "type": "hello", "data": data})))
	}
	first, second := h.dial(), h.dial()
	say(first, nonce)
	<-tokens.asked
	say(second, nonce)
	for _, other := range []string{"", strings.Repeat("o", wire.MinNonce)} {
		thief := h.dial()
		say(thief, other)
		<-tokens.asked
		defer func() {
			if r := thief.Answer("1"); r.Code() != wire.InvalidToken {
				t.Errorf("another client with nonce %q: %+v", other, r)
			}
		}()
	}
	tokens.may <- struct{}{}
	one := first.Answer("1")
	tokens.may <- struct{}{}
	tokens.may <- struct{}{}
	two := second.Answer("1")
	if len(tokens.asked) > 0 { // the first and two others were
		t.Error("a token is verified twice for one client")
	}
	if !one.OK || !two.OK || one.Data["participantId"] != two.Data["participantId"] {
		t.Errorf("the first: %+v, the second: %+v", one, two)
	}
	if got := first.CloseCode(); got != wire.CloseReplaced {
		t.Errorf("the first was closed with %d", got)
	}
}

// TestRepeatedHelloWithUsedToken repeats a hello at once with a token that another client used: both are refused.
func TestRepeatedHelloWithUsedToken(t *testing.T) {
	tokens := &slowTokens{onceTokens{used: map[string]bool{hostToken: true}}, make(chan struct{}, 3), make(chan struct{}, 3)}
	h := newTestServer(t, func(c *Config, _ *Service) { c.Tokens = tokens })
	both := []*wiretest.Client{h.dial(), h.dial()}
	for _, c := range both {
		c.Send(string(wire.MustJSON(wire.Object{"id": "1", "type": "hello", "data": wire.Object{"token": hostToken, "nonce": nonce, "client": wiretest.ClientInfo}})))
	}
	tokens.may <- struct{}{}
	tokens.may <- struct{}{}
	for _, c := range both {
		if r := c.Answer("1"); r.Code() != wire.InvalidToken {
			t.Errorf("%+v", r)
		}
	}
}

// brokenTokens panic once.
type brokenTokens struct {
	onceTokens
	did bool // Guarded by mu of onceTokens.
}

func (o *brokenTokens) Verify(now time.Time, token auth.Secret) (auth.Grant, error) {
	o.mu.Lock()
	did := o.did
	o.did = true
	o.mu.Unlock()
	if !did {
		panic("a bug")
	}
	return o.onceTokens.Verify(now, token)
}

// TestRepeatedHelloAfterPanic checks that a panic during hello costs one attempt, not the token.
func TestRepeatedHelloAfterPanic(t *testing.T) {
	h := newTestServer(t, func(c *Config, _ *Service) { c.Tokens = &brokenTokens{onceTokens: onceTokens{used: map[string]bool{}}} })
	if r := h.dial().TryHello(hostToken, nonce); r.Code() != room.Internal {
		t.Errorf("%+v", r)
	}
	if r := h.dial().TryHello(hostToken, nonce); !r.OK {
		t.Errorf("the same token again: %+v", r.Error)
	}
}

func onceHouse(t *testing.T) (*testServer, *onceTokens) {
	t.Helper()
	tokens := &onceTokens{used: map[string]bool{}}
	return newTestServer(t, func(c *Config, _ *Service) { c.Tokens = tokens }), tokens
}

var nonce = strings.Repeat("n", wire.MinNonce)

// TestRepeatedHello checks that a client whose answer to hello was lost gets the same seat if it knows the nonce, until it has shown that
// it received the answer.
func TestRepeatedHello(t *testing.T) {
	for _, token := range []string{hostToken, guestToken} {
		h, _ := onceHouse(t)
		lost := h.dial()
		first := lost.TryHello(token, nonce)
		if !first.OK {
			t.Fatalf("%+v", first.Error)
		}
		for _, other := range []string{"", strings.Repeat("m", wire.MinNonce), nonce + "n"} {
			if r := h.dial().TryHello(token, other); r.Code() != wire.InvalidToken {
				t.Errorf("with the nonce %q: %+v", other, r)
			}
		}
		again := h.dial()
		second := again.TryHello(token, nonce)
		if !second.OK || second.Data["participantId"] != first.Data["participantId"] || second.Data["state"] != first.Data["state"] {
			t.Fatalf("the second hello: %+v", second)
		}
		if second.Data["resumeSecret"] == first.Data["resumeSecret"] {
			t.Error("the secret is the same")
		}
		if code := lost.CloseCode(); code != wire.CloseReplaced {
			t.Errorf("the first connection was closed with %d", code)
		}
		third := h.dial()
		if r := third.TryHello(token, nonce); !r.OK || r.Data["participantId"] != first.Data["participantId"] {
			t.Fatalf("the third hello: %+v", r)
		}
		third.Do("ping", wire.Object{})
		if r := h.dial().TryHello(token, nonce); r.Code() != wire.InvalidToken {
			t.Errorf("after the answer was seen: %+v", r)
		}
		if n := len(h.svc.attempts.byToken); n != 0 {
			t.Errorf("%d tokens are remembered", n)
		}
	}
}

// TestRepeatedHelloWithoutNonce checks that the token of a client without a nonce works only once.
func TestRepeatedHelloWithoutNonce(t *testing.T) {
	h, _ := onceHouse(t)
	if r := h.dial().TryHello(guestToken, ""); !r.OK {
		t.Fatalf("%+v", r)
	}
	for _, n := range []string{"", nonce} {
		if r := h.dial().TryHello(guestToken, n); r.Code() != wire.InvalidToken {
			t.Errorf("%+v %+v", r, r.Error)
		}
	}
	if r := h.dial().TryHello("tuesday|participant|eve|Eve", nonce[1:]); r.Code() != room.BadRequest {
		t.Errorf("a short nonce: %+v", r)
	}
}

// TestRepeatedHelloAfterRefusal checks that the same token may be used again after a temporary refusal, but not after a permanent one.
func TestRepeatedHelloAfterRefusal(t *testing.T) {
	h, tokens := onceHouse(t)
	host := h.enter(hostToken)
	host.Do("room.lock", wire.Object{})
	const late = "tuesday|participant|late|Late"
	for range 2 {
		if r := h.dial().TryHello(late, nonce); r.Code() != room.RoomLocked {
			t.Fatalf("%+v", r)
		}
	}
	host.Do("room.unlock", wire.Object{})
	if r := h.dial().TryHello(late, ""); r.Code() != wire.InvalidToken {
		t.Errorf("from somebody else: %+v", r)
	}
	in := h.dial()
	r := in.TryHello(late, nonce)
	if !r.OK {
		t.Fatalf("after the lock: %+v", r.Error)
	}
	host.Do("mod.remove", wire.Object{"participantId": r.Data["participantId"]})
	const barred = "tuesday|participant|late|Later"
	if r := h.dial().TryHello(barred, nonce); r.Code() != room.BarredPerson {
		t.Errorf("%+v %+v", r, r.Error)
	}
	if r := h.dial().TryHello(barred, nonce); r.Code() != wire.InvalidToken {
		t.Errorf("a refusal for good was asked again: %+v", r.Error)
	}
	host.Do("room.lock", wire.Object{})
	const revoked = "tuesday|participant|rose|Rose"
	if r := h.dial().TryHello(revoked, nonce); r.Code() != room.RoomLocked {
		t.Errorf("%+v %+v", r, r.Error)
	}
	tokens.mu.Lock()
	tokens.revoked = true
	tokens.mu.Unlock()
	if r := h.dial().TryHello(revoked, nonce); r.Code() != wire.InvalidToken {
		t.Errorf("what was revoked meanwhile: %+v", r)
	}
}

// TestRevokedDuringJoin revokes a person while their acknowledgements are loaded: the join is refused.
func TestRevokedDuringJoin(t *testing.T) {
	tokens := &onceTokens{used: map[string]bool{}}
	h := newTestServer(t, func(c *Config, svc *Service) {
		if svc != nil {
			return
		}
		c.Tokens = tokens
		c.Acknowledged = func(context.Context, string) ([]string, error) {
			tokens.mu.Lock()
			defer tokens.mu.Unlock()
			tokens.revoked = true
			return nil, nil
		}
	})
	if r := h.dial().TryHello("tuesday|host|maria|Maria", ""); r.Code() != wire.InvalidToken {
		t.Errorf("%+v %+v", r, r.Error)
	}
	if n := len(h.svc.cfg.Rooms.Rooms()); n != 0 {
		t.Errorf("%d rooms run", n)
	}
}

// TestPasscodeOfHosts checks that a host who mistypes the passcode may repeat it with the same token.
func TestPasscodeOfHosts(t *testing.T) {
	hash, err := auth.HashPasscode(auth.NewSecret(rightCode))
	if err != nil {
		t.Fatal(err)
	}
	policy := room.Policy{Name: "default", MaxParticipants: 20, MaxWaiting: 20, ResumeWindow: time.Minute, Passcode: true, PasscodeForAll: true}
	h := newTestServer(t, func(c *Config, svc *Service) {
		if svc == nil {
			c.Tokens = &onceTokens{used: map[string]bool{}}
			c.Rooms = live.NewRegistry(live.Config{Policies: map[string]room.Policy{"default": policy}, Media: wiretest.Media{}})
			c.PasscodeHash = func(policy string) auth.PasscodeHash { return map[string]auth.PasscodeHash{"default": hash}[policy] }
		}
	})
	for _, attempt := range []struct {
		passcode string
		want     room.Code
	}{{"", room.PasscodeWrong}, {"something else", room.PasscodeWrong}, {rightCode, ""}} {
		data := wire.Object{"token": hostToken, "nonce": nonce, "client": wiretest.ClientInfo}
		if attempt.passcode != "" {
			data["passcode"] = attempt.passcode
		}
		if r := h.dial().Request("hello", data); r.Code() != attempt.want {
			t.Errorf("%q: %+v", attempt.passcode, r)
		}
	}
}

// Greetings end with their tokens, and their number is bounded.
func TestHelloAttempts(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	g, mine := newHelloAttempts(), auth.NewSecret(nonce)
	token := func(i int) auth.Secret { return auth.NewSecret(strconv.Itoa(i)) }
	for i := range maxHelloAttempts + 1 {
		one := g.add(now, token(i), mine)
		if (one == nil) != (i == maxHelloAttempts) {
			t.Fatalf("%d: %v", i, one)
		}
		if one != nil && i > 0 { // the first is never verified
			g.markTokenUsed(one, now.Add(time.Minute))
		}
	}
	if g.find(now, token(7), mine) == nil || g.find(now, token(maxHelloAttempts), mine) != nil || g.find(now, token(7), auth.Secret{}) != nil {
		t.Error("the wrong ones are known")
	}
	later := now.Add(time.Minute)
	if g.find(later, token(7), mine) != nil {
		t.Error("a greeting outlives its token")
	}
	if g.add(later, token(maxHelloAttempts), mine) == nil || len(g.byToken) != 2 {
		t.Errorf("%d are kept", len(g.byToken))
	}
	other := auth.NewSecret(strings.Repeat("o", wire.MinNonce))
	if g.add(later, token(maxHelloAttempts), other) != nil || g.find(later, token(maxHelloAttempts), mine) == nil {
		t.Error("another client took a greeting over")
	}
	if end := now.Add(auth.MaxLifetime + 2*auth.Leeway); g.find(end, token(0), mine) != nil {
		t.Error("what was never verified outlives every token")
	}
}
