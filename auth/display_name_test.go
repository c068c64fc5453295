package auth

import (
	"strings"
	"testing"
	"unicode/utf8"
)

var shownNames = []struct{ given, shown string }{
	{"Maria S.", "Maria S."},
	{"  Maria \t  S.\u00A0\n", "Maria S."},
	{"Zoë Müller-O’Neill", "Zoë Müller-O’Neill"},
	{"דוד\u200F כהן", "דוד כהן"},
	{"\u202Etxt.exe", "txt.exe"},
	{"A\u2066B\u2069\u061CC", "ABC"},
	{"line\u2028of\u2029two", "line of two"},
	{"\u0646\u0627\u0645\u200C\u0647\u0627", "\u0646\u0627\u0645\u200C\u0647\u0627"}, // Persian needs the non-joiner
	{"👩\u200D⚕️", "👩\u200D⚕️"},
	{"a\x00b\x1b[31mc", "ab[31mc"},
	{"bro\xffken", "broken"},
	{"in\u200Bvi\uFEFFsi\u00ADble", "invisible"},
	{strings.Repeat("é", 65), strings.Repeat("é", 64)},
	{strings.Repeat("a", 63) + " b", strings.Repeat("a", 63)},
	{strings.Repeat("👩", 70), strings.Repeat("👩", 64)},
	{"", ""}, {" \t\n", ""}, {"\u200D\u200B\u3164\u2800", ""}, {"\u0301\u0301", ""}, {"\x00\x01", ""},
}

func TestDisplayName(t *testing.T) {
	for _, n := range shownNames {
		if got := DisplayName(n.given); got != n.shown {
			t.Errorf("%q: %q, want %q", n.given, got, n.shown)
		}
	}
}

// TestInvalidNameIsAccepted checks that a token with a good signature is accepted whatever the type and content of its name, and that the
// grant holds only the displayable part of that name.
func TestInvalidNameIsAccepted(t *testing.T) {
	c := newClinic(t)
	for i, n := range shownNames {
		g, err := c.verifier.Verify(start, c.signed(t, map[string]any{"jti": "name-" + string(rune('a'+i)), "name": n.given}))
		if err != nil || g.Name != n.shown {
			t.Errorf("%q: %q, %v", n.given, g.Name, err)
		}
	}
	for i, name := range []any{nil, 7, true, []string{"a"}, map[string]any{"given": "a"}} {
		g, err := c.verifier.Verify(start, c.signed(t, map[string]any{"jti": "odd-" + string(rune('a'+i)), "name": name}))
		if err != nil || g.Name != "" {
			t.Errorf("%v: %q, %v", name, g.Name, err)
		}
	}
}

func FuzzDisplayName(f *testing.F) {
	for _, n := range shownNames {
		f.Add(n.given)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := DisplayName(s)
		switch {
		case DisplayName(got) != got:
			t.Errorf("%q: shown twice it is %q", got, DisplayName(got))
		case !utf8.ValidString(got) || utf8.RuneCountInString(got) > MaxName:
			t.Errorf("%q cannot be shown", got)
		case strings.ContainsFunc(got, isInvisible) || strings.TrimSpace(got) != got:
			t.Errorf("%q holds what is not seen", got)
		}
	})
}
