package live

import (
	"alcove/auth"
	"alcove/room"
)

// A Client is the connection of one seat. Its methods must not block; a client whose queue is full closes itself. They are called by
// one goroutine at a time, possibly before Join or Resume returns: a client holds notices back until it has written the welcome.
// They must not wait for a method of the client's Seat.
type Client interface {
	// Deliver queues one notice.
	Deliver(Notice)
	// End queues the last notice and closes the connection after it. It is called exactly once for every client that got a seat,
	// also after Seat.Disconnect. It may precede the answer to the command that caused it.
	End(room.Closing)
}

// A Notice is one change that a client is notified of; signaling encodes it as an event of the protocol.
type Notice interface{ notice() }

type (
	// AccessChanged carries the participant's access and permissions.
	AccessChanged struct {
		Self            room.Self
		Reason, Message string
	}
	// SelfUpdated carries the participant's names, requirements, consents and side room, also while they wait. The welcome holds the first.
	SelfUpdated struct{ Self room.Self }
	// RoomUpdated carries the state of the room.
	RoomUpdated struct{ Room room.RoomView }
	// Roster lists the admitted participants.
	Roster struct{ People []room.PersonView }
	// PersonJoined adds a participant to the roster.
	PersonJoined struct{ Person room.PersonView }
	// PersonUpdated replaces a participant in the roster.
	PersonUpdated struct{ Person room.PersonView }
	// PersonLeft removes a participant from the roster.
	PersonLeft struct {
		ID     room.ParticipantID
		Reason string
	}
	// WaitingList lists the waiting participants, for hosts.
	WaitingList struct{ Waiting []room.WaiterView }
	// WaiterAdded adds a waiting participant to it.
	WaiterAdded struct{ Waiter room.WaiterView }
	// WaiterUpdated replaces a waiting participant in it.
	WaiterUpdated struct{ Waiter room.WaiterView }
	// WaiterRemoved removes a waiting participant from it.
	WaiterRemoved struct{ ID room.ParticipantID }
	// BarredList lists the barred people, for hosts.
	BarredList struct{ Barred []room.BarView }
	// MediaReady asks for an offer.
	MediaReady struct {
		Session        SessionID // identifies the participant's media
		Generation     uint32
		Pairs, Screens int
	}
	// SlotMap maps slots to publications. MediaRoom.Announced is called once the notice is in the queue of the connection.
	SlotMap struct{ Slots []SlotOwner }
	// Speakers lists the active speakers, loudest first.
	Speakers struct{ IDs []room.ParticipantID }
	// Lines lists the participants of the group whose line to this server is not good.
	Lines struct{ Lines []Line }
	// SlotsPaused lists the publications in the participant's slots that are not sent because the participant's path is too narrow.
	SlotsPaused struct{ Publications []room.PublicationID }
	// EncodingsWanted lists the encodings of the participant's source that have subscribers.
	EncodingsWanted struct {
		Source room.Source
		RIDs   []string
	}
	// HandshakeFailed notifies a participant and the hosts why the participant's DTLS handshake failed.
	HandshakeFailed struct {
		Participant room.ParticipantID
		Code        string // of a closed list, see PROTOCOL.md
	}
	// EffectNotice carries any room.Effect except room.Closing and room.AccessReason.
	EffectNotice struct{ Effect room.Effect }
	// GroupState says at which number the groups of the session are, "" where there is none: the main group, and that of the own side room.
	GroupState struct {
		Number         uint64
		Main, SideRoom room.GroupID
	}
	// KeyPackageGiven carries the key package of a participant to hosts.
	KeyPackageGiven struct {
		Participant room.ParticipantID
		KeyPackage  room.KeyPackage
	}
	// RoomEnded reports that the session ended.
	RoomEnded struct{ Reason string }
)

// A SlotOwner is the publication that one slot carries.
type SlotOwner struct {
	Kind        string // audio, video or screen
	Index       int
	Publication room.PublicationID
	Participant room.ParticipantID
	CSRC        uint32
}

func (AccessChanged) notice()   {}
func (SelfUpdated) notice()     {}
func (RoomUpdated) notice()     {}
func (Roster) notice()          {}
func (PersonJoined) notice()    {}
func (PersonUpdated) notice()   {}
func (PersonLeft) notice()      {}
func (WaitingList) notice()     {}
func (WaiterAdded) notice()     {}
func (WaiterUpdated) notice()   {}
func (WaiterRemoved) notice()   {}
func (BarredList) notice()      {}
func (MediaReady) notice()      {}
func (SlotMap) notice()         {}
func (Speakers) notice()        {}
func (Lines) notice()           {}
func (SlotsPaused) notice()     {}
func (EncodingsWanted) notice() {}
func (HandshakeFailed) notice() {}
func (EffectNotice) notice()    {}
func (GroupState) notice()      {}
func (KeyPackageGiven) notice() {}
func (RoomEnded) notice()       {}

// A SessionID names a seat for a resume: the key of its room, and the participant.
type SessionID string

// SessionOf is the SessionID of a participant; key is the Key of the room's MediaSession.
func SessionOf(key string, p room.ParticipantID) SessionID { return SessionID(key + "." + string(p)) }

// Welcome describes the seat that a client took.
type Welcome struct {
	Room    string // the room's name in tokens
	Session SessionID
	Secret  auth.Secret // resumes the seat
	Self    room.Self
	Policy  room.Policy
}
