package room

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"alcove/auth"
)

func TestJoin(t *testing.T) {
	named := func(display, clinic string) Join {
		c := joinAs("new", "new", auth.Participant)
		c.DisplayName, c.Grant.Name = display, clinic
		return c
	}
	policy := func(name string) Join {
		c := joinAs("new", "new", auth.Host)
		c.Grant.Policy = name
		return c
	}
	tests := map[string]struct {
		before []Command
		join   Join
		code   Code
		access Access
		shown  string
	}{
		"host":                     {join: joinAs("new", "new", auth.Host), access: Admitted},
		"cohost":                   {join: joinAs("new", "new", auth.Cohost), access: Admitted},
		"participant":              {join: joinAs("new", "new", auth.Participant), access: Waiting, shown: "Guest"},
		"observer":                 {join: joinAs("new", "new", auth.Observer), access: Waiting},
		"no such role":             {join: joinAs("new", "new", "admin"), code: Forbidden},
		"no person":                {join: joinAs("new", "", auth.Participant), code: BadRequest},
		"seat taken":               {join: joinAs("host", "new", auth.Participant), code: BadRequest},
		"same policy":              {join: policy("default"), access: Admitted},
		"other policy":             {join: policy("other"), code: PolicyMismatch},
		"own name":                 {join: named(" Ann ", "A. Smith"), access: Waiting, shown: "Ann"},
		"name of the token":        {join: named(" ", "A. Smith"), access: Waiting, shown: "A. Smith"},
		"unfit name of the token":  {join: named("", "A\u202eB"), access: Waiting, shown: "AB"},
		"64 runes":                 {join: named(strings.Repeat("é", 64), ""), access: Waiting},
		"65 runes":                 {join: named(strings.Repeat("é", 65), ""), access: Waiting, shown: strings.Repeat("é", 64)},
		"control character":        {join: named("A\nB", ""), access: Waiting, shown: "A B"},
		"bidi override":            {join: named("A\u202eB", ""), access: Waiting, shown: "AB"},
		"bidi isolate":             {join: named("A\u2067B", ""), access: Waiting, shown: "AB"},
		"line separator":           {join: named("A\u2028B", ""), access: Waiting, shown: "A B"},
		"nothing visible":          {join: named("\u200b\u200b", "A. Smith"), access: Waiting, shown: "A. Smith"},
		"not UTF-8":                {join: named("A\xff", ""), access: Waiting, shown: "A"},
		"locked, new":              {before: []Command{Lock{By: "host"}}, join: joinAs("new", "new", auth.Participant), code: RoomLocked},
		"locked, host":             {before: []Command{Lock{By: "host"}}, join: joinAs("new", "new", auth.Host), access: Admitted},
		"locked, known":            {before: []Command{Lock{By: "host"}}, join: joinAs("new", "ann", auth.Participant), access: Waiting},
		"locked, waits already":    {before: []Command{Lock{By: "host"}}, join: joinAs("new", "wait", auth.Participant), code: RoomLocked},
		"barred":                   {join: joinAs("new", "gone", auth.Participant), code: BarredPerson},
		"barred with a host token": {join: joinAs("new", "gone", auth.Host), code: BarredPerson},
		"bar lifted":               {before: []Command{Lift{By: "host", Target: "gone"}}, join: joinAs("new", "gone", auth.Participant), access: Waiting},
		"ended":                    {before: []Command{End{By: "host"}}, join: joinAs("new", "new", auth.Host), code: RoomEnded},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := group(t)
			for _, c := range tt.before {
				r.do(c)
			}
			if tt.code != "" {
				r.refused(tt.join, tt.code)
				return
			}
			r.do(tt.join)
			p, _ := r.s.seat(tt.join.Participant)
			if p.Access != tt.access || !p.Connected || tt.shown != "" && p.DisplayName != tt.shown {
				t.Fatalf("seat %+v, want %q called %q", p, tt.access, tt.shown)
			}
		})
	}
}

func TestFull(t *testing.T) {
	r := newScript(t)
	r.seatOf("host", auth.Host)
	for _, id := range []string{"a", "b", "c"} {
		r.seatOf(id, auth.Participant)
	}
	for _, id := range []string{"d", "e", "f", "g"} {
		r.do(joinAs(id, id, auth.Participant))
	}
	r.refused(joinAs("h", "h", auth.Participant), RoomFull)
	r.refused(Admit{By: "host", All: true}, RoomFull)
	r.do(joinAs("co1", "co1", auth.Cohost))
	r.do(joinAs("co2", "co2", auth.Cohost))
	r.refused(joinAs("co3", "co3", auth.Host), RoomFull)
	r.do(Leave{By: "co1"})
	r.do(Leave{By: "co2"})
	r.do(Leave{By: "a"})
	d := r.do(Admit{By: "host", All: true})
	want := Outcome{Admitted: ids("d"), Refused: []Refusal{{"e", RoomFull}, {"f", RoomFull}, {"g", RoomFull}}}
	if !reflect.DeepEqual(d.Outcome, want) {
		t.Fatalf("outcome %+v, want %+v", d.Outcome, want)
	}
}

func TestOnePersonDoesNotFillTheWaitingRoom(t *testing.T) {
	r := newScript(t)
	r.s.Policy.MaxWaiting = 100
	for _, id := range []string{"a", "b", "c", "d"} {
		r.do(joinAs(id, "ann", auth.Participant))
	}
	r.refused(joinAs("e", "ann", auth.Participant), RoomFull)
	r.do(Disconnect{By: "b"})
	d := r.do(joinAs("e", "ann", auth.Participant))
	if got := closing(d, "b"); got.Reason != "replaced" || got.Access != Left {
		t.Fatalf("the lost seat got %+v", got)
	}
}

func TestAdmit(t *testing.T) {
	tests := map[string]struct {
		before   []Command
		admit    Admit
		code     Code
		admitted []ParticipantID
		refused  []Refusal
	}{
		"one":            {admit: Admit{By: "host", Targets: ids("wait")}, admitted: ids("wait")},
		"by cohost":      {admit: Admit{By: "cohost", Targets: ids("wait")}, admitted: ids("wait")},
		"all":            {before: []Command{joinAs("w2", "w2", auth.Observer)}, admit: Admit{By: "host", All: true}, admitted: ids("wait", "w2")},
		"twice the same": {admit: Admit{By: "host", Targets: ids("wait", "wait")}, admitted: ids("wait")},
		"some":           {admit: Admit{By: "host", Targets: ids("nobody", "wait", "ann")}, admitted: ids("wait"), refused: []Refusal{{"nobody", TargetNotFound}, {"ann", TargetNotFound}}},
		"none found":     {admit: Admit{By: "host", Targets: ids("nobody")}, code: TargetNotFound},
		"none waits":     {before: []Command{Leave{By: "wait"}}, admit: Admit{By: "host", All: true}},
		"none named":     {admit: Admit{By: "host"}, code: BadRequest},
		"too many":       {admit: Admit{By: "host", Targets: make([]ParticipantID, maxTargets+1)}, code: BadRequest},
		"locked":         {before: []Command{Lock{By: "host"}}, admit: Admit{By: "host", All: true}, code: RoomLocked},
		"unlocked again": {before: []Command{Lock{By: "host"}, Unlock{By: "cohost"}}, admit: Admit{By: "host", All: true}, admitted: ids("wait")},
		"locked, sent back": {
			before: []Command{Lock{By: "host"}, SendBack{By: "host", Target: "ann"}},
			admit:  Admit{By: "host", All: true}, admitted: ids("ann"), refused: []Refusal{{"wait", RoomLocked}},
		},
		"locked, returning": {
			before: []Command{Lock{By: "host"}, joinAs("ann2", "ann", auth.Participant)},
			admit:  Admit{By: "host", Targets: ids("ann2")}, admitted: ids("ann2"),
		},
		"by one who waits": {admit: Admit{By: "wait", All: true}, code: NotAdmitted},
		"by a participant": {admit: Admit{By: "ann", All: true}, code: Forbidden},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := group(t)
			for _, c := range tt.before {
				r.do(c)
			}
			if tt.code != "" {
				r.refused(tt.admit, tt.code)
				return
			}
			d := r.do(tt.admit)
			if want := (Outcome{tt.admitted, tt.refused}); !reflect.DeepEqual(d.Outcome, want) {
				t.Fatalf("outcome %+v, want %+v", d.Outcome, want)
			}
			for _, id := range tt.admitted {
				r.wantAccess(id, Admitted)
			}
		})
	}
}

func TestReturningPersonEndsOlderSeats(t *testing.T) {
	r := group(t)
	r.do(joinAs("ann2", "ann", auth.Participant))
	r.wantAccess("ann", Admitted)
	if p, _ := r.s.seat("ann2"); !p.Returning {
		t.Fatal("not marked as returning")
	}
	d := r.do(Admit{By: "host", Targets: ids("ann2")})
	if got := closing(d, "ann"); got.Reason != "replaced" || got.Access != Left {
		t.Fatalf("the older seat got %+v", got)
	}
	r.wantAccess("ann", "")
	r.wantAccess("ann2", Admitted)
}

func TestReturningPersonEntersAFullRoomInTheirOwnPlace(t *testing.T) {
	r := newScript(t)
	r.seatOf("host", auth.Host)
	for _, id := range []string{"a", "b", "c"} {
		r.seatOf(id, auth.Participant)
	}
	r.do(joinAs("a2", "a", auth.Participant))
	r.do(Admit{By: "host", Targets: ids("a2")})
	r.wantAccess("a2", Admitted)
}

// TestTwoDevicesOfANewPerson: of two devices of one person the one that is let in last stays.
func TestTwoDevicesOfANewPerson(t *testing.T) {
	r := group(t)
	r.do(joinAs("wait2", "wait", auth.Participant))
	d := r.do(Admit{By: "host", All: true})
	r.wantAccess("wait", "")
	r.wantAccess("wait2", Admitted)
	if got := closing(d, "wait"); got.Reason != "replaced" {
		t.Fatalf("the older seat got %+v", got)
	}
	r = group(t)
	r.do(joinAs("wait2", "wait", auth.Participant))
	r.do(Admit{By: "host", Targets: ids("wait")})
	r.wantAccess("wait2", Waiting)
	r.do(Admit{By: "host", Targets: ids("wait2")})
	r.wantAccess("wait", "")
	r.wantAccess("wait2", Admitted)
}

func TestDeny(t *testing.T) {
	r := group(t)
	r.refused(Deny{By: "host", Target: "ann"}, TargetNotFound)
	r.refused(Deny{By: "host"}, BadRequest)
	r.refused(Deny{By: "host", Target: "wait", Message: strings.Repeat("x", 1001)}, BadRequest)
	d := r.do(Deny{By: "cohost", Target: "wait", Message: "next week"})
	if got := closing(d, "wait"); got != (Closing{"wait", Denied, "denied", "next week"}) {
		t.Fatalf("told %+v", got)
	}
	r.do(joinAs("wait2", "wait", auth.Participant))
}

func TestSendBack(t *testing.T) {
	r := group(t)
	r.refused(SendBack{By: "host", Target: "cohost"}, Forbidden)
	r.refused(SendBack{By: "host", Target: "host"}, InvalidState)
	r.refused(SendBack{By: "host", Target: "wait"}, TargetNotFound)
	r.do(SetPermission{By: "host", Target: "ann", Source: Screen, Allowed: true})
	r.do(SetHand{By: "ann", Raised: true})
	d := r.do(SendBack{By: "host", Target: "ann", Message: "a moment"})
	if !reflect.DeepEqual(d.Effects, []Effect{Moved{"ann", "sent_back", "a moment"}}) {
		t.Fatalf("told %+v", d.Effects)
	}
	p, _ := r.s.seat("ann")
	if p.Access != Waiting || p.Publications != nil || p.Generation != 1 || p.Overrides != (Overrides{}) || p.HandRaised || !p.Returning {
		t.Fatalf("seat %+v", p)
	}
	r.refused(offer("ann", 2), NotAdmitted)
}

func TestResume(t *testing.T) {
	r := group(t)
	r.do(Lock{By: "host"})
	r.do(Disconnect{By: "ann"})
	r.refused(Resume{Participant: "ann", Secret: hash("guess"), Next: hash("x")}, ResumeExpired)
	r.refused(Resume{Participant: "gone", Secret: hash("gone"), Next: hash("x")}, ResumeExpired)
	r.refused(Resume{Participant: "ann", Next: hash("x")}, ResumeExpired)
	r.do(Resume{Participant: "ann", Secret: hash("ann"), Next: hash("ann/1")})
	// The answer was lost, so the old secret comes again; the one that was lost is dead.
	r.do(Resume{Participant: "ann", Secret: hash("ann"), Next: hash("ann/2")})
	r.refused(Resume{Participant: "ann", Secret: hash("ann/1"), Next: hash("x")}, ResumeExpired)
	r.do(Confirm{By: "ann"})
	r.refused(Resume{Participant: "ann", Secret: hash("ann"), Next: hash("x")}, ResumeExpired)
	r.do(Resume{Participant: "ann", Secret: hash("ann/2"), Next: hash("ann/3")})
	if p, _ := r.s.seat("ann"); !p.Connected || p.Access != Admitted {
		t.Fatalf("seat %+v", p)
	}
	r.do(Resume{Participant: "wait", Secret: hash("wait"), Next: hash("wait/1")})
	r.wantAccess("wait", Waiting)
}

func TestResumeWindow(t *testing.T) {
	r := group(t)
	if _, ok := NextDeadline(r.s); ok {
		t.Fatal("a deadline with everyone connected")
	}
	r.do(Disconnect{By: "ann"})
	lost := r.now
	r.do(Disconnect{By: "ben"})
	r.do(Disconnect{By: "ann"}) // again changes nothing
	due, ok := NextDeadline(r.s)
	if !ok || !due.Equal(lost.Add(time.Minute)) {
		t.Fatalf("due %v %v", due, ok)
	}
	r.do(Tick{Now: due.Add(-1)})
	r.wantAccess("ann", Admitted)
	d := r.do(Tick{Now: due})
	if got := closing(d, "ann"); got.Access != Left || got.Reason != "expired" {
		t.Fatalf("told %+v", got)
	}
	r.wantAccess("ann", "")
	r.wantAccess("ben", Admitted)
	r.refused(Resume{Participant: "ann", Secret: hash("ann"), Next: hash("x")}, ResumeExpired)
}

func TestEmptyRoomEnds(t *testing.T) {
	r := newScript(t)
	if due, ok := NextDeadline(r.s); !ok || !due.IsZero() {
		t.Fatalf("a session without seats is due at once, got %v %v", due, ok)
	}
	r.do(joinAs("a", "a", auth.Participant))
	r.do(Leave{By: "a"})
	if r.s.EndedFor != "empty" {
		t.Fatalf("ended for %q", r.s.EndedFor)
	}
	r = newScript(t)
	r.do(Tick{Now: start})
	if r.s.EndedFor != "empty" {
		t.Fatalf("ended for %q", r.s.EndedFor)
	}
	if _, ok := NextDeadline(r.s); ok {
		t.Fatal("a deadline after the end")
	}
}
