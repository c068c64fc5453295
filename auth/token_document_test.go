package auth

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// TestClaimsMatchProtocolTable checks that section 1a of PROTOCOL.md lists the claims that are read, and marks those that a token must
// have.
func TestClaimsMatchProtocolTable(t *testing.T) {
	page, err := os.ReadFile("../signaling/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- claims -->")
	table, _, _ = strings.Cut(table, "<!-- /claims -->")
	needed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?`) \\|( yes)? \\|").FindAllStringSubmatch(table, -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			needed[strings.Trim(name, "`")] = row[2] != ""
		}
	}
	if len(needed) != 20 {
		t.Fatalf("the table lists %d claims: %v", len(needed), needed)
	}
	c := newClinic(t)
	refuses := func(more jwt.MapClaims) bool {
		_, err := c.verifier.Verify(start, c.signed(t, more))
		return err != nil
	}
	for name, must := range needed {
		// A name is cleaned, and nobody is refused for it (TestNameNeverRefuses); a language is read by the page alone.
		if refused := refuses(jwt.MapClaims{name: map[string]int{}}); refused == (name == "name" || name == "locale") {
			t.Errorf("%s of a wrong type: refused is %v", name, refused)
		}
		if refuses(jwt.MapClaims{name: nil}) != must {
			t.Errorf("%s: needed says %v", name, must)
		}
	}
}
