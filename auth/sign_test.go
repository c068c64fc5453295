package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestSignedTokenVerifies(t *testing.T) {
	key, err := ParseSigningKey([]byte(GenerateSigningKey().File().Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	set, err := ParseKeySet(key.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	spent, _ := NewUsedTokenMemory(start, 10)
	v, err := NewVerifier(VerifierConfig{testIssuer, testAudience, set, RandomPersonKey(), spent, nil})
	if err != nil {
		t.Fatal(err)
	}
	token, err := key.Sign(TokenClaims{Issuer: testIssuer, Audience: testAudience, Subject: "s", Room: "r", Role: Observer,
		Name: "N", Policy: "p", IssuedAt: start.Add(300 * time.Millisecond), Lifetime: MaxLifetime,
		NotBefore: start.Add(time.Hour), NotAfter: start.Add(2 * time.Hour), AMR: []string{"hwk"}, ACR: "gold", AuthTime: start.Add(-time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	g, err := v.Verify(start, token)
	if err != nil || g.Room != "r" || g.Role != Observer || g.Name != "N" || g.Policy != "p" {
		t.Errorf("got %+v, %v", g, err)
	}
	if !g.NotBefore.Equal(start.Add(time.Hour)) || !g.NotAfter.Equal(start.Add(2*time.Hour)) {
		t.Errorf("the session is from %s to %s", g.NotBefore, g.NotAfter)
	}
	if len(g.AMR) != 1 || g.AMR[0] != "hwk" || g.ACR != "gold" || !g.AuthTime.Equal(start.Add(-time.Minute)) {
		t.Errorf("the login was %v %s %s", g.AMR, g.ACR, g.AuthTime)
	}
}

// TestSignAdmin checks that a token for the admin API joins no room, and that a token for a room does not authorize the admin API.
func TestSignAdmin(t *testing.T) {
	key := GenerateSigningKey()
	set, err := ParseKeySet(key.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	admins, err := NewAdminVerifier(testIssuer, set)
	if err != nil {
		t.Fatal(err)
	}
	token, err := key.SignAdmin(testIssuer, start, MaxLifetime)
	if err != nil {
		t.Fatal(err)
	}
	if err := admins.Verify(start, token); err != nil {
		t.Error(err)
	}
	spent, _ := NewUsedTokenMemory(start, 10)
	v, err := NewVerifier(VerifierConfig{testIssuer, AdminAudience, set, RandomPersonKey(), spent, nil})
	if err == nil {
		if _, err := v.Verify(start, token); err == nil {
			t.Error("a token for the admin API opens a room")
		}
	}
	for name, refused := range map[string]func() (Secret, error){
		"no issuer": func() (Secret, error) { return key.SignAdmin("", start, time.Minute) },
		"too long":  func() (Secret, error) { return key.SignAdmin(testIssuer, start, time.Hour) },
		"no life":   func() (Secret, error) { return key.SignAdmin(testIssuer, start, 0) },
		"no key":    func() (Secret, error) { return SigningKey{}.SignAdmin(testIssuer, start, time.Minute) },
	} {
		if _, err := refused(); err == nil {
			t.Errorf("signed with %s", name)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	fine := TokenClaims{Issuer: "i", Audience: "a", Subject: "s", Room: "r", Role: Host, IssuedAt: start, Lifetime: time.Minute}
	key := GenerateSigningKey()
	if _, err := key.Sign(fine); err != nil {
		t.Fatal(err)
	}
	if _, err := (SigningKey{}).Sign(fine); err == nil {
		t.Error("an empty key signs")
	}
	for name, change := range map[string]func(*TokenClaims){
		"issuer":   func(c *TokenClaims) { c.Issuer = "" },
		"audience": func(c *TokenClaims) { c.Audience = "" },
		"room":     func(c *TokenClaims) { c.Room = "" },
		"role":     func(c *TokenClaims) { c.Role = "boss" },
		"subject":  func(c *TokenClaims) { c.Subject = "" },
		"lifetime": func(c *TokenClaims) { c.Lifetime = time.Hour },
		"no life":  func(c *TokenClaims) { c.Lifetime = 0 },
		"policy":   func(c *TokenClaims) { c.Policy = "A b" },
		"schedule": func(c *TokenClaims) { c.NotBefore, c.NotAfter = start, start },
		"method":   func(c *TokenClaims) { c.AMR = []string{strings.Repeat("m", MaxMethod+1)} },
	} {
		c := fine
		change(&c)
		if _, err := key.Sign(c); err == nil {
			t.Errorf("signed with a wrong %s", name)
		}
	}
}

func TestThumbprint(t *testing.T) {
	x, _ := base64.RawURLEncoding.DecodeString(rfc8037X)
	if got := thumbprint(x); got != rfc8037Thumbprint {
		t.Errorf("got %s", got)
	}
}

func TestParseSigningKeyRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ data, want string }{
		"public":   {okp(`,"kid":"a"`), "must be a private"},
		"key set":  {keys(okp(`,"kid":"a"`)), "key set, which verifies"},
		"another":  {okp(`,"kid":"a","d":"` + rfc8037X + `"`), "not the public key"},
		"curve":    {ec(`,"kid":"a","d":"` + rfc8037D + `"`), "private Ed25519"},
		"not JSON": {"-----BEGIN", "alcove keygen"},
	} {
		if _, err := ParseSigningKey([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, tt.want)
		}
	}
	if _, err := ParseSigningKey([]byte(okp(`,"kid":"a","d":"` + rfc8037D + `"`))); err != nil {
		t.Errorf("the key of RFC 8037 is refused: %v", err)
	}
}

func TestPersonKey(t *testing.T) {
	k, err := NewPersonKey(bytes.Repeat([]byte{0x0b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	// printf 'mira@example.org' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0b…0b
	if got, want := k.Person("mira@example.org"), "sDyCfl4EHAcpvFaKiz7SS_BUUt9mQoLZI7ylx1s1xVA"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	back, err := ParsePersonKey([]byte(k.File().Reveal()))
	if err != nil || back.Person("a") != k.Person("a") {
		t.Errorf("a key does not survive its file: %v", err)
	}
	for _, s := range []string{"", "short", "not base64!", base64url(make([]byte, 31)), base64url(make([]byte, MaxPersonKey+1))} {
		if _, err := ParsePersonKey([]byte(s)); err == nil {
			t.Errorf("accepted %q", s[:min(len(s), 20)])
		}
	}
	if a, b := RandomPersonKey(), RandomPersonKey(); a.Person("x") == b.Person("x") {
		t.Error("two random keys are the same")
	}
}

// TestSecretsNeverPrint checks that no formatting verb prints a secret, even inside another struct.
func TestSecretsNeverPrint(t *testing.T) {
	planted := "planted-secret-planted-secret-32"
	person, err := NewPersonKey([]byte(planted))
	if err != nil {
		t.Fatal(err)
	}
	signing, err := ParseSigningKey([]byte(okp(`,"kid":"a","d":"` + rfc8037D + `"`)))
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := base64.RawURLEncoding.DecodeString(rfc8037D)
	leaks := []string{planted, fmt.Sprintf("%x", planted), fmt.Sprintf("%d", []byte(planted)), base64url([]byte(planted)),
		rfc8037D, string(seed), fmt.Sprintf("%x", seed), fmt.Sprintf("%d", seed), fmt.Sprintf("%v", []byte(planted)[:4])}
	type hidden struct{ inner any }
	type held struct {
		s Secret
		p PersonKey
		k SigningKey
	}
	values := []any{NewSecret(planted), person, signing, &person, &signing, held{NewSecret(planted), person, signing},
		&held{NewSecret(planted), person, signing}, hidden{person}, []any{person, NewSecret(planted)}, map[string]any{"k": signing},
		VerifierConfig{PersonKey: person}, Verifier{VerifierConfig{PersonKey: person}}}
	var out bytes.Buffer
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, fmt.Errorf("wrapped: %v", v))
		slog.New(slog.NewTextHandler(&out, nil)).Info("text", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "v", v, slog.Group("g", "v", v))
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Fatal("nothing was printed")
	}
	for _, leak := range leaks {
		if strings.Contains(out.String(), leak) {
			t.Errorf("printed %q", leak)
		}
	}
}

// TestRefusalHoldsNoToken checks that a refusal contains its reason and nothing of the token.
func TestRefusalHoldsNoToken(t *testing.T) {
	c := newClinic(t)
	for _, more := range []map[string]any{{"iss": "planted"}, {"role": "planted"}, {"aud": "planted"}, {"exp": "planted"}} {
		_, err := c.verifier.Verify(start, c.signed(t, more))
		var r Refusal
		if !errors.As(err, &r) || strings.Contains(err.Error(), "planted") {
			t.Errorf("%v: got %v", more, err)
		}
	}
}
