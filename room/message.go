package room

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"alcove/auth"
)

// displayNames gives the name that the group sees and the name that the clinic vouches for, by the one rule for both (auth.ShownName).
// Nobody is refused for a name: what cannot be shown is as good as unsaid.
func displayNames(chosen, clinic string) (shown, verified string) {
	verified = auth.DisplayName(clinic)
	return cmp.Or(auth.DisplayName(chosen), verified, defaultName), verified
}

// checkMessage checks a host's own words beside an act; they may be missing.
func checkMessage(text string) *Error {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxTextRunes {
		return refuse(BadRequest, "message: at most 1000 characters")
	}
	return nil
}

// sendMessage carries words between one who waits and the hosts. Nothing is kept. Whether a host is there to read, the waiting
// do not learn.
func sendMessage(s State, by ParticipantID, c Message) (Decision, *Error) {
	author, ok := s.seat(by)
	if !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	waiter := author
	if author.Access == Waiting {
		if c.Target != "" && c.Target != by {
			return Decision{}, refuse(NotAdmitted, "who waits writes to the hosts")
		}
	} else {
		_, err := authorizeOn(s, by, c.Target, actAnswerWaiting)
		if err != nil {
			return Decision{}, err
		}
		if waiter, err = findTarget(s, c.Target, Waiting); err != nil {
			return Decision{}, err
		}
	}
	if strings.TrimSpace(c.Text) == "" || checkMessage(c.Text) != nil {
		return Decision{}, refuse(BadRequest, "text: 1 to 1000 characters")
	}
	var d Decision
	said := MessageSent{FromHost: author.Access == Admitted, Waiter: waiter.ID, Text: c.Text}
	if said.FromHost {
		said.To = waiter.ID
		d.emit(said)
	}
	for _, host := range hosts(s) {
		said.To = host
		d.emit(said)
	}
	return d, nil
}
