package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// file is a file that is replaced.
type file struct {
	mu   sync.Mutex
	data []byte // Guarded by mu.
	err  error  // Guarded by mu.
}

func (f *file) put(data []byte, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.data, f.err = data, err
}

func (f *file) read() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.data, f.err
}

func set(keys ...SigningKey) []byte {
	var all []string
	for _, k := range keys {
		all = append(all, edJWK(k.private(), k.ID()))
	}
	return []byte(`{"keys":[` + strings.Join(all, ",") + `]}`)
}

// TestKeyRotation checks each step of a key rotation by an identity provider, and the mistakes that are possible on the way.
func TestKeyRotation(t *testing.T) {
	old, fresh := GenerateSigningKey(), GenerateSigningKey()
	f := &file{data: set(old)}
	keys, err := OpenKeyFile(f.read)
	if err != nil {
		t.Fatal(err)
	}
	spent, _ := NewUsedTokenMemory(start, 100)
	v, err := NewVerifier(VerifierConfig{testIssuer, testAudience, keys, RandomPersonKey(), spent, nil})
	if err != nil {
		t.Fatal(err)
	}
	accepts := func(k SigningKey) bool {
		token, err := k.Sign(TokenClaims{Issuer: testIssuer, Audience: testAudience, Subject: "s", Room: "r", Role: Host, IssuedAt: start, Lifetime: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Verify(start, token)
		return err == nil
	}
	for _, step := range []struct {
		name       string
		data       []byte
		err        error
		changed    bool
		good       bool // the file
		old, fresh bool // accepted
	}{
		{"at first", set(old), nil, false, true, true, false},
		{"both", set(old, fresh), nil, true, true, true, true},
		{"half written", set(old, fresh)[:80], nil, true, false, true, true},
		{"still half written", set(old, fresh)[:80], nil, false, false, true, true},
		{"gone", nil, errors.New("no such file"), true, false, true, true},
		{"empty", nil, nil, true, false, true, true},
		{"with a secret", []byte(`{"keys":[` + fresh.File().Reveal() + `]}`), nil, true, false, true, true},
		{"only the new one", set(fresh), nil, true, true, false, true},
		{"unchanged", set(fresh), nil, false, true, false, true},
	} {
		f.put(step.data, step.err)
		change, changed := keys.Reload()
		if changed != step.changed || changed && (change.Err == nil) != step.good {
			t.Errorf("%s: got %v, changed %v", step.name, change, changed)
		}
		if a, b := accepts(old), accepts(fresh); a != step.old || b != step.fresh {
			t.Errorf("%s: the old key is accepted: %v, the new one: %v", step.name, a, b)
		}
	}
	f.put([]byte("x"), nil)
	if _, err := OpenKeyFile(f.read); err == nil {
		t.Error("opened a file without keys")
	}
}

func TestKeyFileFollow(t *testing.T) {
	old, fresh := GenerateSigningKey(), GenerateSigningKey()
	f := &file{data: set(old)}
	keys, err := OpenKeyFile(f.read)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ticks, changes, over := make(chan time.Time), make(chan KeyChange, 1), make(chan struct{})
	go func() {
		defer close(over)
		keys.Follow(ctx, ticks, func(c KeyChange) { changes <- c })
	}()
	ticks <- start
	f.put(set(fresh), nil)
	ticks <- start
	if c := <-changes; c.Err != nil || len(c.Keys) != 1 || c.Keys[0].ID != fresh.ID() {
		t.Errorf("told of %v", c)
	}
	f.put(nil, errors.New("no such file"))
	ticks <- start
	if c := <-changes; c.Err == nil || len(keys.Keys()) != 1 {
		t.Errorf("told of %v", c)
	}
	stop()
	<-over
}

func TestRevocations(t *testing.T) {
	c := newClinic(t)
	room := c.person.Room("tuesday")
	for _, tt := range []struct {
		name string
		r    Revocation
		want bool
	}{
		{"another person", Revocation{Kind: RevokePerson, Subject: c.person.Person("else")}, false},
		{"the person", Revocation{Kind: RevokePerson, Subject: c.person.Person("mira@example.org")}, true},
		{"the person as a room", Revocation{Kind: RevokeRoom, Subject: c.person.Person("mira@example.org")}, false},
		{"the room", Revocation{Kind: RevokeRoom, Subject: room}, true},
		{"the room by name", Revocation{Kind: RevokeRoom, Subject: "tuesday"}, false},
		{"until later", Revocation{Kind: RevokeRoom, Subject: room, Until: start.Add(time.Second)}, true},
		{"until now", Revocation{Kind: RevokeRoom, Subject: room, Until: start}, true},
		{"until before", Revocation{Kind: RevokeRoom, Subject: room, Until: start.Add(-1)}, false},
	} {
		if err := c.revoked.Add(start, tt.r); err != nil {
			t.Fatal(err)
		}
		_, err := c.verifier.Verify(start, c.signed(t, nil))
		if got := errors.Is(err, Refusal{Revoked}); got != tt.want {
			t.Errorf("%s: got %v", tt.name, err)
		}
		tt.r.At = start
		if err := c.revoked.Add(start, tt.r); err != nil {
			t.Fatal(err)
		}
		if r, there := c.revoked.Find(tt.r.Kind, tt.r.Subject); !there || r != tt.r {
			t.Errorf("%s: found %v, %v", tt.name, r, there)
		}
		if c.revoked.Remove(tt.r.Kind, tt.r.Subject, start.Add(-1)) {
			t.Errorf("%s: is lifted by who did not know of it", tt.name)
		}
		if !c.revoked.Remove(tt.r.Kind, tt.r.Subject, start) || c.revoked.Remove(tt.r.Kind, tt.r.Subject, start) {
			t.Errorf("%s: is not lifted once", tt.name)
		}
		if _, there := c.revoked.Find(tt.r.Kind, tt.r.Subject); there {
			t.Errorf("%s: is found and was lifted", tt.name)
		}
	}
	token := c.signed(t, nil)
	key := NewTokenKey(testIssuer, jtiOf(t, token))
	if err := c.revoked.Add(start, Revocation{Kind: RevokeToken, Subject: key.String()}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.verifier.Verify(start, token); !errors.Is(err, Refusal{Revoked}) {
		t.Errorf("a revoked token: %v", err)
	}
	if _, err := c.verifier.Verify(start, c.signed(t, nil)); err != nil {
		t.Errorf("another token of the same person: %v", err)
	}
	if r, _ := c.revoked.Find(RevokeToken, key.String()); r.Until.Sub(start) < MaxLifetime+2*Leeway {
		t.Errorf("a revocation ends at %s, before its token may", r.Until)
	}
	if n := len(c.revoked.List(start.Add(revokedTokenTime + time.Second))); n != 0 {
		t.Errorf("%d revocations outlive every token", n)
	}
	if over := c.revoked.Expired(start.Add(revokedTokenTime+time.Second), 5); len(over) != 1 || over[0].Subject != key.String() {
		t.Errorf("%v are over", over)
	}
	if over := c.revoked.Expired(start.Add(revokedTokenTime+time.Second), 0); len(over) != 0 {
		t.Errorf("%v are over", over)
	}
	if c.person.Room("x") == c.person.Person("x") {
		t.Error("a room is called as a person")
	}
}

// TestRevokedWhileMarkedUsed checks that a token that is revoked while it is being marked as used is refused.
func TestRevokedWhileMarkedUsed(t *testing.T) {
	c := newClinic(t)
	v, err := NewVerifier(VerifierConfig{testIssuer, testAudience, c.keys, c.person, duringMarkUsed(func() {
		c.revoked.Add(start, Revocation{Kind: RevokeRoom, Subject: c.person.Room("tuesday")})
	}), c.revoked})
	if err != nil {
		t.Fatal(err)
	}
	if g, err := v.Verify(start, c.signed(t, nil)); !errors.Is(err, Refusal{Revoked}) || g.Room != "" {
		t.Errorf("got %v", err)
	}
}

type duringMarkUsed func()

func (f duringMarkUsed) MarkUsed(time.Time, Use) error { f(); return nil }

func TestRevocationListIsBounded(t *testing.T) {
	l := NewRevocationList(3)
	add := func(subject string, until time.Time) error {
		return l.Add(start, Revocation{Kind: RevokePerson, Subject: subject, At: start, Until: until})
	}
	for _, wrong := range []Revocation{{}, {Kind: RevokePerson}, {Kind: "all", Subject: "x"}, {Kind: RevokeRoom, Subject: strings.Repeat("x", MaxID+1)}} {
		if l.Add(start, wrong) == nil {
			t.Errorf("%v is accepted", wrong)
		}
	}
	for i, until := range []time.Time{{}, {}, start.Add(-time.Second)} {
		if err := add(fmt.Sprint(i), until); err != nil {
			t.Fatal(err)
		}
	}
	if err := add("1", start.Add(time.Hour)); err != nil {
		t.Errorf("a new end is refused: %v", err)
	}
	if err := add("3", time.Time{}); err != nil {
		t.Errorf("the place of one that is over is not given: %v", err)
	}
	if err := add("4", time.Time{}); !errors.Is(err, ErrRevocationsFull) {
		t.Errorf("got %v", err)
	}
	if n := len(l.List(start)); n != 3 {
		t.Errorf("%d stand", n)
	}
	if n := len(l.List(start.Add(2 * time.Hour))); n != 2 {
		t.Errorf("%d stand later", n)
	}
}
