package room

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// names gives the name that the group sees and the name that the clinic vouches for. A name the person chose is refused if it
// is not fit to be shown; one of the token is then as good as unsaid, for the person cannot mend it.
func names(chosen, clinic string) (shown, verified string, err *Error) {
	verified, _ = cleanName(clinic)
	if strings.TrimSpace(chosen) == "" {
		if verified == "" {
			return defaultName, "", nil
		}
		return verified, verified, nil
	}
	shown, ok := cleanName(chosen)
	if !ok {
		return "", "", refuse(BadRequest, "displayName: 1 to 64 visible characters")
	}
	return shown, verified, nil
}

// cleanName trims a name and says whether it is fit to be shown: something must be visible, and nothing may reach beyond it
// on the page (controls, line separators, the overrides of the Unicode Bidirectional Algorithm, UAX #9, section 2).
func cleanName(name string) (string, bool) {
	if !utf8.ValidString(name) {
		return "", false
	}
	name = strings.TrimSpace(name)
	visible := false
	for _, r := range name {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return "", false
		case unicode.IsGraphic(r) && !unicode.IsSpace(r):
			visible = true
		}
	}
	if !visible || utf8.RuneCountInString(name) > maxNameRunes {
		return "", false
	}
	return name, true
}

// checkMessage checks a host's own words beside an act; they may be missing.
func checkMessage(text string) *Error {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxTextRunes {
		return refuse(BadRequest, "message: at most 1000 characters")
	}
	return nil
}

// message carries words between one who waits and the hosts. Nothing is kept. Whether a host is there to read, the waiting
// do not learn.
func message(s State, c Message) (Decision, *Error) {
	by, ok := s.seat(c.By)
	if !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	waiter := by
	if by.Access == Waiting {
		if c.Target != "" && c.Target != c.By {
			return Decision{}, refuse(NotAdmitted, "who waits writes to the hosts")
		}
	} else {
		_, err := moderate(s, c.By, c.Target, actAnswerWaiting)
		if err != nil {
			return Decision{}, err
		}
		if waiter, err = target(s, c.Target, Waiting); err != nil {
			return Decision{}, err
		}
	}
	if strings.TrimSpace(c.Text) == "" || checkMessage(c.Text) != nil {
		return Decision{}, refuse(BadRequest, "text: 1 to 1000 characters")
	}
	var d Decision
	said := Said{FromHost: by.Access == Admitted, Waiter: waiter.ID, Text: c.Text}
	if said.FromHost {
		said.To = waiter.ID
		d.tell(said)
	}
	for _, host := range hosts(s) {
		said.To = host
		d.tell(said)
	}
	return d, nil
}
