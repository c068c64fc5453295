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
type refusalLog struct {
	audit  func(room.Entry) // nil: nothing is kept. It does not block.
	now    func() time.Time
	window time.Duration

	mu     sync.Mutex
	counts map[refusalKey]int // Guarded by mu. Refusals of the minute that runs; at most maxRefusalKeys, and then those of strangers.
}

// A refuser is whose refusals count together.
type refusalKey struct {
	act, session string
	by           room.ParticipantID
}

func newRefusalLog(enter func(room.Entry), now func() time.Time) *refusalLog {
	return &refusalLog{audit: enter, now: now, window: time.Minute, counts: map[refusalKey]int{}}
}

// note enters one refusal, or counts it.
func (r *refusalLog) record(e room.Entry) {
	if r.audit == nil {
		return
	}
	e.At = r.now()
	who := refusalKey{e.Act, e.Session, e.By}
	r.mu.Lock()
	if _, there := r.counts[who]; !there && len(r.counts) >= maxRefusalKeys {
		who = refusalKey{act: e.Act}
	}
	if r.counts[who]++; r.counts[who] == 1 {
		time.AfterFunc(r.window, func() { r.endWindow(who) })
	}
	alone := r.counts[who] <= auditedRefusals
	r.mu.Unlock()
	if alone {
		r.audit(e)
	}
}

// sum ends the minute of one refuser.
func (r *refusalLog) endWindow(who refusalKey) {
	r.mu.Lock()
	more := r.counts[who] - auditedRefusals
	delete(r.counts, who)
	r.mu.Unlock()
	if more > 0 {
		r.audit(room.Entry{At: r.now(), Act: who.act, Session: who.session, By: who.by, Detail: room.MoreRefused + strconv.Itoa(more)})
	}
}

// close ends all minutes that run.
func (r *refusalLog) close() {
	r.mu.Lock()
	var all []refusalKey
	for who := range r.counts {
		all = append(all, who)
	}
	r.mu.Unlock()
	for _, who := range all {
		r.endWindow(who)
	}
}

// refusedToken notes a token that opens nothing.
func (r *refusalLog) tokenRefused(reason string) {
	r.record(room.Entry{Act: room.ActTokenRefused, Detail: reason})
}

// refusedAdmin notes a token that may not administer.
func (r *refusalLog) adminTokenRefused(err error) {
	var refusal auth.Refusal
	errors.As(err, &refusal)
	r.record(room.Entry{Act: room.ActLoginFailed, Detail: "admin/" + string(refusal.Reason)})
}

// refusedEntry notes a person with a good token who is not let in. A passcode or a login that is not good enough is a failed login.
func (r *refusalLog) entryRefused(g auth.Grant, code room.Code) {
	e := room.Entry{Act: room.ActEntryRefused, Person: room.PersonID(g.Person), Detail: string(code)}
	if code == room.PasscodeWrong || code == room.MFARequired || code == RateLimited {
		e.Act = room.ActLoginFailed
	}
	r.record(e)
}

// refusedAct notes what one who has a seat may not do.
func (r *refusalLog) requestRefused(session live.SessionID, kind string, code room.Code) {
	if _, known := requests[kind]; !known {
		kind = "unknown" // what a client calls it is free text
	}
	e := room.Entry{Act: room.ActRefusedAct, Detail: kind + "/" + string(code)}
	if kind == "passcode.enter" && (code == room.PasscodeWrong || code == RateLimited) {
		e.Act = room.ActLoginFailed
	}
	key, by, _ := strings.Cut(string(session), ".")
	e.Session, e.By, e.Subject = key, room.ParticipantID(by), room.ParticipantID(by)
	r.record(e)
}
