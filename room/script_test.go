package room

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"alcove/auth"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// A script runs commands on one session.
type script struct {
	t   *testing.T
	now time.Time
	s   State
}

func newScript(t *testing.T) *script {
	t.Helper()
	return &script{t: t, now: start, s: State{Name: "Tuesday group", Policy: Policy{
		Name: "default", MaxParticipants: 4, MaxWaiting: 4, ResumeWindow: time.Minute,
	}}}
}

// An act is a command with its actor; a bare Command comes from the daemon.
type act struct {
	by ParticipantID
	Command
}

func as(by ParticipantID, c Command) act { return act{by, c} }

// decide decides an act.
func decide(now time.Time, s State, c Command) (Decision, error) {
	if a, ok := c.(act); ok {
		return Decide(now, s, a.by, a.Command)
	}
	return Decide(now, s, ByDaemon, c)
}

// commandName is the type of a command, for messages.
func commandName(c Command) string {
	if a, ok := c.(act); ok {
		c = a.Command
	}
	return fmt.Sprintf("%T", c)
}

// do runs a command that must succeed, a second later.
func (r *script) do(c Command) Decision {
	r.t.Helper()
	r.now = r.now.Add(time.Second)
	d, err := decide(r.now, r.s, c)
	if err != nil {
		r.t.Fatalf("%s%+v: %v", commandName(c), c, err)
	}
	r.s = ApplyAll(r.s, d.Events)
	return d
}

// doAfter runs before, then c, which must be refused if code is set. It reports false then.
func (r *script) doAfter(before []Command, c Command, code Code) (Decision, bool) {
	r.t.Helper()
	for _, b := range before {
		r.do(b)
	}
	if code != "" {
		r.refused(c, code)
		return Decision{}, false
	}
	return r.do(c), true
}

// refused runs a command that must be refused and change nothing.
func (r *script) refused(c Command, want Code) {
	r.t.Helper()
	d, err := decide(r.now, r.s, c)
	if code := codeOf(err); code != want {
		r.t.Fatalf("%s%+v: code %q, want %q", commandName(c), c, code, want)
	}
	if d.Events != nil || d.Effects != nil {
		r.t.Fatalf("%s: a refusal with consequences: %+v", commandName(c), d)
	}
}

func codeOf(err error) Code {
	var e *Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

func hash(s string) auth.SecretHash { return auth.NewSecret(s).Hash() }

// joinAs is a Join by person, with id as seat and secret.
func joinAs(id, person string, role auth.Role) Join {
	return Join{
		Participant: ParticipantID(id), Secret: hash(id),
		Grant: auth.Grant{Room: "Tuesday group", Person: person, Role: role},
	}
}

// seatOf joins a new person named like the seat, and lets "host" admit them if they wait.
func (r *script) seatOf(id string, role auth.Role) {
	r.t.Helper()
	r.do(joinAs(id, id, role))
	if !role.Hosts() {
		r.do(as("host", Admit{Targets: []ParticipantID{ParticipantID(id)}}))
	}
}

// group is a session with a participant of each role, a waiting one and a removed one.
func group(t *testing.T) *script {
	t.Helper()
	r := newScript(t)
	r.s.Policy.MaxParticipants = 8
	r.seatOf("host", auth.Host)
	r.seatOf("cohost", auth.Cohost)
	r.seatOf("ann", auth.Participant)
	r.seatOf("ben", auth.Participant)
	r.seatOf("obs", auth.Observer)
	r.seatOf("gone", auth.Participant)
	r.do(as("host", Remove{Target: "gone"}))
	r.do(joinAs("wait", "wait", auth.Participant))
	for _, id := range []ParticipantID{"host", "cohost", "ann", "ben", "obs"} {
		r.do(offer(id, 1))
	}
	return r
}

// offer publishes all three sources.
func offer(by ParticipantID, generation uint32) Command {
	c := Publish{Generation: generation}
	for _, source := range []Source{Microphone, Camera, Screen} {
		c.Sources = append(c.Sources, Publication{ID: PublicationID(by) + "/" + PublicationID(source), Source: source})
	}
	return as(by, c)
}

func (r *script) access(id ParticipantID) Access {
	p, _ := r.s.seat(id)
	return p.Access
}

func (r *script) wantAccess(id ParticipantID, want Access) {
	r.t.Helper()
	if got := r.access(id); got != want {
		r.t.Fatalf("%s is %q, want %q", id, got, want)
	}
}

// closing returns the Closing effect of a seat.
func closing(d Decision, id ParticipantID) Closing {
	for _, e := range d.Effects {
		if c, ok := e.(Closing); ok && c.To == id {
			return c
		}
	}
	return Closing{}
}

func ids(list ...ParticipantID) []ParticipantID { return list }

// Texts and forms that tests agree to.
var (
	houseRules = NewText("rules", "1", "en", "What is said here stays here.")
	hausregeln = NewText("rules", "1", "de", "Was hier gesagt wird, bleibt hier.")
	newRules   = NewText("rules", "2", "en", "What is said and seen here stays here.")
	audioText  = NewText("audio", "1", "en", "May we record your voice?")
	videoText  = NewText("video", "1", "en", "May we record your picture?")
	forms      = []ConsentForm{
		{Scope: RecordingAudio, Purpose: "supervision", Texts: []Text{audioText}},
		{Scope: RecordingVideo, Purpose: "supervision", Texts: []Text{videoText}},
	}
)
