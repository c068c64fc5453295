package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A VerifierConfig states which tokens are accepted. Every field but Revoked is required.
type VerifierConfig struct {
	Issuer     string // iss of the tokens, compared exactly
	Audience   string // one of aud, compared exactly
	Keys       KeySource
	PersonKey  PersonKey
	UsedTokens UsedTokens
	Revoked    Revocations // nil: nothing can be revoked
}

// A Verifier turns tokens into grants. It is safe for concurrent use if its KeySource and UsedTokens are.
type Verifier struct{ c VerifierConfig }

// NewVerifier returns an error for a configuration that would accept more tokens than intended.
func NewVerifier(c VerifierConfig) (*Verifier, error) {
	switch {
	case c.Issuer == "":
		return nil, errors.New("verifier needs an issuer: without it any issuer's token would do")
	case c.Audience == "":
		return nil, errors.New("verifier needs an audience: without it a token for another service would do")
	case c.Keys == nil:
		return nil, errors.New("verifier needs a key set")
	case c.PersonKey.empty():
		return nil, errors.New("verifier needs a person key: without it people could be told by their subject")
	case c.UsedTokens == nil:
		return nil, errors.New("verifier needs a memory of spent tokens: without it a token could be used twice")
	}
	return &Verifier{c}, nil
}

// Verify returns the grant of a token, or a Refusal. It marks the token as used, so that a second Verify refuses it as Used. It does so
// last, so that a client without a valid signature can neither cost memory nor use up another client's jti.
func (v *Verifier) Verify(now time.Time, token Secret) (Grant, error) {
	e := v.inspect(now, token.Reveal(), false)
	if err := e.findings.refusal(); err != nil {
		return Grant{}, err
	}
	g := e.claims.grant(v.c.PersonKey)
	if v.revoked(now, g) {
		return Grant{}, Refusal{Revoked}
	}
	use := Use{Key: g.Token, IssuedAt: g.IssuedAt, Until: g.ExpiresAt.Add(Leeway), Person: g.Person, KeyID: e.kid}
	switch err := v.c.UsedTokens.MarkUsed(now, use); {
	case err == nil:
		return v.checkRevokedAgain(now, g)
	case errors.Is(err, ErrTokenUsed):
		return Grant{}, Refusal{Used}
	case errors.Is(err, ErrIssuedBeforeStart):
		return Grant{}, Refusal{BeforeStart}
	case errors.Is(err, ErrUsedTokensFull):
		return Grant{}, Refusal{UsedTokensFull}
	default:
		return Grant{}, Refusal{UsedTokensFailed}
	}
}

// Recheck makes every check of Verify except that of single use: for a token that Verify accepted from the very same client, which the
// caller recognises by something outside the token.
func (v *Verifier) Recheck(now time.Time, token Secret) (Grant, error) {
	e := v.inspect(now, token.Reveal(), false)
	if err := e.findings.refusal(); err != nil {
		return Grant{}, err
	}
	return v.checkRevokedAgain(now, e.claims.grant(v.c.PersonKey))
}

// checkRevokedAgain checks revocations again, because one may have been added while the token was marked as used.
func (v *Verifier) checkRevokedAgain(now time.Time, g Grant) (Grant, error) {
	if v.revoked(now, g) {
		return Grant{}, Refusal{Revoked}
	}
	return g, nil
}

func (v *Verifier) revoked(now time.Time, g Grant) bool {
	return v.c.Revoked != nil && v.c.Revoked.Revoked(now, RevocationSubjects{g.Token, g.Person, v.c.PersonKey.Room(g.Room)})
}

// An Explanation describes a token and lists everything that is wrong with it.
type Explanation struct {
	KeyID, Algorithm   string
	Issued, Expires    time.Time // zero if unsaid
	Role               Role
	HasName, HasPolicy bool // whether it carries a name that can be shown, a policy
	Findings           []Finding
}

// Explain lists everything that is wrong with a token, not only the first fault, and does not mark it as used.
func (v *Verifier) Explain(now time.Time, token Secret) Explanation {
	e := v.inspect(now, token.Reveal(), true)
	x := Explanation{KeyID: e.kid, Algorithm: e.alg, Findings: e.findings}
	if c := e.claims; c != nil {
		x.HasName, x.HasPolicy = DisplayName(c.name) != "", c.policy != ""
		if c.role.known() {
			x.Role = c.role
		}
		if c.iat != nil {
			x.Issued = c.iat.Time
		}
		if c.exp != nil {
			x.Expires = c.exp.Time
		}
	}
	return x
}

// An inspection is the examination of one token.
type inspection struct {
	kid, alg string
	claims   *claims // nil if they cannot be read
	findings findingList
}

// inspect makes every check except that of single use, in this order: size, header, signature, times and parties, claims. Unless all is set
// it stops after the first group with a finding, so that unsigned content is not read.
func (v *Verifier) inspect(now time.Time, raw string, all bool) (e inspection) {
	if len(raw) > MaxToken {
		e.findings.add(TooLarge, fmt.Sprintf("the token has %d bytes: at most %d are read", len(raw), MaxToken))
		return e
	}
	key, found := v.readHeader(&e, raw)
	if len(e.findings) > 0 && !all {
		return e
	}
	c := &claims{}
	parser := jwt.NewParser(v.options(now, jwt.WithoutClaimsValidation())...)
	_, err := parser.ParseWithClaims(raw, c, func(*jwt.Token) (any, error) {
		if !found {
			return nil, errNoKey
		}
		return key.public, nil
	})
	switch {
	case err == nil:
	case errors.Is(err, jwt.ErrTokenMalformed):
		e.findings.add(Malformed, "the token is not header.claims.signature in base64url without padding, with JSON objects in the first two")
		return e
	case errors.Is(err, errNoKey), len(e.findings) > 0: // the header said why it cannot be verified
	default:
		e.findings.add(Signature, "the signature does not verify with the key that kid names: was the token signed by another key, or changed on its way?")
	}
	if len(e.findings) > 0 && !all {
		return e
	}
	e.claims = c
	e.findings = append(e.findings, v.checkParties(now, c)...)
	e.findings = append(e.findings, c.check()...)
	return e
}

var errNoKey = errors.New("no key")

// options are those of golang-jwt without which a token passes that lacks exp, names another audience or another issuer, or is
// signed with a public key as an HMAC secret.
func (v *Verifier) options(now time.Time, more ...jwt.ParserOption) []jwt.ParserOption {
	return append(more,
		jwt.WithValidMethods([]string{EdDSA, ES256}),
		jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(),
		jwt.WithIssuer(v.c.Issuer),
		jwt.WithAudience(v.c.Audience),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(Leeway),
		jwt.WithTimeFunc(func() time.Time { return now }),
	)
}

// foreignHeaders name a key that comes with the token, or demand an extension: the first would let a token vouch for itself
// (RFC 8725, section 3.10), the second must be understood or refused (RFC 7515, section 4.1.11).
var foreignHeaders = []string{"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"}

// readHeader selects the key: by kid alone, and alg has to be that of the key (RFC 8725, section 3.1).
func (v *Verifier) readHeader(e *inspection, raw string) (key Key, found bool) {
	first, _, _ := strings.Cut(raw, ".")
	data, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		e.findings.add(Malformed, "the first part of the token is not base64url without padding")
		return Key{}, false
	}
	o, err := parseObject(data)
	if err != nil {
		e.findings.add(Malformed, "the header "+err.Error())
		return Key{}, false
	}
	for _, h := range foreignHeaders {
		if _, there := o[h]; there {
			e.findings.add(Header, fmt.Sprintf("header %q is not accepted: keys come from the JWKS file only, and extensions are not known here", h))
		}
	}
	alg, algOK := o.text("alg")
	kid, kidOK := o.text("kid")
	if len(kid) <= MaxKeyID {
		e.kid = kid
	}
	known := algOK && (alg == EdDSA || alg == ES256)
	if known {
		e.alg = alg
	} else {
		e.findings.add(Algorithm, "alg must be EdDSA or ES256")
	}
	if !kidOK || kid == "" {
		e.findings.add(UnknownKey, "kid is missing: the token must name its key of the JWKS file")
		return Key{}, false
	}
	if key, found = v.c.Keys.Key(kid); !found {
		e.findings.add(UnknownKey, "no key of the JWKS file has the kid of this token: is the file up to date?")
		return Key{}, false
	}
	if known && alg != key.Algorithm {
		e.findings.add(Algorithm, fmt.Sprintf("alg is %s, but the key of this kid is for %s", alg, key.Algorithm))
	}
	return key, known && alg == key.Algorithm
}

// checkParties asks golang-jwt for the times and the parties. A claim that is missing altogether is reported by claims.check.
func (v *Verifier) checkParties(now time.Time, c *claims) (f findingList) {
	err := jwt.NewValidator(v.options(now)...).Validate(c)
	if err == nil {
		return nil
	}
	at := now.UTC().Format(time.RFC3339)
	if c.iss != v.c.Issuer {
		f.add(Issuer, fmt.Sprintf("iss is %q, but the configuration wants %q", clip(c.iss), v.c.Issuer))
	}
	if errors.Is(err, jwt.ErrTokenInvalidAudience) || len(c.aud) == 0 {
		f.add(Audience, fmt.Sprintf("aud is %q, but the configuration wants %q in it", clip(strings.Join(c.aud, " ")), v.c.Audience))
	}
	if errors.Is(err, jwt.ErrTokenExpired) {
		f.add(Expired, fmt.Sprintf("exp was %s, now it is %s", formatDate(c.exp), at))
	}
	if errors.Is(err, jwt.ErrTokenNotValidYet) {
		f.add(NotYetValid, fmt.Sprintf("nbf is %s, now it is %s", formatDate(c.nbf), at))
	}
	if errors.Is(err, jwt.ErrTokenUsedBeforeIssued) {
		f.add(Premature, fmt.Sprintf("iat is %s, now it is %s: are the clocks of the issuer and this host set?", formatDate(c.iat), at))
	}
	if len(f) == 0 && c.exp != nil {
		f.add(Malformed, "the claims do not hold: "+err.Error())
	}
	return f
}

// clip shortens parts of a token for printing.
func clip(s string) string { return s[:min(len(s), MaxSubject)] }
