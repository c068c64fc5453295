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
		"locked, new":              {before: []Command{as("host", Lock{})}, join: joinAs("new", "new", auth.Participant), code: RoomLocked},
		"locked, host":             {before: []Command{as("host", Lock{})}, join: joinAs("new", "new", auth.Host), access: Admitted},
		"locked, known":            {before: []Command{as("host", Lock{})}, join: joinAs("new", "ann", auth.Participant), access: Waiting},
		"locked, waits already":    {before: []Command{as("host", Lock{})}, join: joinAs("new", "wait", auth.Participant), code: RoomLocked},
		"barred":                   {join: joinAs("new", "gone", auth.Participant), code: BarredPerson},
		"barred with a host token": {join: joinAs("new", "gone", auth.Host), code: BarredPerson},
		"bar lifted":               {before: []Command{as("host", Unbar{Target: "gone"})}, join: joinAs("new", "gone", auth.Participant), access: Waiting},
		"ended":                    {before: []Command{as("host", End{})}, join: joinAs("new", "new", auth.Host), code: RoomEnded},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := group(t)
			if _, ok := r.doAfter(tt.before, tt.join, tt.code); !ok {
				return
			}
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
	r.refused(as("host", Admit{All: true}), RoomFull)
	r.do(joinAs("co1", "co1", auth.Cohost))
	r.do(joinAs("co2", "co2", auth.Cohost))
	r.refused(joinAs("co3", "co3", auth.Host), RoomFull)
	r.do(as("co1", Leave{}))
	r.do(as("co2", Leave{}))
	r.do(as("a", Leave{}))
	d := r.do(as("host", Admit{All: true}))
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
	r.do(as("b", Disconnect{}))
	d := r.do(joinAs("e", "ann", auth.Participant))
	if got := closing(d, "b"); got.Reason != "replaced" || got.Access != Left {
		t.Fatalf("the lost seat got %+v", got)
	}
}

func TestAdmit(t *testing.T) {
	tests := map[string]struct {
		before   []Command
		admit    Command
		code     Code
		admitted []ParticipantID
		refused  []Refusal
	}{
		"one":            {admit: as("host", Admit{Targets: ids("wait")}), admitted: ids("wait")},
		"by cohost":      {admit: as("cohost", Admit{Targets: ids("wait")}), admitted: ids("wait")},
		"all":            {before: []Command{joinAs("w2", "w2", auth.Observer)}, admit: as("host", Admit{All: true}), admitted: ids("wait", "w2")},
		"twice the same": {admit: as("host", Admit{Targets: ids("wait", "wait")}), admitted: ids("wait")},
		"some":           {admit: as("host", Admit{Targets: ids("nobody", "wait", "ann")}), admitted: ids("wait"), refused: []Refusal{{"nobody", TargetNotFound}, {"ann", TargetNotFound}}},
		"none found":     {admit: as("host", Admit{Targets: ids("nobody")}), code: TargetNotFound},
		"none waits":     {before: []Command{as("wait", Leave{})}, admit: as("host", Admit{All: true})},
		"none named":     {admit: as("host", Admit{}), code: BadRequest},
		"too many":       {admit: as("host", Admit{Targets: make([]ParticipantID, maxTargets+1)}), code: BadRequest},
		"locked":         {before: []Command{as("host", Lock{})}, admit: as("host", Admit{All: true}), code: RoomLocked},
		"unlocked again": {before: []Command{as("host", Lock{}), as("cohost", Unlock{})}, admit: as("host", Admit{All: true}), admitted: ids("wait")},
		"locked, sent back": {
			before: []Command{as("host", Lock{}), as("host", SendBack{Target: "ann"})},
			admit:  as("host", Admit{All: true}), admitted: ids("ann"), refused: []Refusal{{"wait", RoomLocked}},
		},
		"locked, returning": {
			before: []Command{as("host", Lock{}), joinAs("ann2", "ann", auth.Participant)},
			admit:  as("host", Admit{Targets: ids("ann2")}), admitted: ids("ann2"),
		},
		"by one who waits": {admit: as("wait", Admit{All: true}), code: NotAdmitted},
		"by a participant": {admit: as("ann", Admit{All: true}), code: Forbidden},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := group(t)
			d, ok := r.doAfter(tt.before, tt.admit, tt.code)
			if !ok {
				return
			}
			if want := (Outcome{Admitted: tt.admitted, Refused: tt.refused}); !reflect.DeepEqual(d.Outcome, want) {
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
	d := r.do(as("host", Admit{Targets: ids("ann2")}))
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
	r.do(as("host", Admit{Targets: ids("a2")}))
	r.wantAccess("a2", Admitted)
}

// TestTwoDevicesOfANewPerson checks that of two devices of one person the one admitted last keeps its seat.
func TestTwoDevicesOfANewPerson(t *testing.T) {
	r := group(t)
	r.do(joinAs("wait2", "wait", auth.Participant))
	d := r.do(as("host", Admit{All: true}))
	r.wantAccess("wait", "")
	r.wantAccess("wait2", Admitted)
	if got := closing(d, "wait"); got.Reason != "replaced" {
		t.Fatalf("the older seat got %+v", got)
	}
	r = group(t)
	r.do(joinAs("wait2", "wait", auth.Participant))
	r.do(as("host", Admit{Targets: ids("wait")}))
	r.wantAccess("wait2", Waiting)
	r.do(as("host", Admit{Targets: ids("wait2")}))
	r.wantAccess("wait", "")
	r.wantAccess("wait2", Admitted)
}

func TestDeny(t *testing.T) {
	r := group(t)
	r.refused(as("host", Deny{Target: "ann"}), TargetNotFound)
	r.refused(as("host", Deny{}), BadRequest)
	r.refused(as("host", Deny{Target: "wait", Message: strings.Repeat("x", 1001)}), BadRequest)
	d := r.do(as("cohost", Deny{Target: "wait", Message: "next week"}))
	if got := closing(d, "wait"); got != (Closing{"wait", Denied, "denied", "next week"}) {
		t.Fatalf("told %+v", got)
	}
	r.do(joinAs("wait2", "wait", auth.Participant))
}

func TestSendBack(t *testing.T) {
	r := group(t)
	r.refused(as("host", SendBack{Target: "cohost"}), Forbidden)
	r.refused(as("host", SendBack{Target: "host"}), InvalidState)
	r.refused(as("host", SendBack{Target: "wait"}), TargetNotFound)
	r.do(as("host", SetPermission{Target: "ann", Source: Screen, Allowed: true}))
	r.do(as("ann", SetHand{Raised: true}))
	d := r.do(as("host", SendBack{Target: "ann", Message: "a moment"}))
	if !reflect.DeepEqual(d.Effects, []Effect{AccessReason{"ann", "sent_back", "a moment"}}) {
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
	r.do(as("host", Lock{}))
	r.do(as("ann", Disconnect{}))
	r.refused(Resume{Participant: "ann", Secret: hash("guess"), Next: hash("x")}, ResumeExpired)
	r.refused(Resume{Participant: "gone", Secret: hash("gone"), Next: hash("x")}, ResumeExpired)
	r.refused(Resume{Participant: "ann", Next: hash("x")}, ResumeExpired)
	r.do(Resume{Participant: "ann", Secret: hash("ann"), Next: hash("ann/1")})
	// The answer was lost, so the client sends the old secret again; the new one that was lost is invalid.
	r.do(Resume{Participant: "ann", Secret: hash("ann"), Next: hash("ann/2")})
	r.refused(Resume{Participant: "ann", Secret: hash("ann/1"), Next: hash("x")}, ResumeExpired)
	r.do(as("ann", Confirm{}))
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
	r.do(as("ann", Disconnect{}))
	lost := r.now
	r.do(as("ben", Disconnect{}))
	r.do(as("ann", Disconnect{})) // again changes nothing
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
	r.do(as("a", Leave{}))
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
