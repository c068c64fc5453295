package signaling

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

// refusals bring what was refused into the audit log: of each seat, or of all strangers together, the first few of a minute one by one,
// and then how many more there were. So nobody fills the log, and nobody hides behind a flood of somebody else's.
type refusals struct {
	enter  func(room.Entry) // nil: nothing is kept. It does not block.
	now    func() time.Time
	minute time.Duration

	mu    sync.Mutex
	tally map[refuser]int // Guarded by mu. Refusals of the minute that runs; at most maxRefusers, and then those of strangers.
}

// A refuser is whose refusals count together.
type refuser struct {
	act, session string
	by           room.ParticipantID
}

func newRefusals(enter func(room.Entry), now func() time.Time) *refusals {
	return &refusals{enter: enter, now: now, minute: time.Minute, tally: map[refuser]int{}}
}

// note enters one refusal, or counts it.
func (r *refusals) note(e room.Entry) {
	if r.enter == nil {
		return
	}
	e.At = r.now()
	who := refuser{e.Act, e.Session, e.By}
	r.mu.Lock()
	if _, there := r.tally[who]; !there && len(r.tally) >= maxRefusers {
		who = refuser{act: e.Act}
	}
	if r.tally[who]++; r.tally[who] == 1 {
		time.AfterFunc(r.minute, func() { r.sum(who) })
	}
	alone := r.tally[who] <= firstRefusals
	r.mu.Unlock()
	if alone {
		r.enter(e)
	}
}

// sum ends the minute of one refuser.
func (r *refusals) sum(who refuser) {
	r.mu.Lock()
	more := r.tally[who] - firstRefusals
	delete(r.tally, who)
	r.mu.Unlock()
	if more > 0 {
		r.enter(room.Entry{At: r.now(), Act: who.act, Session: who.session, By: who.by, Detail: room.MoreRefused + strconv.Itoa(more)})
	}
}

// close ends all minutes that run.
func (r *refusals) close() {
	r.mu.Lock()
	var all []refuser
	for who := range r.tally {
		all = append(all, who)
	}
	r.mu.Unlock()
	for _, who := range all {
		r.sum(who)
	}
}

// refusedToken notes a token that opens nothing.
func (r *refusals) refusedToken(reason string) {
	r.note(room.Entry{Act: room.ActTokenRefused, Detail: reason})
}

// refusedAdmin notes a token that may not administer.
func (r *refusals) refusedAdmin(err error) {
	var refusal auth.Refusal
	errors.As(err, &refusal)
	r.note(room.Entry{Act: room.ActLoginFailed, Detail: "admin/" + string(refusal.Reason)})
}

// refusedEntry notes a person with a good token who is not let in. A passcode or a login that is not good enough is a failed login.
func (r *refusals) refusedEntry(g auth.Grant, code room.Code) {
	e := room.Entry{Act: room.ActEntryRefused, Person: room.PersonID(g.Person), Detail: string(code)}
	if code == room.PasscodeWrong || code == room.MFARequired || code == RateLimited {
		e.Act = room.ActLoginFailed
	}
	r.note(e)
}

// refusedAct notes what one who has a seat may not do.
func (r *refusals) refusedAct(session live.SessionID, kind string, code room.Code) {
	if _, known := requests[kind]; !known {
		kind = "unknown" // what a client calls it is free text
	}
	e := room.Entry{Act: room.ActRefusedAct, Detail: kind + "/" + string(code)}
	if kind == "passcode.enter" && (code == room.PasscodeWrong || code == RateLimited) {
		e.Act = room.ActLoginFailed
	}
	key, by, _ := strings.Cut(string(session), ".")
	e.Session, e.By, e.Subject = key, room.ParticipantID(by), room.ParticipantID(by)
	r.note(e)
}
