package audit

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"alcove/room"
)

// A Query selects entries, to find the people affected by an incident. Each field that is set narrows it; the zero Query selects all.
type Query struct {
	From, To time.Time // sessions that overlap this span, with their entries up to its end; zero: open
	Session  string    // one session
	Key      string    // KeyDetail of the key that signed the presented tokens
	Token    string    // TokenDetail of one token
}

// Affected lists opaque IDs, each list in the order of the log.
type Affected struct {
	Sessions []string
	Seats    []room.ParticipantID
	People   []room.PersonID
	Entries  int64 // number of entries that were read
}

// KeyDetail identifies a signing key in Entry.Detail by a hash of its kid, because a kid is free text.
func KeyDetail(kid string) string {
	sum := sha256.Sum256([]byte(kid))
	return "key:" + hex.EncodeToString(sum[:8])
}

// TokenDetail identifies a token by its key in auth.Use.
func TokenDetail(key [sha256.Size]byte) string { return "token:" + hex.EncodeToString(key[:8]) }

// A timeSpan is the time from the first to the last entry of a session.
type timeSpan struct{ first, last time.Time }

// FindAffectedDir is FindAffected for the log in a folder. It does not verify the log; call VerifyDir first.
func FindAffectedDir(name string, q Query) (Affected, error) {
	d, err := readDir(name)
	if err != nil {
		return Affected{}, err
	}
	defer d.Close()
	f, err := d.Open(entriesFile)
	if err != nil {
		return Affected{}, err
	}
	defer f.Close()
	return FindAffected(f, q)
}

// ReadDir calls use for the first entries of the log in a folder. It does not verify the log; call VerifyDir first.
func ReadDir(name string, first int64, use func(room.Entry)) error {
	d, err := readDir(name)
	if err != nil {
		return err
	}
	defer d.Close()
	f, err := d.Open(entriesFile)
	if err != nil {
		return err
	}
	defer f.Close()
	n := int64(0)
	return forEachEntry(f, func(e room.Entry) {
		if n++; n <= first {
			use(e)
		}
	})
}

// FindAffected lists the sessions, seats and people in the selected entries. It errs on the side of listing too many: of a session
// that overlaps the span it lists everybody up to the span's end, even if they left earlier; a session without an entry in the span
// counts if it has entries before and after.
func FindAffected(entries io.ReaderAt, q Query) (Affected, error) {
	spans := map[string]timeSpan{}
	err := forEachEntry(entries, func(e room.Entry) {
		s, there := spans[e.Session]
		if !there || e.At.Before(s.first) {
			s.first = e.At
		}
		if e.At.After(s.last) {
			s.last = e.At
		}
		spans[e.Session] = s
	})
	if err != nil {
		return Affected{}, err
	}
	var a Affected
	seen := map[string]bool{}
	err = forEachEntry(entries, func(e room.Entry) {
		a.Entries++
		if q.matches(e, spans[e.Session]) {
			a.add(e, seen)
		}
	})
	return a, err
}

func (q Query) matches(e room.Entry, s timeSpan) bool {
	if e.Session == "" { // not of a session, such as a presented token: only its own time counts
		s = timeSpan{e.At, e.At}
	}
	details := strings.Split(e.Detail, "/")
	switch {
	case q.Session != "" && e.Session != q.Session,
		q.Key != "" && !(e.Act == TokenUsed && slices.Contains(details, q.Key)),
		q.Token != "" && !(e.Act == TokenUsed && slices.Contains(details, q.Token)),
		!q.From.IsZero() && s.last.Before(q.From),
		!q.To.IsZero() && e.At.After(q.To):
		return false
	}
	return true
}

func (a *Affected) add(e room.Entry, seen map[string]bool) {
	isNew := func(kind, id string) bool {
		if id == "" || seen[kind+id] {
			return false
		}
		seen[kind+id] = true
		return true
	}
	if isNew("session ", e.Session) {
		a.Sessions = append(a.Sessions, e.Session)
	}
	for _, id := range []room.ParticipantID{e.By, e.Subject} {
		if isNew("seat ", string(id)) {
			a.Seats = append(a.Seats, id)
		}
	}
	if isNew("person ", string(e.Person)) {
		a.People = append(a.People, e.Person)
	}
}

// forEachEntry calls use for all entries. The last line may be incomplete, after a crash or because it is being written.
func forEachEntry(entries io.ReaderAt, use func(room.Entry)) error {
	r := bufio.NewReaderSize(readerOf(entries), maxLine)
	for n := 0; ; n++ {
		b, err := r.ReadSlice('\n')
		if err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
		e, err := decodeEntry(b)
		if err != nil {
			return fmt.Errorf("entry %d is unreadable: `alcove audit verify` says more", n)
		}
		use(e)
	}
}
