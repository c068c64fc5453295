package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	testIssuer   = "https://id.example.org"
	testAudience = "alcove"
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// clinic is an issuer with one key of each kind.
type clinic struct {
	ed       ed25519.PrivateKey
	ec       *ecdsa.PrivateKey
	keys     KeySet
	person   PersonKey
	verifier *Verifier
	revoked  *RevocationList
}

func newClinic(t testing.TB) *clinic {
	t.Helper()
	c := &clinic{person: RandomPersonKey(), revoked: NewRevocationList(10)}
	_, c.ed, _ = ed25519.GenerateKey(rand.Reader)
	c.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	set, err := ParseKeySet(fmt.Appendf(nil, `{"keys":[%s,%s]}`, edJWK(c.ed, "ed"), ecJWK(t, c.ec, "ec")))
	if err != nil {
		t.Fatal(err)
	}
	c.keys = set
	spent, err := NewUsedTokenMemory(start, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if c.verifier, err = NewVerifier(VerifierConfig{testIssuer, testAudience, set, c.person, spent, c.revoked}); err != nil {
		t.Fatal(err)
	}
	return c
}

func edJWK(k ed25519.PrivateKey, kid string) string {
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q}`, kid, base64url(k.Public().(ed25519.PublicKey)))
}

func ecJWK(t testing.TB, k *ecdsa.PrivateKey, kid string) string {
	t.Helper()
	b, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q,"use":"sig","alg":"ES256"}`,
		kid, base64url(b[1:33]), base64url(b[33:]))
}

// good is a token nobody refuses; more overrides claims, nil removes one.
func good(more jwt.MapClaims) jwt.MapClaims {
	m := jwt.MapClaims{
		"iss": testIssuer, "aud": testAudience, "sub": "mira@example.org", "jti": rand.Text(),
		"iat": start.Unix(), "exp": start.Add(time.Minute).Unix(), "room": "tuesday", "role": "participant",
	}
	maps.Copy(m, more)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

func sign(t testing.TB, m jwt.SigningMethod, key any, header map[string]any, claims jwt.Claims) Secret {
	t.Helper()
	token := jwt.NewWithClaims(m, claims)
	for k, v := range header {
		if token.Header[k] = v; v == nil {
			delete(token.Header, k)
		}
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return NewSecret(s)
}

// signed signs with the Ed25519 key.
func (c *clinic) signed(t testing.TB, more jwt.MapClaims) Secret {
	t.Helper()
	return sign(t, jwt.SigningMethodEdDSA, c.ed, map[string]any{"kid": "ed"}, good(more))
}

func TestVerify(t *testing.T) {
	c := newClinic(t)
	full := jwt.MapClaims{
		"aud": []string{"other", testAudience}, "nbf": start.Unix(), "policy": "group-a", "name": "Mira Ö.", "role": "host",
		"amr": []string{"pwd", "otp"}, "acr": "2", "auth_time": start.Add(-time.Hour).Unix(),
		"not_before": start.Unix(), "not_after": start.Add(time.Hour).Unix(), "unknown": map[string]int{"a": 1},
	}
	for name, token := range map[string]Secret{
		"EdDSA": c.signed(t, full),
		"ES256": sign(t, jwt.SigningMethodES256, c.ec, map[string]any{"kid": "ec"}, good(full)),
	} {
		g, err := c.verifier.Verify(start, token)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := Grant{
			Room: "tuesday", Person: c.person.Person("mira@example.org"), Role: Host, Policy: "group-a", Name: "Mira Ö.",
			IssuedAt: start, ExpiresAt: start.Add(time.Minute), AuthTime: start.Add(-time.Hour), AMR: []string{"pwd", "otp"}, ACR: "2",
			Token: NewTokenKey(testIssuer, jtiOf(t, token)), NotBefore: start, NotAfter: start.Add(time.Hour),
		}
		g.NotBefore, g.NotAfter = g.NotBefore.UTC(), g.NotAfter.UTC()
		g.IssuedAt, g.ExpiresAt, g.AuthTime = g.IssuedAt.UTC(), g.ExpiresAt.UTC(), g.AuthTime.UTC()
		if fmt.Sprint(g) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", name, g, want)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	c := newClinic(t)
	_, foreign, _ := ed25519.GenerateKey(rand.Reader)
	replayed := c.signed(t, nil)
	if _, err := c.verifier.Verify(start, replayed); err != nil {
		t.Fatal(err)
	}
	public := c.ed.Public().(ed25519.PublicKey)
	kid := func(more map[string]any) map[string]any { maps.Copy(more, map[string]any{"kid": "ed"}); return more }
	header := func(more map[string]any) Secret { return sign(t, jwt.SigningMethodEdDSA, c.ed, more, good(nil)) }
	changed := strings.Split(c.signed(t, nil).Reveal(), ".")
	other := strings.Split(c.signed(t, jwt.MapClaims{"role": "host"}).Reveal(), ".")
	at := func(d time.Duration) int64 { return start.Add(d).Unix() }

	tests := []struct {
		name  string
		token Secret
		want  Reason
	}{
		{"empty", NewSecret(""), Malformed},
		{"no dots", NewSecret("token"), Malformed},
		{"four parts", NewSecret(c.signed(t, nil).Reveal() + ".x"), Malformed},
		{"header twice", NewSecret(base64url([]byte(`{"alg":"EdDSA","kid":"ed","kid":"ec"}`)) + ".e30.AA"), Malformed},
		{"header is a list", NewSecret(base64url([]byte(`[]`)) + ".e30.AA"), Malformed},
		{"huge", NewSecret(strings.Repeat("a", MaxToken+1)), TooLarge},
		{"replayed", replayed, Used},
		{"same jti in another token", c.signed(t, jwt.MapClaims{"jti": jtiOf(t, replayed), "room": "wednesday"}), Used},
		{"foreign key", sign(t, jwt.SigningMethodEdDSA, foreign, kid(map[string]any{}), good(nil)), Signature},
		{"changed claims", NewSecret(changed[0] + "." + other[1] + "." + changed[2]), Signature},
		{"no signature", NewSecret(changed[0] + "." + changed[1] + "."), Signature},
		{"alg none", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid(map[string]any{}), good(nil)), Algorithm},
		{"HS256 with the public key", sign(t, jwt.SigningMethodHS256, []byte(public), kid(map[string]any{}), good(nil)), Algorithm},
		{"alg in lower case", header(kid(map[string]any{"alg": "eddsa"})), Algorithm},
		{"alg missing", header(kid(map[string]any{"alg": nil})), Algorithm},
		{"ES256 with the kid of an Ed25519 key", sign(t, jwt.SigningMethodES256, c.ec, kid(map[string]any{}), good(nil)), Algorithm},
		{"EdDSA with the kid of a P-256 key", header(map[string]any{"kid": "ec"}), Algorithm},
		{"kid missing", header(map[string]any{}), UnknownKey},
		{"kid unknown", header(map[string]any{"kid": "old"}), UnknownKey},
		{"kid is a number", header(map[string]any{"kid": 7}), UnknownKey},
		{"jwk", header(kid(map[string]any{"jwk": map[string]string{"kty": "OKP"}})), Header},
		{"jku", header(kid(map[string]any{"jku": "https://evil.example"})), Header},
		{"x5u", header(kid(map[string]any{"x5u": "https://evil.example"})), Header},
		{"crit", header(kid(map[string]any{"crit": []string{"exp"}})), Header},
		{"issuer", c.signed(t, jwt.MapClaims{"iss": testIssuer + "/"}), Issuer},
		{"no issuer", c.signed(t, jwt.MapClaims{"iss": nil}), Issuer},
		{"audience", c.signed(t, jwt.MapClaims{"aud": "alcove2"}), Audience},
		{"no audience", c.signed(t, jwt.MapClaims{"aud": nil}), Audience},
		{"empty audience", c.signed(t, jwt.MapClaims{"aud": []string{}}), Audience},
		{"no exp", c.signed(t, jwt.MapClaims{"exp": nil}), BadExpiry},
		{"exp is text", c.signed(t, jwt.MapClaims{"exp": "soon"}), BadExpiry},
		{"exp before all time", c.signed(t, jwt.MapClaims{"exp": -1e300}), Expired},
		{"exp after all time", c.signed(t, jwt.MapClaims{"exp": 1e18}), Lifetime},
		{"no iat", c.signed(t, jwt.MapClaims{"iat": nil}), BadIssued},
		{"expired", c.signed(t, jwt.MapClaims{"iat": at(-2 * time.Minute), "exp": at(-time.Minute)}), Expired},
		{"not yet valid", c.signed(t, jwt.MapClaims{"nbf": at(31 * time.Second)}), NotYetValid},
		{"nbf is text", c.signed(t, jwt.MapClaims{"nbf": "soon"}), BadNotBefore},
		{"from the future", c.signed(t, jwt.MapClaims{"iat": at(31 * time.Second)}), Premature},
		{"lives too long", c.signed(t, jwt.MapClaims{"exp": at(MaxLifetime + time.Second)}), Lifetime},
		{"lives backwards", c.signed(t, jwt.MapClaims{"exp": at(-time.Second)}), Lifetime},
		{"before the daemon", c.signed(t, jwt.MapClaims{"iat": at(-time.Second)}), BeforeStart},
		{"no jti", c.signed(t, jwt.MapClaims{"jti": nil}), BadID},
		{"empty jti", c.signed(t, jwt.MapClaims{"jti": ""}), BadID},
		{"jti is a number", c.signed(t, jwt.MapClaims{"jti": 1}), BadID},
		{"long jti", c.signed(t, jwt.MapClaims{"jti": strings.Repeat("j", MaxID+1)}), BadID},
		{"no sub", c.signed(t, jwt.MapClaims{"sub": nil}), BadSubject},
		{"long sub", c.signed(t, jwt.MapClaims{"sub": strings.Repeat("s", MaxSubject+1)}), BadSubject},
		{"no room", c.signed(t, jwt.MapClaims{"room": nil}), BadRoom},
		{"room in capitals", c.signed(t, jwt.MapClaims{"room": nil, "Room": "x"}), BadRoom},
		{"room of spaces", c.signed(t, jwt.MapClaims{"room": "  "}), BadRoom},
		{"room of two lines", c.signed(t, jwt.MapClaims{"room": "a\nb"}), BadRoom},
		{"long room", c.signed(t, jwt.MapClaims{"room": strings.Repeat("ö", MaxRoom+1)}), BadRoom},
		{"no role", c.signed(t, jwt.MapClaims{"role": nil}), BadRole},
		{"unknown role", c.signed(t, jwt.MapClaims{"role": "admin"}), BadRole},
		{"role as list", c.signed(t, jwt.MapClaims{"role": []string{"host"}}), BadRole},
		{"policy", c.signed(t, jwt.MapClaims{"policy": "../x"}), BadPolicy},
		{"amr is text", c.signed(t, jwt.MapClaims{"amr": "pwd"}), BadAMR},
		{"long acr", c.signed(t, jwt.MapClaims{"acr": strings.Repeat("a", MaxMethod+1)}), BadACR},
		{"schedule is text", c.signed(t, jwt.MapClaims{"not_before": "now"}), BadSchedule},
		{"schedule backwards", c.signed(t, jwt.MapClaims{"not_before": at(time.Hour), "not_after": at(time.Hour)}), BadSchedule},
		{"another mode of encryption", c.signed(t, jwt.MapClaims{"e2ee": "preferred"}), BadE2EE},
		{"mode is a flag", c.signed(t, jwt.MapClaims{"e2ee": true}), BadE2EE},
		{"long e2ee_session", c.signed(t, jwt.MapClaims{"e2ee_session": strings.Repeat("s", MaxE2EESession+1)}), BadE2EE},
		{"recipients are no hash", c.signed(t, jwt.MapClaims{"recipients": "age1xyz"}), BadE2EE},
		{"recipients in capitals", c.signed(t, jwt.MapClaims{"recipients": []string{strings.Repeat("A", 64)}}), BadE2EE},
		{"auth_time is text", c.signed(t, jwt.MapClaims{"auth_time": "now"}), BadAuthTime},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := c.verifier.Verify(start, tt.token)
			var r Refusal
			if !errors.As(err, &r) || r.Reason != tt.want {
				t.Fatalf("got %+v, %v, want %s", g, err, tt.want)
			}
			if fmt.Sprint(g) != fmt.Sprint(Grant{}) {
				t.Errorf("a refused token grants %+v", g)
			}
			x := c.verifier.Explain(start, tt.token)
			if spent := tt.want == Used || tt.want == BeforeStart; !spent && !has(x.Findings, tt.want) {
				t.Errorf("explained as %v, want %s among it", x.Findings, tt.want)
			}
		})
	}
}

func has(f []Finding, r Reason) bool {
	for _, x := range f {
		if x.Reason == r && x.Detail != "" {
			return true
		}
	}
	return false
}

func jtiOf(t testing.TB, token Secret) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(token.Reveal(), ".")[1])
	var c struct{ JTI string }
	if err != nil || json.Unmarshal(data, &c) != nil || c.JTI == "" {
		t.Fatal("token has no jti")
	}
	return c.JTI
}

func TestVerifyLeeway(t *testing.T) {
	tests := []struct {
		name   string
		offset time.Duration // of the daemon's clock from iat
		claims jwt.MapClaims
		want   Reason // "" accepts
	}{
		{"last moment", time.Minute + Leeway - time.Nanosecond, nil, ""},
		{"too late", time.Minute + Leeway, nil, Expired},
		{"first moment", -Leeway, nil, ""},
		{"too early", -Leeway - time.Nanosecond, nil, Premature},
		{"nbf in time", 10 * time.Second, jwt.MapClaims{"nbf": start.Add(40 * time.Second).Unix()}, ""},
		{"nbf too early", 10*time.Second - 1, jwt.MapClaims{"nbf": start.Add(40 * time.Second).Unix()}, NotYetValid},
		{"longest life", 0, jwt.MapClaims{"exp": start.Add(MaxLifetime).Unix()}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClinic(t)
			_, err := c.verifier.Verify(start.Add(tt.offset), c.signed(t, tt.claims))
			var r Refusal
			errors.As(err, &r)
			if r.Reason != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestVerifyMarksUsedLast checks that a refused token is not marked as used, because otherwise a stranger could use up somebody's jti.
func TestVerifyMarksUsedLast(t *testing.T) {
	c := newClinic(t)
	token := c.signed(t, jwt.MapClaims{"nbf": start.Add(40 * time.Second).Unix()})
	if _, err := c.verifier.Verify(start, token); err == nil {
		t.Fatal("accepted before nbf")
	}
	c.verifier.Explain(start.Add(20*time.Second), token)
	if _, err := c.verifier.Verify(start.Add(20*time.Second), token); err != nil {
		t.Fatalf("refused token was spent: %v", err)
	}
}

func TestExplainListsAllFindings(t *testing.T) {
	c := newClinic(t)
	_, foreign, _ := ed25519.GenerateKey(rand.Reader)
	token := sign(t, jwt.SigningMethodEdDSA, foreign, map[string]any{"kid": "ed", "jku": "https://evil.example"}, good(jwt.MapClaims{
		"iss": "https://else.example", "aud": "else", "exp": start.Add(-time.Hour).Unix(), "nbf": start.Add(time.Hour).Unix(),
		"jti": nil, "room": nil, "role": "admin", "sub": 3, "name": strings.Repeat("n", 99),
	}))
	x := c.verifier.Explain(start, token)
	for _, r := range []Reason{Header, Issuer, Audience, Expired, NotYetValid, Lifetime, BadID, BadRoom, BadRole, BadSubject} {
		if !has(x.Findings, r) {
			t.Errorf("%s is not among %v", r, x.Findings)
		}
	}
	if x = c.verifier.Explain(start, c.signed(t, nil)); len(x.Findings) != 0 || x.KeyID != "ed" || x.Role != Participant {
		t.Errorf("a good token is explained as %+v", x)
	}
}

func TestNewVerifierRequiresEveryField(t *testing.T) {
	c := newClinic(t)
	spent, _ := NewUsedTokenMemory(start, 1)
	for name, config := range map[string]VerifierConfig{
		"issuer":   {"", "a", c.keys, c.person, spent, nil},
		"audience": {"i", "", c.keys, c.person, spent, nil},
		"keys":     {"i", "a", nil, c.person, spent, nil},
		"person":   {"i", "a", c.keys, PersonKey{}, spent, nil},
		"spent":    {"i", "a", c.keys, c.person, nil, nil},
	} {
		if _, err := NewVerifier(config); err == nil {
			t.Errorf("accepted without %s", name)
		}
	}
}

func verifySeeds(t testing.TB, c *clinic) []string {
	return []string{
		c.signed(t, nil).Reveal(),
		sign(t, jwt.SigningMethodES256, c.ec, map[string]any{"kid": "ec"}, good(nil)).Reveal(),
		sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, map[string]any{"kid": "ed"}, good(nil)).Reveal(),
		"", "..", "e30.e30.", base64url([]byte(`{"alg":"EdDSA","kid":"ed"}`)) + ".bnVsbA.AA",
	}
}

func TestVerifySeeds(t *testing.T) {
	c := newClinic(t)
	accepted := 0
	for _, s := range verifySeeds(t, c) {
		if _, err := c.verifier.Verify(start, NewSecret(s)); err == nil {
			accepted++
		}
	}
	if accepted != 2 {
		t.Errorf("%d seeds are accepted, want 2", accepted)
	}
}

// FuzzVerify checks that a token in which Explain finds a fault is refused, and that every error is a Refusal.
func FuzzVerify(f *testing.F) {
	c := newClinic(f)
	for _, s := range verifySeeds(f, c) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x := c.verifier.Explain(start, NewSecret(s))
		g, err := c.verifier.Verify(start, NewSecret(s))
		if err == nil && (len(x.Findings) > 0 || g.Room == "" || g.Person == "") {
			t.Fatalf("accepted with findings %v", x.Findings)
		}
		var r Refusal
		if err != nil && !errors.As(err, &r) {
			t.Fatalf("refused with %T", err)
		}
	})
}
