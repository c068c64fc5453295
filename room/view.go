package room

import (
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
