package wire

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"alcove/auth"
)

// A Reader reads the fields of one JSON object. It keeps the first error, which names the field and its rule, never the value.
// After an error the values are meaningless, so a caller reads all fields and then asks Err.
type Reader struct {
	f     fields
	path  string // to this object: "" or ending in a dot
	fault *string
}

func newReader(f fields) Reader { return Reader{f: f, fault: new(string)} }

func (c Reader) fail(name, rule string) {
	if *c.fault == "" {
		*c.fault = c.path + name + ": " + rule
	}
}

// Err returns the first error, "" if there is none. It is fit for the client.
func (c Reader) Err() string { return *c.fault }

func (c Reader) has(name string) bool { _, ok := c.f[name]; return ok }

// Text reads a required string of 1 to limit code points, each of which allowed accepts.
func (c Reader) Text(name string, limit int, allowed func(rune) bool) string {
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

// Optional is Text for a field that may be absent.
func (c Reader) Optional(name string, limit int, allowed func(rune) bool) string {
	if !c.has(name) {
		return ""
	}
	return c.Text(name, limit, allowed)
}

// displayName reads any text and returns the part of it that can be shown as a name.
func (c Reader) displayName(field string) string {
	var s string
	if raw := c.f[field]; len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		c.fail(field, "text")
	}
	return auth.DisplayName(s)
}

// newName reads the displayName of a person who has one already: something of it must be left.
func (c Reader) newName() string {
	name := c.displayName("displayName")
	if name == "" {
		c.fail("displayName", "a name that can be shown")
	}
	return name
}

func (c Reader) id(name string) string { return c.Text(name, MaxID, IDChars) }

func (c Reader) boolean(name string) bool {
	switch string(c.f[name]) {
	case "true":
		return true
	case "false":
	default:
		c.fail(name, "true or false")
	}
	return false
}

func (c Reader) uint32(name string) uint32 { return uint32(c.integer(name, math.MaxUint32)) }

// integer reads an integer from 1 to limit.
func (c Reader) integer(name string, limit uint32) int {
	n, err := strconv.ParseUint(string(c.f[name]), 10, 32)
	if err != nil || n == 0 || uint32(n) > limit {
		c.fail(name, "a whole number from 1 to "+strconv.FormatUint(uint64(limit), 10))
		return 0
	}
	return int(n)
}

// OneOf reads a required string that is one of the list.
func (c Reader) OneOf(name string, list ...string) string {
	s := c.Optional(name, MaxID, anyRune)
	for _, ok := range list {
		if s == ok {
			return s
		}
	}
	c.fail(name, "one of "+strings.Join(list, ", "))
	return ""
}

func (c Reader) object(name string) Reader {
	inner := Reader{path: c.path + name + ".", fault: c.fault}
	f, err := parseObject(c.f[name])
	if err != nil {
		c.fail(name, "an object")
	}
	inner.f = f
	return inner
}

// list reads an array of at most limit elements.
func (c Reader) list(name string, limit int) []json.RawMessage {
	raw := c.f[name]
	var items []json.RawMessage
	if len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &items) != nil || len(items) > limit {
		c.fail(name, "a list of at most "+strconv.Itoa(limit))
		return nil
	}
	return items
}

func anyRune(rune) bool { return true }

// IDChars accepts the characters of IDs: base64url and a dot.
func IDChars(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}

func lowerHex(r rune) bool { return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' }

// visibleASCII accepts the characters that a token may have both in a header and in a frame.
func visibleASCII(r rune) bool { return r > ' ' && r <= '~' }

// FreeText accepts what people write, line breaks and tabs included, but no other control characters.
func FreeText(r rune) bool {
	return r == '\n' || r == '\t' || r != utf8.RuneError && !unicode.IsControl(r)
}
