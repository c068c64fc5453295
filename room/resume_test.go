package room

import (
	"testing"
	"time"

	"alcove/auth"
)

// TestWaitingWindow checks that a waiting participant keeps the seat longer than an admitted one, because phones lock themselves.
func TestWaitingWindow(t *testing.T) {
	r := group(t)
	r.s.Policy.WaitingResume = 10 * time.Minute
	r.do(as("ann", Disconnect{}))
	r.do(as("wait", Disconnect{}))
	lost := r.now
	r.do(Tick{Now: lost.Add(time.Minute)})
	r.wantAccess("ann", "")
	r.wantAccess("wait", Waiting)
	if due, ok := NextDeadline(r.s); !ok || due.After(lost.Add(10*time.Minute)) {
		t.Errorf("due %v %v", due, ok)
	}
	r.now = lost.Add(10*time.Minute - 2)
	r.do(Tick{Now: r.now})
	r.wantAccess("wait", Waiting)
	again := r.s
	if got := closing(r.do(Tick{Now: lost.Add(10 * time.Minute)}), "wait"); got.Access != Left || got.Reason != "expired" {
		t.Errorf("told %+v", got)
	}

	r.s = again // a host lets them in at the last moment: they cannot know
	r.now = lost.Add(10*time.Minute - 1)
	r.do(as("host", Admit{Targets: []ParticipantID{"wait"}}))
	let := r.now
	r.do(Tick{Now: let.Add(10*time.Minute - 2)})
	r.wantAccess("wait", Admitted)
	r.do(Resume{Participant: "wait", Secret: hash("wait"), Next: hash("wait/1")})
	r.do(as("wait", Disconnect{}))
	r.do(Tick{Now: r.now.Add(time.Minute)})
	r.wantAccess("wait", "")
}

// TestSecondDeviceOfHost checks that a host also has only one seat in the group, that of the newest device.
func TestSecondDeviceOfHost(t *testing.T) {
	r := group(t)
	d := r.do(joinAs("laptop", "host", auth.Host))
	r.wantAccess("host", "")
	r.wantAccess("laptop", Admitted)
	if got := closing(d, "host"); got.Access != Left || got.Reason != "replaced" {
		t.Errorf("told %+v", got)
	}
	if r.s.Locked || !r.s.AbsentSince.IsZero() {
		t.Error("the room took the change of devices for an absence")
	}
	r.refused(Resume{Participant: "host", Secret: hash("host"), Next: hash("x")}, ResumeExpired)
	before := r.s
	full := joinAs("phone", "host", auth.Host)
	full.Grant.Policy = "other"
	r.refused(full, PolicyMismatch)
	if _, ok := r.s.seat("laptop"); !ok || len(r.s.Participants) != len(before.Participants) {
		t.Error("a refused device took the seat away")
	}
}
