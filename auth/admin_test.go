package auth

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestAdminVerifier(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	key, stranger := GenerateSigningKey(), GenerateSigningKey()
	keys, err := ParseKeySet(key.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewAdminVerifier("https://id.clinic.example", keys)
	if err != nil {
		t.Fatal(err)
	}
	base := func() jwt.MapClaims {
		return jwt.MapClaims{"iss": "https://id.clinic.example", "aud": AdminAudience, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	}
	sign := func(k SigningKey, change func(jwt.MapClaims)) Secret {
		c := base()
		change(c)
		token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
		token.Header["kid"] = key.ID()
		raw, err := token.SignedString(k.private())
		if err != nil {
			t.Fatal(err)
		}
		return NewSecret(raw)
	}
	good := sign(key, func(jwt.MapClaims) {})
	for range 2 { // not spent
		if err := v.Verify(now, good); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Verify(now.Add(time.Minute+Leeway+time.Second), good); err == nil {
		t.Error("an expired token administers")
	}
	for note, token := range map[string]Secret{
		"a stranger's signature": sign(stranger, func(jwt.MapClaims) {}),
		"another issuer":         sign(key, func(c jwt.MapClaims) { c["iss"] = "https://other.example" }),
		"the audience of joins":  sign(key, func(c jwt.MapClaims) { c["aud"] = "alcove" }),
		"two audiences":          sign(key, func(c jwt.MapClaims) { c["aud"] = []string{AdminAudience, "alcove"} }),
		"no audience":            sign(key, func(c jwt.MapClaims) { delete(c, "aud") }),
		"no expiry":              sign(key, func(c jwt.MapClaims) { delete(c, "exp") }),
		"no time of issue":       sign(key, func(c jwt.MapClaims) { delete(c, "iat") }),
		"a life too long":        sign(key, func(c jwt.MapClaims) { c["exp"] = now.Add(MaxLifetime + time.Second).Unix() }),
		"a room":                 sign(key, func(c jwt.MapClaims) { c["room"] = "tuesday" }),
		"a role":                 sign(key, func(c jwt.MapClaims) { c["role"] = "host" }),
		"nothing":                {},
		"no token":               NewSecret("x.y.z"),
		"too much":               NewSecret(string(make([]byte, MaxToken+1))),
	} {
		if err := v.Verify(now, token); err == nil {
			t.Errorf("%s: accepted", note)
		}
	}
	for _, bad := range []func() error{
		func() error { _, err := NewAdminVerifier("", keys); return err },
		func() error { _, err := NewAdminVerifier("x", nil); return err },
	} {
		if bad() == nil {
			t.Error("a wrong configuration is accepted")
		}
	}
}
