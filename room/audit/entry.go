package audit

import (
	"encoding/json"
	"strings"
	"time"

	"alcove/room"
)

// Acts that this package and the store write, besides those of package room.
const (
	// Repaired: unacknowledged bytes were truncated after a crash; Detail is their number.
	Repaired = "audit.repaired"
	// Unconfirmed: the entries first-last of Detail were written, but the daemon died or the store failed before their acts took
	// effect for sure. They are valid only where a later entry repeats them.
	Unconfirmed = "audit.unsure"
	// TokenUsed: a person presented an unused token; Detail is key:HASH/token:HASH (KeyDetail, TokenDetail). It is written before the
	// token is marked as used, so it is repeated if marking failed and the person tried again.
	TokenUsed = "token.used"
)

// redacted replaces a field that could be free text.
const redacted = "?"

// encodeEntry returns an entry as one line. Its fields are opaque IDs and words from closed lists. A field with any other character, as
// in names and addresses, is written as "?", so that a bug elsewhere neither leaks data into an append-only log nor stops the act.
func encodeEntry(e room.Entry) []byte {
	e.At = e.At.UTC().Round(time.Microsecond)
	e.Session, e.Act, e.Detail = sanitize(e.Session), sanitize(e.Act), sanitize(e.Detail)
	e.By, e.Subject = room.ParticipantID(sanitize(string(e.By))), room.ParticipantID(sanitize(string(e.Subject)))
	e.Person = room.PersonID(sanitize(string(e.Person)))
	b, err := json.Marshal(e)
	if err != nil { // a year above 9999
		e.At = time.Time{}
		if b, err = json.Marshal(e); err != nil {
			panic("audit: a sanitized entry does not marshal: " + err.Error())
		}
	}
	return append(b, '\n')
}

const allowedCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.,:;=/"

func sanitize(s string) string {
	if len(s) > maxField || strings.Trim(s, allowedCharacters) != "" {
		return redacted
	}
	return s
}

// decodeEntry decodes an entry and ignores fields of later versions.
func decodeEntry(b []byte) (room.Entry, error) {
	var e room.Entry
	err := json.Unmarshal(b, &e)
	return e, err
}
