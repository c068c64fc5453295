package room

import (
	"reflect"
	"testing"

	"alcove/auth"
)

// receives lists whose media each admitted participant receives.
func (r *script) receives() map[ParticipantID][]ParticipantID {
	m := map[ParticipantID][]ParticipantID{}
	for _, seat := range PlanOf(r.s).Entries {
		m[seat.Participant] = seat.Receives
	}
	return m
}

func TestSideRoom(t *testing.T) {
	r := group(t)
	before := r.receives()
	r.do(as("ann", SetHand{Raised: true}))
	r.do(as("host", OpenSideRoom{Target: "ann"}))
	want := map[ParticipantID][]ParticipantID{
		"host": ids("ann"), "ann": ids("host"), "cohost": ids("ben", "obs"), "ben": ids("cohost", "obs"), "obs": ids("cohost", "ben"),
	}
	if got := r.receives(); !reflect.DeepEqual(got, want) {
		t.Fatalf("hear %v", got)
	}
	for _, viewer := range ids("ben", "cohost") {
		for _, p := range ViewOf(r.s, viewer).Roster {
			away := p.ID == "host" || p.ID == "ann"
			if p.Away != away || away && (p.HandRaised || len(p.Publications) != 3 || !p.Publications[0].Muted) {
				t.Fatalf("%s sees %+v", viewer, p)
			}
		}
		if self := ViewOf(r.s, viewer).Self; self.SideRoom != "" {
			t.Fatalf("%s: %+v", viewer, self)
		}
	}
	if v := ViewOf(r.s, "ann"); v.Self.SideRoom != "host" || v.Roster[0].Away || v.Roster[2].Away || !v.Roster[2].HandRaised {
		t.Fatalf("ann sees %+v", v)
	}
	r.refused(as("cohost", OpenSideRoom{Target: "ann"}), InvalidState)
	r.refused(as("host", OpenSideRoom{Target: "ben"}), InvalidState)
	r.refused(as("cohost", OpenSideRoom{Target: "host"}), InvalidState)
	r.refused(as("cohost", OpenSideRoom{Target: "wait"}), TargetNotFound)
	r.refused(as("ben", OpenSideRoom{Target: "obs"}), Forbidden)
	r.refused(as("cohost", CloseSideRoom{}), InvalidState)
	r.refused(as("gone", CloseSideRoom{}), InvalidState)
	r.do(as("cohost", OpenSideRoom{Target: "ben"})) // a second one
	if got := r.receives()["obs"]; got != nil {
		t.Fatalf("left alone, obs hears %v", got)
	}
	r.do(as("ann", CloseSideRoom{}))
	r.do(as("cohost", CloseSideRoom{}))
	if got := r.receives(); !reflect.DeepEqual(got, before) {
		t.Fatalf("back, hear %v", got)
	}
}

func TestSideRoomEndsWithOneOfTwo(t *testing.T) {
	for name, c := range map[string]Command{
		"host leaves": as("host", Leave{}), "guest leaves": as("ann", Leave{}), "sent back": as("cohost", SendBack{Target: "ann"}),
		"removed": as("cohost", Remove{Target: "ann"}), "revoked": Revoke{Persons: []PersonID{"host"}},
	} {
		r := group(t)
		r.do(as("host", OpenSideRoom{Target: "ann"}))
		r.do(c)
		if len(r.s.SideRooms) != 0 {
			t.Errorf("%s: %+v", name, r.s.SideRooms)
		}
	}
	r := group(t)
	r.do(as("cohost", OpenSideRoom{Target: "ann"}))
	r.do(as("ann", Disconnect{}))
	if len(r.s.SideRooms) != 1 {
		t.Error("a lost connection ends a side room")
	}
	r.do(as("host", SetRole{Target: "cohost", Role: auth.Participant}))
	if len(r.s.SideRooms) != 0 {
		t.Error("two participants in a side room")
	}
}

func TestHelp(t *testing.T) {
	r := group(t)
	d := r.do(as("ann", RequestHelp{}))
	want := []Effect{HelpRequested{"host", "ann"}, HelpRequested{"cohost", "ann"}}
	if !reflect.DeepEqual(d.Effects, want) {
		t.Fatalf("told %+v", d.Effects)
	}
	if d := r.do(as("ann", RequestHelp{})); d.Events != nil || !reflect.DeepEqual(d.Effects, want) {
		t.Fatalf("called again: %+v", d)
	}
	if !ViewOf(r.s, "cohost").Roster[2].HelpRaised || !ViewOf(r.s, "ann").Self.HelpRaised || ViewOf(r.s, "ben").Roster[2].HelpRaised {
		t.Fatal("seen by others than hosts and oneself, or by nobody")
	}
	r.do(as("host", SendBack{Target: "ann"}))
	if w := ViewOf(r.s, "host").Waiting; !w[0].HelpRaised {
		t.Fatalf("forgotten: %+v", w)
	}
	r.do(as("cohost", ClearHelp{Target: "ann"}))
	r.refused(as("host", ClearHelp{Target: "ann"}), TargetNotFound)
	r.refused(as("ben", ClearHelp{Target: "ann"}), Forbidden)
	r.refused(as("wait", RequestHelp{}), NotAdmitted)
	r.do(as("obs", RequestHelp{}))
}

func TestRevoke(t *testing.T) {
	r := group(t)
	r.do(joinAs("ann2", "ann", auth.Participant))
	d := r.do(Revoke{Persons: []PersonID{"ann", "host", "ann", "never here"}})
	for _, id := range ids("ann", "ann2", "host") {
		if got := closing(d, id); got.Access != Removed || got.Reason != "removed" {
			t.Errorf("%s got %+v", id, got)
		}
	}
	for _, person := range []string{"ann", "host", "never here"} {
		r.refused(joinAs("x", person, auth.Host), BarredPerson)
	}
	if list := ViewOf(r.s, "cohost").Barred; len(list) != 3 {
		t.Fatalf("the hosts see %+v", list)
	}
	r.refused(as("cohost", Unbar{Target: "ann2"}), Forbidden)
	r.refused(as(ByClinic, Unbar{Target: "ann2"}), Forbidden)
	if d := r.do(Revoke{Persons: []PersonID{"ann"}}); d.Events != nil {
		t.Fatalf("revoked twice: %+v", d)
	}
	r.refused(Revoke{}, BadRequest)
	r.refused(Revoke{Persons: []PersonID{""}}, BadRequest)
	r.refused(UndoRevoke{}, BadRequest)
	r.do(UndoRevoke{Person: "never here"})
	r.do(joinAs("x", "never here", auth.Participant))
	r.refused(joinAs("y", "ann", auth.Participant), BarredPerson)
	if d := r.do(UndoRevoke{Person: "never here"}); d.Events != nil {
		t.Fatalf("lifted twice: %+v", d)
	}
	r.do(Revoke{All: true})
	r.wantEnded("revoked")
}

// The clinic undoes its own revocations, not the bars of hosts.
func TestUndoRevokeKeepsBarsOfHosts(t *testing.T) {
	r := group(t)
	r.do(as("host", Remove{Target: "ann"}))
	r.do(Revoke{Persons: []PersonID{"ann"}})
	r.do(UndoRevoke{Person: "ann"})
	r.refused(joinAs("ann2", "ann", auth.Participant), BarredPerson)
	r.do(as("host", Unbar{Target: "ann"}))
	r.do(joinAs("ann2", "ann", auth.Participant))
}

func TestClinicActs(t *testing.T) {
	r := group(t)
	r.do(as(ByClinic, Admit{All: true}))
	r.do(as(ByClinic, Remove{Target: "cohost"}))
	r.refused(as(ByClinic, Remove{Target: "host"}), Forbidden)
	r.refused(joinAs(string(ByClinic), "x", auth.Host), BadRequest)
	v := ViewOf(r.s, ByClinic)
	if len(v.Roster) != 5 || v.Waiting == nil || len(v.Barred) != 2 || !reflect.DeepEqual(v.Self, Self{}) {
		t.Fatalf("the clinic sees %+v", v)
	}
	r.do(as(ByClinic, End{Reason: "whatever"}))
	r.wantEnded("clinic")
}

func TestPermissions(t *testing.T) {
	r := group(t)
	sends := func() map[Source]bool {
		live := map[Source]bool{}
		for _, seat := range PlanOf(r.s).Entries {
			for _, pub := range seat.Sends {
				if seat.Participant == "ann" && !pub.Muted {
					live[pub.Source] = true
				}
			}
		}
		return live
	}
	set := func(source Source, allowed bool) {
		r.do(as("cohost", SetPermission{Target: "ann", Source: source, Allowed: allowed}))
	}
	set(Microphone, false)
	if got := sends(); got[Microphone] || !got[Camera] {
		t.Fatalf("sends %v", got)
	}
	r.refused(as("ann", SetMuted{Source: Microphone}), Forbidden)
	r.do(offer("ann", 2)) // a new connection changes nothing
	r.refused(as("host", AskUnmute{Target: "ann", Source: Microphone}), InvalidState)
	set(Microphone, true)
	if sends()[Microphone] {
		t.Fatal("given back, and unmuted by somebody else")
	}
	if p, _ := r.s.seat("ann"); p.Overrides != (Overrides{}) {
		t.Fatalf("overrides %+v", p.Overrides)
	}
	r.do(as("ann", SetMuted{Source: Microphone}))
	set(Camera, false)
	set(Screen, true)
	r.do(as("host", SendBack{Target: "ann"}))
	if p, _ := r.s.seat("ann"); p.Overrides != (Overrides{Camera: Taken}) {
		t.Fatalf("sent back with %+v", p.Overrides)
	}
	r.refused(as("host", SetPermission{Target: "ben", Source: "smell", Allowed: true}), BadRequest)
	r.refused(as("host", SetPermission{Target: "cohost", Source: Camera}), InvalidState)
	r.refused(as("ben", SetPermission{Target: "ben", Source: Camera}), Forbidden)
	r.s.Policy.ScreenForAll = true
	r.do(as("host", SetPermission{Target: "ben", Source: Screen}))
	r.refused(as("ben", SetMuted{Source: Screen}), Forbidden)
}

func TestSetRole(t *testing.T) {
	r := group(t)
	r.do(as("host", SetRole{Target: "ann", Role: auth.Cohost}))
	r.do(as("ann", Mute{Target: "ben", Source: Camera}))
	r.do(as("ann", SetMuted{Source: Screen}))
	r.do(as("host", SetRole{Target: "ann", Role: auth.Observer}))
	if p, _ := r.s.seat("ann"); !p.Publications[0].Muted || !p.Publications[2].Muted || len(ViewOf(r.s, "ben").Roster) != 5 {
		t.Fatalf("an observer, seen by all, who publishes %+v", p.Publications)
	}
	r.do(as("host", SetRole{Target: "ann", Role: auth.Participant}))
	if p, _ := r.s.seat("ann"); !p.Publications[0].Muted {
		t.Fatal("unmuted by somebody else")
	}
	if d := r.do(as("host", SetRole{Target: "ann", Role: auth.Participant})); d.Events != nil {
		t.Fatalf("changed nothing with %+v", d)
	}
	r.refused(as("host", SetRole{Target: "ann", Role: auth.Host}), BadRequest)
	r.refused(as("host", SetRole{Target: "host", Role: auth.Observer}), InvalidState)
	r.refused(as("host", SetRole{Target: "wait", Role: auth.Cohost}), TargetNotFound)
	r.do(joinAs("host2", "host2", auth.Host))
	r.refused(as("host", SetRole{Target: "host2", Role: auth.Participant}), Forbidden)
	r.s.Policy.Hosting.AMR = []string{"mfa"}
	r.refused(as("host", SetRole{Target: "ann", Role: auth.Cohost}), MFARequired)
}

// TestFormerCohostKeepsTokenRole checks that an observer who was made a cohost does not become a participant afterwards.
func TestFormerCohostKeepsTokenRole(t *testing.T) {
	r := group(t)
	role := func(id ParticipantID) auth.Role {
		p, _ := r.s.seat(id)
		return p.Role
	}
	for _, one := range []struct {
		id   ParticipantID
		want auth.Role
	}{{"obs", auth.Observer}, {"ann", auth.Participant}} {
		r.do(as("host", SetRole{Target: one.id, Role: auth.Cohost}))
		r.do(offer(one.id, 2))
		r.do(as("host", SetRole{Target: one.id, Role: auth.Participant}))
		p, _ := r.s.seat(one.id)
		if p.Role != one.want || p.Publications[0].Muted != (one.want == auth.Observer) {
			t.Errorf("%s leads no more and is %q with %+v", one.id, p.Role, p.Publications[0])
		}
	}
	r.do(as("host", SetRole{Target: "obs", Role: auth.Cohost}))
	s, err := DecodeState(EncodeState(r.s))
	if err != nil {
		t.Fatal(err)
	}
	r.s = Restore(r.now, s, r.s.Policy)
	r.do(Resume{Participant: "host", Secret: hash("host"), Next: hash("host again")})
	r.do(as("host", SetRole{Target: "obs", Role: auth.Participant}))
	if role("obs") != auth.Observer {
		t.Error("a restart forgot what the token said")
	}
	r.do(as("host", SetRole{Target: "obs", Role: auth.Participant}))
	if role("obs") != auth.Participant {
		t.Error("no host may make an observer a participant")
	}
}

// TestFormerCohostNeedsRequirements demotes a cohost who never acknowledged anything.
func TestFormerCohostNeedsRequirements(t *testing.T) {
	r := newScript(t)
	r.s.Policy.Agreement = []Text{houseRules}
	r.seatOf("host", auth.Host)
	r.seatOf("cohost", auth.Cohost)
	r.do(as("host", SetRole{Target: "cohost", Role: auth.Participant}))
	r.wantAccess("cohost", Waiting)
}
