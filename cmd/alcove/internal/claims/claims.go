package claims

import (
	"fmt"
	"strings"
	"time"

	"alcove/auth"
)

// Login are the claims about the session's time and the person's login, as text; times are in RFC 3339.
type Login struct{ NotBefore, NotAfter, AMR, ACR, AuthTime string }

// Apply sets the claims of a token. Its errors name the flag of the time that cannot be read.
func (l Login) Apply(c *auth.TokenClaims) error {
	for _, at := range []struct {
		flag, text string
		into       *time.Time
	}{{"not-before", l.NotBefore, &c.NotBefore}, {"not-after", l.NotAfter, &c.NotAfter}, {"auth-time", l.AuthTime, &c.AuthTime}} {
		if at.text == "" {
			continue
		}
		parsed, err := time.Parse(time.RFC3339, at.text)
		if err != nil {
			return fmt.Errorf("--%s %q is no time: write it like 2026-03-02T10:00:00Z", at.flag, at.text)
		}
		*at.into = parsed
	}
	if c.ACR = l.ACR; l.AMR != "" {
		c.AMR = strings.Split(l.AMR, ",")
	}
	return nil
}

// Fragment carries a token, and the secret k of end-to-end encryption where there is one, to the page: a browser sends it to no server
// (RFC 3986, section 3.5).
func Fragment(token, k auth.Secret) string {
	if k.Empty() {
		return "/#t=" + token.Reveal()
	}
	return "/#t=" + token.Reveal() + "&k=" + k.Reveal()
}
