package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// AdminAudience is the aud of tokens for the admin API, and their only one: a token that joins can never administer.
const AdminAudience = "alcove-admin"

// An AdminVerifier checks the tokens of embedding apps for the admin API. They name no room and no person, may be used until they
// expire, and live as shortly as those that join. It is safe for concurrent use if its KeySource is.
type AdminVerifier struct{ v Verifier }

// NewAdminVerifier refuses a configuration that would accept more than it says.
func NewAdminVerifier(issuer string, keys KeySource) (*AdminVerifier, error) {
	switch {
	case issuer == "":
		return nil, errors.New("admin verifier needs an issuer: without it any issuer's token would do")
	case keys == nil:
		return nil, errors.New("admin verifier needs a key set")
	}
	return &AdminVerifier{Verifier{VerifierConfig{Issuer: issuer, Audience: AdminAudience, Keys: keys}}}, nil
}

// Verify returns nil if the token may administer, or a Refusal.
func (a *AdminVerifier) Verify(now time.Time, token Secret) error {
	raw := token.Reveal()
	if len(raw) > MaxToken {
		return Refusal{TooLarge}
	}
	var e inspection
	key, found := a.v.readHeader(&e, raw)
	if err := e.findings.refusal(); err != nil {
		return err
	}
	c := &claims{}
	parser := jwt.NewParser(a.v.options(now, jwt.WithoutClaimsValidation())...)
	_, err := parser.ParseWithClaims(raw, c, func(*jwt.Token) (any, error) {
		if !found {
			return nil, errNoKey
		}
		return key.public, nil
	})
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return Refusal{Malformed}
	case err != nil:
		return Refusal{Signature}
	}
	e.findings = append(e.findings, a.v.checkParties(now, c)...)
	e.findings = append(e.findings, c.checkAdmin()...)
	return e.findings.refusal()
}

// checkAdmin lists what is wrong with the claims of a token for the admin API.
func (c *claims) checkAdmin() (f findingList) {
	f = append(f, c.findings...)
	switch {
	case c.exp == nil:
		f.add(BadExpiry, "exp is missing: a token must say when it expires")
	case c.iat == nil:
		f.add(BadIssued, "iat is missing: a token must say when it was made")
	case c.exp.Sub(c.iat.Time) <= 0 || c.exp.Sub(c.iat.Time) > MaxLifetime:
		f.add(Lifetime, fmt.Sprintf("a token for the admin API lives at most %s", MaxLifetime))
	}
	if len(c.aud) != 1 {
		f.add(Audience, "aud must be "+AdminAudience+" alone")
	}
	if c.room != "" || c.role != "" {
		f.add(BadRoom, "a token for the admin API names no room and no role")
	}
	return f
}
