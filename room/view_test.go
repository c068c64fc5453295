package room

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"alcove/auth"
)

func TestViewOfWaitingIsEmpty(t *testing.T) {
	r := group(t)
	v := ViewOf(r.s, "wait")
	if want := (View{Self: Self{ID: "wait", Role: auth.Participant, Access: Waiting, DisplayName: "Guest"}}); !reflect.DeepEqual(v, want) {
		t.Fatalf("one who waits sees %+v", v)
	}
	if v := ViewOf(r.s, "gone"); !reflect.DeepEqual(v, View{}) {
		t.Fatalf("one who is gone sees %+v", v)
	}
}

func TestViewOfAdmitted(t *testing.T) {
	r := group(t)
	v := ViewOf(r.s, "ann")
	if v.Waiting != nil || v.Barred != nil {
		t.Fatalf("a participant sees the door: %+v %+v", v.Waiting, v.Barred)
	}
	if *v.Room != (RoomView{Name: "Tuesday group", Recording: RecordingOff}) || len(v.Roster) != 5 {
		t.Fatalf("view %+v", v)
	}
	want := []Permission{PublishMicrophone, PublishCamera, HandRaise, HelpSignal}
	if !reflect.DeepEqual(v.Self.Permissions, want) || v.Self.Generation != 1 {
		t.Fatalf("self %+v", v.Self)
	}
	v = ViewOf(r.s, "cohost")
	if len(v.Waiting) != 1 || v.Waiting[0].ID != "wait" || len(v.Barred) != 1 || v.Barred[0].ID != "gone" {
		t.Fatalf("a cohost sees %+v %+v", v.Waiting, v.Barred)
	}
}

// In every state the roster of every admitted participant lists all admitted participants, including observers and side rooms.
func TestRosterListsEveryone(t *testing.T) {
	observers := 0
	for state, s := range statesOf(t) {
		var in []ParticipantID
		for _, p := range s.Participants {
			if p.Access == Admitted {
				in = append(in, p.ID)
			}
		}
		for _, viewer := range append(slices.Clone(in), ByClinic) {
			var seen []ParticipantID
			for _, p := range ViewOf(s, viewer).Roster {
				if p.ID != RecorderID {
					seen = append(seen, p.ID)
				}
				if p.Role == auth.Observer {
					observers++
				}
			}
			slices.Sort(seen)
			if want := slices.Sorted(slices.Values(in)); !slices.Equal(seen, want) {
				t.Errorf("%s: %s sees %v of %v", state, viewer, seen, want)
			}
		}
	}
	if observers == 0 {
		t.Error("there is no observer to see")
	}
}

func TestRosterInOrderOfAdmission(t *testing.T) {
	r := newScript(t)
	r.seatOf("host", auth.Host)
	r.do(joinAs("early", "early", auth.Participant))
	r.seatOf("late", auth.Participant)
	r.do(as("host", Admit{All: true}))
	var order []ParticipantID
	for _, p := range ViewOf(r.s, "host").Roster {
		order = append(order, p.ID)
	}
	if !reflect.DeepEqual(order, ids("host", "late", "early")) {
		t.Fatalf("order %v", order)
	}
}

func TestSlots(t *testing.T) {
	for _, tt := range []struct{ others, observers, want int }{
		{0, 0, 3}, {3, 0, 3}, {3, 4, 3}, {4, 0, 7}, {7, 0, 7}, {8, 0, 15}, {16, 0, 31}, {31, 0, 31}, {40, 0, 31},
	} {
		r := newScript(t)
		r.s.Policy.MaxParticipants = 100
		r.seatOf("host", auth.Host)
		for i := range tt.others {
			r.seatOf(fmt.Sprint("p", i), auth.Participant)
		}
		for i := range tt.observers {
			r.seatOf(fmt.Sprint("o", i), auth.Observer)
		}
		if got := ViewOf(r.s, "host").Slots; got != tt.want {
			t.Errorf("%d others, %d observers: %d slots, want %d", tt.others, tt.observers, got, tt.want)
		}
	}
}

func TestPlan(t *testing.T) {
	r := group(t)
	plan := PlanOf(r.s)
	if len(plan.Entries) != 5 {
		t.Fatalf("%d seats", len(plan.Entries))
	}
	seat := plan.Entries[2]
	if seat.Participant != "ann" || !reflect.DeepEqual(seat.Receives, ids("host", "cohost", "ben", "obs")) || len(seat.Sends) != 3 {
		t.Fatalf("seat %+v", seat)
	}
	if obs := plan.Entries[4]; obs.Sends != nil || len(obs.Receives) != 4 {
		t.Fatalf("observer %+v", obs)
	}
}

// TestPlanChecksImpossibleStates passes states to PlanOf that Decide never produces.
func TestPlanChecksImpossibleStates(t *testing.T) {
	r := group(t)
	r.s = Apply(r.s, MutedSet{ID: "ann", Source: Screen, Muted: false})
	if pub := PlanOf(r.s).Entries[2].Sends[2]; pub.Source != Screen || !pub.Muted {
		t.Fatalf("a screen without permission: %+v", pub)
	}
	if plan := PlanOf(Apply(r.s, SessionEnded{Reason: "host"})); plan.Entries != nil {
		t.Fatalf("a plan after the end: %+v", plan)
	}
}
