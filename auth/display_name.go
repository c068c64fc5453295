package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// DisplayName is the one rule for names that people see, whichever way they come: in a token, in a hello, or by a host. What can be shown
// stays; what cannot is taken out, and what is longer than MaxName is cut: nobody is refused for a name. It is "" where nothing would
// be seen. DisplayName(DisplayName(s)) is DisplayName(s).
func DisplayName(s string) string { return displayText(s, MaxName) }

// DisplayRoom is the same for the name of a room. It is for showing only: two rooms that look alike are two rooms.
func DisplayRoom(s string) string { return displayText(s, MaxRoom) }

func displayText(s string, limit int) string {
	var b strings.Builder
	runes, gap, visible := 0, false, false
	for _, r := range s { // what is not UTF-8 comes as utf8.RuneError
		switch {
		case unicode.IsSpace(r): // line breaks too; many are shown as one
			gap = runes > 0
			continue
		case isInvisible(r):
			continue
		}
		if gap {
			b.WriteByte(' ')
			runes++
			gap = false
		}
		if runes >= limit {
			break
		}
		b.WriteRune(r)
		runes++
		visible = visible || leavesMark(r)
	}
	if !visible {
		return ""
	}
	return strings.TrimRight(b.String(), " \u200C\u200D")
}

// isInvisible are characters that stand for nothing, break a line, or turn the text around them, so that one name could look like another
// (Unicode Standard Annex 9, section 2). Joiners stay: names in several scripts, and emoji, need them.
func isInvisible(r rune) bool {
	switch {
	case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		return true
	case r == '\u200B', r == '\uFEFF', r == '\u00AD', r >= '\u2060' && r <= '\u2064', r >= '\uFFF9' && r <= '\uFFFB':
		return true // breaks and joins that nobody sees, annotations
	}
	return false
}

// leavesMark reports whether a character leaves a mark of its own. The letters without one are fillers of Hangul, and the blank of Braille.
func leavesMark(r rune) bool {
	switch r {
	case '\u115F', '\u1160', '\u3164', '\uFFA0', '\u2800':
		return false
	}
	return unicode.IsGraphic(r) && !unicode.Is(unicode.M, r) && !unicode.IsSpace(r)
}
