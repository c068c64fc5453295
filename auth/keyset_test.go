package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
)

// From RFC 8037, appendix A.1 and A.3, and RFC 7517, appendix A.1.
const (
	rfc8037X          = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	rfc8037D          = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
	rfc8037Thumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
	rfc7517X          = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
	rfc7517Y          = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
)

func okp(more string) string {
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q%s}`, rfc8037X, more)
}
func ec(more string) string {
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q%s}`, rfc7517X, rfc7517Y, more)
}
func keys(k ...string) string { return `{"keys":[` + strings.Join(k, ",") + `]}` }

func TestParseKeySet(t *testing.T) {
	set, err := ParseKeySet([]byte(keys(
		okp(`,"kid":"a","use":"sig","alg":"EdDSA","key_ops":["verify"],"x5t":"ignored"`), ec(`,"kid":"b"`))))
	if err != nil {
		t.Fatal(err)
	}
	a, okA := set.Key("a")
	b, okB := set.Key("b")
	if !okA || !okB || a.Algorithm != EdDSA || b.Algorithm != ES256 || len(set.Keys()) != 2 {
		t.Errorf("got %+v %+v", a, b)
	}
	if _, ok := set.Key(""); ok {
		t.Error("an empty kid selects a key")
	}
}

func TestParseKeySetRefuses(t *testing.T) {
	many := make([]string, MaxKeys+1)
	for i := range many {
		many[i] = okp(fmt.Sprintf(`,"kid":"%d"`, i))
	}
	tests := []struct{ name, data, want string }{
		{"empty", "", "not a JSON object"},
		{"list", "[]", "not a JSON object"},
		{"single key", okp(`,"kid":"a"`), `no list named "keys"`},
		{"no keys", `{"keys":[]}`, "holds 0 keys"},
		{"null keys", `{"keys":null}`, "no list"},
		{"too many", keys(many...), "1 to 64"},
		{"huge", strings.Repeat(" ", MaxKeySet+1), "larger"},
		{"trailing", keys(okp(`,"kid":"a"`)) + "x", "after the JSON object"},
		{"names twice", `{"keys":[],"keys":[]}`, "same name twice"},
		{"private", keys(okp(fmt.Sprintf(`,"kid":"a","d":%q`, rfc8037D))), `"d" is private`},
		{"symmetric", keys(`{"kty":"oct","kid":"a","k":"AAAA"}`), `"k" is private`},
		{"no kid", keys(okp("")), "needs a kid"},
		{"empty kid", keys(okp(`,"kid":""`)), "needs a kid"},
		{"kid is a number", keys(okp(`,"kid":1`)), "needs a kid"},
		{"kid twice", keys(okp(`,"kid":"a"`), ec(`,"kid":"a"`)), "key 2 of the key set: its kid is that of a key before"},
		{"RSA", keys(`{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}`), "neither OKP"},
		{"X25519", keys(`{"kty":"OKP","crv":"X25519","kid":"a","x":"` + rfc8037X + `"}`), "neither OKP"},
		{"P-384", keys(`{"kty":"EC","crv":"P-384","kid":"a"}`), "neither OKP"},
		{"alg of another", keys(okp(`,"kid":"a","alg":"ES256"`)), "must be EdDSA"},
		{"alg HMAC", keys(ec(`,"kid":"a","alg":"HS256"`)), "must be ES256"},
		{"for encryption", keys(okp(`,"kid":"a","use":"enc"`)), "encryption"},
		{"not to verify", keys(okp(`,"kid":"a","key_ops":["sign"]`)), "key_ops"},
		{"short x", keys(`{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AAAA"}`), "32 octets"},
		{"no x", keys(`{"kty":"OKP","crv":"Ed25519","kid":"a"}`), "32 octets"},
		{"padded x", keys(`{"kty":"OKP","crv":"Ed25519","kid":"a","x":"` + rfc8037X + `="}`), "32 octets"},
		{"off the curve", keys(`{"kty":"EC","crv":"P-256","kid":"a","x":"` + rfc7517X + `","y":"` + rfc7517X + `"}`), "no point"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseKeySet([]byte(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q in it", err, tt.want)
			}
			if strings.Contains(err.Error(), rfc8037D) {
				t.Error("the error holds the private key")
			}
		})
	}
}

func keySetSeeds(t testing.TB) []string {
	_, e, _ := ed25519.GenerateKey(rand.Reader)
	p, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return []string{
		keys(okp(`,"kid":"a"`), ec(`,"kid":"b"`)), keys(edJWK(e, "1"), ecJWK(t, p, "2")),
		`{"keys":[{}]}`, `{"keys":[null]}`, `{"keys":{}}`, "null", `{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"","y":""}]}`,
	}
}

func TestKeySetSeeds(t *testing.T) {
	accepted := 0
	for _, s := range keySetSeeds(t) {
		if _, err := ParseKeySet([]byte(s)); err == nil {
			accepted++
		}
	}
	if accepted != 2 {
		t.Errorf("%d seeds are accepted, want 2", accepted)
	}
}

// FuzzParseKeySet checks that an accepted key set has keys, and that each is found under its own kid.
func FuzzParseKeySet(f *testing.F) {
	for _, s := range keySetSeeds(f) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := ParseKeySet(data)
		if err != nil {
			return
		}
		if len(set.Keys()) == 0 {
			t.Fatal("accepted an empty set")
		}
		for _, k := range set.Keys() {
			if found, ok := set.Key(k.ID); !ok || found.Algorithm != k.Algorithm || k.public == nil {
				t.Fatalf("key %q is not its own", k.ID)
			}
		}
	})
}
