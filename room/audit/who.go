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

// A Question asks who was affected by something that went wrong. Each field that is set narrows it; none asks for everybody.
type Question struct {
	From, To time.Time // sessions that overlap this span, and who was named in them before its end; zero is open
	Session  string    // one session
	Key      string    // KeyDetail of the key that signed the tokens shown
	Token    string    // TokenDetail of one token
}

// Affected are opaque ids, each list in the order of the log.
type Affected struct {
	Sessions []string
	Seats    []room.ParticipantID
	People   []room.PersonID
	Entries  int64 // that were read
}

// KeyDetail names a signing key in Entry.Detail by a hash of its kid: a kid is text that somebody chose.
func KeyDetail(kid string) string {
	sum := sha256.Sum256([]byte(kid))
	return "key:" + hex.EncodeToString(sum[:8])
}

// TokenDetail names a token by its key in auth.Use.
func TokenDetail(key [sha256.Size]byte) string { return "token:" + hex.EncodeToString(key[:8]) }

// span is from the first to the last entry of a session.
type span struct{ first, last time.Time }

// WhoDir answers from the log in a folder; see Who. It does not verify: do that first.
func WhoDir(name string, q Question) (Affected, error) {
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
	return Who(f, q)
}

// ReadDir hands the first so many entries of the log in a folder to use. It does not verify: do that first.
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
	return each(f, func(e room.Entry) {
		if n++; n <= first {
			use(e)
		}
	})
}

// Who lists whom entries speak of. It names too many rather than too few: of a session that overlaps the span it names
// everybody up to the span's end, left or not; a session without an entry in the span counts if it has some before and after.
func Who(entries io.ReaderAt, q Question) (Affected, error) {
	spans := map[string]span{}
	err := each(entries, func(e room.Entry) {
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
	err = each(entries, func(e room.Entry) {
		a.Entries++
		if q.concerns(e, spans[e.Session]) {
			a.add(e, seen)
		}
	})
	return a, err
}

func (q Question) concerns(e room.Entry, s span) bool {
	if e.Session == "" { // outside a session, such as a token shown: only its own time counts
		s = span{e.At, e.At}
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
	fresh := func(kind, id string) bool {
		if id == "" || seen[kind+id] {
			return false
		}
		seen[kind+id] = true
		return true
	}
	if fresh("session ", e.Session) {
		a.Sessions = append(a.Sessions, e.Session)
	}
	for _, id := range []room.ParticipantID{e.By, e.Subject} {
		if fresh("seat ", string(id)) {
			a.Seats = append(a.Seats, id)
		}
	}
	if fresh("person ", string(e.Person)) {
		a.People = append(a.People, e.Person)
	}
}

// each reads all entries. The last line may be torn, or be written just now.
func each(entries io.ReaderAt, use func(room.Entry)) error {
	r := bufio.NewReaderSize(whole(entries), maxLine)
	for n := 0; ; n++ {
		b, err := r.ReadSlice('\n')
		if err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
		e, err := parseLine(b)
		if err != nil {
			return fmt.Errorf("entry %d is unreadable: `alcove audit verify` says more", n)
		}
		use(e)
	}
}
