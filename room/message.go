package room

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"alcove/auth"
)

// displayNames returns the name that the group sees and the one that the token vouches for, both normalized by auth.DisplayName. A
// name that cannot be shown is treated as missing, so nobody is refused for a name.
func displayNames(chosen, clinic string) (shown, verified string) {
	verified = auth.DisplayName(clinic)
	return cmp.Or(auth.DisplayName(chosen), verified, defaultName), verified
}

// rename gives a seat another display name. Everyone changes their own, also while they wait; hosts change those of participants and
// observers. The verified name stays: proofs of end-to-end encryption are about it.
func rename(s State, by ParticipantID, c Rename) (Decision, *Error) {
	name := auth.DisplayName(c.DisplayName)
	target := c.Target
	if target == "" {
		target = by
	} else if _, err := authorizeOn(s, by, target, actRename); err != nil {
		return Decision{}, err
	}
	p, ok := s.seat(target)
	switch {
	case !ok && c.Target == "":
		return Decision{}, refuse(InvalidState, "this seat is over")
	case !ok:
		return Decision{}, refuse(TargetNotFound, "no such participant")
	case c.Target != "" && p.Role.Hosts():
		return Decision{}, refuse(Forbidden, "hosts choose their own names")
	case name == "":
		return Decision{}, refuse(BadRequest, "displayName: nothing of it can be shown")
	case name == p.DisplayName:
		return Decision{}, nil
	}
	return Decision{Events: []Event{NameSet{ID: p.ID, DisplayName: name}}}, nil
}

// checkMessage checks a host's text beside an act; it may be empty.
func checkMessage(text string) *Error {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxTextRunes {
		return refuse(BadRequest, "message: at most 1000 characters")
	}
	return nil
}

// sendMessage delivers a text between a waiting participant and the hosts. It is not stored, and the sender in the waiting room does
// not learn whether a host is connected.
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
	message := MessageSent{FromHost: author.Access == Admitted, Waiter: waiter.ID, Text: c.Text}
	if message.FromHost {
		message.To = waiter.ID
		d.emit(message)
	}
	for _, host := range hosts(s) {
		message.To = host
		d.emit(message)
	}
	return d, nil
}
