package auth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// claims are the claims of a token (RFC 7519, section 4). A claim that could not be parsed is absent and listed in findings.
type claims struct {
	iss, sub, jti      string
	aud                jwt.ClaimStrings
	exp, iat, nbf      *jwt.NumericDate
	room, policy, name string
	role               Role
	amr                []string
	acr                string
	authTime           *jwt.NumericDate
	notBefore          *jwt.NumericDate // of the session, not of the token
	notAfter           *jwt.NumericDate
	e2ee, e2eeSession  string
	recipients         jwt.ClaimStrings

	findings findingList
}

// UnmarshalJSON reads every claim it can: a wrong one does not hide the others.
func (c *claims) UnmarshalJSON(data []byte) error {
	o, err := parseObject(data)
	if err != nil {
		return err
	}
	read(c, o, "iss", &c.iss, Issuer)
	read(c, o, "aud", &c.aud, Audience)
	read(c, o, "exp", &c.exp, BadExpiry)
	read(c, o, "iat", &c.iat, BadIssued)
	read(c, o, "nbf", &c.nbf, BadNotBefore)
	read(c, o, "jti", &c.jti, BadID)
	read(c, o, "sub", &c.sub, BadSubject)
	read(c, o, "room", &c.room, BadRoom)
	read(c, o, "role", &c.role, BadRole)
	read(c, o, "policy", &c.policy, BadPolicy)
	if json.Unmarshal(o["name"], &c.name) != nil {
		c.name = "" // nobody is refused for a name
	}
	read(c, o, "amr", &c.amr, BadAMR)
	read(c, o, "acr", &c.acr, BadACR)
	read(c, o, "auth_time", &c.authTime, BadAuthTime)
	read(c, o, "not_before", &c.notBefore, BadSchedule)
	read(c, o, "not_after", &c.notAfter, BadSchedule)
	read(c, o, "e2ee", &c.e2ee, BadE2EE)
	read(c, o, "e2ee_session", &c.e2eeSession, BadE2EE)
	read(c, o, "recipients", &c.recipients, BadE2EE)
	return nil
}

// read parses one claim, or adds a finding.
func read[T any](c *claims, o object, name string, into *T, r Reason) {
	raw, there := o[name]
	if !there {
		return
	}
	var v T
	if json.Unmarshal(raw, &v) != nil {
		c.findings.add(r, fmt.Sprintf("claim %q has the wrong type", name))
		return
	}
	*into = v
}

// The methods of jwt.Claims.

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.exp, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.iat, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.nbf, nil }
func (c *claims) GetIssuer() (string, error)                   { return c.iss, nil }
func (c *claims) GetSubject() (string, error)                  { return c.sub, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.aud, nil }

// check returns findings for the claims that golang-jwt does not check, or allows to be missing.
func (c *claims) check() findingList {
	f := slices.Clone(c.findings)
	must := func(ok bool, r Reason, detail string) {
		if !ok && !slices.ContainsFunc(c.findings, func(w Finding) bool { return w.Reason == r }) {
			f.add(r, detail)
		}
	}
	must(c.exp != nil, BadExpiry, "exp is missing: a token must say when it expires")
	must(c.iat != nil, BadIssued, "iat is missing: a token must say when it was made")
	if c.exp != nil && c.iat != nil {
		life := c.exp.Sub(c.iat.Time)
		must(life > 0 && life <= MaxLifetime, Lifetime,
			fmt.Sprintf("exp is %s after iat: a token that joins lives at most %s", life, MaxLifetime))
	}
	must(c.jti != "" && len(c.jti) <= MaxID, BadID, fmt.Sprintf("jti must have 1 to %d characters: a token is used once", MaxID))
	must(c.sub != "" && len(c.sub) <= MaxSubject, BadSubject, fmt.Sprintf("sub must have 1 to %d characters", MaxSubject))
	must(c.room != "" && isPlainText(c.room, MaxRoom), BadRoom, fmt.Sprintf("room must have 1 to %d characters, none of them a control character, and not only spaces", MaxRoom))
	must(c.role.known(), BadRole, "role must be host, cohost, participant or observer")
	must(c.policy == "" || ValidPolicyName(c.policy), BadPolicy, policyNameRule)
	must(len(c.amr) <= MaxMethods && !slices.ContainsFunc(c.amr, func(s string) bool { return len(s) > MaxMethod }), BadAMR,
		fmt.Sprintf("amr must be a list of at most %d short strings (RFC 8176)", MaxMethods))
	must(c.notBefore == nil || c.notAfter == nil || c.notAfter.After(c.notBefore.Time), BadSchedule, "not_after, the end of the session, must come after not_before")
	must(c.e2ee == "" || c.e2ee == "required" || c.e2ee == "off", BadE2EE, "e2ee must be required or off")
	must(c.e2eeSession == "" || isPlainText(c.e2eeSession, MaxE2EESession), BadE2EE,
		fmt.Sprintf("e2ee_session must have 1 to %d characters, none of them a control character", MaxE2EESession))
	must(len(c.recipients) <= MaxRecipients && !slices.ContainsFunc(c.recipients, func(s string) bool { return !isSHA256(s) }), BadE2EE,
		fmt.Sprintf("recipients must be a SHA-256 hash, 64 characters of 0-9 a-f, or a list of at most %d", MaxRecipients))
	must(len(c.acr) <= MaxMethod, BadACR, fmt.Sprintf("acr must have at most %d characters", MaxMethod))
	return f
}

// grant converts checked claims to the grant.
func (c *claims) grant(k PersonKey) Grant {
	g := Grant{
		Room: c.room, Person: k.Person(c.sub), Role: c.role, Policy: c.policy, Name: DisplayName(c.name),
		IssuedAt: c.iat.Time, ExpiresAt: c.exp.Time, AMR: c.amr, ACR: c.acr, Token: NewTokenKey(c.iss, c.jti),
		E2EE: c.e2ee, E2EESession: c.e2eeSession, Recipients: c.recipients,
	}
	for at, claim := range map[*time.Time]*jwt.NumericDate{&g.AuthTime: c.authTime, &g.NotBefore: c.notBefore, &g.NotAfter: c.notAfter} {
		if claim != nil {
			*at = claim.Time
		}
	}
	return g
}

// isSHA256 reports whether s is a SHA-256 hash in lower-case hex.
func isSHA256(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

func (r Role) known() bool {
	return r == Host || r == Cohost || r == Participant || r == Observer
}

const policyNameRule = "a policy is named by 1 to 64 characters of a-z, 0-9, - and _"

// ValidPolicyName reports whether s can name a policy of the configuration.
func ValidPolicyName(s string) bool {
	return s != "" && len(s) <= MaxPolicy && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// isPlainText reports whether s has at most limit printable characters in one line, not all of them spaces.
func isPlainText(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit &&
		!strings.ContainsFunc(s, breaksLine) && strings.TrimSpace(s) != ""
}

// breaksLine are the characters that break a line or turn the text around them, so that one name could look like another
// (Unicode Standard Annex 9, section 2). Joiners stay: names in several scripts need them.
func breaksLine(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == utf8.RuneError:
		return true
	case r >= '\u202A' && r <= '\u202E', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}

// formatDate writes a date of a token for the operator.
func formatDate(d *jwt.NumericDate) string {
	if d == nil {
		return "missing"
	}
	return d.UTC().Format(time.RFC3339)
}
