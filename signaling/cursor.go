package signaling

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"alcove/auth"
)

// A cursor reads the fields of one object. The first thing that is wrong stays in fault, which names the field and the rule,
// never the value; what is read after it is zero and is thrown away.
type cursor struct {
	f     fields
	path  string // of this object, "" or ending in a dot
	fault *string
}

func newCursor(f fields) cursor { return cursor{f: f, fault: new(string)} }

func (c cursor) fail(name, rule string) {
	if *c.fault == "" {
		*c.fault = c.path + name + ": " + rule
	}
}

func (c cursor) has(name string) bool { _, ok := c.f[name]; return ok }

// text reads a string of 1 to limit characters that allowed lets pass.
func (c cursor) text(name string, limit int, allowed func(rune) bool) string {
	rule := "1 to " + strconv.Itoa(limit) + " characters"
	raw, ok := c.f[name]
	if !ok || raw[0] != '"' {
		c.fail(name, rule)
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) != nil || s == "" || utf8.RuneCountInString(s) > limit {
		c.fail(name, rule)
		return ""
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !allowed(r) }) {
		c.fail(name, "a character is not allowed")
		return ""
	}
	return s
}

func (c cursor) optional(name string, limit int, allowed func(rune) bool) string {
	if !c.has(name) {
		return ""
	}
	return c.text(name, limit, allowed)
}

// name reads what others will see as a person's name: any text, of which what can be shown is taken.
func (c cursor) name(field string) string {
	var s string
	if raw := c.f[field]; len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		c.fail(field, "text")
	}
	return auth.DisplayName(s)
}

func (c cursor) id(name string) string { return c.text(name, MaxID, inID) }

func (c cursor) flag(name string) bool {
	switch string(c.f[name]) {
	case "true":
		return true
	case "false":
	default:
		c.fail(name, "true or false")
	}
	return false
}

func (c cursor) number(name string) uint32 { return uint32(c.whole(name, math.MaxUint32)) }

// whole reads 1 to limit.
func (c cursor) whole(name string, limit uint32) int {
	n, err := strconv.ParseUint(string(c.f[name]), 10, 32)
	if err != nil || n == 0 || uint32(n) > limit {
		c.fail(name, "a whole number from 1 to "+strconv.FormatUint(uint64(limit), 10))
		return 0
	}
	return int(n)
}

func (c cursor) oneOf(name string, list ...string) string {
	s := c.optional(name, MaxID, anyRune)
	for _, ok := range list {
		if s == ok {
			return s
		}
	}
	c.fail(name, "one of "+strings.Join(list, ", "))
	return ""
}

func (c cursor) object(name string) cursor {
	inner := cursor{path: c.path + name + ".", fault: c.fault}
	f, err := parseObject(c.f[name])
	if err != nil {
		c.fail(name, "an object")
	}
	inner.f = f
	return inner
}

// list reads an array of at most limit elements.
func (c cursor) list(name string, limit int) []json.RawMessage {
	raw := c.f[name]
	var items []json.RawMessage
	if len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &items) != nil || len(items) > limit {
		c.fail(name, "a list of at most "+strconv.Itoa(limit))
		return nil
	}
	return items
}

func anyRune(rune) bool { return true }

// inID holds the alphabets of base64url and of our separators.
func inID(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}

func inHex(r rune) bool { return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' }

// inToken: visible ASCII, so that a token is the same in a header and in a frame.
func inToken(r rune) bool { return r > ' ' && r <= '~' }

// inWords lets people write paragraphs.
func inWords(r rune) bool {
	return r == '\n' || r == '\t' || r != utf8.RuneError && !unicode.IsControl(r)
}
