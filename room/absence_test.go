package room

import (
	"testing"
	"time"

	"alcove/auth"
)

// TestSideRoomIsAbsence checks that a group whose last host is in a side room counts as alone: it is told, and its time is limited like
// after a host left; it is not locked, so that a person who comes late can wait. Who is in the side room is with a host.
func TestSideRoomIsAbsence(t *testing.T) {
	r := group(t)
	r.s.Policy.HostGrace = 10 * time.Minute
	r.do(as("host", OpenSideRoom{Target: "ann"}))
	if !r.s.AbsentSince.IsZero() || r.s.Locked {
		t.Fatal("absent, though the cohost is with the group")
	}
	r.do(as("cohost", Leave{}))
	opened := r.now
	if !r.s.AbsentSince.Equal(opened) || r.s.Locked {
		t.Fatalf("nobody is with the group: absent since %v, locked %v", r.s.AbsentSince, r.s.Locked)
	}
	if v := ViewOf(r.s, "ben").Room; !v.HostAbsent || v.EndsFor != "absent" || !v.EndsAt.Equal(opened.Add(10*time.Minute)) {
		t.Fatalf("the group is told %+v", v)
	}
	for _, id := range ids("host", "ann") { // they see when the group's time ends, and that they are not alone
		if v := ViewOf(r.s, id).Room; v.HostAbsent || v.EndsFor != "absent" {
			t.Fatalf("%s is told %+v", id, v)
		}
	}
	r.do(as("ann", CloseSideRoom{}))
	if !r.s.AbsentSince.IsZero() || r.s.Locked {
		t.Fatalf("back, and absent since %v, locked %v", r.s.AbsentSince, r.s.Locked)
	}
	r.do(as("host", OpenSideRoom{Target: "ann"}))
	opened = r.now
	r.do(as("host", Leave{})) // the time of the group goes on from when it was alone
	if v := ViewOf(r.s, "ben").Room; !v.HostAbsent || !v.Locked || !v.AbsenceLock || !v.EndsAt.Equal(opened.Add(10*time.Minute)) {
		t.Fatalf("after the host left from the side room: %+v", v)
	}
	r.now = r.now.Add(10 * time.Minute)
	r.do(Tick{Now: r.now})
	if r.s.EndedFor != "absent" {
		t.Fatalf("after the limit: %q", r.s.EndedFor)
	}
}

// TestSideRoomOfAllIsNoAbsence checks that a side room leaves nobody alone where nobody is left.
func TestSideRoomOfAllIsNoAbsence(t *testing.T) {
	r := newScript(t)
	r.s.Policy.HostGrace = time.Minute
	r.seatOf("host", auth.Host)
	r.seatOf("ann", auth.Participant)
	r.do(as("host", OpenSideRoom{Target: "ann"}))
	if !r.s.AbsentSince.IsZero() {
		t.Fatal("nobody is left behind")
	}
	r.do(joinAs("ben", "ben", auth.Participant))
	r.do(as("host", Admit{All: true}))
	if r.s.AbsentSince.IsZero() {
		t.Fatal("ben is alone")
	}
	r.do(as("ben", Leave{}))
	if !r.s.AbsentSince.IsZero() {
		t.Fatal("ben is gone")
	}
}

// TestAwayMessage checks who reads what a host wrote when opening a side room, that it is not stored, and that it ends with the side room.
func TestAwayMessage(t *testing.T) {
	r := group(t)
	r.refused(as("host", OpenSideRoom{Target: "ann", Message: string(make([]byte, maxTextRunes+1))}), BadRequest)
	r.do(as("host", OpenSideRoom{Target: "ann", Message: "Back in five minutes."}))
	message := func(viewer ParticipantID) string {
		for _, p := range ViewOf(r.s, viewer).Roster {
			if p.ID == "host" {
				return p.AwayMessage
			}
		}
		return "?"
	}
	for viewer, want := range map[ParticipantID]string{"ben": "Back in five minutes.", "cohost": "Back in five minutes.", "ann": "", "host": "", ByClinic: "Back in five minutes."} {
		if got := message(viewer); got != want {
			t.Errorf("%s reads %q, want %q", viewer, got, want)
		}
	}
	if back, err := DecodeState(EncodeState(r.s)); err != nil || len(back.SideRooms) != 1 || back.Participants[0].AwayMessage != "" {
		t.Fatalf("stored: %+v, %v", back.Participants[0], err)
	}
	r.do(as("ann", CloseSideRoom{}))
	if got := message("ben"); got != "" {
		t.Fatalf("still %q", got)
	}
	r.do(as("host", OpenSideRoom{Target: "ann"}))
	if got := message("ben"); got != "" {
		t.Fatalf("the message of the one before: %q", got)
	}
}

// TestLeaveAlone checks that the last host who leaves can limit how long the group may go on alone, and only within the policy.
func TestLeaveAlone(t *testing.T) {
	for _, c := range []struct {
		name          string
		grace         time.Duration
		minutes       int
		cohostIsThere bool
		want          time.Duration
	}{
		{"as the policy says", 15 * time.Minute, 0, false, 15 * time.Minute},
		{"shorter", 15 * time.Minute, 5, false, 5 * time.Minute},
		{"never longer", 15 * time.Minute, 60, false, 15 * time.Minute},
		{"where the policy has no limit", 0, 20, false, 20 * time.Minute},
		{"not the last", 15 * time.Minute, 5, true, 15 * time.Minute},
	} {
		r := group(t)
		r.s.Policy.HostGrace = c.grace
		if !c.cohostIsThere {
			r.do(as("cohost", Leave{}))
		}
		r.do(as("host", Leave{AloneMinutes: c.minutes}))
		if c.cohostIsThere {
			r.do(as("cohost", Leave{}))
		}
		if v := ViewOf(r.s, "ann").Room; v.EndsFor != "absent" || !v.EndsAt.Equal(r.now.Add(c.want)) {
			t.Errorf("%s: ends %v for %q, want %v", c.name, v.EndsAt.Sub(r.now), v.EndsFor, c.want)
		}
		r.do(joinAs("h2", "host", auth.Host))
		r.do(as("h2", Leave{}))
		if v := ViewOf(r.s, "ann").Room; c.grace > 0 && !v.EndsAt.Equal(r.now.Add(c.grace)) || c.grace == 0 && !v.EndsAt.IsZero() {
			t.Errorf("%s: the limit outlived the host's return: %v", c.name, v.EndsAt.Sub(r.now))
		}
	}
	r := group(t)
	r.do(as("ann", Leave{AloneMinutes: 1})) // who is no host limits nothing
	if r.s.AbsenceLimit != 0 {
		t.Fatal(r.s.AbsenceLimit)
	}
}

// TestLeaveFromSideRoom checks that a host who leaves from a side room gives the group the minutes from then on, and that the policy still
// counts the time that it was alone before.
func TestLeaveFromSideRoom(t *testing.T) {
	for minutes, want := range map[int]time.Duration{0: 8, 5: 5, 20: 8} {
		r := group(t)
		r.s.Policy.HostGrace = 20 * time.Minute
		r.do(as("cohost", Leave{}))
		r.do(as("host", OpenSideRoom{Target: "ann"}))
		alone := r.s.AbsentSince
		r.now = alone.Add(12*time.Minute - time.Second) // each act takes a second
		r.do(as("host", Leave{AloneMinutes: minutes}))
		if v := ViewOf(r.s, "ben").Room; !v.EndsAt.Equal(alone.Add((12 + want) * time.Minute)) {
			t.Errorf("%d minutes: ends %v after the group was alone, want %v more than 12 minutes", minutes, v.EndsAt.Sub(alone), want*time.Minute)
		}
	}
}
