package room

import "slices"

// An Acknowledgement records that a person acknowledged a text.
type Acknowledgement struct {
	Person PersonID
	Hash   string
}

func (s State) acknowledged(person PersonID, hash string) bool {
	return slices.Contains(s.Acknowledged, Acknowledgement{person, hash})
}

// unacknowledged lists the texts that a person still has to acknowledge, in every locale. A changed text has another hash, so it has
// to be acknowledged again. Hosts have nothing to acknowledge.
func unacknowledged(s State, p Participant) []Text {
	if p.Role.Hosts() {
		return nil
	}
	var done []string // IDs
	for _, t := range s.Policy.Agreement {
		if s.acknowledged(p.Person, t.Hash) {
			done = append(done, t.ID)
		}
	}
	var list []Text
	for _, t := range s.Policy.Agreement {
		if !slices.Contains(done, t.ID) {
			list = append(list, t)
		}
	}
	return list
}

// acknowledgeText records that a participant, waiting or admitted, accepts a text. The hash must be that of a current text.
func acknowledgeText(s State, by ParticipantID, c Acknowledge) (Decision, *Error) {
	p, ok := s.seat(by)
	if !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	if !s.Policy.asksText(c.TextHash) {
		return Decision{}, refuse(AgreementRequired, "textHash: the text is another now")
	}
	if s.acknowledged(p.Person, c.TextHash) {
		return Decision{}, nil
	}
	return Decision{Events: []Event{TextAcknowledged{ID: p.ID, Person: p.Person, Hash: c.TextHash}}}, nil
}

// showAgreement shows the agreement to everyone in the group. It requires no new acknowledgement and changes no state.
func showAgreement(s State, by ParticipantID) (Decision, *Error) {
	if _, err := authorize(s, by, actShowAgreement); err != nil {
		return Decision{}, err
	}
	var d Decision
	for _, p := range s.Participants {
		if p.Access == Admitted {
			d.emit(AgreementShown{To: p.ID, Texts: s.Policy.Agreement})
		}
	}
	return d, nil
}

func (p Policy) asksText(hash string) bool {
	return slices.ContainsFunc(p.Agreement, func(t Text) bool { return t.Hash == hash })
}

// addAcknowledged carries over acknowledgements of earlier sessions, for texts that are still required.
func (d *Decision) addAcknowledged(s State, person PersonID, hashes []string) {
	for _, t := range s.Policy.Agreement {
		if slices.Contains(hashes, t.Hash) && !s.acknowledged(person, t.Hash) {
			d.add(TextAcknowledged{Person: person, Hash: t.Hash})
			s = Apply(s, TextAcknowledged{Person: person, Hash: t.Hash})
		}
	}
}
