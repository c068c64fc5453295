package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A SigningKey signs tokens where no identity provider does. It is an Ed25519 key (RFC 8032) and prints nothing of itself.
type SigningKey struct {
	id   string
	seed Secret // RFC 8032, section 5.1.5
}

// GenerateSigningKey generates a key pair, with its thumbprint as kid.
func GenerateSigningKey() SigningKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic("auth: the system gives no random numbers: " + err.Error()) // crypto/rand does not fail
	}
	return newSigningKey(private)
}

func newSigningKey(private ed25519.PrivateKey) SigningKey {
	return SigningKey{thumbprint(private.Public().(ed25519.PublicKey)), NewSecret(string(private.Seed()))}
}

// thumbprint names a key by its content (RFC 7638, section 3; RFC 8037, section 2): the members that make the key, in
// alphabetical order.
func thumbprint(public ed25519.PublicKey) string {
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":"%s"}`, base64url(public)))
	return base64url(sum[:])
}

func (k SigningKey) private() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(k.seed.Reveal()))
}

// jwk is an Ed25519 key on the wire (RFC 8037, section 2).
type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	X         string `json:"x"`
	D         string `json:"d,omitempty"` // the private key
}

func (k SigningKey) jwk() jwk {
	return jwk{"OKP", "Ed25519", k.id, "sig", EdDSA, base64url(k.private().Public().(ed25519.PublicKey)), ""}
}

// ID is the kid of the key's tokens.
func (k SigningKey) ID() string { return k.id }

// JWKS is the key set that verifies the key's tokens: public.
func (k SigningKey) JWKS() []byte {
	b, err := json.MarshalIndent(map[string][]jwk{"keys": {k.jwk()}}, "", "  ")
	if err != nil {
		panic("auth: a key set of strings does not marshal: " + err.Error())
	}
	return append(b, '\n')
}

// File is the content of the private key's file, a JWK. Its file must be readable by its owner only.
func (k SigningKey) File() Secret {
	j := k.jwk()
	j.D = base64url([]byte(k.seed.Reveal()))
	b, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		panic("auth: a key of strings does not marshal: " + err.Error())
	}
	return NewSecret(string(b) + "\n")
}

// ParseSigningKey reads a private key's file.
func ParseSigningKey(data []byte) (SigningKey, error) {
	o, err := parseObject(data)
	if err != nil {
		return SigningKey{}, fmt.Errorf("signing key %w: make one with `alcove keygen`", err)
	}
	if _, there := o["keys"]; there {
		return SigningKey{}, errors.New("this is a key set, which verifies; to sign, name the private key's file")
	}
	public, err := parsePublic(o)
	if err != nil {
		return SigningKey{}, fmt.Errorf("signing key: %w", err)
	}
	seed, err := octets(o, "d", ed25519.SeedSize)
	if err != nil || public.Algorithm != EdDSA {
		return SigningKey{}, errors.New("signing key must be a private Ed25519 key: make one with `alcove keygen`")
	}
	private := ed25519.NewKeyFromSeed(seed)
	if !private.Public().(ed25519.PublicKey).Equal(public.public) {
		return SigningKey{}, errors.New("signing key: \"x\" is not the public key of \"d\": the file is damaged")
	}
	return SigningKey{public.ID, NewSecret(string(seed))}, nil
}

// TokenClaims are the claims of a token to sign.
type TokenClaims struct {
	Issuer, Audience string
	Subject          string
	Room             string
	Role             Role
	Policy, Name     string // optional
	Locale           string // the person's language (BCP 47), for the page; "": unsaid
	IssuedAt         time.Time
	Lifetime         time.Duration // at most MaxLifetime
	ID               string        // jti; "" makes a random one

	NotBefore, NotAfter time.Time // schedule of the session; zero: unsaid
	AMR                 []string  // how the person logged in (RFC 8176)
	ACR                 string    // how well
	AuthTime            time.Time // when; zero: unsaid

	E2EE        string   // mode of end-to-end encryption, "required" or "off"; "": unsaid
	E2EESession string   // what all tokens of one session carry
	Recipients  []string // SHA-256 of each key that recordings may be sealed to, in hex
}

// claims are those of RFC 7519 and our own; unset ones are omitted.
func (t TokenClaims) claims() jwt.MapClaims {
	issued := t.IssuedAt.Truncate(time.Second)
	m := jwt.MapClaims{
		"iss": t.Issuer, "aud": t.Audience, "sub": t.Subject, "jti": t.ID, "room": t.Room, "role": t.Role,
		"iat": issued.Unix(), "exp": issued.Add(t.Lifetime).Unix(),
	}
	for name, value := range map[string]string{
		"policy": t.Policy, "name": t.Name, "locale": t.Locale, "acr": t.ACR, "e2ee": t.E2EE, "e2ee_session": t.E2EESession,
	} {
		if value != "" {
			m[name] = value
		}
	}
	for name, at := range map[string]time.Time{"not_before": t.NotBefore, "not_after": t.NotAfter, "auth_time": t.AuthTime} {
		if !at.IsZero() {
			m[name] = at.Unix()
		}
	}
	if len(t.AMR) > 0 {
		m["amr"] = t.AMR
	}
	if len(t.Recipients) > 0 {
		m["recipients"] = t.Recipients
	}
	return m
}

// Sign returns a token that Verify accepts, or an error with the reason why Verify would refuse it.
func (k SigningKey) Sign(t TokenClaims) (Secret, error) {
	if k.seed.Empty() {
		return Secret{}, errors.New("the signing key is empty: make one with `alcove keygen`")
	}
	if t.ID == "" {
		t.ID = rand.Text()
	}
	if t.Issuer == "" || t.Audience == "" {
		return Secret{}, errors.New("a token needs an issuer and an audience")
	}
	return k.sign(t.claims(), (*claims).check)
}

// SignAdmin returns a token for the admin API that AdminVerifier accepts, or an error with the reason why it would be refused.
func (k SigningKey) SignAdmin(issuer string, issuedAt time.Time, lifetime time.Duration) (Secret, error) {
	if k.seed.Empty() {
		return Secret{}, errors.New("the signing key is empty: make one with `alcove keygen`")
	}
	if issuer == "" {
		return Secret{}, errors.New("a token needs an issuer")
	}
	issued := issuedAt.Truncate(time.Second)
	return k.sign(jwt.MapClaims{
		"iss": issuer, "aud": AdminAudience, "iat": issued.Unix(), "exp": issued.Add(lifetime).Unix(),
	}, (*claims).checkAdmin)
}

// sign signs claims that the daemon would accept.
func (k SigningKey) sign(m jwt.MapClaims, check func(*claims) findingList) (Secret, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return Secret{}, errors.New("the claims do not marshal")
	}
	c := &claims{}
	if err := c.UnmarshalJSON(data); err != nil {
		return Secret{}, errors.New("the claims do not read back")
	}
	if wrong := check(c); len(wrong) > 0 {
		return Secret{}, errors.New(wrong[0].Detail)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, m)
	token.Header["kid"] = k.id
	signed, err := token.SignedString(k.private())
	if err != nil {
		return Secret{}, errors.New("the signing key does not sign: make one with `alcove keygen`")
	}
	return NewSecret(signed), nil
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Format redacts every verb of fmt.
func (SigningKey) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

func (SigningKey) String() string               { return redacted }
func (SigningKey) GoString() string             { return redacted }
func (SigningKey) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (SigningKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }
