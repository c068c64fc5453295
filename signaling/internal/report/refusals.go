package report

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/wire"
)

const (
	// auditedRefusals of a minute and key get entries of their own: mistakes of people, and enough to recognise an attack.
	auditedRefusals = 5
	// maxRefusalKeys bounds the keys that are counted apart: above the seats of a busy daemon, at 100 bytes each.
	maxRefusalKeys = 4096
	refusalWindow  = time.Minute
)

// Refusals writes refused requests to the audit log. For each seat, and for all clients without a seat together, the first
// auditedRefusals of a window get entries of their own, and one more entry counts the rest.
type Refusals struct {
	audit func(room.Entry) // nil: nothing is written. It does not block.
	now   func() time.Time

	mu     sync.Mutex
	counts map[refusalKey]int // Guarded by mu. Refusals of the current windows; at maxRefusalKeys new keys share one per act.
}

// A refusalKey groups refusals that count together.
type refusalKey struct {
	act, session string
	by           room.ParticipantID
}

// NewRefusals returns a log that writes entries with audit, which must not block; nil: nothing is written.
func NewRefusals(audit func(room.Entry), now func() time.Time) *Refusals {
	return &Refusals{audit: audit, now: now, counts: map[refusalKey]int{}}
}

// record writes one refusal, or only counts it.
func (r *Refusals) record(e room.Entry) {
	if r.audit == nil {
		return
	}
	e.At = r.now()
	key := refusalKey{e.Act, e.Session, e.By}
	r.mu.Lock()
	if _, there := r.counts[key]; !there && len(r.counts) >= maxRefusalKeys {
		key = refusalKey{act: e.Act}
	}
	if r.counts[key]++; r.counts[key] == 1 {
		time.AfterFunc(refusalWindow, func() { r.endWindow(key) })
	}
	write := r.counts[key] <= auditedRefusals
	r.mu.Unlock()
	if write {
		r.audit(e)
	}
}

// endWindow ends the window of one key and writes how many refusals had no entry.
func (r *Refusals) endWindow(key refusalKey) {
	r.mu.Lock()
	more := r.counts[key] - auditedRefusals
	delete(r.counts, key)
	r.mu.Unlock()
	if more > 0 {
		r.audit(room.Entry{At: r.now(), Act: key.act, Session: key.session, By: key.by, Detail: room.MoreRefused + strconv.Itoa(more)})
	}
}

// Close ends all windows.
func (r *Refusals) Close() {
	r.mu.Lock()
	var all []refusalKey
	for key := range r.counts {
		all = append(all, key)
	}
	r.mu.Unlock()
	for _, key := range all {
		r.endWindow(key)
	}
}

// Token records a refused token.
func (r *Refusals) Token(reason string) {
	r.record(room.Entry{Act: room.ActTokenRefused, Detail: reason})
}

// AdminToken records a token that the HTTP API refused.
func (r *Refusals) AdminToken(err error) {
	var refusal auth.Refusal
	errors.As(err, &refusal)
	r.record(room.Entry{Act: room.ActLoginFailed, Detail: "admin/" + string(refusal.Reason)})
}

// Entry records that a person with a valid token was refused. A wrong passcode or a login that is too weak is a failed login.
func (r *Refusals) Entry(g auth.Grant, code room.Code) {
	e := room.Entry{Act: room.ActEntryRefused, Person: room.PersonID(g.Person), Detail: string(code)}
	if code == room.PasscodeWrong || code == room.MFARequired || code == wire.RateLimited {
		e.Act = room.ActLoginFailed
	}
	r.record(e)
}

// Request records a refused request of a seat.
func (r *Refusals) Request(session live.SessionID, kind string, code room.Code) {
	if !wire.IsRequest(kind) {
		kind = "unknown" // an unknown type is free text of a client
	}
	e := room.Entry{Act: room.ActRefusedAct, Detail: kind + "/" + string(code)}
	if kind == "passcode.enter" && (code == room.PasscodeWrong || code == wire.RateLimited) {
		e.Act = room.ActLoginFailed
	}
	key, by, _ := strings.Cut(string(session), ".")
	e.Session, e.By, e.Subject = key, room.ParticipantID(by), room.ParticipantID(by)
	r.record(e)
}
