package live

import (
	"reflect"
	"testing"

	"alcove/auth"
	"alcove/room"
)

func TestDiff(t *testing.T) {
	self := func(a room.Access, p ...room.Permission) room.Self {
		return room.Self{ID: "me", Role: auth.Host, Access: a, Permissions: p, Generation: 4}
	}
	open, locked := &room.RoomView{Name: "g"}, &room.RoomView{Name: "g", Locked: true}
	me, ann := room.PersonView{ID: "me"}, room.PersonView{ID: "ann"}
	annUp := room.PersonView{ID: "ann", HandRaised: true}
	annOn := room.PersonView{ID: "ann", Publications: []room.Publication{{ID: "p", Source: room.Camera}}}
	wait, wait2 := room.WaiterView{ID: "w"}, room.WaiterView{ID: "w", Connected: true}
	bars := []room.BarView{{ID: "b", DisplayName: "B"}}
	in := func(change func(*room.View)) room.View {
		v := room.View{Self: self(room.Admitted), Room: open, Roster: []room.PersonView{me}, Slots: 3}
		change(&v)
		return v
	}
	host := func(change func(*room.View)) room.View {
		return in(func(v *room.View) {
			v.Waiting, v.Barred = []room.WaiterView{}, []room.BarView{}
			change(v)
		})
	}
	same := func(*room.View) {}
	people := func(p ...room.PersonView) func(*room.View) { return func(v *room.View) { v.Roster = p } }
	waiters := func(w ...room.WaiterView) func(*room.View) { return func(v *room.View) { v.Waiting = w } }
	waiting := room.View{Self: self(room.Waiting)}
	why := changeReasons{
		left:  map[room.ParticipantID]string{"ann": "sent_back"},
		moved: map[room.ParticipantID]room.AccessReason{"me": {To: "me", Reason: "admitted", Message: "hello"}},
	}
	ready := MediaReady{Generation: 4, Pairs: 3, Screens: screenSlots}
	tests := map[string]struct {
		old, new room.View
		want     []Notice
	}{
		"nothing":         {in(same), in(same), nil},
		"nothing to wait": {waiting, waiting, nil},
		"enter": {waiting, in(same), []Notice{
			AccessChanged{self(room.Admitted), "admitted", "hello"}, RoomUpdated{*open}, Roster{[]room.PersonView{me}}, ready,
		}},
		"enter as host, welcomed": {room.View{Self: self(room.Admitted)}, host(same), []Notice{
			RoomUpdated{*open}, Roster{[]room.PersonView{me}}, WaitingList{[]room.WaiterView{}}, BarredList{[]room.BarView{}}, ready,
		}},
		"leave the group":    {host(people(me, ann)), waiting, []Notice{AccessChanged{self(room.Waiting), "admitted", "hello"}}},
		"permissions":        {in(same), in(func(v *room.View) { v.Self = self(room.Admitted, room.HandRaise) }), []Notice{AccessChanged{Self: self(room.Admitted, room.HandRaise)}}},
		"generation alone":   {in(same), in(func(v *room.View) { v.Self.Generation = 5 }), nil},
		"locked":             {in(same), in(func(v *room.View) { v.Room = locked }), []Notice{RoomUpdated{*locked}}},
		"someone comes":      {in(people(me)), in(people(me, ann)), []Notice{PersonJoined{ann}}},
		"someone changes":    {in(people(me, ann)), in(people(me, annUp)), []Notice{PersonUpdated{annUp}}},
		"someone publishes":  {in(people(me, ann)), in(people(me, annOn)), []Notice{PersonUpdated{annOn}}},
		"someone goes":       {in(people(me, ann)), in(people(me)), []Notice{PersonLeft{"ann", "sent_back"}}},
		"no reason given":    {in(people(me, room.PersonView{ID: "x"})), in(people(me)), []Notice{PersonLeft{"x", "left"}}},
		"one more waits":     {host(same), host(waiters(wait)), []Notice{WaiterAdded{wait}}},
		"a waiter changes":   {host(waiters(wait)), host(waiters(wait2)), []Notice{WaiterUpdated{wait2}}},
		"a waiter goes":      {host(waiters(wait)), host(same), []Notice{WaiterRemoved{"w"}}},
		"somebody is barred": {host(same), host(func(v *room.View) { v.Barred = bars }), []Notice{BarredList{bars}}},
		"more slots":         {in(func(v *room.View) { v.Slots = 1 }), in(same), []Notice{ready}},
		"fewer slots":        {in(func(v *room.View) { v.Slots = 7 }), in(same), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := diff(tt.old, tt.new, why); !reflect.DeepEqual(got, tt.want) {
				t.Fatalf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}
