package room

import (
	"slices"
	"time"

	"alcove/auth"
)

// A Permission is an entry of the role table, as the wire names it.
type Permission string

// The closed list of permissions.
const (
	PublishMicrophone Permission = "publish.microphone"
	PublishCamera     Permission = "publish.camera"
	PublishScreen     Permission = "publish.screen"
	HandRaise         Permission = "hand.raise"
	WaitingManage     Permission = "waiting.manage"
	ParticipantMute   Permission = "participant.mute"
	ParticipantRemove Permission = "participant.remove"
	ParticipantGrant  Permission = "participant.grant"
	RoomLock          Permission = "room.lock"
	RoomEnd           Permission = "room.end"
)

// A Self is what a participant knows of the own seat.
type Self struct {
	ID          ParticipantID
	Role        auth.Role
	Access      Access
	Permissions []Permission
	Generation  uint32
}

// A RoomView is what the admitted know of the room.
type RoomView struct {
	Name   string
	Locked bool
}

// A PersonView is one row of the roster.
type PersonView struct {
	ID           ParticipantID
	DisplayName  string
	Role         auth.Role
	Connected    bool
	HandRaised   bool
	ScreenGrant  bool
	Publications []Publication
}

// A WaiterView is one row of the hosts' waiting list.
type WaiterView struct {
	ID           ParticipantID
	DisplayName  string
	VerifiedName string
	Since        time.Time
	Returning    bool
	Connected    bool
}

// A BarView is one row of the hosts' list of the barred.
type BarView struct {
	ID          ParticipantID
	DisplayName string
}

// A View is everything that one participant may see. For one who waits all but Self is empty; Waiting and Barred are for
// hosts.
type View struct {
	Self    Self
	Room    *RoomView    // nil unless admitted
	Roster  []PersonView // nil unless admitted
	Waiting []WaiterView // nil unless host or cohost
	Barred  []BarView
	Slots   int // pairs of slots this participant needs: 0 unless admitted
}

// ViewOf says what id may see, and is the only place that does. For one who has no seat it is empty. Its slices are shared
// with the State: read only.
func ViewOf(s State, id ParticipantID) View {
	p, ok := s.seat(id)
	if !ok {
		return View{}
	}
	v := View{Self: Self{
		ID: p.ID, Role: p.Role, Access: p.Access, Permissions: permissions(s, p), Generation: p.Generation,
	}}
	if p.Access != Admitted {
		return v
	}
	v.Room = &RoomView{Name: s.Name, Locked: s.Locked}
	v.Roster = roster(s)
	v.Slots = slotsFor(s, id)
	if p.Role.Hosts() {
		v.Waiting, v.Barred = waiters(s), bars(s)
	}
	return v
}

// roster lists the admitted in order of admission.
func roster(s State) []PersonView {
	var in []Participant
	for _, p := range s.Participants {
		if p.Access == Admitted {
			in = append(in, p)
		}
	}
	slices.SortStableFunc(in, func(a, b Participant) int { return a.Since.Compare(b.Since) })
	list := make([]PersonView, 0, len(in))
	for _, p := range in {
		list = append(list, PersonView{
			ID: p.ID, DisplayName: p.DisplayName, Role: p.Role, Connected: p.Connected, HandRaised: p.HandRaised,
			ScreenGrant: p.ScreenGrant, Publications: p.Publications,
		})
	}
	return list
}

func waiters(s State) []WaiterView {
	list := []WaiterView{}
	for _, p := range s.Participants {
		if p.Access == Waiting {
			list = append(list, WaiterView{
				ID: p.ID, DisplayName: p.DisplayName, VerifiedName: p.VerifiedName, Since: p.Since,
				Returning: p.Returning, Connected: p.Connected,
			})
		}
	}
	return list
}

func bars(s State) []BarView {
	list := []BarView{}
	for _, b := range s.Barred {
		list = append(list, BarView{ID: b.Participant, DisplayName: b.DisplayName})
	}
	return list
}

// slotsFor counts the others who may be seen or heard, rounded up to a step so that offers are rare.
func slotsFor(s State, id ParticipantID) int {
	n := 0
	for _, p := range s.Participants {
		if p.ID != id && (may(s, p, actPublishMicrophone) || may(s, p, actPublishCamera)) {
			n++
		}
	}
	for _, step := range slotSteps {
		if n <= step {
			return step
		}
	}
	return slotSteps[len(slotSteps)-1]
}
