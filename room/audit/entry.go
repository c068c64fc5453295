package audit

import (
	"encoding/json"
	"strings"
	"time"

	"alcove/room"
)

// Acts that the log itself and the store write, besides those of package room.
const (
	// Repaired says that bytes which were never acknowledged were cut off after a crash; Detail is how many.
	Repaired = "audit.repaired"
	// Unsure says that the entries first-last of Detail were written, but maybe not what they speak of: the daemon died, or the
	// store failed, in between. What they say holds only where a later entry says it again.
	Unsure = "audit.unsure"
	// TokenUsed says that a person showed a token that nobody had used; Detail is key:HASH/token:HASH (KeyDetail, TokenDetail). It is
	// written before the token is marked as used: who was told to come again, because that failed, is named again.
	TokenUsed = "token.used"
)

// unfit stands for a word that cannot be told from free text.
const unfit = "?"

// line makes one line of an entry. Its words are opaque ids and words of closed lists: whatever holds another character, as names
// and addresses do, is written as "?", so that a mistake elsewhere neither leaks into a log that nobody can clean, nor stops
// the act.
func line(e room.Entry) []byte {
	e.At = e.At.UTC().Round(time.Microsecond)
	e.Session, e.Act, e.Detail = word(e.Session), word(e.Act), word(e.Detail)
	e.By, e.Subject = room.ParticipantID(word(string(e.By))), room.ParticipantID(word(string(e.Subject)))
	e.Person = room.PersonID(word(string(e.Person)))
	b, err := json.Marshal(e)
	if err != nil { // a year above 9999
		e.At = time.Time{}
		if b, err = json.Marshal(e); err != nil {
			panic("audit: an entry of words does not marshal: " + err.Error())
		}
	}
	return append(b, '\n')
}

const wordCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.,:;=/"

func word(s string) string {
	if len(s) > maxWord || strings.Trim(s, wordCharacters) != "" {
		return unfit
	}
	return s
}

// parseLine reads an entry; fields of a later version are ignored.
func parseLine(b []byte) (room.Entry, error) {
	var e room.Entry
	err := json.Unmarshal(b, &e)
	return e, err
}
